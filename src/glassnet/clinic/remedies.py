"""Remedies tried: the training with other settings beside the training as it is, from the same seed, for as many steps.

A finding advises settings; often others are as good. Each is tried by itself, and they are ranked by what they gain.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.clinic.brief import Brief, train_briefly
from glassnet.data import Splits
from glassnet.doctor import Finding
from glassnet.errors import GlassnetError, TrainingInterrupted
from glassnet.experiments.recipe import Recipe
from glassnet.nn.named import expand
from glassnet.notation import parse

__all__ = ["Trial", "Tryer", "alternatives", "try_remedies", "two_digits"]

_MOST = 4  # remedies of one finding that are tried
_SHORTEST = 20  # steps; fewer show nothing


@dataclass(frozen=True)
class Trial:
    """A remedy of a finding, tried.

    Attributes
    ----------
    finding : str
        Name of the finding.
    settings : mapping of str to object
        What was changed, by dotted name.
    steps : int
        Steps that either training made.
    loss_before, loss_after : float
        Loss on training pictures in evaluation mode, as it is and with the settings; inf where it diverged.
    accuracy_before, accuracy_after : float
        Accuracy on pictures of `part`; nan where there is none.
    part : str
        The part of the data that the accuracy is of.
    gain : float
        What remedies of one finding are ranked by: by how much the accuracy on other pictures rose (of a finding about
        them), else by which factor the loss fell, as a natural logarithm.

    Examples
    --------
    >>> from glassnet.clinic import Trial
    >>> trial = Trial("rate-too-low", {"optimizer.lr": 0.1}, 200, 2.3, 0.4, 0.1, 0.9, "validation", 1.75)
    >>> trial.helped, trial.change()
    (True, 'optimizer.lr = 0.1')
    """

    finding: str
    settings: Mapping[str, Any]
    steps: int
    loss_before: float
    loss_after: float
    accuracy_before: float
    accuracy_after: float
    part: str
    gain: float

    @property
    def helped(self) -> bool:
        """Whether it gained anything worth the name."""
        return self.gain > 0.01

    def sentence(self) -> str:
        """What happened, in one line."""
        words = f"with {self.change()}: loss after {self.steps:,} steps {_figure(self.loss_after)}"
        before = _figure(self.loss_before)
        words += f" instead of {before}" if before != _figure(self.loss_after) else ", as before"
        if math.isfinite(self.accuracy_after) or math.isfinite(self.accuracy_before):
            words += f", {_share(self.accuracy_after)} of {self.part} pictures right instead of"
            words += f" {_share(self.accuracy_before)}"
        return words

    def change(self) -> str:
        """The settings, as "optimizer.lr = 0.01"."""
        return ", ".join(f"{name} = {_plain(value)}" for name, value in self.settings.items())

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**vars(self), "settings": dict(self.settings), "helped": self.helped, "sentence": self.sentence()}


class Tryer:
    """Trains with other settings, each choice once.

    Parameters
    ----------
    before : Brief
        The beginning of the training as it is.
    splits : Splits
        Its data.
    seconds : float
        The time for all that will be tried.
    told : callable
        Is given what is done, how much of it, and of how much.
    """

    def __init__(
        self, before: Brief, splits: Splits, seconds: float, told: Callable[[str, float, float], None] = lambda *_: None
    ) -> None:
        self.before, self.recipe, self.splits, self.told = before, before.recipe, splits, told
        self.until = time.perf_counter() + seconds
        self._done: dict[tuple[str, int], Brief | None] = {}

    def steps_for(self, choices: int, share: float = 1.0) -> tuple[int, int]:
        """(steps of each training, how many choices there is time for) in a share of the time that is left."""
        before = self.before
        seconds = share * (self.until - time.perf_counter())
        per_step = before.seconds / max(1, before.steps)
        planned = math.inf if before.diverged or not before.whole else before.steps
        affordable = seconds / (choices + 1) / per_step
        steps = int(planned) if affordable >= planned else _round(affordable)
        if steps >= min(_SHORTEST, planned):
            return steps, choices
        return int(min(_SHORTEST, planned)), max(1, int(seconds / per_step / _SHORTEST) - 1)

    def base(self, steps: int) -> Brief:
        """The training as it is."""
        if self.before.diverged or steps == self.before.steps:
            return self.before
        return self.after({}, steps) or self.before

    def after(self, settings: Mapping[str, Any], steps: int) -> Brief | None:
        """The training with other settings; None where they do not fit."""
        key = repr(sorted(settings.items())), steps
        if key not in self._done:
            try:
                changed = self.recipe.with_settings(dict(settings))
                self._done[key] = train_briefly(changed, self.splits, steps=steps)
            except TrainingInterrupted:
                raise
            except GlassnetError:
                self._done[key] = None
        return self._done[key]

    def trial(self, finding: str, settings: Mapping[str, Any], steps: int) -> Trial | None:
        """What the settings gain; None where they do not fit."""
        after = self.after(settings, steps)
        return None if after is None else _trial(finding, settings, self.base(steps), after, steps)


def try_remedies(findings: Sequence[Finding], tryer: Tryer) -> tuple[Trial, ...]:
    """Try what the findings advise, and what else may help.

    Parameters
    ----------
    findings : sequence of Finding
        The worst first: where the time is short, their remedies are tried first.
    tryer : Tryer
        Does it.

    Returns
    -------
    tuple of Trial
        Those of a finding together, the largest gain first.
    """
    wanted: list[tuple[str, dict[str, Any]]] = []
    for finding in findings:
        choices = alternatives(finding, tryer.recipe)[:_MOST] if finding.severity != "good" else []
        wanted += [(finding.name, settings) for settings in choices if (finding.name, settings) not in wanted]
    if not wanted:
        return ()
    steps, most = tryer.steps_for(len(wanted))
    found: dict[str, list[Trial]] = {}
    for number, (name, settings) in enumerate(wanted[:most]):
        tryer.told("trying remedies", number, min(most, len(wanted)))
        if (trial := tryer.trial(name, settings, steps)) is not None:
            found.setdefault(name, []).append(trial)
    return tuple(
        trial for trials in found.values() for trial in sorted(trials, key=lambda trial: trial.gain, reverse=True)
    )


def _trial(finding: str, settings: Mapping[str, Any], base: Brief, after: Brief, steps: int) -> Trial:
    before_accuracy, after_accuracy = _accuracy(base), _accuracy(after)
    if finding in _ABOUT_OTHERS and math.isfinite(before_accuracy) and math.isfinite(after_accuracy):
        gain = after_accuracy - before_accuracy
    elif "model.loss" in settings:
        gain = after.accuracy - base.accuracy
    else:
        gain = _logarithm(base.loss) - _logarithm(after.loss)
    return Trial(
        finding, dict(settings), steps, base.loss, after.loss, before_accuracy, after_accuracy, after.part, gain
    )  # fmt: skip


def _accuracy(brief: Brief) -> float:
    return math.nan if brief.evaluation is None else brief.evaluation.accuracy


def _logarithm(loss: float) -> float:
    return math.log(min(max(loss, 1e-12), 1e12)) if not math.isnan(loss) else math.log(1e12)


def _round(steps: float) -> int:
    """Down to 1, 2 or 5 and zeros: so that the same machine, a little slower, tries as many."""
    if not steps >= 1:
        return 0
    power = 10 ** math.floor(math.log10(steps))
    return int(max(factor * power for factor in (1, 2, 5) if factor * power <= steps))


# ---- what else may help

_ABOUT_OTHERS = ("overfitting", "few-pictures")  # findings about pictures that were not trained on


def alternatives(finding: Finding, recipe: Recipe) -> list[dict[str, Any]]:
    """The settings that a finding advises, then others that may do as well."""
    found = [dict(finding.advice)] if finding.advice else []
    if finding.name in _OTHERS:
        found += _OTHERS[finding.name](recipe)
    unique: list[dict[str, Any]] = []
    for settings in found:
        if settings and settings not in unique:
            unique.append(settings)
    return unique


def _lower_rates(recipe: Recipe) -> list[dict[str, Any]]:
    lr = recipe.make_optimizer().lr
    return [
        {"optimizer.lr": two_digits(lr / 10)}, {"optimizer.lr": two_digits(lr / 100)}, {"train.clip": 1.0},
    ]  # fmt: skip


def _higher_rates(recipe: Recipe) -> list[dict[str, Any]]:
    lr = recipe.make_optimizer().lr
    return [{"optimizer.lr": two_digits(lr * 10)}, {"optimizer.lr": two_digits(lr * 100)}] if lr > 0 else []


def _against_overfitting(recipe: Recipe) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if not recipe.settings.l2:
        found.append({"train.l2": 0.001})
    if (text := with_dropout(recipe.model.network)) is not None:
        found.append({"model.network": text})
    if recipe.settings.epochs > 1:
        found.append({"train.epochs": max(1, recipe.settings.epochs // 2)})
    return found


def with_dropout(notation: str) -> str | None:
    """A network with dropout before its last layer; None where it has some, or no such place."""
    whole = expand(notation)
    steps = [step.text for step in parse(whole)] if whole and "dropout" not in whole else []
    if len(steps) < 2 or not steps[-1].startswith("linear"):
        return None
    return " -> ".join([*steps[:-1], "dropout 0.5", steps[-1]])


_OTHERS: dict[str, Callable[[Recipe], list[dict[str, Any]]]] = {
    "rate-too-high": _lower_rates,
    "loss-not-finite": _lower_rates,
    "rate-too-low": _higher_rates,
    "overfitting": _against_overfitting,
    "few-pictures": _against_overfitting,
}


def two_digits(value: float) -> float:
    """A number that is pleasant to read."""
    return float(f"{value:.2g}")


def _plain(value: Any) -> str:
    if value in (None, ""):
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(loss: float) -> str:
    return "not a number" if not math.isfinite(loss) else f"{loss:.3g}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "none"
