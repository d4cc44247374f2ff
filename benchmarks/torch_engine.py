"""Step time of PyTorch's engine against plain PyTorch code of the same network.

    python -m benchmarks.torch_engine                   # one thread, five runs a side
    python -m benchmarks.torch_engine --threads 2 --runs 3 --case mlp
    python -m benchmarks.torch_engine --device cuda

Each side runs in processes of its own, taking turns; a run is the median of many steps, the table shows the median of
the runs. The plain code has its batches ready on the device, in either memory layout, uses PyTorch's own optimiser, by
default and fused, and reads the loss after every step, as a training does; its fastest way counts. The engine gets
arrays of ours, as from a feed. The goal is a ratio of at most 1.05: the engine must not cost what it adds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.bench.machine import inspect
from glassnet.bench.timing import median_seconds
from glassnet.engines import Batch
from glassnet.interop import to_torch, torch_library
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.optim import make_optimizer
from glassnet.processes import run_process

GOAL = 1.05
CASES: dict[str, tuple[str, tuple[int, ...], int, str]] = {  # network, input, batch, optimiser
    "mlp": ("linear 1024 -> relu -> linear 10", (784,), 64, "adam"),
    "digits-convnet": ("digits-convnet", (28, 28, 1), 64, "adam"),
    "convnet": ("conv 3x3, 32, pad 1 -> relu -> maxpool 2x2 -> conv 3x3, 64 -> linear 10", (32, 32, 3), 50, "sgd"),
    "resnet-20": ("resnet-20", (32, 32, 3), 32, "nesterov"),
}
WAYS = ("channels_first", "channels_last", "channels_first fused", "channels_last fused")


def seconds_of(side: str, case: str, device: str, seconds: float) -> float:
    """Median seconds of a step of one side: `engine`, or a way of the plain code."""
    torch = torch_library()
    torch.set_num_threads(threads.count())
    notation, shape, n, word = CASES[case]
    network, rng = Network(notation, shape, 10), np.random.default_rng(0)
    x, labels = rng.standard_normal((n, *shape)).astype(np.float32), rng.integers(0, 10, n)
    if side == "engine":
        from glassnet.engines.torch import TorchEngine

        engine = TorchEngine(network, SoftmaxCrossEntropy(), make_optimizer(word, lr=1e-3), device=device)
        return median_seconds(lambda _: engine.step(Batch(x, labels), 1e-3), seconds)
    last = "channels_last" in side
    module = to_torch(network, channels_last=last).to(device)
    pictures, target = torch.from_numpy(x).to(device), torch.from_numpy(labels).to(device)
    if x.ndim == 4:
        layout = torch.channels_last if last else torch.contiguous_format
        pictures = pictures.permute(0, 3, 1, 2).contiguous(memory_format=layout)
    more: dict[str, Any] = {"fused": True} if "fused" in side else {}
    if word == "adam":
        optimizer = torch.optim.Adam(module.parameters(), 1e-3, **more)
    else:
        momentum = {"momentum": 0.9, "nesterov": True} if word == "nesterov" else {}
        optimizer = torch.optim.SGD(module.parameters(), 1e-3, **momentum, **more)

    def step(_: int) -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(pictures), target)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return median_seconds(step, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", action="append", choices=tuple(CASES))
    parser.add_argument("--side", help="measure this side of the one case, in this process")
    options = parser.parse_args()
    threads.set_count(options.threads)
    if options.side:
        print(json.dumps(seconds_of(options.side, options.case[0], options.device, options.seconds)))
        return
    print(inspect())
    print(f"PyTorch {torch_library().__version__} on {options.device}, {options.threads} threads")
    print(f"{'case':<16} {'plain ms':>9} {'engine ms':>9} {'ratio':>6}   (goal {GOAL})")
    for case in options.case or CASES:
        ways = [w for w in WAYS if len(CASES[case][1]) == 3 or "last" not in w]
        found: dict[str, list[float]] = {side: [] for side in ("engine", *ways)}
        for _ in range(options.runs):
            for side, times in found.items():
                times.append(_in_a_process(side, case, options))
        medians = {side: statistics.median(times) for side, times in found.items()}
        engine, way = medians.pop("engine"), min(medians, key=lambda side: medians[side])
        plain = medians[way]
        print(f"{case:<16} {1e3 * plain:9.3f} {1e3 * engine:9.3f} {engine / plain:6.3f}   plain: {way}", flush=True)


def _in_a_process(side: str, case: str, options: argparse.Namespace) -> float:
    words = ["--side", side, "--case", case, "--threads", options.threads]
    words += ["--seconds", options.seconds, "--device", options.device]
    done = run_process([sys.executable, "-m", "benchmarks.torch_engine", *map(str, words)], dict(os.environ))
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(json.loads(done.stdout))


if __name__ == "__main__":
    main()
