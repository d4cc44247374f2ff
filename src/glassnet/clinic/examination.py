"""The examination: all that can be found out about a subject in the time that there is, and what remedies do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from glassnet import doctor
from glassnet.clinic.batches import look_at_batches
from glassnet.clinic.brief import Brief, evaluated, train_briefly
from glassnet.clinic.code import look_at_code, look_at_model, look_at_trained
from glassnet.clinic.divergence import first_bad_layer
from glassnet.clinic.remedies import Trial, Tryer, try_remedies
from glassnet.clinic.subject import Subject
from glassnet.clinic.unexplained import explain
from glassnet.data import Splits
from glassnet.doctor import Finding
from glassnet.experiments import Recipe, Run
from glassnet.model import Model

__all__ = ["BUDGET", "Examination", "examine"]

BUDGET = 45.0
"""Seconds that an examination takes at most, reading the data not counted."""

_TRAINING = 0.4  # of the budget, for the training; what is left after it is for the remedies

_TRIALS = 0.25  # of the budget, that remedies have at least
_COMPARED = 20_000  # different pictures among which nearly equal ones are looked for

Findings = tuple[Finding, ...]
Told = Callable[[str, float, float], None]  # what is done, how much, of how much


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes
    ----------
    kind : str
        What was examined: "data", "recipe", "run" or "model".
    name : str
        What it is called.
    recipe_file : str
        What a command trains to carry the same recipe out; empty of a model.
    findings : tuple of Finding
        The worst first; where nothing is wrong, one that says so (or none, where that cannot be said).
    trials : tuple of Trial
        Remedies that were tried, those of a finding together, the largest gain first.
    notes : tuple of str
        What was looked at and how far, and what could not be.
    seconds : float
        How long it took.

    Examples
    --------
    >>> from glassnet.clinic import examine
    >>> from glassnet.experiments import recipe_for
    >>> recipe = recipe_for("digits", {"optimizer.lr": 0.0, "train.epochs": 2})
    >>> examine(recipe, remedies=False).kind
    'recipe'
    """

    kind: str
    name: str
    recipe_file: str
    findings: tuple[Finding, ...]
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def healthy(self) -> bool:
        """Whether no finding is anything but good."""
        return all(finding.severity == "good" for finding in self.findings)

    def tried(self, finding: Finding) -> tuple[Trial, ...]:
        """The remedies of a finding, the best first."""
        return tuple(trial for trial in self.trials if trial.finding == finding.name)

    def advice(self, finding: Finding) -> Mapping[str, Any]:
        """The settings to try: those that did best when tried; where none helped, what the finding advises, unless that
        is among them.
        """
        trials = self.tried(finding)
        if trials and trials[0].helped:
            return trials[0].settings
        return {} if finding.advice in [trial.settings for trial in trials] else finding.advice

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        summary = doctor.verdict(self.findings)
        return {
            "kind": self.kind,
            "name": self.name,
            "verdict": summary and summary.to_dict(),
            "findings": [
                {
                    **finding.to_dict(),
                    "try": dict(self.advice(finding)),
                    "trials": [trial.to_dict() for trial in self.tried(finding)],
                }
                for finding in self.findings
            ],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }


def examine(
    what: Subject | Recipe | Run | Model,
    *,
    splits: Splits | None = None,
    budget: float = BUDGET,
    remedies: bool = True,
    silenced: Collection[str] = (),
    told: Told = lambda what, done, total: None,
) -> Examination:
    """Examine a recipe, a run or a model.

    Parameters
    ----------
    what : Subject, Recipe, Run or Model
        What is examined.
    splits : Splits, optional
        The data of a recipe or a model as `glassnet.data.load` gives them, where they are at hand: a recipe holds parts
        out of them, and breaks them where it has a fault.
    budget : float
        Seconds that it may take.
    remedies : bool
        Whether remedies are tried.
    silenced : collection of str
        Names of findings that are left out.
    told : callable
        Is given what is done, how much of it, and of how much.

    Returns
    -------
    Examination
        The findings, and what remedies did.

    Raises
    ------
    GlassnetError
        The recipe does not fit its data.

    Examples
    --------
    >>> from glassnet.clinic import examine
    >>> from glassnet.experiments import recipe_for
    >>> recipe = recipe_for("digits", {"optimizer.lr": 0.0, "train.epochs": 2})
    >>> "no-update" in [finding.name for finding in examine(recipe, remedies=False).findings]
    True
    """
    began = time.perf_counter()
    subject = what if isinstance(what, Subject) else Subject.of(what, splits)
    looked = _Look(subject, began + budget, budget, told)
    findings = [finding for finding in looked.findings() if finding.name not in silenced]
    trials: tuple[Trial, ...] = ()
    if remedies and looked.brief is not None and subject.splits is not None:
        tryer = Tryer(looked.brief, subject.splits, max(_TRIALS * budget, looked.left()), told)
        cause, trials = explain(findings, tryer)
        trials += try_remedies(findings, tryer)
        findings = list(doctor.together(findings[:1], cause, findings[1:])) if cause else findings
    return Examination(
        subject.kind, subject.name, subject.recipe_file, tuple(findings), trials, tuple(looked.notes),
        time.perf_counter() - began,
    )  # fmt: skip


class _Look:
    """One look at a subject; what it has found out on the way is kept."""

    def __init__(self, subject: Subject, until: float, budget: float, told: Told) -> None:
        self.subject, self.until, self.budget, self.told = subject, until, budget, told
        self.brief: Brief | None = None
        self.notes: list[str] = []

    def left(self) -> float:
        """Seconds."""
        return self.until - time.perf_counter()

    def findings(self) -> list[Finding]:
        """All of them, the worst first, each once."""
        subject = self.subject
        if subject.kind == "model" and subject.model is not None:
            self.notes.append("its code was looked at" + self._on())
            return list(doctor.together(look_at_model(subject.model, subject.splits), self._evaluated(subject.model)))
        code, training = self._training()
        return list(doctor.together(code, self._pictures(), training))

    def _pictures(self) -> tuple[Finding, ...]:
        """Of the pictures and labels themselves."""
        splits = self.subject.splits
        assert splits is not None
        if splits.train.holds_rows:
            return ()
        parts = {"training": splits.train, "validation": splits.valid, "test": splits.test}
        there = {name: part for name, part in parts.items() if part is not None}
        return doctor.examine_pictures(there, limit=_COMPARED, progress=self.told)

    def _on(self) -> str:
        return "" if self.subject.splits is not None else "; without data, on noise"

    def _evaluated(self, model: Model) -> tuple[Finding, ...]:
        """By the figures of a model on data that were named beside it."""
        splits = self.subject.splits
        if splits is None:
            return ()
        part, evaluation, reconstruction = evaluated(model, splits)
        names = model.class_names
        case = doctor.Case([], evaluation, reconstruction, part=part, class_names=names, network=model.network)
        return doctor.examine(case)

    def _training(self) -> tuple[Findings, Findings]:
        """(of the code and the batches, by the records of a run or of a training that is made now)."""
        subject = self.subject
        assert subject.recipe is not None and subject.splits is not None
        if subject.run is not None:
            found = doctor.examine(subject.run.case())
            code = look_at_code(subject.recipe, subject.splits, subject.run.model)
            found = (*found, *look_at_trained(subject.run.model, subject.splits))
            if any(finding.severity != "good" for finding in (*code, *found)):
                self._train(subject.recipe, subject.splits)  # what remedies are compared with
            return code, found
        brief = self._train(subject.recipe, subject.splits)
        case = brief.case(subject.splits)
        if brief.diverged:
            case = replace(case, first_bad=first_bad_layer(brief, subject.splits, _TRAINING * self.budget))
        if subject.records:
            case = replace(case, records=subject.records)
        code = look_at_code(brief.recipe, subject.splits, None if brief.diverged else brief.model)
        if brief.diverged:
            return code, doctor.examine(case)
        trained = () if case.early else look_at_trained(brief.model, subject.splits)
        fed = look_at_batches(brief.trainer, subject.splits)
        return (*code, *fed), (*doctor.examine(case), *trained)

    def _train(self, recipe: Recipe, splits: Splits) -> Brief:
        self.told("training", 0, 1)
        self.brief = train_briefly(recipe, splits, seconds=min(_TRAINING * self.budget, max(1.0, self.left())))
        steps, epochs = self.brief.steps, recipe.settings.epochs
        how = f"all {epochs} epochs" if self.brief.whole else f"the first {steps:,} steps"
        self.notes.append(f"trained for {how} ({self.brief.seconds:.1f} s)")
        return self.brief
