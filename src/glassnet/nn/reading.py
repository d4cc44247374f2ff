"""From notation to layers: words, shorthands and names."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.errors import NotationError, nearest
from glassnet.nn.layer import Layer
from glassnet.nn.layers import LAYERS, Concat, Residual
from glassnet.nn.shorthands import SHORTHANDS
from glassnet.nn.zoo import expand
from glassnet.notation import Step, parse

__all__ = ["layers_from"]


def layers_from(text: str, classes: int | None) -> list[Layer]:
    """The layers, not built yet, that a notation or a known name describes. Raises `NotationError`."""
    return _layers(parse(expand(text), "network"), classes)


def _layers(steps: Sequence[Step], classes: int | None) -> list[Layer]:
    layers: list[Layer] = []
    for step in steps:
        if step.word in SHORTHANDS:
            layers.extend(_layers(parse(SHORTHANDS[step.word](step), "network"), classes))
        else:
            layers.append(_layer(step, classes))
    return layers


def _layer(step: Step, classes: int | None) -> Layer:
    kind = LAYERS.get(step.word)
    if kind is None:
        known = (*LAYERS, *SHORTHANDS)
        raise NotationError(
            f"Unknown layer '{step.word[:40]}' in '{step.text[:80]}'.{nearest(step.word, known)}"
            f" Known: {', '.join(known)}."
        )
    if kind is Residual or kind is Concat:
        branches = [_layers(branch, classes) for branch in step.branches]
        if step.arguments or not branches or (kind is Residual and len(branches) > 2):
            usage = "residual(body)' or 'residual(body | shortcut)" if kind is Residual else "concat(one | other)"
            raise NotationError(f"'{step.word}' is written '{usage}'. Got '{step.text}' instead.")
        return Residual(*branches) if kind is Residual else Concat(*branches)
    if step.branches:
        raise NotationError(f"'{step.word}' takes no layers in parentheses. Got '{step.text}' instead.")
    return kind.from_step(step, classes)
