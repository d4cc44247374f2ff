"""Rules about training pictures and others: what was learned by heart, and parts of the data that differ."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.advice import more_variety, severity
from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.words import percent

__all__ = ["labels_disagree", "labels_random", "overfitting", "parts_differ"]

# A gap of 10 points that is no accident. On digits: 1 to 4 points with all pictures, 17 with 8 a class, 36 with 3.
_GAP, _BEYOND_CHANCE = 0.10, 0.05
_LOSS_GAP = 2.0  # validation loss against training loss, where there is no accuracy
_ENOUGH = 10  # pictures of a class
_FAR = 0.5  # of the pictures: no good run has so many of a class wrong, let alone of all
_EASY = 0.8  # training accuracy that memory alone does not reach in the first half of a training


def overfitting(case: Case) -> Iterator[Finding]:
    """Far better on the pictures that were trained on than on others."""
    remedy = "More pictures help most."
    accuracy, interval, n, part = case.other_accuracy
    trained = case.training_accuracy
    if _of_another_kind(case):
        return  # no memory: the parts differ
    if trained - accuracy > _GAP and interval[1] < trained - _BEYOND_CHANCE:
        evidence = (
            f"It learned its training pictures by heart: {percent(trained)} of them are right, but only"
            f" {percent(accuracy)} of {n:,} {part} pictures."
        )
        yield Finding("overfitting", severity(case), evidence, more_variety(case), remedy, part)
        return
    loss, valid = case.kept.get("loss", math.nan), case.kept.get("valid_loss", math.nan)
    if case.evaluation is None and case.losses_compare and valid > _LOSS_GAP * loss > 0.0:
        evidence = f"The loss is {valid / loss:.1f} times as large on validation pictures as in training."
        yield Finding("overfitting", severity(case), evidence, more_variety(case), remedy, "validation")


def _of_another_kind(case: Case) -> bool:
    """Whether many pictures of each class were learned quickly, and others are guessed, or nearly so."""
    if case.evaluation is None or not case.learned_early(_EASY):
        return False
    counts = [count for count in case.counts if count]
    enough = bool(counts) and min(counts) >= _ENOUGH
    return case.failed or (enough and case.evaluation.accuracy_interval[1] < _FAR * case.training_accuracy)


def labels_disagree(case: Case) -> Iterator[Finding]:
    """Classes whose pictures are taken for one other class, by a network that knows its training pictures."""
    found = case.evaluation
    if found is None or case.part == "training" or not case.training_accuracy > _EASY or len(case.counts) < 2:
        return
    taken = []
    for number, row in enumerate(found.confusion):
        answer = int(row.argmax())
        if answer != number and row[answer] > _FAR * row.sum() and min(row.sum(), case.counts[number]) >= _ENOUGH:
            taken.append((found.class_names[number], found.class_names[answer], int(row[answer]), int(row.sum())))
    if taken and not case.one_answer:
        name, other, count, n = taken[0]
        more = f", and so on for {len(taken) - 1} more" if len(taken) > 1 else ""
        yield Finding(
            "labels-disagree",
            severity(case),
            f"{count} of {n} {case.part} pictures of '{name}' are taken for '{other}'{more}, though"
            f" {percent(case.training_accuracy)} of the training pictures are right: the two parts do not call the same"
            " pictures by the same name.",
            remedy=f"Compare training and {case.part} pictures of '{name}': 'glassnet data show'.",
            where="training",
        )


def labels_random(case: Case) -> Iterator[Finding]:
    """Training pictures that are slowly learned by heart, with nothing that holds for others."""
    trained = case.best_accuracy
    if not case.failed or case.learned_early(_EASY) or not math.isfinite(trained) or case.evaluation is None:
        return
    if trained > case.chance + 2.0 * _GAP and case.evaluation.accuracy_interval[1] < trained - _BEYOND_CHANCE:
        evidence = (
            f"{percent(trained)} of the training pictures are right, and other pictures are guessed: what was learned"
            " are single pictures, as with labels that have nothing to do with them."
        )
        remedy = "Look at some training pictures with their labels: 'glassnet data show'."
        yield Finding("labels-random", "failure", evidence, remedy=remedy, where="training")


def parts_differ(case: Case) -> Iterator[Finding]:
    """Parts of the data that are of another kind than the training part."""
    found = case.evaluation
    if found is None or case.part == "training":
        return
    valid = float(case.kept.get("valid_accuracy", math.nan))
    high = found.accuracy_interval[1]
    if _of_another_kind(case):
        evidence = (
            f"The training pictures were learned within the first half of the training, and of {found.n:,}"
            f" {case.part} pictures {percent(found.accuracy)} are right: of another kind, or with other labels."
        )
    elif case.part == "test" and valid - found.accuracy > _GAP and high < valid - _BEYOND_CHANCE:
        evidence = (
            f"{percent(valid)} of the validation pictures are right, but {percent(found.accuracy)} of {found.n:,} test"
            " pictures: the parts are of different kinds."
        )
    else:
        return
    remedy = f"Compare training and {case.part} pictures with their labels: 'glassnet data show'."
    yield Finding("parts-differ", "failure", evidence, remedy=remedy, where=case.part)
