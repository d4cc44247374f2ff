"""The next batch made while the network works on this one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from glassnet.data.batches import epoch_order

__all__ = ["Ahead"]

Whole = npt.NDArray[np.int64]


class _Source(Protocol):
    def __len__(self) -> int: ...

    def take(self, indices: Whole, epoch: int) -> Sequence[Any]: ...


class Ahead:
    """A source of batches that makes the next one in a thread of its own: the same bits, sooner.

    The order is that of a training with this seed, so that no one need tell it; another order works as well, and gains
    nothing.

    Parameters
    ----------
    source : Examples
        What makes the batches; what it gives depends on the indices and the epoch alone.
    seed : int
        Of the training, see `glassnet.data.epoch_order`.
    """

    def __init__(self, source: _Source, seed: int) -> None:
        self.source, self.seed = source, seed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[Whole, int, Future[Sequence[Any]]] | None = None
        self._order: tuple[int, Whole] | None = None
        self._size = 0  # of the largest batch so far; the last of an epoch may be smaller

    def __len__(self) -> int:
        return len(self.source)

    def take(self, indices: Whole, epoch: int) -> Sequence[Any]:
        """The examples `indices` (n,) as they are in `epoch`."""
        ready, self._next = self._next, None
        self._size = max(self._size, len(indices))
        if ready is not None and ready[1] == epoch and np.array_equal(ready[0], indices):
            made = ready[2].result()
        else:
            if ready is not None:
                ready[2].cancel()
            made = self.source.take(indices, epoch)
        following = self._following(indices, epoch)
        if following is not None:
            self._next = *following, self._thread.submit(self.source.take, *following)
        return made

    def close(self) -> None:
        """End the thread; another `take` begins a new one."""
        self._thread.shutdown(cancel_futures=True)
        self._thread, self._next = ThreadPoolExecutor(1, thread_name_prefix="batches"), None

    def _following(self, indices: Whole, epoch: int) -> tuple[Whole, int] | None:
        """The batch after this one in the epoch, or the first of the next; None where the order is another."""
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, epoch_order(len(self), self.seed, epoch)
        order, size = self._order[1], len(indices)
        start = int(np.flatnonzero(order == indices[0])[0])
        if not np.array_equal(order[start : start + size], indices):
            return None
        if start + size < len(order):
            return order[start + size : start + 2 * size], epoch
        return epoch_order(len(self), self.seed, epoch + 1)[: self._size], epoch + 1
