"""The rules while a training runs: what can be known already is said at the end of the epoch that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.rules import EARLY_RULES
from glassnet.engines import StepResult
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["Watch"]


class Watch(Callback):
    """Tells what goes wrong in a training, each thing once; or ends it.

    Parameters
    ----------
    say : callable
        Is given each `Finding`.
    after : int
        Epochs before it looks: the first steps of a sound training may be rough.
    stop : bool
        Whether the training ends with the first finding.
    settings : mapping of str to object
        What was asked for, by dotted name, see `Case`.

    Attributes
    ----------
    found : list of Finding
        What it has told.

    Examples
    --------
    >>> from glassnet import Network, Trainer, load_data
    >>> from glassnet.doctor import Watch
    >>> watch = Watch(after=1)
    >>> _ = Trainer(Network("linear 10", (8, 8, 1)), epochs=2, callbacks=[watch]).fit(load_data("digits").train)
    """

    def __init__(
        self,
        say: Callable[[Finding], None] = lambda finding: None,
        *,
        after: int = 2,
        stop: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.say, self.after, self.stop, self.settings = say, after, stop, dict(settings or {})
        self.found: list[Finding] = []
        self._records: list[dict[str, Any]] = []

    def start(self, training: Training, saved: Saved) -> None:
        """Begin; what was told before an interruption is told again."""
        self.found, self._records = [], []

    def step(self, training: Training, result: StepResult) -> None:
        """Keep the record of a step whose norms were taken."""
        if result.norms is not None:
            state = training.state
            rate = training.rate(state.step - 1)
            self._records.append({
                "kind": "step", "step": state.step, "loss": result.loss, "rate": rate, "norms": result.norms
            })  # fmt: skip

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        """Look at the records so far."""
        self._records.append(record)
        if record["epoch"] < self.after:
            return
        case = Case(self._records, settings=self.settings, whole=False)
        known = {finding.name for finding in self.found}
        for finding in (found for rule in EARLY_RULES for found in rule(case) if found.name not in known):
            self.found.append(finding)
            self.say(finding)
            if self.stop:
                training.stop(finding.evidence)
