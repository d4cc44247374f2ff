"""Pieces of a set attacked side by side: each thread has a copy of the network and a core to itself.

Much of an attack is not the network (projections, preprocessing, bookkeeping), and small networks share badly among
threads, so this is faster than one piece after the other on all cores. A piece gives the same whoever works on it.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from glassnet import threads
from glassnet.attack.victim import Victim

__all__ = ["each_piece", "piece_size"]

_T = TypeVar("_T")
_MOST, _MOST_NUMBERS = 250, 2**23  # pictures of a piece, and numbers in them: a dozen such arrays are held at a time


def piece_size(victim: Victim) -> int:
    """How many pictures are attacked together."""
    return max(1, min(_MOST, _MOST_NUMBERS // math.prod(victim.image_shape)))


def each_piece(victim: Victim, starts: Sequence[int], work: Callable[[Victim, int], _T]) -> Iterator[_T]:
    """The results of `work(victim, start)` for each start, in order; passes are counted for `victim`.

    Parameters
    ----------
    victim : Victim
        What is attacked. One whose engine cannot be copied works on one piece after the other.
    starts : sequence of int
        Where the pieces begin.
    work : callable
        Called from several threads, each time with a victim that no other call uses meanwhile.
    """
    count = min(threads.count(), len(starts))
    if count < 2 or not victim.copies:
        for start in starts:
            yield work(victim, start)
        return
    free: queue.SimpleQueue[Victim] = queue.SimpleQueue()
    copies, stop = [victim.copy() for _ in range(count)], threading.Event()
    for copy in copies:
        copy.stop = stop
        free.put(copy)

    def alone(start: int) -> _T:
        own = free.get()
        try:
            with threads.use(1):
                return work(own, start)
        finally:
            free.put(own)

    # Held for all of it: a pool that is set while another thread multiplies makes both wait.
    with threads.single_blas_thread(), ThreadPoolExecutor(count) as pool:
        try:
            yield from pool.map(alone, starts)
        except BaseException:  # somebody pressed Ctrl-C, or a piece failed: the others end at their next pass
            stop.set()
            raise
    victim.passes += sum(copy.passes for copy in copies)
