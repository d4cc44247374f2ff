"""A network in a few words."""

from __future__ import annotations

from glassnet.nn import Network
from glassnet.nn.layers import Conv, Linear
from glassnet.nn.named import NAMED

__all__ = ["in_words"]


def in_words(network: Network, asked: str = "", *, rebuilds: bool = False) -> str:
    """What a network is, as "one hidden layer of 64 units".

    Parameters
    ----------
    network : Network
        The network.
    asked : str
        What the recipe calls it; a known name is told as well.
    rebuilds : bool
        Whether it reconstructs its input.
    """
    layers = [layer for _, layer in network.walk()]
    linear = [layer for layer in layers if isinstance(layer, Linear)]
    convolutions = sum(isinstance(layer, Conv) for layer in layers)
    text = (
        _convolutional(convolutions, len(linear)) if convolutions else _hidden([x.output_shape[0] for x in linear[:-1]])
    )
    if rebuilds:
        text = f"an autoencoder with {text}" if convolutions or linear[:-1] else "a linear autoencoder"
    named = NAMED.get(asked)
    return f"{asked}, {text}" if named is not None and convolutions else text


def _convolutional(convolutions: int, linear: int) -> str:
    text = "one convolution" if convolutions == 1 else f"{convolutions} convolutions"
    return f"{text} and {'one linear layer' if linear == 1 else f'{linear} linear layers'}" if linear else text


def _hidden(units: list[int]) -> str:
    if not units:
        return "a linear classifier"
    if len(units) == 1:
        return f"one hidden layer of {units[0]:,} units"
    if len(set(units)) == 1:
        return f"{len(units)} hidden layers of {units[0]:,} units"
    return f"{len(units)} hidden layers of {', '.join(f'{n:,}' for n in units[:-1])} and {units[-1]:,} units"
