"""A network as a PyTorch module that computes the same.

What differs between the two and is taken care of here:

* pictures are (n, H, W, C) with us and (n, C, H, W) with PyTorch, so a convolution's weights (kh, kw, in / groups, out)
  become (out, in / groups, kh, kw), and an affine layer's (in, out) become (out, in);
* a flattened picture is in the order (H, W, C) with us and (C, H, W) there. That order holds until the next affine
  layer, whose rows are permuted; batch normalisation on the way is permuted with it. Where two orders meet, in a
  residual sum or at the end, the features are put into ours;
* PyTorch's modules pad evenly; `glassnet.interop.modules` has those that don't.

A ReLU overwrites its input and a residual sum its body's output where no gradient needs them, as torchvision's
networks do, so that times and memory compared with PyTorch's are those of PyTorch used well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.interop.library import torch_library
from glassnet.interop.places import Order, Place, Spot, flattened, same_order
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
    ReLU6,
    Residual,
    Sigmoid,
    Tanh,
)
from glassnet.nn.torchvision import torch_arrays

if TYPE_CHECKING:
    import torch

    from glassnet.interop.modules import Dropout as TorchDropout
    from glassnet.interop.modules import TorchNetwork

__all__ = ["Builder", "to_torch", "torch_form"]


def to_torch(network: Network, *, dtype: Any = None, channels_last: bool = False) -> TorchNetwork:
    """A `torch.nn.Module` with a copy of the network's weights and running moments that computes the same scores.

    Parameters
    ----------
    network : Network
        Any network; it is left as it is.
    dtype : np.float32 or np.float64, optional
        None takes the network's.
    channels_last : bool
        Whether convolution weights lie in memory as PyTorch's format of that name wants them; give it pictures in that
        format too.

    Returns
    -------
    module
        Takes pictures (n, C, H, W), or features (n, d), and gives scores (n, k). It starts in training mode, as
        PyTorch's do. `arrays()` and `gradients()` give its tensors under our names and in our layout.

    Raises
    ------
    GlassnetError
        PyTorch is not installed, or a layer has no counterpart.

    Examples
    --------
    >>> import torch
    >>> from glassnet import Network
    >>> from glassnet.interop import to_torch
    >>> network = Network("flatten -> linear 3", (2, 2, 1))
    >>> module = to_torch(network).eval()
    >>> x = np.ones((5, 2, 2, 1), np.float32)
    >>> scores = module(torch.from_numpy(x.transpose(0, 3, 1, 2)))
    >>> bool(np.allclose(scores.detach().numpy(), network.forward(x), atol=1e-5))
    True
    """
    library = torch_library()
    wanted = np.dtype(network.dtype if dtype is None else dtype)
    if wanted not in (np.float32, np.float64):
        raise GlassnetError(f"dtype must be float32 or float64. Got {wanted} instead.")
    with library.random.fork_rng(devices=[]):  # modules draw starting weights that are replaced below
        module = Builder().network(network)
    module.to(getattr(library, wanted.name))
    module.load(network.arrays())
    if channels_last:
        module.to(memory_format=library.channels_last)  # type: ignore[call-overload]
    return module


class Builder:
    """Makes the modules of a network, chain by chain, and notes where every array goes.

    Attributes
    ----------
    nn : module
        `torch.nn`.
    modules : module
        What PyTorch itself lacks.
    places : dict of str to Place
        Where the network's arrays are in the module, by our names.
    orders : list of Order
        The order of the features that each of the network's own layers gives.
    dropouts : dict of str to Dropout
        The modules that drop, by their layers' names.
    """

    def __init__(self) -> None:
        from torch import nn

        from glassnet.interop import modules

        self.nn, self.modules = nn, modules
        self.places: dict[str, Place] = {}
        self.orders: list[Order] = []
        self.dropouts: dict[str, TorchDropout] = {}

    def network(self, network: Network) -> TorchNetwork:
        """The module of a whole network."""
        children, order = self.chain(network.layers, None, "", "")
        self.in_our_order(children, order)
        return self.modules.TorchNetwork(children, self.places, self.orders, self.dropouts)

    def chain(
        self, layers: Sequence[Layer], order: Order, ours: str, theirs: str
    ) -> tuple[dict[str, torch.nn.Module], Order]:
        """Modules by position, and the order of the features that they give. `ours` and `theirs` prefix the names."""
        children: dict[str, torch.nn.Module] = {}
        free = False
        for position, layer in enumerate(layers, start=1):
            at = Spot(f"{ours}{position}.{layer.word}.", f"{theirs}{position}.", order, free)
            children[str(position)], order = torch_form(layer, self, at)
            free = layer.output_is_free
            if not ours:
                self.orders.append(order)
        return children, order

    def place(self, layer: Layer, at: Spot, orders: Mapping[str, Order] | None = None) -> None:
        """Note where the layer's arrays go; `orders` has those of their first axes there, where they are not ours."""
        for name, theirs in torch_arrays(layer).items():
            order = (orders or {}).get(name)
            self.places[f"{at.ours}{name}"] = Place(f"{at.theirs}{theirs.name}", theirs.axes, order)

    def in_our_order(self, children: dict[str, torch.nn.Module], order: Order) -> None:
        """Put what comes out of modules into our order, where it is in another."""
        if order is not None:
            children["reorder"] = self.modules.Reorder(np.argsort(order))

    def sequential(self, children: dict[str, torch.nn.Module]) -> torch.nn.Module:
        """Modules in a row as one."""
        return self.nn.Sequential(OrderedDict(children))


# ---- layers


@singledispatch
def torch_form(layer: Layer, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    """A layer as a PyTorch module; every layer has an entry.

    Parameters
    ----------
    layer : Layer
        A built layer.
    build : Builder
        What makes the modules of branches and keeps the places of arrays.
    at : Spot
        Where in the network the layer is.

    Returns
    -------
    (module, Order)
        The module, and the order of the features that it gives.

    Raises
    ------
    GlassnetError
        The layer has no entry.
    """
    raise GlassnetError(f"The layer '{layer.notation()}' has no counterpart in PyTorch here.")


@torch_form.register(Conv)
def _conv(layer: Conv, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    build.place(layer, at)
    channels, filters = layer.input_shape[2], layer.output_shape[2]
    settings = {"stride": layer.stride, "groups": layer.groups, "bias": layer.bias}
    return build.modules.Conv(channels, filters, layer.size, layer.pad, **settings), None


@torch_form.register(Linear)
def _linear(layer: Linear, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    build.place(layer, at, {"weight": flattened(layer.input_shape, at.order)})
    inputs, outputs = layer.parameters["weight"].value.shape
    kind = build.nn.Linear if len(layer.input_shape) == 1 else build.modules.FlatLinear
    return kind(inputs, outputs), None


@torch_form.register(BatchNorm)
def _batchnorm(layer: BatchNorm, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    build.place(layer, at, dict.fromkeys(torch_arrays(layer), at.order))
    kind = build.nn.BatchNorm2d if len(layer.input_shape) == 3 else build.nn.BatchNorm1d
    return kind(layer.input_shape[-1], layer.eps, layer.momentum), at.order


@torch_form.register(ReLU)
def _relu(layer: ReLU, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.nn.ReLU(inplace=at.input_is_free), at.order


@torch_form.register(ReLU6)
def _relu6(layer: ReLU6, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.nn.ReLU6(inplace=at.input_is_free), at.order


@torch_form.register(Sigmoid)
def _sigmoid(layer: Sigmoid, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.nn.Sigmoid(), at.order


@torch_form.register(Tanh)
def _tanh(layer: Tanh, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.nn.Tanh(), at.order


@torch_form.register(Dropout)
def _dropout(layer: Dropout, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    made = build.dropouts[at.ours.removesuffix(".")] = build.modules.Dropout(layer.p, layer.channels, at.order)
    return made, at.order


@torch_form.register(Flatten)
def _flatten(layer: Flatten, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.nn.Flatten(), flattened(layer.input_shape, at.order)


@torch_form.register(MaxPool)
def _max_pool(layer: MaxPool, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    rows, columns, _ = layer.output_shape
    return build.modules.MaxPool(layer.size, layer.stride, layer.pad, layer.ceil, (rows, columns)), None


@torch_form.register(AveragePool)
def _average_pool(layer: AveragePool, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    rows, columns, _ = layer.output_shape
    arguments = (layer.size, layer.stride, layer.pad, layer.ceil, (rows, columns))
    return build.modules.AveragePool(*arguments, count_pad=layer.count_pad), None


@torch_form.register(GlobalAveragePool)
def _global_average_pool(layer: GlobalAveragePool, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    return build.modules.GlobalAveragePool(), None


@torch_form.register(Residual)
def _residual(layer: Residual, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    made = {
        name: build.chain(branch, at.order, f"{at.ours}{name}.", f"{at.theirs}{name}.")
        for name, branch in layer.branches.items()
    }
    parts = [made["body"], made.get("shortcut", ({}, at.order))]
    together = all(same_order(order, parts[0][1]) for _, order in parts)
    if not together:
        for children, order in parts:
            build.in_our_order(children, order)
    body, shortcut = (build.sequential(children) for children, _ in parts)
    free = layer.branches["body"][-1].output_is_free and "reorder" not in parts[0][0]
    return build.modules.Residual(body, shortcut if parts[1][0] else None, free), parts[0][1] if together else None


@torch_form.register(Concat)
def _concat(layer: Concat, build: Builder, at: Spot) -> tuple[torch.nn.Module, Order]:
    branches, orders, start = {}, [], 0
    for name, branch in layer.branches.items():
        children, ends = build.chain(branch, at.order, f"{at.ours}{name}.", f"{at.theirs}{name}.")
        branches[name] = build.sequential(children)
        width = branch[-1].output_shape[-1]
        orders.append(start + (np.arange(width) if ends is None else ends))
        start += width
    whole = np.concatenate(orders)
    same = np.array_equal(whole, np.arange(start))
    return build.modules.Concat(branches), None if same else whole
