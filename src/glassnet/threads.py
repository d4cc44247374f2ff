"""The one place that decides how many threads work.

Two thread pools that both spin while they wait starve each other (a factor of nine was measured), so glassnet uses
one: Numba's. Matrix products run on that pool too, each thread calling a single-threaded BLAS on its share. While the
engine works, NumPy's own BLAS pool is therefore held at one thread, and given back afterwards.

A thread of that pool that waits for the others should not spin for long either: on a machine that has other work to do
it would keep the very thread it waits for from running (a step of 2 ms then takes 40). GNU's OpenMP library spins for
milliseconds by default; unless the user chose otherwise (GOMP_SPINCOUNT, OMP_WAIT_POLICY), it is told to spin for a
fraction of a millisecond, longer than the pauses between kernels, and then to sleep. The variable is read when the
first shared kernel runs, so it is set here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from glassnet.errors import RecipeError

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__all__ = ["available", "count", "set_count", "single_blas_thread", "use"]


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


_count: int | None = None


def count() -> int:
    """Threads the engine uses: what `set_count` said, else GLASSNET_THREADS, else every core this process may use."""
    global _count
    if _count is None:
        wanted = os.environ.get("GLASSNET_THREADS")
        set_count(_parse(wanted, "GLASSNET_THREADS") if wanted else available())
    assert _count is not None
    return _count


def set_count(number: int) -> None:
    """Use `number` threads from now on; more than the machine has are not started."""
    global _count
    number = _parse(number, "threads")
    import numba

    _count = min(number, int(numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    numba.set_num_threads(_count)


@contextlib.contextmanager
def use(number: int | None) -> Iterator[None]:
    """Use `number` threads within the block (`None`: leave the number as it is)."""
    if number is None:
        yield
        return
    before = count()
    set_count(number)
    try:
        yield
    finally:
        set_count(before)


# ---- NumPy's own BLAS pool -----------------------------------------------------------------------------------------

_depth = 0
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


class single_blas_thread(contextlib.ContextDecorator):
    """Hold every BLAS pool at one thread within the block, or within the function that this decorates.

    Nested blocks cost a fraction of a microsecond.
    """

    def __enter__(self) -> None:
        global _depth, _saved
        if _depth == 0:
            _saved = [get() for get, _ in _blas_pools()]
            for _, set_threads in _blas_pools():
                set_threads(1)
        _depth += 1

    def __exit__(self, *exception: object) -> None:
        global _depth
        _depth -= 1
        if _depth == 0:
            for (_, set_threads), number in zip(_blas_pools(), _saved, strict=False):
                set_threads(number)
