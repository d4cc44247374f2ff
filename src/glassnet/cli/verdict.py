"""The verdict on a training, in the words of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glassnet.cli.options import say

if TYPE_CHECKING:
    from glassnet.experiments import Run

__all__ = ["FLAGS", "WORDS", "say_figures", "say_verdict", "try_line"]

# The flags of `glassnet train` that set what rules advise; for any other setting there is --set.
FLAGS = {
    "model.network": "--model",
    "optimizer.lr": "--lr",
    "train.augment": "--augment",
    "train.epochs": "--epochs",
    "train.l2": "--l2",
}
WORDS = {"failure": "FAILED", "warning": "look at this", "good": "good"}


def say_figures(run: Run) -> None:
    """Print the final figures of a run, each with its interval where it has one."""
    if run.evaluation is not None:
        low, high = run.evaluation.accuracy_interval
        say(
            f"{run.evaluated_on} accuracy {run.evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}),"
            f" {run.evaluation.n:,} pictures"
        )
    if run.reconstruction is not None:
        say(f"{run.evaluated_on} PSNR {run.reconstruction.psnr:.2f} dB, {run.reconstruction.n:,} pictures")
    if (lines := run.transcription) is not None:
        say(f"{run.evaluated_on} {lines.describe()}; of words {100 * lines.words.rate:.1f} %")


def say_verdict(run: Run) -> None:
    """Print what is wrong with a run, and the command to try; nothing where nothing was found."""
    found = run.verdict
    if found is None:
        return
    say(f"verdict: {WORDS[found.severity]}. {found.sentence}")
    if found.advice:
        recipe = run.recipe.data.source if run.folder is None else str(run.folder / "recipe.toml")
        say(f"try: {try_line(recipe, found.advice)}")
    elif found.remedy:
        say(f"try: {found.remedy}")


def try_line(recipe: str, advice: Mapping[str, Any]) -> str:
    """The command that trains a recipe (or data) with other settings."""
    return f"glassnet train {shlex.quote(recipe)} {_flags(advice)}"


def _flags(advice: Mapping[str, Any]) -> str:
    return " ".join(
        f"{FLAGS[name]} {shlex.quote(str(value))}" if name in FLAGS else f"--set {shlex.quote(f'{name}={value}')}"
        for name, value in advice.items()
    )
