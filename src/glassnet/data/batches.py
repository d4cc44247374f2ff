"""In which order an epoch visits the examples, and how that order is cut into batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from glassnet.data.streams import SHUFFLING, generator
from glassnet.errors import DataError

__all__ = ["batches", "epoch_order"]


def epoch_order(n: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """(n,) the permutation of 0 .. n-1 in which this epoch visits the examples.

    It depends on (seed, epoch) alone: a run resumed in epoch 7 needs no generator state to see epoch 7's order.

    Examples
    --------
    >>> from glassnet.data import epoch_order
    >>> sorted(epoch_order(5, seed=0, epoch=3).tolist())
    [0, 1, 2, 3, 4]
    """
    if n < 1:
        raise DataError(f"An epoch needs at least 1 example. Got {n} instead.")
    return generator(seed, SHUFFLING, epoch).permutation(n).astype(np.int64, copy=False)


def batches(order: npt.NDArray[np.int64], size: int, drop_last: bool = False) -> Iterator[npt.NDArray[np.int64]]:
    """Cut `order` into batches of `size` (views, no copies).

    The last batch is smaller when `size` does not divide the number of examples, and is left out with `drop_last`.
    Raises `DataError` when `size` is below 1.

    Examples
    --------
    >>> from glassnet.data import batches, epoch_order
    >>> [len(rows) for rows in batches(epoch_order(10, seed=0, epoch=0), 4)]
    [4, 4, 2]
    """
    if size < 1:
        raise DataError(f"A batch holds at least 1 example. Got {size} instead.")
    stop = len(order) - len(order) % size if drop_last else len(order)
    # A function that checks at once and returns an iterator: a generator would raise only at its first item.
    return (order[start : start + size] for start in range(0, stop, size))
