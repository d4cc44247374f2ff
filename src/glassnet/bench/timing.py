"""Seconds of a step, and what the machine's matrix products reach."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from glassnet.processes import run_process

__all__ = ["gemm_speed", "median_seconds"]

_WARM_STEPS, _WARM_SECONDS = 20, 1.0
_FEWEST = 5


def median_seconds(step: Callable[[int], Any], seconds: float) -> float:
    """Median seconds of `step(i)` over `seconds` (and at least five steps), after a warm-up."""
    step(0)  # compiles where that is needed
    stop = time.perf_counter() + _WARM_SECONDS
    for i in range(1, _WARM_STEPS):
        if i > 2 and time.perf_counter() > stop:
            break
        step(i)
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times) < _FEWEST:
        start = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


_PRODUCT = """
import sys, time, numpy
size = int(sys.argv[1])
a = numpy.random.default_rng(0).random((size, size), numpy.float32)
best = float("inf")
for _ in range(9):
    start = time.perf_counter()
    a @ a
    best = min(best, time.perf_counter() - start)
print(2 * size**3 / best / 1e9)
"""


def gemm_speed(threads: int, size: int = 1500) -> float:
    """GFLOP/s of NumPy's float32 product of two `size` x `size` matrices, in a process of its own.

    It says what the machine can give. Where two threads reach far less than twice one, other work is using the machine.
    """
    number = str(threads)
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    done = run_process([sys.executable, "-c", _PRODUCT, str(size)], {**os.environ, **dict.fromkeys(names, number)})
    done.check_returncode()
    return float(done.stdout)
