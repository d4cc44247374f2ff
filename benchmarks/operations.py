"""Convolution and 2x2 max pool by themselves, one thread: naive loops, glassnet, PyTorch; and how near to the peak.

    python -m benchmarks.operations                     # three runs a side, each in a process of its own, in turn
    python -m benchmarks.operations --isa avx2          # held to other instructions

The shapes are those of a course write-up (row conv-speedup): x (100, 3, 31, 31), w (25, 3, 3, 3), stride 2, pad 1; the
pool takes (100, 3, 32, 32). Ours are the same numbers as (n, H, W, C). The naive side is what a reader of the formula
writes: loops over images, filters, rows and columns, and NumPy for each window. PyTorch takes the faster of its memory
layouts; forward it records no graph, backward it is asked by `torch.autograd.grad`. All of that is float64.

Two larger convolutions are held against what the processor can do at most: a loop of multiply-adds that never leave the
registers, in float32 and in the same process. Winograd's method needs fewer operations than are counted, so it may
exceed that.
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

import numpy as np

from glassnet.bench.instructions import held_to
from glassnet.bench.machine import inspect
from glassnet.bench.timing import median_seconds

Array = np.ndarray
# operation: (published speed-up over naive loops, how many times faster than PyTorch is aimed at)
GOALS = {
    "conv forward": (364.7, 2.0),
    "conv backward": (691.3, 2.0),
    "pool forward": (149.9, 10.0),
    "pool backward": (31.3, 1.0),
}
_STRIDE, _PAD = 2, 1


def make_arrays() -> dict[str, Array]:
    """x, w, b and the upstream gradient of the convolution; input and upstream gradient of the pool. Images NHWC."""
    rng = np.random.default_rng(0)
    shapes = {
        "x": (100, 31, 31, 3), "w": (3, 3, 3, 25), "b": (25,), "dy": (100, 16, 16, 25),
        "pool_x": (100, 32, 32, 3), "pool_dy": (100, 16, 16, 3),
    }  # fmt: skip
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


# ---- naive loops


def conv_forward(x: Array, w: Array, b: Array) -> Array:
    kh, kw, _, filters = w.shape
    padded = np.pad(x, ((0, 0), (_PAD, _PAD), (_PAD, _PAD), (0, 0)))
    rows = (padded.shape[1] - kh) // _STRIDE + 1
    columns = (padded.shape[2] - kw) // _STRIDE + 1
    y = np.zeros((len(x), rows, columns, filters))
    for n in range(len(x)):
        for f in range(filters):
            for i in range(rows):
                for j in range(columns):
                    window = padded[n, i * _STRIDE : i * _STRIDE + kh, j * _STRIDE : j * _STRIDE + kw]
                    y[n, i, j, f] = np.sum(window * w[..., f]) + b[f]
    return y


def conv_backward(dy: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    kh, kw, _, filters = w.shape
    padded = np.pad(x, ((0, 0), (_PAD, _PAD), (_PAD, _PAD), (0, 0)))
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros(filters)
    for n in range(len(x)):
        for f in range(filters):
            for i in range(dy.shape[1]):
                for j in range(dy.shape[2]):
                    rows, columns = slice(i * _STRIDE, i * _STRIDE + kh), slice(j * _STRIDE, j * _STRIDE + kw)
                    dw[..., f] += dy[n, i, j, f] * padded[n, rows, columns]
                    dpadded[n, rows, columns] += dy[n, i, j, f] * w[..., f]
                    db[f] += dy[n, i, j, f]
    return dpadded[:, _PAD:-_PAD, _PAD:-_PAD], dw, db


def pool_forward(x: Array) -> Array:
    n, h, w, channels = x.shape
    y = np.zeros((n, h // 2, w // 2, channels))
    for k in range(n):
        for c in range(channels):
            for i in range(h // 2):
                for j in range(w // 2):
                    y[k, i, j, c] = np.max(x[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c])
    return y


def pool_backward(dy: Array, x: Array) -> Array:
    n, rows, columns, channels = dy.shape
    dx = np.zeros_like(x)
    for k in range(n):
        for c in range(channels):
            for i in range(rows):
                for j in range(columns):
                    window = x[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
                    best = np.unravel_index(np.argmax(window), (2, 2))
                    dx[k, 2 * i + best[0], 2 * j + best[1], c] += dy[k, i, j, c]
    return dx


def naive() -> dict[str, float]:
    a = make_arrays()
    work: dict[str, Callable[[], Any]] = {
        "conv forward": lambda: conv_forward(a["x"], a["w"], a["b"]),
        "conv backward": lambda: conv_backward(a["dy"], a["x"], a["w"]),
        "pool forward": lambda: pool_forward(a["pool_x"]),
        "pool backward": lambda: pool_backward(a["pool_dy"], a["pool_x"]),
    }
    seconds = {}
    for name, call in work.items():
        start = time.perf_counter()
        call()
        seconds[name] = time.perf_counter() - start
    return seconds


# ---- glassnet and PyTorch


def ours() -> dict[str, float]:
    from glassnet import threads
    from glassnet.nn import functional as F
    from glassnet.nn.functional.workspace import Arena

    threads.set_count(1)
    a, arena = make_arrays(), Arena()
    settings: dict[str, Any] = {"stride": _STRIDE, "pad": _PAD, "arena": arena}
    y, cache = F.conv2d_forward(a["x"], a["w"], a["b"], **settings)
    grads = F.conv2d_backward(a["dy"], cache, arena=arena)
    np.testing.assert_allclose(y[:2], conv_forward(a["x"][:2], a["w"], a["b"]), atol=1e-10)
    pooled, pool_cache = F.max_pool_forward(a["pool_x"], 2)
    dx = F.max_pool_backward(a["pool_dy"], pool_cache)
    np.testing.assert_array_equal(dx[:2], pool_backward(a["pool_dy"][:2], a["pool_x"][:2]))
    out = (pooled, pool_cache.winners)
    with threads.single_blas_thread():
        return {
            "conv forward": median_seconds(
                lambda i: F.conv2d_forward(a["x"], a["w"], a["b"], out=(y, None), **settings), 1.0
            ),
            "conv backward": median_seconds(lambda i: F.conv2d_backward(a["dy"], cache, out=grads, arena=arena), 1.0),
            "pool forward": median_seconds(lambda i: F.max_pool_forward(a["pool_x"], 2, out=out), 1.0),
            "pool backward": median_seconds(lambda i: F.max_pool_backward(a["pool_dy"], pool_cache, out=dx), 1.0),
        }


def pytorch() -> dict[str, float]:
    import torch

    torch.set_num_threads(1)
    found = [_pytorch(torch, layout) for layout in (torch.contiguous_format, torch.channels_last)]
    return {name: min(seconds[name] for seconds in found) for name in GOALS}


def _pytorch(torch: Any, layout: Any) -> dict[str, float]:
    conv2d, max_pool2d = torch.nn.functional.conv2d, torch.nn.functional.max_pool2d
    a = make_arrays()
    a["w"] = a["w"].transpose(3, 0, 1, 2)  # as images lie: (out, kh, kw, in)
    t = {
        name: torch.from_numpy(array)
        if array.ndim == 1
        else torch.from_numpy(array.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)
        for name, array in a.items()
    }
    with torch.inference_mode():
        seconds = {
            "conv forward": median_seconds(lambda i: conv2d(t["x"], t["w"], t["b"], _STRIDE, _PAD), 1.0),
            "pool forward": median_seconds(lambda i: max_pool2d(t["pool_x"], 2), 1.0),
        }
    for name in ("x", "w", "b", "pool_x"):
        t[name].requires_grad_()
    y, pooled = conv2d(t["x"], t["w"], t["b"], _STRIDE, _PAD), max_pool2d(t["pool_x"], 2)
    leaves = (t["x"], t["w"], t["b"])

    def grad(of: Any, by: Any, upstream: Any) -> Any:
        return torch.autograd.grad(of, by, upstream, retain_graph=True)

    seconds["conv backward"] = median_seconds(lambda i: grad(y, leaves, t["dy"]), 1.0)
    seconds["pool backward"] = median_seconds(lambda i: grad(pooled, (t["pool_x"],), t["pool_dy"]), 1.0)
    return seconds


# ---- against the peak

SHAPES = {  # (x, w, pad, the share of the peak aimed at forward and backward)
    "5x5, 32 to 64 channels, 14x14, batch 64": ((64, 14, 14, 32), (5, 5, 32, 64), 2, (0.75, 0.65)),
    "3x3, 64 to 128 channels, 16x16, batch 64": ((64, 16, 16, 64), (3, 3, 64, 128), 1, (0.75, 0.65)),
}


def multiply_adds_per_second() -> float:
    """Floating-point operations a second of 12 vectors that are multiplied and added to in registers."""
    from numba import njit

    from glassnet.nn.kernels.vector import everywhere, lanes, multiply_add, store, zeros

    @njit(fastmath={"contract"})  # type: ignore[untyped-decorator]
    def spin(n: int, half: Any, x: Any) -> None:
        b = everywhere(half, zeros(x))
        s0 = s1 = s2 = s3 = s4 = s5 = b
        t0 = t1 = t2 = t3 = t4 = t5 = b
        for _ in range(n):
            s0, s1, s2 = multiply_add(s0, b, b), multiply_add(s1, b, b), multiply_add(s2, b, b)
            s3, s4, s5 = multiply_add(s3, b, b), multiply_add(s4, b, b), multiply_add(s5, b, b)
            t0, t1, t2 = multiply_add(t0, b, b), multiply_add(t1, b, b), multiply_add(t2, b, b)
            t3, t4, t5 = multiply_add(t3, b, b), multiply_add(t4, b, b), multiply_add(t5, b, b)
        store(x, 0, (s0 + s1 + s2) + (s3 + s4 + s5) + (t0 + t1 + t2) + (t3 + t4 + t5))

    x, number = np.zeros(lanes(4), np.float32), 1_000_000
    seconds = min(median_seconds(lambda i: spin(number, np.float32(0.5), x), 0.2) for _ in range(5))
    return 2 * 12 * lanes(4) * number / seconds


def against_peak() -> dict[str, float]:
    """The peak in GFLOP/s, and GFLOP/s of both passes of every shape."""
    from glassnet import threads
    from glassnet.nn import functional as F

    threads.set_count(1)
    found = {"peak": multiply_adds_per_second() / 1e9}
    for name, (x_shape, w_shape, pad, _) in SHAPES.items():
        for method in dict.fromkeys((F.choose_method(x_shape, w_shape, 1, pad)[0], "direct")):
            forward, backward = _speeds(x_shape, w_shape, pad, method)
            found[f"{name}|{method}|forward"], found[f"{name}|{method}|backward"] = forward, backward
    return found


def _speeds(x_shape: tuple[int, ...], w_shape: tuple[int, ...], pad: int, method: str) -> tuple[float, float]:
    """GFLOP/s of a convolution forward and backward."""
    from glassnet import threads
    from glassnet.nn import functional as F
    from glassnet.nn.functional.workspace import Arena

    rng, arena = np.random.default_rng(0), Arena()
    x, w = rng.standard_normal(x_shape, np.float32), rng.standard_normal(w_shape, np.float32)
    settings: dict[str, Any] = {"pad": pad, "arena": arena, "method": method}
    y, cache = F.conv2d_forward(x, w, **settings)
    grads = F.conv2d_backward(y, cache, arena=arena)
    with threads.single_blas_thread():
        one = median_seconds(lambda i: F.conv2d_forward(x, w, out=(y, None), **settings), 1.0)
        two = median_seconds(lambda i: F.conv2d_backward(y, cache, out=grads, arena=arena), 1.0)
    flops = 2 * y.size * w[..., 0].size / 1e9
    return flops / one, 2 * flops / two


# ---- the tables

SIDES = {"naive": naive, "ours": ours, "pytorch": pytorch}


def in_own_process(side: str) -> dict[str, float]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    command = [
        sys.executable,
        "-m",
        "benchmarks.operations",
        "--side",
        side,
    ]
    environment = {**os.environ, **dict.fromkeys(names, "1")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--isa", default="", help="instructions that all are held to: avx512, avx2 or sse2")
    parser.add_argument("--side", choices=[*SIDES, "peak"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps({**SIDES, "peak": against_peak}[options.side]()))
        return
    with held_to(options.isa):
        print_tables(options.runs)


def print_tables(number: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(number):
        for side in SIDES:
            runs[side].append(in_own_process(side))
    print(f"{inspect((1,))}\none thread, float64, medians of {number} runs\n")
    print("| operation | naive ms | PyTorch ms | glassnet ms | over naive | published | over PyTorch | goal | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (published, goal) in GOALS.items():
        loops, own, its = (statistics.median(run[name] for run in runs[side]) for side in SIDES)
        verdict = "reached" if loops / own > published and its / own >= goal else "missed"
        print(
            f"| {name} | {loops * 1e3:.4g} | {its * 1e3:.4g} | {own * 1e3:.4g} | {loops / own:.0f} | {published:g} |"
            f" {its / own:.2f} | {goal:g} | {verdict} |"
        )
    found = [in_own_process("peak") for _ in range(number)]
    peak = statistics.median(run["peak"] for run in found)
    print(f"\nfloat32, one thread; multiply-adds in registers: {peak:.0f} GFLOP/s\n")
    print("| convolution | method | pass | GFLOP/s | of the peak | goal | |\n|---|---|---|---|---|---|---|")
    for key in found[0]:
        if key != "peak":
            name, method, which = key.split("|")
            speed = statistics.median(run[key] for run in found)
            share = statistics.median(run[key] / run["peak"] for run in found)
            goal = SHAPES[name][3][which == "backward"]
            verdict = "reached" if share >= goal else "missed"
            print(f"| {name} | {method} | {which} | {speed:.0f} | {share:.2f} | {goal:.2f} | {verdict} |")


if __name__ == "__main__":
    main()
