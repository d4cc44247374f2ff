"""Inference: glassnet against onnxruntime's CPU provider, on the same network as an ONNX file.

    python -m benchmarks.inference                                  # SqueezeNet 1.1 and EfficientNet-Lite0
    python -m benchmarks.inference --network squeezenet-1.1 --batch 1 --threads 1 --runs 3

Each side runs in processes of its own, one after the other in turn; the table shows medians of the runs, each of which
is the median of many passes. Weights are drawn: their values do not change the work. onnxruntime is given pixels of
uint8, as `glassnet export` makes its files, and its default optimisations, the laying out of weights among them;
glassnet float32 pictures, its weights laid out once as well (`Network.pack`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib import metadata

import numpy as np

from glassnet.bench.machine import inspect
from glassnet.bench.timing import median_seconds

NETWORKS = ("squeezenet-1.1", "efficientnet-lite0")
_SHAPE, _CLASSES, _SECONDS = (224, 224, 3), 1000, 2.0
_GOAL = 1.0


def ours(name: str, batch: int, threads: int) -> float:
    """Median seconds of a pass."""
    from glassnet import threads as pool
    from glassnet.nn import Network

    network = Network(name, _SHAPE, _CLASSES).pack()
    x = np.random.default_rng(0).random((batch, *_SHAPE), np.float32)
    pool.set_count(threads)
    with pool.single_blas_thread():
        return median_seconds(lambda i: network.infer(x), _SECONDS)


def theirs(name: str, batch: int, threads: int) -> float:
    """Median seconds of a pass of onnxruntime."""
    import onnxruntime

    from glassnet.data import Preprocess
    from glassnet.interop.onnx.export import to_onnx
    from glassnet.model import Model
    from glassnet.nn import Network, SoftmaxCrossEntropy

    names = tuple(str(k) for k in range(_CLASSES))
    model = Model(Network(name, _SHAPE, _CLASSES), Preprocess(), _SHAPE, names, SoftmaxCrossEntropy())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(to_onnx(model), options, providers=["CPUExecutionProvider"])
    place = session.get_inputs()[0]
    shape = (batch, *_SHAPE) if place.shape[-1] == _SHAPE[-1] else (batch, _SHAPE[2], *_SHAPE[:2])
    x = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return median_seconds(lambda i: session.run(None, {place.name: x}), _SECONDS)


_SIDES = {"ours": ours, "theirs": theirs}


def _in_own_process(side: str, name: str, batch: int, threads: int) -> float:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    request = json.dumps([side, name, batch, threads])
    command = [sys.executable, "-m", "benchmarks.inference", "--side", request]
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, action="append", help="may be given again (default: both)")
    parser.add_argument("--batch", type=int, action="append", help="may be given again (default 1 and 16)")
    parser.add_argument("--threads", type=int, action="append", help="may be given again (default 1 and 2)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, *case = json.loads(options.side)
        print(_SIDES[side](*case))
        return
    machine = inspect()
    print("\n".join([str(machine), *machine.warnings]))
    print(f"onnxruntime {metadata.version('onnxruntime')}, medians of {options.runs} runs\n")
    print("| network | batch | threads | onnxruntime ms | glassnet ms | ratio | goal | |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.network or NETWORKS:
        for batch in options.batch or (1, 16):
            for threads in options.threads or (1, 2):
                times: dict[str, list[float]] = {side: [] for side in _SIDES}
                for _ in range(options.runs):
                    for side, found in times.items():
                        found.append(_in_own_process(side, name, batch, threads))
                own, its = (statistics.median(times[side]) * 1e3 for side in ("ours", "theirs"))
                ratio = its / own
                row = f"| {name} | {batch} | {threads} | {its:.3g} | {own:.3g} | {ratio:.2f} | {_GOAL:g} |"
                print(f"{row} {'reached' if ratio >= _GOAL else 'missed'} |", flush=True)


if __name__ == "__main__":
    main()
