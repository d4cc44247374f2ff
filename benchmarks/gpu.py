"""What a GPU can show of PyTorch's engine, in under 8 minutes: one script for a machine that is at hand for a while.

    python -m benchmarks.gpu                            # needs GLASSNET_DATA with CIFAR-10 for the last part
    python -m benchmarks.gpu --minutes 4

It prints GPU and versions; runs the tests marked `gpu`; times steps against plain PyTorch code (`torch_engine`); and
trains CIFAR-10 with one seed after the other as long as time is left: test accuracy, seconds of the whole training
(validation and host work included, data in memory before), and the seconds until it first had 94 %. Where PyTorch finds
no GPU, it says so and ends.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from glassnet.data import Splits, find, load
from glassnet.experiments import run_recipe
from glassnet.experiments.recipe import recipe_for
from glassnet.interop import is_installed, torch_library
from glassnet.processes import run_process

ROOT = Path(__file__).parents[1]
# Page's ResNet-9 of the DAWNBench entry, with our notation's layers.
NETWORK = (
    "conv-bn-relu 3x3, 64, pad 1 -> conv-bn-relu 3x3, 128, pad 1 -> maxpool 2x2"
    " -> residual(conv-bn-relu 3x3, 128, pad 1 -> conv-bn-relu 3x3, 128, pad 1)"
    " -> conv-bn-relu 3x3, 256, pad 1 -> maxpool 2x2 -> conv-bn-relu 3x3, 512, pad 1 -> maxpool 2x2"
    " -> residual(conv-bn-relu 3x3, 512, pad 1 -> conv-bn-relu 3x3, 512, pad 1) -> maxpool 4x4 -> linear 10"
)
SETTINGS: dict[str, Any] = {
    "model.network": NETWORK,
    "model.preprocess": "scale -> standardise",
    "model.loss": "softmax-cross-entropy, smoothing 0.1",
    "optimizer.name": "nesterov",
    "optimizer.lr": 0.4,
    "train.epochs": 24,
    "train.batch": 512,
    "train.l2": 5e-4,
    "train.schedule": "linear, warmup 0.2",
    "train.augment": "flip alternate -> crop 4, reflect -> cutout 8",
    "engine.name": "torch",
    "engine.device": "cuda",
    "engine.amp": True,
}
WANTED = 0.94


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--runs", type=int, default=5, help="trainings on CIFAR-10, at most")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    if not is_installed():
        print("PyTorch is not installed; pip install 'glassnet[torch]'.")
        return
    torch = torch_library()
    if not torch.cuda.is_available():
        print(f"There is no GPU here: PyTorch {torch.__version__} finds none.")
        return
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    _command("-m", "pytest", "-q", "-m", "gpu", "tests/engines", "--no-header")
    _command("-m", "benchmarks.torch_engine", "--device", "cuda", "--runs", "1", "--seconds", "1", "--threads", "2")
    _cifar(options.runs, end)


def _command(*words: str) -> None:
    done = run_process([sys.executable, *words], {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    print((done.stdout + done.stderr)[-3000:], flush=True)


def _cifar(runs: int, end: float) -> None:
    if find("cifar10") is None:
        print("CIFAR-10 is not here (glassnet data get cifar10), so nothing is trained on it.")
        return
    data = load("cifar10")
    splits = Splits(data.train, data.test, data.test)  # no epoch is chosen by the test set: the last one counts
    accuracies, whole = [], []
    for seed in range(runs):
        if whole and time.monotonic() + max(whole) > end:
            break
        recipe = recipe_for("cifar10", {**SETTINGS, "train.seed": seed})
        start = time.perf_counter()
        run = run_recipe(recipe, splits=splits)
        whole.append(time.perf_counter() - start)
        epochs = [record for record in run.history.records if record["kind"] == "epoch"]
        accuracies.append(epochs[-1]["valid_accuracy"])
        first = next((r["seconds"] for r in epochs if r["valid_accuracy"] >= WANTED), None)
        reached = "never" if first is None else f"after {first:.1f} s"
        seconds = epochs[-1]["seconds"]
        print(f"seed {seed}: {accuracies[-1]:.4f} after {seconds:.1f} s; {WANTED:.0%} {reached}", flush=True)
    print(f"mean of {len(whole)}: {statistics.mean(accuracies):.4f} in {statistics.mean(whole):.1f} s")


if __name__ == "__main__":
    main()
