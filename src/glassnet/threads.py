"""The one place that decides how many threads work.

Two thread pools that both spin while they wait starve each other (a factor of nine was measured), so glassnet uses
one: Numba's. Matrix products run on that pool too, each thread calling a single-threaded BLAS on its share. While the
engine works, NumPy's own BLAS pool is therefore held at one thread, and given back afterwards.

A thread of that pool that waits for the others should not spin for long either: on a machine that has other work to do
it would keep the very thread it waits for from running (a step of 2 ms then takes 40). GNU's OpenMP library spins for
milliseconds by default; unless the user chose otherwise (GOMP_SPINCOUNT, OMP_WAIT_POLICY), it is told to spin for a
fraction of a millisecond, longer than the pauses between kernels, and then to sleep. The variable is read when the
first shared kernel runs, so it is set here.

Even so a step that is cut in two ends with its later half, and where another program has the second core that half
may wait for milliseconds until it is begun. So `launch` looks at how long the calling thread sleeps for the others, and
where that is too long `starved` says for a while that the calling thread had better do all shares itself, one after the
other. The shares, and so the bits of every result, are the same.

Python threads may call the engine side by side. `use` counts for the thread that enters it, `set_count` for the whole
process; `launch` starts the pool where it is first needed, gives every calling thread its share of it, and lets one
call in at a time where the pool takes no more (Numba's `workqueue`, which would end the process).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from glassnet.errors import RecipeError

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__all__ = [
    "Turn",
    "asked_for",
    "available",
    "count",
    "launch",
    "possible",
    "set_count",
    "single_blas_thread",
    "starved",
    "use",
]


def available() -> int:
    """Processor cores that this process may use (at least 1)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def _parse(value: str | int, source: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise RecipeError(f"{source} must be a whole number of threads, at least 1. Got '{value}' instead.")
    return number


_count: int | None = None  # of the process
_chosen = False  # whether somebody asked for that


class _OfThread(threading.local):
    """What a Python thread has of its own. Defaults of the class cost a tenth of `getattr` with a default."""

    count: int | None = None  # threads within `use`
    pool: int | None = None  # how much of the pool this thread has taken
    launches: int = 0  # since `wall` and `busy` were last looked at
    wall: float = 0.0  # seconds of these launches
    busy: float = 0.0  # seconds of them in which this thread was at work, or spinning
    alone_until: float = 0.0


_mine = _OfThread()


def count() -> int:
    """Threads the engine uses when the calling thread asks it to work.

    That is what `use` says, else what `set_count` said, else GLASSNET_THREADS, else every core this process may use.
    """
    own: int | None = _mine.count
    if own is not None:
        return own
    return _of_process() if _count is None else _count


def _of_process() -> int:
    wanted = os.environ.get("GLASSNET_THREADS")
    set_count(_parse(wanted, "GLASSNET_THREADS") if wanted else available(), chosen=bool(wanted))
    assert _count is not None
    return _count


def asked_for() -> int | None:
    """`count()` where somebody chose it, by `use`, `set_count` or GLASSNET_THREADS; None where nobody did."""
    number = count()
    return number if _chosen or _mine.count is not None else None


def set_count(number: int, *, chosen: bool = True) -> None:
    """Use `number` threads from now on; more than the machine has are not started."""
    global _count, _chosen
    _count, _chosen = possible(number), chosen


def possible(number: int) -> int:
    """`number` threads or, where that is more, as many as Numba's pool has. Raises `RecipeError` for less than 1."""
    number = _parse(number, "threads")
    import numba

    return min(number, int(numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


@contextlib.contextmanager
def use(number: int | None) -> Iterator[None]:
    """Use `number` threads for what the calling thread does within the block (`None`: leave the number as it is)."""
    if number is None:
        yield
        return
    before = _mine.count
    _mine.count = possible(number)
    try:
        yield
    finally:
        _mine.count = before


# ---- Numba's pool ---------------------------------------------------------------------------------------------------

_LAUNCHES = 16  # after which it is asked whether the pool is worth waiting for,
_SECONDS = 0.01  # or after so much time in them: a launch may be a whole pass of a network
_LATE = 2.0  # seconds of a launch for each second of work, from which one thread alone would be done sooner
_ALONE = 0.1  # seconds for which it then works alone

_lock = threading.Lock()  # of what this module keeps for the whole process
_turn: threading.Lock | None = None  # held during a launch where the pool takes one call at a time


def launch(function: Callable[..., None], *arguments: Any) -> None:
    """Call a compiled function that works on the pool's threads, on at most `count()` of them.

    A function read from Numba's cache on disk does not start the pool by itself where it was compiled as part of
    another one, and calling it without a pool ends the process; so every such call goes through here.
    """
    number, mine = count(), _mine
    if mine.pool != number:
        _take(number)
    begin, busy = time.perf_counter(), time.thread_time()
    if _turn is None:
        function(*arguments)
    else:
        with _turn:
            function(*arguments)
    mine.busy += time.thread_time() - busy
    mine.wall += time.perf_counter() - begin
    mine.launches += 1
    if mine.launches == _LAUNCHES or mine.wall > _SECONDS:
        if mine.wall > _LATE * mine.busy:
            mine.alone_until = time.perf_counter() + _ALONE
        mine.launches, mine.wall, mine.busy = 0, 0.0, 0.0


def starved() -> bool:
    """Whether the calling thread waited so long for the pool lately that it had better work alone for a moment."""
    return _mine.alone_until > 0 and _still_alone()


def _still_alone() -> bool:
    if time.perf_counter() < _mine.alone_until:
        return True
    _mine.alone_until = 0.0
    return False


def _take(number: int) -> None:
    """Start the pool where it is not there yet, and take `number` of its threads for the calling thread."""
    global _turn
    import numba

    pool: Any = numba
    pool.set_num_threads(possible(number))  # a Python thread that never said so would have all of them
    with _lock:
        if pool.threading_layer() == "workqueue" and _turn is None:
            _turn = threading.Lock()
    _mine.pool = number


# ---- NumPy's own BLAS pool -----------------------------------------------------------------------------------------

_depth = 0  # blocks that are open now, in whatever threads
_setters: list[tuple[Callable[[], int], Callable[[int], None]]] | None = None
_saved: list[int] = []


def _blas_pools() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """The BLAS pools of this process as (get, set) pairs, looked up once: a look-up takes milliseconds."""
    global _setters
    if _setters is None:
        import numpy  # noqa: F401  (its BLAS must be loaded to be found)
        from threadpoolctl import ThreadpoolController

        pools = ThreadpoolController().select(user_api="blas").lib_controllers
        _setters = [(pool.get_num_threads, pool.set_num_threads) for pool in pools]
    return _setters


class Turn:
    """A lock for what several threads use one after the other; a thread may take it again while it has it.

    A copy of it, or what is read from a pickle, is another lock.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Turn], tuple[()]]:
        return Turn, ()


class single_blas_thread(contextlib.ContextDecorator):
    """Hold every BLAS pool at one thread within the block, or within the function that this decorates.

    The pools belong to the process: the first block that is entered, in any thread, sets them, and the last one that
    is left, in any thread, gives them back. Nested blocks cost a fraction of a microsecond.
    """

    def __enter__(self) -> None:
        global _depth, _saved
        with _lock:
            if _depth == 0:
                _saved = [get() for get, _ in _blas_pools()]
                for _, set_threads in _blas_pools():
                    set_threads(1)
            _depth += 1

    def __exit__(self, *exception: object) -> None:
        global _depth
        with _lock:
            _depth -= 1
            if _depth == 0:
                for (_, set_threads), number in zip(_blas_pools(), _saved, strict=False):
                    set_threads(number)
