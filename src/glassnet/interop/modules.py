"""The PyTorch modules that a network is made of and that PyTorch itself lacks. Pictures are (n, C, H, W) here.

Import it after `torch_library()` has found PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from glassnet.interop.places import Order, Place
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import Pad

__all__ = [
    "AveragePool",
    "Concat",
    "Conv",
    "Dropout",
    "FlatLinear",
    "GlobalAveragePool",
    "MaxPool",
    "Reorder",
    "Residual",
    "TorchNetwork",
]


def _sides(pad: Pad) -> tuple[int, int, int, int]:
    """The four sides in the order of `torch.nn.functional.pad`: from the last axis backwards."""
    return pad.left, pad.right, pad.top, pad.bottom


def _even(pad: Pad) -> tuple[int, int] | None:
    """(rows, columns) of a padding that is the same on opposite sides, else None."""
    return (pad.top, pad.left) if pad.top == pad.bottom and pad.left == pad.right else None


class TorchNetwork(torch.nn.Sequential):
    """A network as a PyTorch module.

    Attributes
    ----------
    places : dict of str to Place
        Which tensor holds each of the network's arrays, and how.
    orders : list of Order
        The order of the features that each of the network's own layers gives here.
    dropouts : dict of str to Dropout
        The modules that drop, by their layers' names.
    """

    def __init__(
        self,
        children: Mapping[str, torch.nn.Module],
        places: Mapping[str, Place],
        orders: Sequence[Order],
        dropouts: Mapping[str, Dropout],
    ) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)
        self.places, self.orders, self.dropouts = dict(places), list(orders), dict(dropouts)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that hold the network's arrays, by its own names."""
        state = self.state_dict(keep_vars=True)
        return {name: state[place.path] for name, place in self.places.items()}

    def arrays(self) -> dict[str, Array]:
        """Every array in the network's own names and layout, copied: what `Network.load_arrays` takes."""
        return {name: self.places[name].back(tensor.detach().cpu().numpy()) for name, tensor in self.tensors().items()}

    def gradients(self) -> dict[str, Array]:
        """The gradient of every parameter that has one, in the network's own names and layout."""
        return {
            name: self.places[name].back(tensor.grad.cpu().numpy())
            for name, tensor in self.tensors().items()
            if tensor.grad is not None
        }

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Copy in arrays in the network's own names and layout, all of them, as `Network.arrays` gives them."""
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                tensor.copy_(torch.from_numpy(self.places[name].there(arrays[name])))


class Conv(torch.nn.Conv2d):
    """`Conv2d` with a padding of its own on each side."""

    def __init__(self, channels: int, filters: int, size: tuple[int, int], pad: Pad, **settings: Any) -> None:
        even = _even(pad)
        super().__init__(channels, filters, size, padding=(0, 0) if even is None else even, **settings)
        self.sides = _sides(pad) if even is None else None

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.sides is None else functional.pad(x, self.sides))


class Dropout(torch.nn.Module):
    """Inverted dropout of single numbers or whole channels, by masks that are given or, without one, PyTorch's own."""

    def __init__(self, p: float, channels: bool, order: Order) -> None:
        super().__init__()
        self.p, self.channels, self.order = p, channels, order
        self.mask: Tensor | None = None

    def take(self, mask: Array, device: torch.device) -> None:
        """Use a mask from now on: that of our layer, in its layout."""
        if mask.ndim == 4:
            mask = mask.transpose(0, 3, 1, 2)
        elif self.order is not None:
            mask = mask[:, self.order]
        self.mask = torch.from_numpy(mask).to(device)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if self.mask is not None:
            return x * self.mask
        return functional.dropout2d(x, self.p) if self.channels else functional.dropout(x, self.p)


class FlatLinear(torch.nn.Linear):
    """`Linear` that flattens its input first, as our affine layer does."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))


class _Pool(torch.nn.Module):
    """Base of the pools: PyTorch pads evenly and by half a window at most, so all else is padded beforehand."""

    def __init__(
        self, size: tuple[int, int], stride: tuple[int, int], pad: Pad, ceil: bool, output: tuple[int, int]
    ) -> None:
        super().__init__()
        self.size, self.stride, self.ceil, self.output = size, stride, ceil, output
        even = _even(pad)
        self.inside = even if even is not None and all(2 * p <= k for p, k in zip(even, size, strict=True)) else None
        self.sides = _sides(pad)

    def _cut(self, y: Tensor) -> Tensor:
        """Without the windows that would begin in the padding behind the input."""
        return y[:, :, : self.output[0], : self.output[1]]


class MaxPool(_Pool):
    """Max pooling; padding never wins."""

    def forward(self, x: Tensor) -> Tensor:
        if self.inside is not None:
            return functional.max_pool2d(x, self.size, self.stride, self.inside, ceil_mode=self.ceil)
        padded = functional.pad(x, self.sides, value=-math.inf)
        return self._cut(functional.max_pool2d(padded, self.size, self.stride, ceil_mode=self.ceil))


class AveragePool(_Pool):
    """Average pooling; padding counts as zeros with `count_pad`, else not at all."""

    def __init__(self, *arguments: Any, count_pad: bool) -> None:
        super().__init__(*arguments)
        self.count_pad = count_pad

    def forward(self, x: Tensor) -> Tensor:
        if self.inside is not None:
            return functional.avg_pool2d(x, self.size, self.stride, self.inside, self.ceil, self.count_pad)
        counted = functional.pad(torch.ones_like(x[:1, :1]), self.sides, value=float(self.count_pad))
        return self._sums(functional.pad(x, self.sides)) / self._sums(counted)

    def _sums(self, x: Tensor) -> Tensor:
        return self._cut(functional.avg_pool2d(x, self.size, self.stride, ceil_mode=self.ceil, divisor_override=1))


class GlobalAveragePool(torch.nn.Module):
    """The mean of each channel: (n, C, H, W) -> (n, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)


class Reorder(torch.nn.Module):
    """Features in another order."""

    index: Tensor

    def __init__(self, index: Array) -> None:
        super().__init__()
        self.register_buffer("index", torch.from_numpy(index), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.index]


class Residual(torch.nn.Module):
    """body(x) + shortcut(x), or + x. `in_place` adds into the body's output where nothing else needs that."""

    def __init__(self, body: torch.nn.Module, shortcut: torch.nn.Module | None, in_place: bool) -> None:
        super().__init__()
        self.body, self.shortcut, self.in_place = body, shortcut, in_place

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        other = x if self.shortcut is None else self.shortcut(x)
        if self.in_place:
            y += other
            return y
        return y + other


class Concat(torch.nn.Module):
    """The outputs of the branches side by side, along the channels (or features)."""

    def __init__(self, branches: Mapping[str, torch.nn.Module]) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)
