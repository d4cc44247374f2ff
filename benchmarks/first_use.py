"""How long the first use on a machine takes, where every kernel has still to be compiled.

    python -m benchmarks.first_use                      # a training step of three networks, a page read twice
    python -m benchmarks.first_use --case digits-convnet --threads 2 --runs 1

Each use is timed from the start of a process to its end, with an empty folder for compiled kernels (`cold`), and again
in a new process that finds them (`warm`). With more than one thread further processes compile as well.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import resources

import numpy as np

from glassnet.bench.machine import inspect

_GOALS = {"mlp-784-1024-10": 5.0, "digits-convnet": 10.0}  # seconds, cold, on two threads
_CAPITALS, _LINES = "a page of capitals", "a page in whole lines"
CASES = ("mlp-784-1024-10", "digits-convnet", "resnet-20", _CAPITALS, _LINES)


def use(case: str) -> None:
    """A training step of a network as it is usually trained, or the page that comes with the package."""
    if case in (_CAPITALS, _LINES):
        from glassnet.reader import BestReader, make_reader

        reader = make_reader()
        assert isinstance(reader, BestReader)
        with resources.as_file(resources.files("glassnet.reader") / "sample.jpg") as picture:
            (reader if case == _CAPITALS else reader.lines).read(picture)
        return
    from glassnet import Network, Trainer, optim

    shape = (32, 32, 3) if case == "resnet-20" else (28, 28, 1)
    notation = "linear 1024 -> relu -> linear" if case == "mlp-784-1024-10" else case
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((64, *shape), np.float32), rng.integers(0, 10, 64)
    optimizer = optim.make_optimizer("momentum" if case == "resnet-20" else "adam")
    Trainer(Network(notation, shape, 10), optimizer=optimizer).step(x, labels)


def seconds(case: str, threads: int, folder: str) -> float:
    """Of one use in a process of its own, which keeps its kernels in a folder."""
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"NUMBA_CACHE_DIR": folder, "GLASSNET_THREADS": str(threads)}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "benchmarks.first_use", "--use", case], env=environment, check=True)
    return time.perf_counter() - start


def cold_and_warm(case: str, threads: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="glassnet-first-use-") as folder:
        cold = seconds(case, threads, folder)
        return cold, seconds(case, threads, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, with commas (default 1,2)")
    parser.add_argument("--runs", type=int, default=3, help="how often; the table shows medians (default 3)")
    parser.add_argument("--use", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.use:
        use(arguments.use)
        return
    numbers = [int(number) for number in arguments.threads.split(",")]
    print(f"{inspect(numbers)}\n")
    print("| first use | threads | cold s | warm s | goal s |\n|---|---|---|---|---|")
    for case in arguments.case or CASES:
        for threads in numbers:
            found = [cold_and_warm(case, threads) for _ in range(arguments.runs)]
            cold, warm = (statistics.median(each) for each in zip(*found, strict=True))
            goal = f"{_GOALS[case]:g}" if threads > 1 and case in _GOALS else ""
            print(f"| {case} | {threads} | {cold:.1f} | {warm:.1f} | {goal} |", flush=True)


if __name__ == "__main__":
    main()
