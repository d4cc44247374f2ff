"""A step at the beginning of a training and after thousands: what subnormal numbers cost.

    python -m benchmarks.late_steps                     # the dense network with Adam, 3,000 steps a side

The moments of a weight that gets no gradient any more shrink by a tenth at every step of Adam and come below the
smallest normal number after some 800 steps; with what lies there x86 processors compute a hundred times slower. Our
kernels make it 0 (`nn.kernels.subnormal`). PyTorch does where `torch.set_flush_denormal(True)` is called; it is timed
both ways. Both sides take the same network and batches, 20 that come again, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from glassnet.bench.cases import Case, make_batches
from glassnet.bench.machine import inspect

_CASE = Case("mlp-784-1024-10", "linear 1024 -> relu -> linear", (784,), optimizer="adam")
_WINDOW = 200  # steps whose median is taken at either end


def _ends(step: Callable[[int], Any], steps: int) -> tuple[float, float]:
    """Median seconds of the first and of the last steps, without the very first ones."""
    times = []
    for i in range(steps):
        start = time.perf_counter()
        step(i)
        times.append(time.perf_counter() - start)
    return statistics.median(times[20 : 20 + _WINDOW]), statistics.median(times[-_WINDOW:])


def ours(steps: int) -> tuple[float, float]:
    from glassnet import threads
    from glassnet.bench.ours import stepper

    threads.set_count(1)
    with threads.single_blas_thread():
        return _ends(stepper(_CASE, *make_batches(_CASE))[0], steps)


def pytorch(steps: int, flush: bool = False) -> tuple[float, float]:
    import torch

    from glassnet.bench.pytorch import stepper, tensors

    torch.set_num_threads(1)
    torch.set_flush_denormal(flush)
    return _ends(stepper(_CASE, "fused", *tensors(*make_batches(_CASE), "fused"))[0], steps)


_SIDES: dict[str, Callable[[int], tuple[float, float]]] = {
    "glassnet": ours,
    "PyTorch": pytorch,
    "PyTorch, set_flush_denormal(True)": lambda steps: pytorch(steps, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000, help="steps of each side (default 3000)")
    parser.add_argument("--side", choices=list(_SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(_SIDES[options.side](options.steps)))
        return
    print(f"{inspect((1,))}\n784-1024-10, batch 64, Adam, one thread, {options.steps:,} steps\n")
    print("| | first steps, ms | last steps, ms |\n|---|---|---|")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for side in _SIDES:
        command = [sys.executable, "-m", "benchmarks.late_steps", "--steps", str(options.steps), "--side", side]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        first, last = json.loads(done.stdout.splitlines()[-1])
        print(f"| {side} | {first * 1e3:.2f} | {last * 1e3:.2f} |", flush=True)


if __name__ == "__main__":
    main()
