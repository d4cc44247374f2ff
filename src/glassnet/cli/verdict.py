"""The verdict on a training, in the words of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glassnet.cli.options import say

if TYPE_CHECKING:
    from glassnet.experiments import Run

__all__ = ["FLAGS", "say_verdict"]

# The flags of `glassnet train` that set what rules advise; for any other setting there is --set.
FLAGS = {
    "model.network": "--model",
    "optimizer.lr": "--lr",
    "train.augment": "--augment",
    "train.epochs": "--epochs",
    "train.l2": "--l2",
}
_WORDS = {"failure": "FAILED", "warning": "look at this", "good": "good"}


def say_verdict(run: Run) -> None:
    """Print what is wrong with a run, and the command to try; nothing where nothing was found."""
    found = run.verdict
    if found is None:
        return
    say(f"verdict: {_WORDS[found.severity]}. {found.sentence}")
    if found.advice:
        recipe = run.recipe.data.source if run.folder is None else str(run.folder / "recipe.toml")
        say(f"try: glassnet train {shlex.quote(recipe)} {_flags(found.advice)}")
    elif found.remedy:
        say(f"try: {found.remedy}")


def _flags(advice: Mapping[str, Any]) -> str:
    return " ".join(
        f"{FLAGS[name]} {shlex.quote(str(value))}" if name in FLAGS else f"--set {shlex.quote(f'{name}={value}')}"
        for name, value in advice.items()
    )
