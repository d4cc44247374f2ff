"""Rules about the course of a training: how the loss fell, for how long, and by what schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from glassnet.doctor.advice import severity, short
from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.words import percent

__all__ = [
    "batch_too_large",
    "batch_too_small",
    "loss_oscillates",
    "schedule_ends_early",
    "schedule_starts_late",
    "too_few_epochs",
]

# What is left to learn: below it, little is gained by more steps. On digits, the good run of one epoch ends at 63 %.
_UNDONE = 0.5
_LEARNED = 0.9  # training accuracy above which an early end is no fault
_FALLING = 0.03  # of the loss, over the last tenth of the steps of a training that still learns
_SWING = 0.25  # of the loss of the epoch before: a rise that noise does not explain. On digits, good runs: at most 0.1
_SWINGS = 2
_NOTHING = 0.01  # of the highest rate: what a schedule is at its end
_EARLY, _LATE = 0.6, 0.8  # of the steps
_BURST = 1.6  # times the first loss, the most of a good run on digits: what rises above it has another fault
_TINY_BATCH = 4  # pictures; their gradient is mostly noise where the rate is that of larger batches
_FEW_STEPS = 60  # in all: Adam's largest step of 0.001 moves a weight by 0.06 in them


def too_few_epochs(case: Case) -> Iterator[Finding]:
    """A loss that was still falling when the training ended, with most of it to be learned."""
    if not case.whole or not case.best_accuracy < _UNDONE or not math.isfinite(case.best_accuracy):
        return
    losses = np.array([float(record.get("loss", math.nan)) for record in case.steps])
    tenth = max(3, len(losses) // 10)
    if len(losses) < 3 * tenth or case.last_rate < _NOTHING * case.lr or case.highest_loss > _BURST * case.first_loss:
        return
    before, last = float(np.mean(losses[-2 * tenth : -tenth])), float(np.mean(losses[-tenth:]))
    noise = float(np.std(losses[-tenth:])) / math.sqrt(tenth)
    if before - last > max(_FALLING * before, noise) and last > _UNDONE * case.first_loss:
        epochs = len(case.epochs)
        evidence = (
            f"The training ended while it was learning: over its last tenth the loss fell from {before:.3g} to"
            f" {last:.3g}, and {percent(case.training_accuracy)} of the training pictures are right."
        )
        yield Finding(
            "too-few-epochs", severity(case), evidence, {"train.epochs": max(5, 4 * epochs)},
            where=f"epoch {epochs}",
        )  # fmt: skip


def loss_oscillates(case: Case) -> Iterator[Finding]:
    """A training loss that rises again and again from epoch to epoch."""
    losses = [float(record["loss"]) for record in case.epochs if not record.get("partial")]
    rises = [
        (place + 2, after / before - 1.0)
        for place, (before, after) in enumerate(pairwise(losses))
        if before > 0.0 and after > (1.0 + _SWING) * before
    ]
    if len(rises) < _SWINGS or case.diverged or case.best_accuracy > 1.0 - _SWING:
        return
    epoch, rise = max(rises, key=lambda found: found[1])
    evidence = (
        f"The training loss goes up and down: it rose in {len(rises)} of {len(losses) - 1} epochs, in epoch {epoch} by"
        f" {100 * rise:.0f} %."
    )
    advice = {"optimizer.lr": short(case.lr / 10)}
    yield Finding(
        "loss-oscillates", severity(case), evidence, advice, "A larger batch makes steps less noisy, too.",
        f"epoch {epoch}",
    )  # fmt: skip


def schedule_ends_early(case: Case) -> Iterator[Finding]:
    """A schedule that is at nothing long before the training ends, with much left to learn."""
    rates = _rates(case)
    if rates is None or not case.training_accuracy < _LEARNED:
        return
    steps, rate = rates
    over = rate < _NOTHING * rate.max()
    first = int(np.argmax(over)) if over.any() else -1
    if first > int(np.argmax(rate)) and over[first:].all() and steps[first] < _EARLY * case.planned_steps:
        evidence = (
            f"The schedule has brought the rate below {100 * _NOTHING:g} % of its highest by step {steps[first]:,} of"
            f" {case.planned_steps:,}; what comes after changes next to nothing, and"
            f" {percent(case.training_accuracy)} of the training pictures are right."
        )
        yield Finding(
            "schedule-ends-early", severity(case), evidence, {"train.schedule": "cosine"}, where=f"step {steps[first]}"
        )


def schedule_starts_late(case: Case) -> Iterator[Finding]:
    """A warm-up that takes nearly all of the training."""
    rates = _rates(case)
    if rates is None or not case.whole:
        return
    steps, rate = rates
    high = int(np.argmax(rate >= 0.5 * rate.max()))
    if steps[high] > _LATE * case.planned_steps and case.training_accuracy < 1.0 - _SWING:
        evidence = (
            f"The schedule warms up for too long: the rate is half of its highest at step {steps[high]:,} of"
            f" {case.planned_steps:,}."
        )
        yield Finding(
            "schedule-starts-late", severity(case), evidence, {"train.schedule": "onecycle"},
            where=f"step {steps[high]}",
        )  # fmt: skip


def batch_too_small(case: Case) -> Iterator[Finding]:
    """A few examples a step, and a loss that noise keeps from falling."""
    batch = case.settings.get("train.batch")
    if not isinstance(batch, int) or not 0 < batch <= _TINY_BATCH or case.diverged or case.largest_ratio < _NOTHING:
        return
    noisy = case.last_loss > _UNDONE * case.first_loss or len(list(loss_oscillates(case)))
    if not noisy or case.best_accuracy > 1.0 - _SWING or not case.epochs:
        return
    of = "1 picture" if batch == 1 else f"{batch} pictures"
    evidence = (
        f"Each step sees {of}, whose gradient is mostly noise: the loss went from {case.first_loss:.3g} to"
        f" {case.last_loss:.3g} in {case.last_step:,} steps."
    )
    yield Finding("batch-too-small", severity(case), evidence, {"train.batch": 32}, "Or a lower rate.", "train.batch")


def batch_too_large(case: Case) -> Iterator[Finding]:
    """So few steps in all that nothing could be learned."""
    batch = case.settings.get("train.batch")
    if not case.whole or not isinstance(batch, int) or case.planned_steps >= _FEW_STEPS or not case.epochs:
        return
    examples = sum(case.counts)
    if (batch and batch <= 256) or examples < 256 or not case.best_accuracy < _UNDONE:
        return
    evidence = (
        f"With {batch or examples:,} pictures a step the training has {case.planned_steps:,} steps in all, too few to"
        f" get anywhere: the loss went from {case.first_loss:.3g} to {case.last_loss:.3g}."
    )
    yield Finding("batch-too-large", severity(case), evidence, {"train.batch": 64}, "Or more epochs.", "train.batch")


def _rates(case: Case) -> tuple[np.ndarray, np.ndarray] | None:
    """(step, rate) of the recorded steps where the rate changes; None where it does not."""
    found = [(int(record["step"]), float(record.get("rate", math.nan))) for record in case.steps]
    if len(found) < 10:
        return None
    steps, rate = np.array([step for step, _ in found]), np.array([value for _, value in found])
    return (steps, rate) if np.isfinite(rate).all() and rate.max() > rate.min() else None
