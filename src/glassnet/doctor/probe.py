"""A network with a few examples, copied in float64, and what every layer of the copy takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.nn import AveragePool, BatchNorm, Conv, Dropout, Linear, Loss, MaxPool, Network, ReLU
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer

__all__ = ["CHANNELWISE", "Probe", "Trace", "before_normalisation", "double"]

CHANNELWISE = (ReLU, MaxPool, AveragePool, Dropout)
"""Layers with f(c x) = c f(x) for c > 0, channel by channel."""

_FEWEST, _MOST = 4, 8  # examples; fewer than four leave batch normalisation next to nothing that varies
_WORK = 5e8  # floating-point operations of a forward pass, above which fewer examples are taken


def double(network: Network, *, fused: bool = True, key: int | None = 0) -> Network:
    """A float64 copy; its dropout masks are drawn from `key`. Without `fused` every layer runs by itself."""
    copy = network.astype(np.float64)
    copy.set_dropout_key(None if key is None else (key,))
    return copy if fused else copy.choose(fuse_relu=False, fuse_pool=False, fuse_norm=False)


@dataclass(frozen=True, eq=False)
class Probe:
    """What the laws look at.

    Attributes
    ----------
    network : Network
        As it is; nobody changes it.
    loss : Loss
        Its loss.
    x : (n, *input_shape) float64 array
        A few examples, preprocessed.
    y : (n,) or (n, k) array
        What the loss takes for them.
    l2 : float
        Coefficient of the penalty 0.5 l2 |w|^2.
    seed : int
        Of everything that is drawn.
    """

    network: Network
    loss: Loss
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    l2: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, network: Network, loss: Loss, x: Any, y: Any, *, l2: float = 0.0, seed: int = 0) -> Probe:
        """A probe of the first few of the examples: 8, or 4 where the network is large."""
        count = _MOST if _MOST * network.flops <= _WORK else _FEWEST
        x, y = np.array(x[:count], np.float64), np.array(y[:count])
        if len(x) == 1:  # two alike: batch normalisation takes no single one
            x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0)
        return cls(network, loss, x.reshape(len(x), *network.input_shape), y, l2, seed)

    @property
    def normalises(self) -> bool:
        """Whether a layer takes its moments from the batch, so that examples of a batch depend on one another."""
        return any(isinstance(layer, BatchNorm) for _, layer in self.network.walk())

    @property
    def modes(self) -> tuple[bool, ...]:
        """The values of `train` that differ for this network."""
        return (False, True) if any(layer.state or layer.draws for _, layer in self.network.walk()) else (False,)

    def rng(self) -> np.random.Generator:
        """A generator of the probe's seed."""
        return np.random.default_rng(self.seed)


class Trace:
    """A forward pass, layer by layer, and a backward pass where it is asked for.

    Parameters
    ----------
    network : Network
        A copy that nobody else uses and that runs every layer by itself, see `double`.
    x : (n, *input_shape) array
        Examples.
    train : bool
        The mode.

    Attributes
    ----------
    layers : dict of str to Layer
        Every layer by name, those inside composites too.
    inputs, outputs : dict of str to array
        What each layer takes and gives.
    gradients : dict of str to array
        The gradient of each layer's output, after `backward`.
    scores : (n, k) array
        What the network gives.
    """

    def __init__(self, network: Network, x: Array, *, train: bool) -> None:
        self.network, self.layers = network, dict(network.walk())
        self.inputs: dict[str, Array] = {}
        self.outputs: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        for name, layer in self.layers.items():
            self._listen(name, layer)
        with np.errstate(all="ignore"):
            self.scores = network.forward(x, train=train)

    def backward(self, dscores: Array) -> None:
        """Go back with the gradient of the scores."""
        with np.errstate(all="ignore"):
            self.network.backward(dscores.copy(), input_gradient=True)

    def _listen(self, name: str, layer: Layer) -> None:
        forward, backward = type(layer).forward, type(layer).backward

        def heard_forward(x: Array, *, train: bool = False) -> Array:
            self.inputs[name] = x.copy()
            y = forward(layer, x, train=train)
            self.outputs[name] = y.copy()
            return y

        def heard_backward(dy: Array, *, input_gradient: bool = True) -> Array | None:
            self.gradients[name] = dy.copy()
            return backward(layer, dy, input_gradient=input_gradient)

        vars(layer).update(forward=heard_forward, backward=heard_backward)


def before_normalisation(layers: Sequence[Layer]) -> Iterator[Layer]:
    """The affine layers and convolutions whose channels reach a batch normalisation, which takes their size away.

    Those inside composites are among them.
    """
    for position, layer in enumerate(layers):
        for branch in layer.branches.values():
            yield from before_normalisation(branch)
        if not isinstance(layer, Linear | Conv):
            continue
        for after in layers[position + 1 :]:
            if isinstance(after, BatchNorm):
                yield layer
            if type(after) not in CHANNELWISE:
                break
