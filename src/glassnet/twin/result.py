"""What a comparison of two engines found, as plain data and as text."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from glassnet.text import columns, counted, ruled
from glassnet.twin.distance import LOSS, Difference
from glassnet.twin.reasons import Reason

__all__ = ["Parting", "Twin"]

_ROWS = 10  # steps that the table shows


@dataclass(frozen=True)
class Parting:
    """Where two engines part: the first step, the first tensor that it computes and its worst element.

    Attributes
    ----------
    step : int
        The step, from 1.
    difference : Difference
        Of the first tensor beyond the tolerance, in the order in which a step computes them.
    others : tuple of Difference
        The other tensors beyond it in the same step, in that order.
    reason : Reason
        Why, as far as can be told.

    Examples
    --------
    >>> from glassnet.twin import Difference, Parting, Reason
    >>> loss = Difference("loss", 0.5, (), 1.0, 0.5, 3e7, 1, 1)
    >>> parting = Parting(7, loss, (), Reason("forward", "the losses differ before any weight does"))
    >>> parting.step, parting.describe(("ours", "theirs"))[-1]
    (7, 'likely reason: the losses differ before any weight does')
    """

    step: int
    difference: Difference
    others: tuple[Difference, ...]
    reason: Reason

    def describe(self, names: tuple[str, str]) -> list[str]:
        """Lines that say so; `names` are those of the two sides."""
        d = self.difference
        more = f"; so do {d.apart - 1:,} more of its {d.size:,} elements" if d.apart > 1 else ""
        lines = [
            f"they part at step {self.step}, in {d.place}: {names[0]} {d.first!r}, {names[1]} {d.second!r},"
            f" {_number(d.ulps)} ulps apart{more}",
            f"error of {'the loss' if d.tensor == LOSS else d.name}: {d.error:.1e}",
        ]
        if self.others:
            lines[-1] += f"; then {_listed([other.name for other in self.others])}"
        return [*lines, f"likely reason: {self.reason.text}"]


@dataclass(frozen=True)
class Twin:
    """Two trainings from the same start on the same batches.

    Attributes
    ----------
    notation : str
        The network.
    names : (str, str)
        What the two sides are called.
    tolerance : float
        The largest error that passes.
    losses : (tuple of float, tuple of float)
        The loss at the start of every step.
    errors : tuple of float
        The largest error of any tensor after every step.
    worst : tuple of str
        The tensor that has it.
    ulps : tuple of float
        The distance of its worst element after every step.
    left_out : tuple of str
        Trained arrays that are not compared: their gradients are 0 but for rounding, and they have moved by chance.
    parted : Parting or None
        Where they part; None where they do not.

    Examples
    --------
    `compare` makes it, here of one's own numbers:

    >>> from glassnet.twin import Twin
    >>> losses, names = (1.1, 0.9), ("ours", "theirs")
    >>> found = Twin("linear 3", names, 1e-6, (losses, losses), (0.0, 1e-8), ("", "loss"), (0.0, 1.0))
    >>> found.passed, found.steps
    (True, 2)
    """

    notation: str
    names: tuple[str, str]
    tolerance: float
    losses: tuple[tuple[float, ...], tuple[float, ...]]
    errors: tuple[float, ...]
    worst: tuple[str, ...]
    ulps: tuple[float, ...]
    left_out: tuple[str, ...] = ()
    parted: Parting | None = None

    @property
    def passed(self) -> bool:
        """Whether the two stay within the tolerance."""
        return self.parted is None

    @property
    def steps(self) -> int:
        """Steps that were compared."""
        return len(self.errors)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "steps": self.steps, "passed": self.passed}

    def table(self) -> str:
        """Some of the steps: both losses, and how far the states are apart."""
        rows = [("step", f"loss, {self.names[0]}", f"loss, {self.names[1]}", "error", "of")]
        for step in self._shown():
            a, b = (losses[step - 1] for losses in self.losses)
            mark = " *" if self.parted is not None and step == self.parted.step else ""
            rows.append((f"{step}{mark}", f"{a:.10g}", f"{b:.10g}", f"{self.errors[step - 1]:.1e}",
                         self.worst[step - 1]))  # fmt: skip
        return ruled(columns(rows, sides=">>>><"))

    def summary(self) -> list[str]:
        """The verdict, in lines."""
        told = f"{counted(self.steps, 'step')}, tolerance {self.tolerance:.0e}"
        if self.parted is not None:
            lines = [f"{self.names[0]} and {self.names[1]}: {told}", *self.parted.describe(self.names)]
            return [*lines, *self._left_out()]
        at = max(range(self.steps), key=self.errors.__getitem__)
        where = f" ({self.worst[at]}, step {at + 1})" if self.errors[at] else ""
        same = f"{self.names[0]} and {self.names[1]}: the same for {told}; largest error {self.errors[at]:.1e}{where}"
        return [same, *self._left_out()]

    def _left_out(self) -> list[str]:
        if not self.left_out:
            return []
        return [f"left out: {_listed(list(self.left_out))}; the gradient is 0 but for rounding, and each side's own"]

    def _shown(self) -> list[int]:
        """The steps of the table: evenly spread, and that at which they part."""
        last = self.steps
        even = {1 + round(i * (last - 1) / (_ROWS - 1)) for i in range(_ROWS)}
        return sorted(even | ({self.parted.step} if self.parted is not None else set()))

    def __str__(self) -> str:
        return "\n".join([self.table(), *self.summary()])


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "infinitely many"
    return f"{value:,.0f}" if value < 1e7 else f"{value:.1e}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
