"""A network's layers in stages: a layer with weights (or a composite) and what follows it up to the next."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.nn import Network
from glassnet.nn.layer import Kind, Layer

__all__ = ["WEIGHTED", "Stage", "staged", "stages_of"]

Stage = list[tuple[str, Layer]]

WEIGHTED: tuple[Kind, ...] = ("affine", "convolution", "composite")


def staged(layers: Iterable[tuple[str, Layer]], opening: tuple[Kind, ...] = WEIGHTED) -> list[Stage]:
    """Named layers, grouped: a layer of an `opening` kind begins a stage, as the very first one does."""
    stages: list[Stage] = []
    for name, layer in layers:
        if not stages or layer.kind in opening:
            stages.append([])
        stages[-1].append((name, layer))
    return stages


def stages_of(network: Network, opening: tuple[Kind, ...] = WEIGHTED) -> list[Stage]:
    """The stages of a network's own layers; what is inside a composite belongs to it."""
    named = ((f"{position}.{layer.word}", layer) for position, layer in enumerate(network.layers, start=1))
    return staged(named, opening)
