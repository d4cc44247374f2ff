"""From notation to layers: words, shorthands and names."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.errors import NotationError, nearest
from glassnet.nn.layer import Layer
from glassnet.nn.layers import LAYERS, Composite
from glassnet.nn.named import expand
from glassnet.nn.shorthands import SHORTHANDS
from glassnet.notation import Step, parse

__all__ = ["layers_from"]


def layers_from(text: str) -> list[Layer]:
    """The layers, not built yet, that a notation or a known name describes. Raises `NotationError`."""
    return _layers(parse(expand(text), "network"))


def _layers(steps: Sequence[Step]) -> list[Layer]:
    layers: list[Layer] = []
    for step in steps:
        if step.word in SHORTHANDS:
            layers.extend(_layers(parse(SHORTHANDS[step.word](step), "network")))
        else:
            layers.append(_layer(step))
    return layers


def _layer(step: Step) -> Layer:
    kind = LAYERS.get(step.word)
    if kind is None:
        known = (*LAYERS, *SHORTHANDS)
        raise NotationError(
            f"Unknown layer '{step.word[:40]}' in '{step.text[:80]}'.{nearest(step.word, known)}"
            f" Known: {', '.join(known)}."
        )
    if issubclass(kind, Composite):
        return kind.from_branches(step, [_layers(branch) for branch in step.branches])
    if step.branches:
        raise NotationError(f"'{step.word}' takes no layers in parentheses. Got '{step.text}' instead.")
    return kind.from_step(step)
