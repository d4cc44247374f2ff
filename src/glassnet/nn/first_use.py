"""What a network's passes call, for a process that compiles it ahead (`glassnet.nn.kernels.ahead`).

Such a process has no weights, and needs none: a network like this one, with nothing in its arrays, takes the same ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from glassnet.nn.choices import Choices
from glassnet.nn.kernels.needed import Calls
from glassnet.nn.network import Network

__all__ = ["inference", "like"]


def like(network: Network) -> Callable[[], Network]:
    """What makes, in another process too, a network that takes the same ways as this one, with no weights in it."""
    packed = any(layer.packed for layer in network.layers)
    return partial(_like, network.notation(), network.input_shape, network.dtype, network.choices, packed)


def _like(notation: str, shape: tuple[int, ...], dtype: type, choices: Choices, packed: bool) -> Network:
    made = Network(notation, shape, seed=None, dtype=dtype).choose(**vars(choices))
    return made.pack() if packed else made


def inference(network: Network, batch: int) -> Calls:
    """The scores of so many examples."""
    return partial(_inference, like(network), batch)


def _inference(make: Callable[[], Network], batch: int) -> Sequence[Callable[[], object]]:
    network = make()
    return [partial(network.run_inference, np.empty((batch, *network.input_shape), network.dtype))]
