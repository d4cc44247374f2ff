"""From notation to layers: words, shorthands and names."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.errors import NotationError, nearest
from glassnet.nn.layer import Layer
from glassnet.nn.layers import LAYERS, Composite
from glassnet.nn.named import NAMED, expand, plain
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


def _unknown(step: Step) -> NotationError:
    """What to say of a word that is no layer; standing alone it may be meant as the name of a network."""
    known, word = (*LAYERS, *SHORTHANDS), step.word[:40]
    if step.text.lower() != step.word:
        return NotationError(
            f"Unknown layer '{word}' in '{step.text[:80]}'.{nearest(word, known)} Known: {', '.join(known)}."
        )
    similar = [f"'{name}'" for name in NAMED if plain(name).startswith(plain(word))]
    meant = f" Did you mean {' or '.join(similar)}?" if similar else nearest(word, (*NAMED, *known))
    return NotationError(
        f"There is no layer and no network called '{word}'.{meant} Known networks: {', '.join(NAMED)}."
        f" Known layers: {', '.join(known)}."
    )


def _layer(step: Step) -> Layer:
    kind = LAYERS.get(step.word)
    if kind is None:
        raise _unknown(step)
    if issubclass(kind, Composite):
        return kind.from_branches(step, [_layers(branch) for branch in step.branches])
    if step.branches:
        raise NotationError(f"'{step.word}' takes no layers in parentheses. Got '{step.text}' instead.")
    return kind.from_step(step)
