"""What a network's passes call, for a process that compiles it ahead (`glassnet.nn.kernels.ahead`).

Such a process has no weights, and needs none: a network like this one, with nothing in its arrays, takes the same ways.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from glassnet.nn.choices import Choices
from glassnet.nn.kernels.needed import Calls, Listed
from glassnet.nn.network import Network

__all__ = ["inference", "like", "passes", "pixel_gradients"]


def like(network: Network, dtype: Any = None) -> Callable[[], Network]:
    """What makes, in another process too, a network that takes the same ways as this one, with no weights in it.

    Parameters
    ----------
    network : Network
        The one that is meant.
    dtype : np.float32 or np.float64
        Another precision; None: its own.
    """
    packed = any(layer.packed for layer in network.layers)
    precision = dtype or network.dtype
    return partial(_like, network.notation(), network.input_shape, precision, network.choices, packed)


def _like(notation: str, shape: tuple[int, ...], dtype: type, choices: Choices, packed: bool) -> Network:
    made = Network(notation, shape, seed=None, dtype=dtype).choose(**vars(choices))
    return made.pack() if packed else made


def inference(network: Network, batch: int) -> Calls:
    """The scores of so many examples."""
    return partial(_calls, _infer, like(network), batch)


def passes(network: Network, batch: int, dtype: Any = None) -> Calls:
    """A pass forward and one backward, to the input too, in evaluation and in training."""
    return partial(_calls, _pass, like(network, dtype), batch)


def pixel_gradients(network: Network, batch: int) -> Calls:
    """The gradient of the input alone, in evaluation."""
    return partial(_calls, _input_gradient, like(network), batch)


def _calls(call: Callable[[Network, Any], object], make: Callable[[], Network], batch: int) -> Listed:
    network = make()
    return [partial(call, network, np.empty((batch, *network.input_shape), network.dtype))]


def _infer(network: Network, x: Any) -> None:
    network.run_inference(x)


def _pass(network: Network, x: Any) -> None:
    for train in (False, True):
        scores = network.run(x, train=train)
        network.backward(np.empty_like(scores), input_gradient=True)


def _input_gradient(network: Network, x: Any) -> None:
    network.input_gradient(x, np.empty_like)
