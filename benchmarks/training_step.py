"""Whole training steps, and inference: glassnet against PyTorch on the CPU.

    python -m benchmarks.training_step                  # the table: one and two threads, five runs a side
    python -m benchmarks.training_step --threads 1 --runs 3 --case mlp-784-1024-10 --case digits-convnet

Each side of each case runs in a process of its own, one after the other in turn, since their thread pools would fight.
A run is the median of many steps; the table shows the median of the runs. PyTorch is given its best: batches that
lie ready as tensors, the faster of its default and its fused optimiser, and of either memory layout of pictures;
inference under `torch.inference_mode`. glassnet takes its steps by `Trainer.step`, as `Trainer.fit` does; with one
example a step it is timed over whole epochs of `fit`, shuffling, gathering and records included, while PyTorch only
steps. `glassnet bench` measures the same way (`glassnet.bench`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from glassnet.bench import THREE_CONVOLUTIONS, Case, race
from glassnet.bench.machine import inspect
from glassnet.errors import GlassnetError
from glassnet.interop import is_installed


@dataclass(frozen=True)
class Goal:
    """A case, what the table calls it, and the ratios aimed at with one and with two threads."""

    what: str
    case: Case
    ratios: tuple[float, float]


_DIGITS, _PICTURES, _PHOTOGRAPHS = (28, 28, 1), (32, 32, 3), (224, 224, 3)
_AUTOENCODER = "linear 32 -> relu -> linear 32 -> relu -> linear 32 -> relu -> linear 1024 -> sigmoid"

GOALS = {
    goal.case.name: goal
    for goal in (
        Goal(
            "784-10 softmax, one example a step, SGD",
            Case("softmax-784-10-single", "linear", (784,), batch=1),
            (130, 130),
        ),
        Goal("784-10 softmax, batch 100, SGD", Case("softmax-784-10", "linear", (784,), batch=100), (4.5, 4.5)),
        Goal(
            "1024-64-36 sigmoid, batch 100, SGD",
            Case("sigmoid-1024-64-36", "linear 64 -> sigmoid -> linear", (1024,), 36, 100),
            (1.55, 1.7),
        ),
        Goal(
            "autoencoder 1024-32-32-32-1024, batch 100, momentum",
            Case("autoencoder", _AUTOENCODER, (1024,), batch=100, optimizer="momentum", loss="squared-error"),
            (1.45, 1.55),
        ),
        Goal(
            "3072-1000-10, batch 128, SGD",
            Case("relu-3072-1000-10", "linear 1000 -> relu -> linear", (3072,), batch=128),
            (1.05, 1.1),
        ),
        Goal(
            "784-1024-10, batch 64, Adam",
            Case("mlp-784-1024-10", "linear 1024 -> relu -> linear", (784,), optimizer="adam"),
            (1.0, 1.1),
        ),
        Goal(
            "MNIST: 2 x [conv 5x5 32/64, relu, pool] - 10, batch 64, Adam",
            Case("digits-convnet", "digits-convnet", _DIGITS, optimizer="adam"),
            (1.4, 1.6),
        ),
        Goal(
            "CIFAR: conv 3x3 x32 - relu - pool - 10, batch 50, SGD",
            Case("small-convnet", "small-convnet", _PICTURES, batch=50),
            (2.1, 2.2),
        ),
        Goal(
            "CIFAR: 3 x [conv 3x3 64/128/256, relu, pool] - 10, batch 64, SGD",
            Case("three-convolutions", THREE_CONVOLUTIONS, _PICTURES),
            (1.9, 1.9),
        ),
        *(
            Goal(
                f"SqueezeNet 1.1 inference, batch {n}",
                Case(f"squeezenet-{n}", "squeezenet-1.1", _PHOTOGRAPHS, 1000, n, mode="infer"),
                (1.0, 1.0),
            )
            for n in (1, 16)
        ),
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, action="append", help="threads; may be given again (default 1 and 2)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument(
        "--case", choices=list(GOALS), action="append", help="a case; may be given again (default: all)"
    )
    options = parser.parse_args()
    if not is_installed():
        raise GlassnetError("PyTorch is not installed; pip install 'glassnet[torch]'.")
    machine = inspect()
    print(f"{machine}\n{machine.warning}\nmedians of {options.runs} runs\n")
    print(
        "| network | threads | PyTorch ms | glassnet ms | ratio | goal | |\n|---|---|---|---|---|---|---|", flush=True
    )
    for name in options.case or GOALS:
        for threads in options.threads or (1, 2):
            print(measure(GOALS[name], threads, options.runs), flush=True)


def measure(goal: Goal, threads: int, runs: int) -> str:
    """A row of the table: both sides in turn, `runs` times."""
    result = race(goal.case, threads, runs, compare=True, memory=False)
    best, own = result.pytorch[result.way], result.seconds
    wanted = goal.ratios[min(threads, 2) - 1]
    verdict = "reached" if best / own >= wanted else "missed"
    digits = 5 if own < 1e-5 else 4
    return (
        f"| {goal.what} | {threads} | {best * 1e3:.{digits}g} ({result.way}) | {own * 1e3:.{digits}g} |"
        f" {best / own:.2f} | {wanted:g} | {verdict} |"
    )


if __name__ == "__main__":
    main()
