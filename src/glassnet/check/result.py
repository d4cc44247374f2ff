"""What a gradient check found, as plain data and as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from glassnet.check.opinion import Opinion
from glassnet.text import columns, ruled

__all__ = ["Check", "Row"]


@dataclass(frozen=True)
class Row:
    """One tensor in one mode.

    `entries` were checked of the `shape`; `error` is max|a - n| / max(|a|, |n|, floor) over them; `worst` is the index
    of the largest difference, with its `analytic` and `numerical` gradients. `rechecked` entries were decided with a
    smaller step, `skipped` ones lie on a kink. `absolute`: the gradient is 0 as far as differences can tell.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.check import check_network
    >>> check = check_network(Network("linear 3", (4,)), np.eye(4), [0, 1, 2, 0], "softmax-cross-entropy")
    >>> [(row.parameter, row.shape, row.verdict) for row in check.rows][:1]
    [('1.linear.weight', (4, 3), 'right')]
    """

    parameter: str
    mode: str
    shape: tuple[int, ...]
    entries: int
    error: float
    mean_difference: float
    max_difference: float
    worst: tuple[int, ...]
    analytic: float
    numerical: float
    rechecked: int
    skipped: int
    absolute: bool
    note: str
    passed: bool

    @property
    def verdict(self) -> str:
        """'right', 'wrong', or 'on a kink' where no entry could be checked."""
        if not self.passed:
            return "wrong"
        return "right" if self.entries else "on a kink"


@dataclass(frozen=True)
class Check:
    """The check of a network: the settings, the loss, a row for every tensor and mode, and, where the network is small
    and dense, the opinion of its scalar graph.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.check import check_network
    >>> check = check_network(Network("linear 3", (4,)), np.eye(4), [0, 1, 2, 0], "softmax-cross-entropy")
    >>> check.passed, len(check.wrong), check.worst.error < 1e-7
    (True, 0, True)
    """

    notation: str
    loss_notation: str
    examples: int
    loss: float
    l2: float
    step: float
    tolerance: float
    rows: tuple[Row, ...]
    seconds: float
    numerical_seconds: float
    opinion: Opinion | None = None

    @property
    def passed(self) -> bool:
        """Whether no gradient is wrong, by anybody's opinion."""
        return all(row.passed for row in self.rows) and (self.opinion is None or self.opinion.passed)

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows with a wrong gradient."""
        return tuple(row for row in self.rows if not row.passed)

    @property
    def worst(self) -> Row:
        """The row with the largest error; a wrong one before any other."""
        return max(self.rows, key=lambda row: (not row.passed, row.error))

    @property
    def entries(self) -> int:
        """Gradients checked, over all rows."""
        return sum(row.entries for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [
            {**asdict(row), "shape": list(row.shape), "worst": list(row.worst), "verdict": row.verdict}
            for row in self.rows
        ]
        return {**asdict(self), "rows": rows, "passed": self.passed, "entries": self.entries}

    def __str__(self) -> str:
        modes = len({row.mode for row in self.rows}) > 1
        lines = [("parameter", "shape", "checked", "error", "worst at", "analytic", "numerical", "verdict")]
        for row in self.rows:
            name = f"{row.parameter} ({row.mode})" if modes else row.parameter
            place = ", ".join(str(i) for i in row.worst)
            values = (f"{row.error:.1e}", f"[{place}]", f"{row.analytic:+.6e}", f"{row.numerical:+.6e}")
            lines.append((name, "x".join(map(str, row.shape)), f"{row.entries:,}", *values, _verdict(row)))
        table = ruled(columns(lines, sides="<<>><>><"))
        return "\n".join([table, self._summary(), *([str(self.opinion)] if self.opinion else [])])

    def _summary(self) -> str:
        wrong = f"{len(self.wrong)} of {len(self.rows)} tensors are WRONG"
        verdict = wrong if self.wrong else "every gradient is right"
        return f"{self.entries:,} gradients against central differences in {self.seconds:.2f} s: {verdict}"


def _verdict(row: Row) -> str:
    parts = [row.verdict]
    if row.absolute and row.passed:
        parts.append("0, compared absolutely")
    if row.rechecked:
        parts.append(f"{row.rechecked} with a smaller step")
    if row.skipped:
        parts.append(f"{row.skipped} on a kink skipped")
    if row.note:
        parts.append(row.note)
    return "; ".join(parts)
