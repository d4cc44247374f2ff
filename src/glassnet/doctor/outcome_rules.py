"""Rules about what came out: how bad it is, or how good."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.words import percent

__all__ = [
    "at_chance",
    "good",
    "one_class",
    "reads_little",
    "reads_nothing",
    "same_output",
    "worse_in_evaluation",
    "worse_than_means",
]

_SAME = 1e-3  # points of probability: answers that differ by less are one answer
# Evaluation mode on the pictures that were trained on, against the accuracy as it went. On digits, good runs: 1 to 40
# points better, since dropout, augmentation and the older weights of the epoch make training look worse.
_WORSE = 0.10
_HALF = 0.5  # of the characters: fewer are right than wrong


def one_class(case: Case) -> Iterator[Finding]:
    """The same answer for every picture."""
    found = case.evaluation
    if found is None or case.main_answer is None or not case.one_answer:
        return
    name, count = case.main_answer
    which = "every picture" if count == found.n else f"{count:,} of {found.n:,} pictures"
    yield Finding(
        "one-class",
        "failure",
        f"At chance: it takes {which} for '{name}', so {percent(found.accuracy)} of {found.n:,} {case.part} pictures"
        " are right.",
        remedy="Try another learning rate, and look whether the classes can be told apart.",
        where=case.part,
        symptom=True,
    )


def at_chance(case: Case) -> Iterator[Finding]:
    """An accuracy that guessing would reach."""
    found = case.evaluation
    if found is None or not case.at_chance or case.one_answer:
        return
    yield Finding(
        "at-chance",
        "failure",
        f"At chance: {percent(found.accuracy)} of {found.n:,} {case.part} pictures are right, where guessing gives"
        f" {percent(case.chance)}.",
        remedy="Try another learning rate, more epochs or another network.",
        where=case.part,
        symptom=True,
    )


def same_output(case: Case) -> Iterator[Finding]:
    """An output that does not depend on the input: the same probability for every picture."""
    found = case.evaluation
    if found is None or not case.one_answer or found.n < 2:
        return
    spread = float(found.confidences.max() - found.confidences.min())
    if spread < _SAME:
        evidence = (
            f"The output does not depend on the input: the most probable class has a probability of"
            f" {percent(float(found.confidences.mean()))} for every picture, to within {spread:.1g}."
        )
        remedy = "Look for the first layer whose output is the same for all pictures: 'glassnet look' shows them."
        yield Finding("same-output", "failure", evidence, remedy=remedy, where=case.part, symptom=True)


def worse_than_means(case: Case) -> Iterator[Finding]:
    """Fewer right than by the nearest mean picture of a class, the simplest classifier that looks at the pictures."""
    found = case.evaluation
    if found is None or case.early or not case.means_accuracy > case.chance:
        return
    if found.accuracy_interval[1] < case.means_accuracy and not case.failed:
        evidence = (
            f"{percent(found.accuracy)} of {found.n:,} {case.part} pictures are right; comparing them with the mean"
            f" picture of each class gets {percent(case.means_accuracy)} right."
        )
        remedy = "A network should do better: look for the cause beside this."
        yield Finding("worse-than-means", "warning", evidence, remedy=remedy, where=case.part, symptom=True)


def worse_in_evaluation(case: Case) -> Iterator[Finding]:
    """Far worse on the pictures that were trained on in evaluation mode than in training."""
    trained = float(case.epochs[-1].get("accuracy", float("nan"))) if case.epochs else float("nan")
    if trained - case.fitted_accuracy > _WORSE:
        evidence = (
            f"In evaluation mode {percent(case.fitted_accuracy)} of the training pictures are right, in training it"
            f" was {percent(trained)}: the network does something else when it is used."
        )
        remedy = "Compare what dropout, batch normalisation and preprocessing do in the two modes."
        yield Finding("worse-in-evaluation", "failure", evidence, remedy=remedy, where="training", symptom=True)


def reads_nothing(case: Case) -> Iterator[Finding]:
    """As many errors as a network makes that reads nothing at all: 100 %."""
    found = case.transcription
    if found is None or case.early or not found.characters.interval.high >= 1.0:
        return
    empty = sum(not text for text in found.read)
    evidence = (
        f"It reads nothing: {percent(found.characters.rate)} of the characters of {found.n:,} {case.part} lines are"
        f" wrong, and {empty:,} of the lines are read as empty. Reading nothing makes 100 %."
    )
    remedy = "A network learns the blank first: train longer, or try another learning rate."
    yield Finding("reads-nothing", "failure", evidence, remedy=remedy, where=case.part, symptom=True)


def reads_little(case: Case) -> Iterator[Finding]:
    """More characters wrong than right, and yet some read."""
    found = case.transcription
    if found is None or case.early or not found.characters.rate > _HALF or found.characters.interval.high >= 1.0:
        return
    wrong = percent(found.characters.rate)
    evidence = f"It reads little: {wrong} of the characters of {found.n:,} {case.part} lines are wrong."
    remedy = "Train longer, and look at the worst lines: are they written as those of the training?"
    yield Finding("reads-little", "warning", evidence, remedy=remedy, where=case.part, symptom=True)


def good(case: Case) -> Iterator[Finding]:
    """Nothing wrong: how good it is."""
    if case.early:
        evidence = (
            f"Nothing is wrong in the first {case.last_step:,} of {case.planned_steps:,} steps: the loss went from"
            f" {case.first_loss:.3g} to {case.last_loss:.3g}."
        )
        yield Finding("good", "good", evidence, where="training")
    elif case.evaluation is not None:
        low, high = case.evaluation.accuracy_interval
        evidence = (
            f"It learned: {percent(case.evaluation.accuracy)} of {case.evaluation.n:,} {case.part} pictures are right"
            f" (95 % interval {percent(low)} to {percent(high)}), where guessing gives {percent(case.chance)}."
        )
        yield Finding("good", "good", evidence, where=case.part)
    elif case.reconstruction is not None:
        evidence = f"It learned: a mean PSNR of {case.reconstruction.psnr:.2f} dB."
        yield Finding("good", "good", evidence, where=case.part)
    elif case.transcription is not None:
        evidence = f"It learned: {case.transcription.describe()} in the {case.part} part."
        yield Finding("good", "good", evidence, where=case.part)
