"""Whole training steps, and inference: glassnet against PyTorch on the CPU.

    python -m benchmarks.training_step                  # the table: one and two threads, five runs a side
    python -m benchmarks.training_step --threads 1 --runs 3 --case mlp-784-1024-10 --case digits-convnet
    python -m benchmarks.training_step --isa avx2,avx512   # both sides held to the one and to the other, in turn

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
from glassnet.bench.instructions import held_to
from glassnet.bench.machine import inspect
from glassnet.errors import GlassnetError
from glassnet.interop import is_installed
from glassnet.nn.kernels.target import possible


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
        Goal("784-10 softmax, batch 100, SGD", Case("softmax-784-10", "linear", (784,), batch=100), (5, 5)),
        Goal(
            "1024-64-36 sigmoid, batch 100, SGD",
            Case("sigmoid-1024-64-36", "linear 64 -> sigmoid -> linear", (1024,), 36, 100),
            (2, 2.2),
        ),
        Goal(
            "autoencoder 1024-32-32-32-1024, batch 100, momentum",
            Case("autoencoder", _AUTOENCODER, (1024,), batch=100, optimizer="momentum", loss="squared-error"),
            (1.8, 2),
        ),
        Goal(
            "3072-1000-10, batch 128, SGD",
            Case("relu-3072-1000-10", "linear 1000 -> relu -> linear", (3072,), batch=128),
            (1.1, 1.2),
        ),
        Goal(
            "784-1024-10, batch 64, Adam",
            Case("mlp-784-1024-10", "linear 1024 -> relu -> linear", (784,), optimizer="adam"),
            (1.2, 1.3),
        ),
        Goal(
            "MNIST: 2 x [conv 5x5 32/64, relu, pool] - 10, batch 64, Adam",
            Case("digits-convnet", "digits-convnet", _DIGITS, optimizer="adam"),
            (1.8, 1.8),
        ),
        Goal(
            "CIFAR: conv 3x3 x32 - relu - pool - 10, batch 50, SGD",
            Case("small-convnet", "small-convnet", _PICTURES, batch=50),
            (3.5, 3.5),
        ),
        Goal(
            "CIFAR: 3 x [conv 3x3 64/128/256, relu, pool] - 10, batch 64, SGD",
            Case("three-convolutions", THREE_CONVOLUTIONS, _PICTURES),
            (2.7, 2.7),
        ),
        *(
            Goal(
                f"{what} training, batch 64",
                Case(name, name, _PICTURES),
                (1.5, 1.5),
            )
            for what, name in (("VGG-small", "vgg-small"), ("ResNet-20", "resnet-20"))
        ),
        *(
            Goal(
                f"SqueezeNet 1.1 inference, batch {n}",
                Case(f"squeezenet-{n}", "squeezenet-1.1", _PHOTOGRAPHS, 1000, n, mode="infer"),
                (1.3, 1.3) if n == 1 else (1.8, 1.8),
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
    parser.add_argument("--isa", default="", help="instructions that both sides are held to, as in avx2,avx512")
    options = parser.parse_args()
    if not is_installed():
        raise GlassnetError("PyTorch is not installed; pip install 'glassnet[torch]'.")
    for isa in options.isa.split(","):
        if isa and isa not in possible():
            print(f"{isa}: this processor has {', '.join(possible())} alone; its figures are left open\n", flush=True)
            continue
        with held_to(isa):
            print_table(options.case or list(GOALS), options.threads or [1, 2], options.runs)


def print_table(cases: list[str], threads: list[int], runs: int) -> None:
    machine = inspect()
    print("\n".join([str(machine), *machine.warnings, f"medians of {runs} runs\n"]))
    print(
        "| network | threads | PyTorch ms | glassnet ms | ratio | goal | |\n|---|---|---|---|---|---|---|", flush=True
    )
    for name in cases:
        for number in threads:
            print(measure(GOALS[name], number, runs), flush=True)
    print(flush=True)


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
