"""The rules: each looks at a case and yields what it finds.

A rule that says why a network is bad calls it a failure where the network is no better than guessing, else a warning.
Every threshold names where it comes from; "on digits" means the runs of `tests/doctor/test_findings.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassnet.doctor.case import Case
from glassnet.doctor.finding import SEVERITIES, Finding, Severity
from glassnet.errors import GlassnetError
from glassnet.nn.layers import Conv, Linear
from glassnet.nn.named import expand
from glassnet.optim import make_optimizer

__all__ = ["RULES", "examine"]

# |update| / |weight| of about 1e-3 is healthy: A. Karpathy, CS231n course notes, "Neural Networks Part 3". The largest
# of a training, on digits: 0.0043 to 0.17 in good runs, 2.4 and more where the rate was too high, 3e-4 and less where
# it was too low.
_USUAL, _FIRST_STEPS = 1e-3, 1e-2
_TOO_LARGE, _TOO_SMALL = 0.3, 1e-3
_LEARNED = 0.5  # of the first loss: below it a training has made progress, whatever its updates
_GOOD_ENOUGH = 0.9  # training accuracy above which slow updates are no fault, as in fine-tuning
# A gap of 10 points that is no accident. On digits: 1 to 4 points with all pictures, 17 with 8 a class, 36 with 3.
_GAP, _BEYOND_CHANCE = 0.10, 0.05
_LOSS_GAP = 2.0  # validation loss against training loss, where there is no accuracy
# `glassnet train digits --set data.train_limit=N`, 60 epochs: 45 % with 3 pictures a class, 82 % with 8, 86 % with 16.
_FEW = 10
_SAME = 1e-6  # of the largest weight: float32 rounding
_NAMED = 3  # names that a sentence lists

Rule = Callable[[Case], Iterator[Finding]]


def examine(case: Case) -> tuple[Finding, ...]:
    """All that the rules find, the worst first; where nothing is wrong, one finding that says so."""
    found = [finding for rule in RULES for finding in rule(case)]
    found = found or list(good(case))
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


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


def nothing_trained(case: Case) -> Iterator[Finding]:
    """Weights that no step changed."""
    still = case.never_moved
    names = {name for name, _ in case.weight_norms}
    if not still:
        return
    if len(still) == len(names) and not (case.lr > 0.0):
        evidence, advice = "No weight has changed: the learning rate is 0.", {"optimizer.lr": _usual_rate(case)}
        yield Finding("no-update", "failure", evidence, advice, where=_some(still))
        return
    flat = [name for name, zero in still.items() if zero]
    if flat:
        few = "gets" if len(flat) == 1 else "get"
        evidence = f"{_some(flat)} {few} no gradient and never changed."
        severity: Severity = "failure" if len(flat) == len(names) else _severity(case)
        yield Finding("no-gradient", severity, evidence, _without_zeros(case), "Start from other weights.", _some(flat))


def same_units(case: Case) -> Iterator[Finding]:
    """Hidden units that are copies of each other: equal weights get equal gradients, and stay equal."""
    if case.network is None:
        return
    layers = [(name, layer) for name, layer in case.network.walk() if isinstance(layer, Conv | Linear)]
    for name, layer in layers[:-1]:
        weight = np.asarray(layer.parameters["weight"].value, np.float64)
        units = weight.reshape(-1, weight.shape[-1])
        if units.shape[1] < 2 or not np.isfinite(units).all():
            continue
        if np.ptp(units, axis=1).max() <= _SAME * np.abs(units).max():
            yield Finding(
                "same-units",
                _severity(case),
                f"All {units.shape[1]:,} units of {name} are the same: they began with equal weights and got equal"
                " gradients.",
                _without_zeros(case),
                "Start from random weights.",
                f"{name}.weight",
            )
            return


def rate_too_high(case: Case) -> Iterator[Finding]:
    """Updates as large as the weights themselves, and a loss that did not fall."""
    ratio = case.largest_ratio
    rose = case.last_loss > case.first_loss
    if not (ratio >= _TOO_LARGE and case.lr > 0.0) or not (rose or case.failed):
        return
    loss = f"; the loss went from {case.first_loss:.3g} to {_size(case.last_loss)}" if rose else ""
    yield Finding(
        "rate-too-high",
        _severity(case),
        f"The learning rate of {case.lr:.2g} is too high: an update was {_times(ratio)} the size of the weights that it"
        f" changed (about {_USUAL:g} is usual){loss}.",
        {"optimizer.lr": _rate_for(case, case.first_ratio)},
        where=_largest(case),
    )


def rate_too_low(case: Case) -> Iterator[Finding]:
    """Updates that are too small for the loss to fall in so many steps."""
    ratio = case.largest_ratio
    if not (0.0 < ratio < _TOO_SMALL and case.last_loss > _LEARNED * case.first_loss):
        return
    if case.training_accuracy > _GOOD_ENOUGH:
        return
    yield Finding(
        "rate-too-low",
        _severity(case),
        f"The learning rate of {case.lr:.2g} is too low: no update was above {ratio:.1g} of the weights (about"
        f" {_USUAL:g} is usual), and the loss only went from {case.first_loss:.3g} to {case.last_loss:.3g}.",
        {"optimizer.lr": _rate_for(case, ratio)},
        where=_largest(case),
    )


def absent_classes(case: Case) -> Iterator[Finding]:
    """Classes that have no training picture."""
    absent = [name for name, count in zip(case.class_names, case.counts, strict=False) if not count]
    if absent:
        have = "has" if len(absent) == 1 else "have"
        yield Finding(
            "absent-classes",
            _severity(case),
            f"{len(absent):,} of the {len(case.counts):,} classes {have} no training picture: {_some(absent)}.",
            remedy="Add pictures of each class, or leave these classes out.",
            where="training",
        )


def few_pictures(case: Case) -> Iterator[Finding]:
    """Too few pictures of a class to learn it from."""
    counts = [count for count in case.counts if count]
    if not counts or min(counts) >= _FEW:
        return
    least = min(counts)
    if least == max(counts):
        evidence = f"There {'is' if least == 1 else 'are'} only {_pictures(least)} of each class to learn from."
    else:
        names = [n for n, count in zip(case.class_names, case.counts, strict=False) if 0 < count < _FEW]
        evidence = (
            f"There are only {least} to {max(counts)} pictures of a class to learn from; below {_FEW}: {_some(names)}."
        )
    remedy = "Add pictures of each class: some tens, better hundreds."
    yield Finding("few-pictures", _severity(case), evidence, _more_variety(case), remedy, "training")


def overfitting(case: Case) -> Iterator[Finding]:
    """Far better on the pictures that were trained on than on others."""
    remedy = "More pictures help most."
    accuracy, interval, n, part = case.other_accuracy
    trained = case.training_accuracy
    if trained - accuracy > _GAP and interval[1] < trained - _BEYOND_CHANCE:
        evidence = (
            f"It learned its training pictures by heart: {percent(trained)} of them are right, but only"
            f" {percent(accuracy)} of {n:,} {part} pictures."
        )
        yield Finding("overfitting", _severity(case), evidence, _more_variety(case), remedy, part)
        return
    loss, valid = case.kept.get("loss", math.nan), case.kept.get("valid_loss", math.nan)
    if case.evaluation is None and valid > _LOSS_GAP * loss > 0.0:
        evidence = f"The loss is {valid / loss:.1f} times as large on validation pictures as in training."
        yield Finding("overfitting", _severity(case), evidence, _more_variety(case), remedy, "validation")


def good(case: Case) -> Iterator[Finding]:
    """Nothing wrong: how good it is."""
    if case.evaluation is not None:
        low, high = case.evaluation.accuracy_interval
        evidence = (
            f"It learned: {percent(case.evaluation.accuracy)} of {case.evaluation.n:,} {case.part} pictures are right"
            f" (95 % interval {percent(low)} to {percent(high)}), where guessing gives {percent(case.chance)}."
        )
        yield Finding("good", "good", evidence, where=case.part)
    elif case.reconstruction is not None:
        evidence = f"It learned: a mean PSNR of {case.reconstruction.psnr:.2f} dB."
        yield Finding("good", "good", evidence, where=case.part)


# In the order in which they are told: how bad it is, then why, the most certain cause first.
RULES: tuple[Rule, ...] = (
    one_class,
    at_chance,
    same_units,
    nothing_trained,
    rate_too_high,
    absent_classes,
    rate_too_low,
    few_pictures,
    overfitting,
)


# ---- severity and advice


def _severity(case: Case) -> Severity:
    return "failure" if case.failed else "warning"


def _rate_for(case: Case, ratio: float) -> float:
    """The power of ten at which updates that are now `ratio` of the weights are about a hundredth of them.

    Where no ratio is known, the usual rate.
    """
    if not 0.0 < ratio < math.inf:
        return _usual_rate(case)
    return float(f"{10.0 ** round(math.log10(case.lr * _FIRST_STEPS / ratio)):.0e}")


def _usual_rate(case: Case) -> float:
    try:
        return make_optimizer(str(case.settings.get("optimizer.name", "adam"))).lr
    except GlassnetError:
        return 0.001


def _without_zeros(case: Case) -> dict[str, Any]:
    """The network without its `init zeros`, where it has them."""
    text = str(case.settings.get("model.network", ""))
    if not text:
        return {}
    whole = expand(text)
    other = re.sub(r",?\s*\binit\s+zeros\b", "", whole)
    return {"model.network": other} if other != whole else {}


def _more_variety(case: Case) -> dict[str, Any]:
    """Augmentation that is right for any picture, else weight decay; nothing where both are there already."""
    if not case.settings.get("train.augment") and case.network is not None and len(case.network.input_shape) == 3:
        return {"train.augment": f"shift {max(1, round(min(case.network.input_shape[:2]) / 16))}"}
    return {} if case.settings.get("train.l2") else {"train.l2": 0.001}


# ---- words


def percent(share: float) -> str:
    """A share as a percentage, "-" where it is undefined."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def _times(ratio: float) -> str:
    if ratio >= 1e7:
        return f"{ratio:.3g} times" if math.isfinite(ratio) else "countless times"
    return f"{ratio:,.0f} times" if ratio >= 1.5 else f"{ratio:.1g} of"


def _size(value: float) -> str:
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _some(names: Any) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(str, names[:_NAMED])) + more


def _largest(case: Case) -> str:
    return max(case.ratios, key=lambda name: max(case.ratios[name]), default="")
