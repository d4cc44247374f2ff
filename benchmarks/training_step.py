"""Whole training steps: glassnet's Trainer against PyTorch on the CPU.

    python -m benchmarks.training_step                  # the table: one and two threads, five runs a side
    python -m benchmarks.training_step --threads 1 --runs 3 --case mlp-784-1024-10

Each side of each case runs in a process of its own, one after the other in turn, since their thread pools would fight.
A run is the median of many steps; the table shows the median of the runs. PyTorch is given its best: batches that
lie ready as tensors, and the faster of its default and its fused optimiser. glassnet takes its steps by `Trainer.step`,
as `Trainer.fit` does; with one example a step it is timed over whole epochs of `fit`, shuffling, gathering and records
included, while PyTorch only steps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A network and how it is trained; `goals` are the ratios aimed at with one and with two threads."""

    what: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: str
    goals: tuple[float, float]
    rebuild: bool = False


CASES = {
    "softmax-784-10-single": Case("784-10 softmax, one example a step, SGD", (784, 10), "relu", 1, "sgd", (130, 130)),
    "softmax-784-10": Case("784-10 softmax, batch 100, SGD", (784, 10), "relu", 100, "sgd", (4.5, 4.5)),
    "sigmoid-1024-64-36": Case(
        "1024-64-36 sigmoid, batch 100, SGD", (1024, 64, 36), "sigmoid", 100, "sgd", (1.55, 1.7)
    ),
    "autoencoder": Case(
        "autoencoder 1024-32-32-32-1024, batch 100, momentum",
        (1024, 32, 32, 32, 1024), "relu", 100, "momentum", (1.45, 1.55), rebuild=True,
    ),
    "relu-3072-1000-10": Case("3072-1000-10, batch 128, SGD", (3072, 1000, 10), "relu", 128, "sgd", (1.05, 1.1)),
    "mlp-784-1024-10": Case("784-1024-10, batch 64, Adam", (784, 1024, 10), "relu", 64, "adam", (1.0, 1.1)),
}  # fmt: skip
_BATCHES = 20  # different batches that are stepped through
_SECONDS = 1.5


def median_step(step: Callable[[int], Any]) -> float:
    """Median seconds of `step(i)` over about 1.5 seconds, after a warm-up."""
    for i in range(20):
        step(i)
    times: list[float] = []
    stop = time.perf_counter() + _SECONDS
    while time.perf_counter() < stop:
        start = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def make_batches(case: Case) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.random((_BATCHES, case.batch, case.sizes[0]), np.float32)
    return x, rng.integers(0, case.sizes[-1], (_BATCHES, case.batch))


def ours(case: Case, threads: int) -> dict[str, float]:
    from glassnet import threads as pool
    from glassnet.nn import Network
    from glassnet.optim import make_optimizer
    from glassnet.train import Trainer

    pool.set_count(threads)
    hidden = "".join(f"linear {size} -> {case.activation} -> " for size in case.sizes[1:-1])
    notation = f"{hidden}linear {case.sizes[-1]}" + (" -> sigmoid" if case.rebuild else "")
    optimizer = make_optimizer(case.optimizer, lr=1e-3)
    loss = "squared-error" if case.rebuild else "softmax-cross-entropy"
    if case.batch == 1:
        return {"default": _ours_one_by_one(case, notation, optimizer)}
    trainer = Trainer(Network(notation, (case.sizes[0],)), optimizer=optimizer, loss=loss)
    x, y = make_batches(case)
    target = x if case.rebuild else y
    with pool.single_blas_thread():  # as in Trainer.fit
        return {"default": median_step(lambda i: trainer.step(x[i % _BATCHES], target[i % _BATCHES]))}


def _ours_one_by_one(case: Case, notation: str, optimizer: Any) -> float:
    from glassnet.data import Dataset
    from glassnet.nn import Network
    from glassnet.train import Trainer

    n, epochs = 20_000, 20
    rng = np.random.default_rng(0)
    names = tuple(str(k) for k in range(case.sizes[-1]))
    images = rng.random((n, 28, 28, 1), np.float32)
    data = Dataset(images, rng.integers(0, len(names), n), names)
    trainer = Trainer(Network(notation, (28, 28, 1)), optimizer=optimizer, batch=1, epochs=epochs)
    trainer.fit(data)
    ends = [record["seconds"] for record in trainer.history.epochs]
    return statistics.median(b - a for a, b in pairwise(ends)) / n


def pytorch(case: Case, threads: int) -> dict[str, float]:
    import torch

    torch.set_num_threads(threads)
    return {way: _pytorch_step(case, fused=way == "fused") for way in ("default", "fused")}


def _pytorch_step(case: Case, *, fused: bool) -> float:
    import torch

    layers: list[Any] = []
    for before, after in pairwise(case.sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU() if case.activation == "relu" else torch.nn.Sigmoid()]
    layers = layers[:-1] + ([torch.nn.Sigmoid()] if case.rebuild else [])
    network = torch.nn.Sequential(*layers)
    more = {"fused": True} if fused else {}
    if case.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(network.parameters(), 1e-3, **more)
    else:
        momentum = 0.9 if case.optimizer == "momentum" else 0.0
        optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=momentum, **more)
    x, y = (torch.from_numpy(array) for array in make_batches(case))

    def step(i: int) -> None:
        optimizer.zero_grad()
        scores = network(x[i % _BATCHES])
        if case.rebuild:
            loss = torch.nn.functional.mse_loss(scores, x[i % _BATCHES])
        else:
            loss = torch.nn.functional.cross_entropy(scores, y[i % _BATCHES])
        loss.backward()
        optimizer.step()

    return median_step(step)


def in_own_process(side: str, name: str, threads: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [
        sys.executable,
        "-m",
        "benchmarks.training_step",
        "--side",
        side,
        "--case",
        name,
        "--threads",
        str(threads),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def gemm_speed(threads: int) -> float:
    """GFLOP/s of a NumPy matrix product, to tell whether both cores are ours alone."""
    code = (
        "import numpy as np, time; a = np.random.rand(1500, 1500).astype('f'); a @ a; t = time.perf_counter();"
        "[a @ a for _ in range(8)]; print(8 * 2 * 1500**3 / (time.perf_counter() - t) / 1e9)"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
    return float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, action="append", help="threads; may be given again (default 1 and 2)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument(
        "--case", choices=list(CASES), action="append", help="a case; may be given again (default: all)"
    )
    parser.add_argument("--side", choices=["ours", "pytorch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        function = ours if options.side == "ours" else pytorch
        print(json.dumps(function(CASES[options.case[0]], options.threads[0])))
        return
    print(
        f"{platform.machine()}, Python {platform.python_version()}, medians of {options.runs} runs",
    )
    versions = "import numba, numpy, torch as t; print(*(m.__name__ + ' ' + m.__version__ for m in (numpy, numba, t)))"
    print(subprocess.run([sys.executable, "-c", versions], capture_output=True, text=True, check=True).stdout.strip())
    speeds = [gemm_speed(1), gemm_speed(2)]
    print(f"matrix product: {speeds[0]:.0f} GFLOP/s on one thread, {speeds[1]:.0f} on two\n")
    print(
        "| network | threads | PyTorch ms | glassnet ms | ratio | goal | |\n|---|---|---|---|---|---|---|", flush=True
    )
    for name in options.case or CASES:
        for threads in options.threads or (1, 2):
            print(measure(name, threads, options.runs), flush=True)


def measure(name: str, threads: int, runs: int) -> str:
    """A row of the table: both sides in turn, `runs` times."""
    case = CASES[name]
    theirs: dict[str, list[float]] = {"default": [], "fused": []}
    mine: list[float] = []
    for _ in range(runs):
        for way, seconds in in_own_process("pytorch", name, threads).items():
            theirs[way].append(seconds)
        mine.append(in_own_process("ours", name, threads)["default"])
    way = min(theirs, key=lambda w: statistics.median(theirs[w]))
    best, own = statistics.median(theirs[way]), statistics.median(mine)
    goal = case.goals[min(threads, 2) - 1]
    verdict = "reached" if best / own >= goal else "missed"
    digits = 5 if own < 1e-5 else 4
    return (
        f"| {case.what} | {threads} | {best * 1e3:.{digits}g} ({way}) | {own * 1e3:.{digits}g} |"
        f" {best / own:.2f} | {goal:g} | {verdict} |"
    )


if __name__ == "__main__":
    main()
