"""Attacks against the truth, against adv-lib, and the cost and gain of training under attack.

    python -m benchmarks.attacks exact                      # linear and small ReLU networks: attacks and exact answers
    python -m benchmarks.attacks ensemble RUN DATA --eps 0.1,0.2,0.3 --examples 1000      # beside adv-lib's ensemble
    python -m benchmarks.attacks training --minutes 20      # a convnet on MNIST under attack, then attacked
    python -m benchmarks.attacks training --held-out        # the same on a sixth of the training part: for choosing

Needs MNIST (GLASSNET_DATA, or glassnet data get mnist); `ensemble` needs PyTorch and adv-lib (`make setup-dev`). The
ensemble of adv-lib: APGD on the cross-entropy (100 steps), APGD with targeted DLR (9 classes of 100 steps each) and
targeted FAB (9 classes, 100 steps), one start each, one after the other on what is still right, in batches of 100.
Each side is one run in a process of its own, after the other.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from types import ModuleType
from typing import Any

import numpy as np

import glassnet
from glassnet import attack, threads
from glassnet.attack import APGD, FAB, FGSM, PGD, Goal, Victim
from glassnet.bench.machine import inspect
from glassnet.metrics import wilson_interval
from glassnet.model import Model

_SEED = 0


# ---- the exact answers


def exact(pictures: int = 1000, hidden: int = 50) -> None:
    """Attacks beside the closed form, and beside mixed-integer programmes."""
    for line, count in (("linear", pictures), (f"linear {hidden} -> relu -> linear", 50)):
        run = glassnet.fit("mnist", line, epochs=5)
        victim = Victim.of(run.model, dtype=np.float64)
        x, labels = run.evaluated.images[:count] / 255.0, run.evaluated.labels[:count]
        for norm in ("linf", "l2") if line == "linear" else ("linf",):
            began = time.perf_counter()
            sizes = {
                name: attack.smallest_sizes(victim, x, labels, norm, made)
                for name, made in {
                    "FAB": FAB(steps=40, restarts=3),
                    "APGD": APGD(),
                    "PGD": PGD(),
                    "FGSM": FGSM(),
                }.items()
            }
            middle = time.perf_counter()
            if line == "linear":
                truth = attack.exact_linear(victim, x, labels, norm)
            else:
                truth = attack.exact_relu(victim, x, labels, np.min(list(sizes.values()), axis=0), seconds=300)
            took = f"attacks {middle - began:.0f} s, exact {time.perf_counter() - middle:.0f} s"
            print(f"\n{line}, {norm}, {count} pictures: {took}, proved {truth.proved.sum()} of {count}", flush=True)
            _compare(sizes, truth.sizes)
            if line != "linear":
                for i in range(count):
                    each = "  ".join(f"{name} {found[i]:.5f}" for name, found in sizes.items())
                    print(f"    picture {i:2}: exact {truth.sizes[i]:.5f}  {each}")


def _compare(sizes: dict[str, np.ndarray], truth: np.ndarray) -> None:
    right = truth > 0
    for name, found in sizes.items():
        there = right & np.isfinite(found)
        over, ratio = (found - truth)[there], found[there] / truth[there]
        print(f"  {name:5} found {there.sum()} of {right.sum()}; ratio median {np.median(ratio):.6f}", end="")
        print(f", largest {ratio.max():.4f}; above by at most {over.max():.2e}", end="")
        print(f", below by at most {max(0.0, -over.min()):.1e}")


# ---- beside adv-lib


def _pictures(run: str, data: str, count: int) -> tuple[Model, np.ndarray, np.ndarray]:
    from glassnet.actions.evaluate import labelled, load_for

    model = Model.load(run)
    _, dataset = labelled(model, load_for(model, data), "")
    return model, *attack.pictures_of(dataset, np.arange(count))


def ours(run: str, data: str, eps: list[float], count: int, effort: str) -> dict[str, Any]:
    """Robust accuracies, and what they took."""
    model, stored, labels = _pictures(run, data, count)
    found = attack.measure_robustness(Victim.of(model), stored, labels, eps, effort=effort, seed=_SEED)
    return {"clean": found.accuracy(0), "robust": [found.accuracy(e) for e in eps], "seconds": found.seconds}


def advlib(run: str, data: str, eps: list[float], count: int) -> dict[str, Any]:
    """The same by adv-lib on PyTorch."""
    import torch

    from glassnet.interop import to_torch

    # What adv-lib imports and these attacks do not use.
    for name, attribute in (("torchvision", "models"), ("visdom", "Visdom"), ("tqdm", "tqdm")):
        if importlib.util.find_spec(name) is None:
            stand_in = ModuleType(name)
            setattr(stand_in, attribute, None)
            sys.modules[name] = stand_in
    from adv_lib.attacks import apgd, apgd_targeted, fab

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(_SEED)
    model, stored, labels = _pictures(run, data, count)
    network = to_torch(model.network).eval()
    factor, shift = _affine(model)

    class Whole(torch.nn.Module):
        """Pixels to scores: the preprocessing is part of it."""

        def forward(self, x: Any) -> Any:
            return network(x * factor + shift)

    whole = Whole()
    x = torch.from_numpy(np.ascontiguousarray(stored.transpose(0, 3, 1, 2)).astype(np.float32) / 255)
    y = torch.from_numpy(labels)

    def right(pictures: Any, own: Any) -> Any:
        with torch.no_grad():
            scores = whole(pictures)
            best = scores.gather(1, own[:, None])[:, 0]
            return best > scores.scatter(1, own[:, None], -torch.inf).max(dim=1).values

    began = time.perf_counter()
    clean = torch.cat([right(x[i : i + 100], y[i : i + 100]) for i in range(0, count, 100)])
    robust = []
    left = clean.clone()
    linf = float("inf")
    for e in eps:
        for name in ("apgd", "apgd-t", "fab"):
            at = torch.nonzero(left)[:, 0]
            for part in torch.split(at, 100) if len(at) else ():
                if name == "apgd":
                    found = apgd(whole, x[part], y[part], eps=e, norm=linf, n_iter=100, loss_function="ce")
                elif name == "apgd-t":
                    found = apgd_targeted(whole, x[part], y[part], eps=e, norm=linf, n_iter=100, num_targets=9)
                else:
                    found = fab(whole, x[part], y[part], norm=linf, n_iter=100, ε=e, targeted_restarts=True, restarts=9)
                within = (found - x[part]).abs().flatten(1).max(dim=1).values <= e * (1 + 1e-6)
                left[part] &= right(found.detach(), y[part]) | ~within
        robust.append(float(left.float().mean()))
    return {"clean": float(clean.float().mean()), "robust": robust, "seconds": time.perf_counter() - began}


def _affine(model: Model) -> tuple[Any, Any]:
    """(factor, shift) by channel of a preprocessing that is affine in each channel."""
    import torch

    shape = (1, *model.image_shape)
    zero, one = (model.preprocess.transform(np.full(shape, value, np.float32)) for value in (0.0, 1.0))
    for image in (zero, one):
        assert np.ptp(image, axis=(1, 2)).max() < 1e-6, "the preprocessing is not the same for every pixel"
    rows = [torch.from_numpy(a[0, 0, 0]).reshape(1, -1, 1, 1) for a in (one - zero, zero)]
    return rows[0], rows[1]


def ensemble(run: str, data: str, eps: list[float], count: int, effort: str, sides: list[str]) -> None:
    """Both sides, each in a process of its own."""
    import importlib.metadata

    number = str(threads.count())
    environment = {**os.environ, "OMP_NUM_THREADS": number, "GLASSNET_THREADS": number}
    versions = {name: importlib.metadata.version(name) for name in ("adv-lib", "torch") if "adv-lib" in sides}
    print(f"{inspect((1, int(number)))}\n{number} threads; {count} pictures of {data}; {versions}", flush=True)
    found = {}
    for side in sides:
        arguments = json.dumps([side, run, data, eps, count, effort])
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.attacks", "worker", arguments], env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        found[side] = json.loads(done.stdout.splitlines()[-1])
        rates = ", ".join(f"{e:.4g}: {rate:.4f}" for e, rate in zip(eps, found[side]["robust"], strict=True))
        print(f"{side:9} clean {found[side]['clean']:.4f}; robust {rates}; {found[side]['seconds']:.0f} s", flush=True)


def worker(arguments: str) -> None:
    """One side, for `ensemble`."""
    side, run, data, eps, count, effort = json.loads(arguments)
    result = ours(run, data, eps, count, effort) if side == "glassnet" else advlib(run, data, eps, count)
    print(json.dumps(result))


# ---- training under attack

_CONVNET = (
    "conv 4x4, 32, stride 2, pad 1 -> relu -> conv 4x4, 64, stride 2, pad 1 -> relu -> linear 256 -> relu -> linear"
)


def training(minutes: float, epochs: int, adversary: str, effort: str, held_out: bool) -> None:
    """A convnet on MNIST under attack: clean accuracy, and accuracy under APGD and under the ensemble at linf 0.2."""
    from glassnet.data import Splits, load
    from glassnet.experiments import run_recipe
    from glassnet.experiments.recipe import recipe_from

    recipe = recipe_from({
        "data": {"source": "mnist", "validation": 0},
        "model": {"network": _CONVNET},
        "optimizer": {"name": "adam", "lr": 1e-3},
        "train": {"epochs": epochs, "batch": 128, "schedule": "linear, warmup 0.2", "adversarial": adversary},
    })  # fmt: skip
    splits = load("mnist", validation=1 / 6 if held_out else 0)
    if held_out:
        splits = Splits(splits.train, None, splits.valid)
    began = time.perf_counter()
    run = run_recipe(recipe, splits=splits, say=lambda text: print(text, flush=True))
    seconds = time.perf_counter() - began
    assert run.evaluation is not None
    print(f"{adversary}, {epochs} epochs: {seconds / 60:.1f} min (limit {minutes:g})")
    what = "held out of the training part" if held_out else "of the test part"
    print(f"clean {run.evaluation.accuracy:.4f} on 10,000 pictures {what}", flush=True)
    victim, count = Victim.of(run.model), 1000
    stored, labels = run.evaluated.images[:count], run.evaluated.labels[:count]
    goal, x = Goal(labels), (stored / 255).astype(np.float32)
    for made in (APGD(), APGD(loss="dlr"), APGD(restarts=5)):
        found = made.run(
            victim, x, goal, attack.norm_of("linf"), np.full(count, 0.2), np.random.default_rng(_SEED)
        )  # fmt: skip
        right = int((~goal.reached(victim.scores(found))).sum())
        low, high = wilson_interval(right, count)
        print(f"under {made.notation(0.2)}: {right / count:.4f} (95 % interval {low:.4f} to {high:.4f})", flush=True)
    whole = attack.measure_robustness(victim, stored, labels, [0.1, 0.2], effort=effort)
    print(f"under the ensemble ({effort}): {whole.accuracy(0.1):.4f} at 0.1, {whole.accuracy(0.2):.4f} at 0.2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    made = parts.add_parser("exact")
    made.add_argument("--pictures", type=int, default=1000)
    made = parts.add_parser("ensemble")
    made.add_argument("run")
    made.add_argument("data")
    made.add_argument("--eps", default="0.1,0.2,0.3")
    made.add_argument("--examples", type=int, default=1000)
    made.add_argument("--effort", default="standard")
    made.add_argument("--only", choices=("glassnet", "adv-lib"))
    made = parts.add_parser("training")
    made.add_argument("--minutes", type=float, default=20)
    made.add_argument("--epochs", type=int, default=13)
    made.add_argument("--adversary", default="pgd 0.22, steps 5")
    made.add_argument("--held-out", action="store_true")
    made.add_argument("--effort", default="standard")
    parts.add_parser("worker").add_argument("arguments")
    options = parser.parse_args()
    if options.part == "exact":
        exact(options.pictures)
    elif options.part == "training":
        training(options.minutes, options.epochs, options.adversary, options.effort, options.held_out)
    elif options.part == "worker":
        worker(options.arguments)
    else:
        eps = sorted(attack.as_size(e) for e in options.eps.split(","))
        sides = [options.only] if options.only else ["glassnet", "adv-lib"]
        ensemble(options.run, options.data, eps, options.examples, options.effort, sides)


if __name__ == "__main__":
    main()
