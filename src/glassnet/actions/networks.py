"""The networks that have a name: their sizes, and whether their weights are on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glassnet.nn import Initialisation, Network
from glassnet.nn.build import layers_from
from glassnet.nn.layer import walk
from glassnet.nn.named import NAMED, NamedNetwork
from glassnet.weights import PRETRAINED, find_weights

__all__ = ["KnownNetwork", "KnownNetworks", "list_networks"]


@dataclass(frozen=True)
class KnownNetwork:
    """A named network.

    Attributes
    ----------
    name, about, notation : str
        What it is called, what it is, and what it is made of.
    input_shape : tuple of int
        (H, W, C) of the pictures that it is usually given.
    classes : int
        Its outputs then.
    parameters : int
        Its trained numbers.
    flops : int
        Floating-point operations of one picture's forward pass.
    top1, top5 : float or None
        Published accuracy on ImageNet's validation pictures, in per cent; None where there are no weights.
    weights : Path or None
        Where its weights lie; None where they are not on this machine.
    published : bool
        Whether there are any.
    """

    name: str
    about: str
    notation: str
    input_shape: tuple[int, ...]
    classes: int
    parameters: int
    flops: int
    top1: float | None
    top5: float | None
    weights: Path | None
    published: bool


@dataclass(frozen=True)
class KnownNetworks:
    """All of them, in the order of the registry."""

    networks: tuple[KnownNetwork, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


def list_networks() -> KnownNetworks:
    """The named networks, in the sizes in which they are usually used."""
    return KnownNetworks(tuple(_described(record) for record in NAMED.values()))


def _described(record: NamedNetwork) -> KnownNetwork:
    layers = layers_from(record.notation)
    for _, layer in walk(layers):
        if hasattr(layer, "init"):
            layer.init = Initialisation("zeros")  # only sizes are wanted: nothing need be drawn
    network = Network(layers, record.use.input_shape, record.use.classes)
    published = PRETRAINED.get(record.name)
    return KnownNetwork(
        record.name,
        record.about,
        record.notation,
        record.use.input_shape,
        record.use.classes,
        network.size,
        network.flops,
        published.top1 if published else None,
        published.top5 if published else None,
        find_weights(record.name) if published else None,
        published is not None,
    )
