"""Peak memory of a training step: glassnet against PyTorch on the CPU.

    python -m benchmarks.memory                         # the table, one and two threads
    python -m benchmarks.memory --threads 1 --case vgg-small

What is counted: the highest resident memory of the first three steps beyond the program, its compiled code, the data
and the weights, that is gradients, the optimiser's state, activations and scratch space (`glassnet.bench.memory` says
how). Each measurement is a process of its own. PyTorch runs in all its ways (either memory layout, default or fused
optimiser), and the one that needs least counts.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks.training_step import GOALS
from glassnet.bench import KNOWN, Case
from glassnet.bench.pytorch import ways
from glassnet.bench.race import least_memory
from glassnet.bench.worker import measure

CASES: dict[str, Case] = {
    name: goal.case for name, goal in GOALS.items() if len(goal.case.input_shape) == 3
} | {name: replace(KNOWN[name][0], batch=64) for name in ("vgg-small", "resnet-20")}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, action="append", help="threads; may be given again (default 1 and 2)")
    parser.add_argument(
        "--case", choices=list(CASES), action="append", help="a case; may be given again (default: all)"
    )
    options = parser.parse_args()
    print(
        "| network | threads | PyTorch MB | glassnet MB | glassnet / PyTorch | |\n|---|---|---|---|---|---|", flush=True
    )
    for name in options.case or CASES:
        for threads in options.threads or (1, 2):
            print(row(CASES[name], threads), flush=True)


def row(case: Case, threads: int) -> str:
    """A row of the table."""
    mine = measure("ours", "memory", case, threads)
    best, way = least_memory(case, threads, ways(case))
    what = f"| {case.name}, {case.task}, batch {case.batch} | {threads} |"
    if mine is None or best is None:
        return f"{what} not measured on this system | | | |"
    verdict = "less" if mine < best else "more"
    return f"{what} {best / 1e6:.3g} ({way}) | {mine / 1e6:.3g} | {mine / best:.2f} | {verdict} |"


if __name__ == "__main__":
    main()
