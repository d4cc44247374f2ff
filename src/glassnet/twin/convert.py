"""A network as a PyTorch module that computes the same.

What differs between the two and is taken care of here:

* pictures are (n, H, W, C) with us and (n, C, H, W) with PyTorch, so a convolution's weights (kh, kw, in / groups, out)
  become (out, in / groups, kh, kw), and an affine layer's (in, out) become (out, in);
* a flattened picture is in the order (H, W, C) with us and (C, H, W) there. That order holds until the next affine
  layer, whose rows are permuted; batch normalisation on the way is permuted with it. Where two orders meet, in a
  residual sum or at the end, the features are put into ours;
* PyTorch's modules pad evenly; `glassnet.twin.modules` has those that don't.

A ReLU overwrites its input and a residual sum its body's output where no gradient needs them, as torchvision's
networks do, so that times and memory compared with PyTorch's are those of PyTorch used well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn import (
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    Network,
    ReLU,
    Residual,
    Sigmoid,
    Tanh,
)
from glassnet.nn.functional.arrays import Array
from glassnet.twin.library import torch_library

if TYPE_CHECKING:
    import torch

    from glassnet.twin.modules import Twin

__all__ = ["Place", "to_torch"]

Order = Array | None  # PyTorch's feature j is our feature order[j]; None: they are in the same order
# Layers whose backward pass does not read their output, which may then be overwritten.
_OUTPUT_IS_FREE = (Conv, Linear, BatchNorm, Residual)


@dataclass(frozen=True)
class Place:
    """Where an array went: the tensor's name, the transposition, and the order of our first axis there."""

    path: str
    axes: tuple[int, ...] | None = None
    order: Order = None

    def there(self, array: Array) -> Array:
        """Our array in PyTorch's layout."""
        if self.order is not None:
            array = array[self.order]
        return np.ascontiguousarray(array if self.axes is None else array.transpose(self.axes))

    def back(self, array: Array) -> Array:
        """PyTorch's array in our layout, as a new one."""
        if self.axes is not None:
            array = array.transpose(np.argsort(self.axes))
        if self.order is None:
            return array.copy()
        ours = np.empty_like(array)
        ours[self.order] = array
        return ours


def to_torch(network: Network, *, dtype: Any = None, channels_last: bool = False) -> Twin:
    """A `torch.nn.Module` with a copy of the network's weights and running moments that computes the same scores.

    Parameters
    ----------
    network : any network; it is left as it is
    dtype : np.float32 or np.float64 (default: the network's)
    channels_last : whether convolution weights lie in memory as PyTorch's format of that name wants them; give it
        pictures in that format too

    Returns
    -------
    A module that takes pictures (n, C, H, W), or features (n, d), and gives scores (n, k). It starts in training mode,
    as PyTorch's do. `arrays()` and `gradients()` give its tensors under our names and in our layout.

    Raises
    ------
    GlassnetError : PyTorch is not installed, or a layer has no counterpart
    """
    library = torch_library()
    wanted = np.dtype(network.dtype if dtype is None else dtype)
    if wanted not in (np.float32, np.float64):
        raise GlassnetError(f"dtype must be float32 or float64. Got {wanted} instead.")
    with library.random.fork_rng(devices=[]):  # modules draw starting weights that are replaced below
        twin = _Maker().twin(network)
    twin.to(getattr(library, wanted.name))
    state = twin.state_dict()
    for name, array in network.arrays().items():
        place = twin.places[name]
        state[place.path].copy_(library.from_numpy(place.there(array)))
    if channels_last:
        twin.to(memory_format=library.channels_last)  # type: ignore[call-overload]
    return twin


class _Maker:
    """Makes the modules of a network, chain by chain, and notes where every array goes."""

    def __init__(self) -> None:
        import torch

        from glassnet.twin import modules

        self.torch, self.modules = torch, modules
        self.places: dict[str, Place] = {}

    def twin(self, network: Network) -> Twin:
        children, order = self._chain(network.layers, None, "", "")
        self._in_our_order(children, order)
        return self.modules.Twin(children, self.places)

    def _chain(
        self, layers: Sequence[Layer], order: Order, ours: str, theirs: str
    ) -> tuple[dict[str, torch.nn.Module], Order]:
        """Modules by position, and the order of the features that they give. `ours` and `theirs` prefix the names."""
        children: dict[str, torch.nn.Module] = {}
        before: Layer | None = None
        for position, layer in enumerate(layers, start=1):
            name, path = f"{ours}{position}.{layer.word}.", f"{theirs}{position}."
            children[str(position)], order = self._module(layer, before, order, name, path)
            before = layer
        return children, order

    def _in_our_order(self, children: dict[str, torch.nn.Module], order: Order) -> None:
        if order is not None:
            children["reorder"] = self.modules.Reorder(np.argsort(order))

    def _module(
        self, layer: Layer, before: Layer | None, order: Order, name: str, path: str
    ) -> tuple[torch.nn.Module, Order]:
        nn = self.torch.nn
        if isinstance(layer, Conv):
            return self._conv(layer, name, path), None
        if isinstance(layer, Linear):
            return self._linear(layer, order, name, path), None
        if isinstance(layer, BatchNorm):
            return self._batchnorm(layer, order, name, path), order
        if isinstance(layer, Residual):
            return self._residual(layer, order, name, path)
        if isinstance(layer, Concat):
            return self._concat(layer, order, name, path)
        if isinstance(layer, (MaxPool, AveragePool)):
            return self._pool(layer), None
        if isinstance(layer, GlobalAveragePool):
            return self.modules.GlobalAveragePool(), None
        if isinstance(layer, Flatten):
            return nn.Flatten(), _flattened(layer.input_shape, order)
        if isinstance(layer, ReLU):
            return nn.ReLU(inplace=isinstance(before, _OUTPUT_IS_FREE)), order
        if isinstance(layer, Dropout):
            return (nn.Dropout2d if layer.channels else nn.Dropout)(layer.p), order
        if isinstance(layer, (Sigmoid, Tanh)):
            return (nn.Sigmoid() if isinstance(layer, Sigmoid) else nn.Tanh()), order
        raise GlassnetError(f"The layer '{layer.notation()}' has no counterpart in PyTorch here.")

    def _conv(self, layer: Conv, name: str, path: str) -> torch.nn.Module:
        self.places[f"{name}weight"] = Place(f"{path}weight", (3, 2, 0, 1))
        if layer.bias:
            self.places[f"{name}bias"] = Place(f"{path}bias")
        (channels, filters) = layer.input_shape[2], layer.output_shape[2]
        settings = {"stride": layer.stride, "groups": layer.groups, "bias": layer.bias}
        return self.modules.Conv(channels, filters, layer.size, layer.pad, **settings)

    def _linear(self, layer: Linear, order: Order, name: str, path: str) -> torch.nn.Module:
        self.places[f"{name}weight"] = Place(f"{path}weight", (1, 0), _flattened(layer.input_shape, order))
        self.places[f"{name}bias"] = Place(f"{path}bias")
        inputs, outputs = layer.parameters["weight"].value.shape
        kind = self.torch.nn.Linear if len(layer.input_shape) == 1 else self.modules.FlatLinear
        return kind(inputs, outputs)

    def _batchnorm(self, layer: BatchNorm, order: Order, name: str, path: str) -> torch.nn.Module:
        names = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}
        for mine, its in names.items():
            self.places[f"{name}{mine}"] = Place(f"{path}{its}", None, order)
        kind = self.torch.nn.BatchNorm2d if len(layer.input_shape) == 3 else self.torch.nn.BatchNorm1d
        return kind(layer.input_shape[-1], layer.eps, layer.momentum)

    def _pool(self, layer: MaxPool | AveragePool) -> torch.nn.Module:
        output = (layer.output_shape[0], layer.output_shape[1])
        arguments = (layer.size, layer.stride, layer.pad, layer.ceil)
        if isinstance(layer, AveragePool):
            return self.modules.AveragePool(*arguments, output, count_pad=layer.count_pad)
        return self.modules.MaxPool(*arguments, output)

    def _residual(self, layer: Residual, order: Order, name: str, path: str) -> tuple[torch.nn.Module, Order]:
        made = {
            branch: self._chain(chain.layers, order, f"{name}{branch}.", f"{path}{branch}.")
            for branch, chain in layer.branches.items()
        }
        parts = [made["body"], made.get("shortcut", ({}, order))]
        together = all(_same(part_order, parts[0][1]) for _, part_order in parts)
        if not together:
            for children, part_order in parts:
                self._in_our_order(children, part_order)
        body, shortcut = (self._sequential(children) for children, _ in parts)
        ends = layer.branches["body"].layers[-1]
        free = isinstance(ends, _OUTPUT_IS_FREE) and "reorder" not in parts[0][0]
        return self.modules.Residual(body, shortcut if parts[1][0] else None, free), parts[0][1] if together else None

    def _concat(self, layer: Concat, order: Order, name: str, path: str) -> tuple[torch.nn.Module, Order]:
        branches, orders, start = {}, [], 0
        for branch, chain in layer.branches.items():
            children, ends = self._chain(chain.layers, order, f"{name}{branch}.", f"{path}{branch}.")
            branches[branch] = self._sequential(children)
            width = chain.layers[-1].output_shape[-1]
            orders.append(start + (np.arange(width) if ends is None else ends))
            start += width
        whole = np.concatenate(orders)
        same = np.array_equal(whole, np.arange(start))
        return self.modules.Concat(branches), None if same else whole

    def _sequential(self, children: dict[str, torch.nn.Module]) -> torch.nn.Module:
        return self.torch.nn.Sequential(OrderedDict(children))


def _flattened(shape: tuple[int, ...], order: Order) -> Order:
    """The order of a flattened picture (H, W, C) that PyTorch has as (C, H, W); that of features is `order`."""
    if len(shape) != 3:
        return order
    return np.arange(np.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()


def _same(one: Order, other: Order) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
