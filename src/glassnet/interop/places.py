"""Where the arrays of a network are in a PyTorch module, and in which order its features come out of a layer there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.nn.functional.arrays import Array

__all__ = ["Order", "Place", "Spot", "flattened", "same_order"]

Order = Array | None  # PyTorch's feature j is our feature order[j]; None: they are in the same order


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
        ours = np.empty(array.shape, array.dtype)
        ours[self.order] = array
        return ours


@dataclass(frozen=True)
class Spot:
    """Where a layer is: the prefixes of its arrays' names with us and there, the order of its input's features, and
    whether nobody else reads its input, which may then be overwritten."""

    ours: str
    theirs: str
    order: Order
    input_is_free: bool


def flattened(shape: tuple[int, ...], order: Order) -> Order:
    """The order of a flattened picture (H, W, C) that PyTorch has as (C, H, W); that of features is `order`."""
    if len(shape) != 3:
        return order
    return np.arange(np.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()


def same_order(one: Order, other: Order) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
