"""A network that does badly while no rule knows why: likely changes are tried, and what mends it says the cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.clinic.remedies import Trial, Tryer, two_digits
from glassnet.doctor import Finding
from glassnet.doctor.words import percent
from glassnet.experiments.recipe import Recipe

__all__ = ["candidates", "explain"]

_SHARE = 0.6  # of the time for remedies


def explain(findings: Sequence[Finding], tryer: Tryer) -> tuple[tuple[Finding, ...], tuple[Trial, ...]]:
    """The cause that a change brings to light, and what was tried; nothing where a cause is known or none is needed.

    Parameters
    ----------
    findings : sequence of Finding
        What the rules found.
    tryer : Tryer
        Trains with other settings.
    """
    wrong = [finding for finding in findings if finding.severity != "good"]
    if not wrong or any(not finding.symptom for finding in wrong):
        return (), ()
    choices = candidates(tryer.recipe)
    steps, most = tryer.steps_for(len(choices), _SHARE)
    trials: list[tuple[str, Trial]] = []
    for number, (name, settings) in enumerate(choices[:most]):
        tryer.told("looking for a cause", number, min(most, len(choices)))
        if (trial := tryer.trial(name, settings, steps)) is not None:
            trials.append((name, trial))
    base = tryer.base(steps)
    trials = [(name, trial) for name, trial in trials if _mends(trial, base.evaluation)]
    if not trials:
        return (), ()
    name, best = max(trials, key=lambda found: found[1].accuracy_after)
    evidence = (
        f"With {best.change()} {percent(best.accuracy_after)} of {best.part} pictures are right after {steps:,} steps,"
        f" instead of {percent(best.accuracy_before)}."
    )
    cause = Finding(name, wrong[0].severity, evidence, dict(best.settings), where=next(iter(best.settings)))
    ranked = sorted((trial for _, trial in trials), key=lambda trial: trial.accuracy_after, reverse=True)
    return (cause,), tuple(Trial(**{**vars(trial), "finding": name}) for trial in ranked)


def _mends(trial: Trial, base: Any) -> bool:
    """Whether the accuracy is beyond what chance makes of the one before: above its 95 % interval by as much again."""
    if base is None:
        return False
    high = base.accuracy_interval[1]
    return bool(trial.accuracy_after > high + (high - base.accuracy))


def candidates(recipe: Recipe) -> list[tuple[str, dict[str, Any]]]:
    """Changes to try, the likeliest first, each with the name of the cause that it would show."""
    lr, settings, train = recipe.make_optimizer().lr, recipe.settings, recipe.train
    found: list[tuple[str, dict[str, Any]]] = [
        ("rate-too-high", {"optimizer.lr": two_digits(lr / 10)}),
        ("rate-too-low", {"optimizer.lr": two_digits(lr * 10)}),
    ]
    if "standardise" not in recipe.model.preprocess and recipe.start is None:
        found.append(("input-range", {"model.preprocess": f"{recipe.model.preprocess} -> standardise"}))
    if train.get("augment"):
        found.append(("augmentation-too-strong", {"train.augment": ""}))
    if settings.l2:
        found.append(("l2-too-strong", {"train.l2": 0.0}))
    if settings.clip is not None:
        found.append(("clip-too-small", {"train.clip": None}))
    if train.get("schedule", "constant") != "constant":
        found.append(("schedule-ends-early", {"train.schedule": "constant"}))
    if 0 < settings.batch < 16:
        found.append(("batch-too-small", {"train.batch": 32}))
    if train.get("class_weights"):
        found.append(("class-weights", {"train.class_weights": ""}))
    if recipe.optimizer.get("name") in ("sgd", "momentum", "nesterov", "rmsprop"):
        found.append(("unexplained", {"optimizer.name": "adam", "optimizer.lr": 0.001, "optimizer.momentum": None}))
    found.append(("rate-too-high", {"optimizer.lr": two_digits(lr / 100)}))
    return found
