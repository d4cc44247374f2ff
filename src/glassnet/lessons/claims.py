"""A figure that a lesson states, computed anew and compared."""

from __future__ import annotations

import datetime
import html
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from glassnet.errors import GlassnetError

__all__ = ["MIME", "Claim", "ClaimError", "claim", "collected"]

MIME = "application/vnd.glassnet.claim+json"  # under which a notebook keeps a claim


class ClaimError(GlassnetError):
    """A figure has drifted from what is claimed.

    Examples
    --------
    >>> from glassnet.lessons import ClaimError, claim
    >>> try:
    ...     claim("two and two", 2 + 2, 5)
    ... except ClaimError as error:
    ...     print(error)
    A claim has drifted. two and two: 4 (claimed: exactly 5).
    """


@dataclass(frozen=True)
class Claim:
    """A figure by name: what came out here, and what was claimed.

    Attributes
    ----------
    name : str
        What is measured, with its unit.
    value, expected : float
        What came out, and what is claimed.
    tolerance : float or None
        How far the value may be from what is claimed; None where it is only shown, as of a time.
    machine, date : str
        Where and when it was computed.

    Examples
    --------
    >>> from glassnet.lessons import Claim
    >>> Claim("accuracy", 0.96, 0.97, 0.02, "Linux", "2026-01-01").holds
    True
    """

    name: str
    value: float
    expected: float
    tolerance: float | None
    machine: str
    date: str

    @property
    def holds(self) -> bool:
        """Whether the value is as near as the tolerance says; one that is not a number is not."""
        return self.tolerance is None or abs(self.value - self.expected) <= self.tolerance

    @property
    def verdict(self) -> str:
        """In a word or two: holds, DRIFTED, or that it is only shown."""
        return "only shown" if self.tolerance is None else "holds" if self.holds else "DRIFTED"

    @property
    def wanted(self) -> str:
        """What is claimed, with its tolerance."""
        if self.tolerance is None:
            return f"about {self.expected:.6g}"
        return f"{self.expected:.6g} within {self.tolerance:.2g}" if self.tolerance else f"exactly {self.expected:.6g}"

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.6g} (claimed: {self.wanted})"

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**asdict(self), "holds": self.holds}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = f'<div class="claim">{html.escape(str(self))}</div>'
        return {MIME: self.to_dict(), "text/html": shown, "text/plain": str(self)}


_collected: ContextVar[list[Claim] | None] = ContextVar("_collected", default=None)


@contextmanager
def collected() -> Iterator[list[Claim]]:
    """A list to which every claim made within is added; there a claim that has drifted raises nothing."""
    found: list[Claim] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def claim(name: str, value: float, expected: float, tolerance: float | None = 0.0) -> None:
    """State a figure, and compare it with what came out. A notebook shows it.

    Parameters
    ----------
    name : str
        What is measured, with its unit.
    value, expected : float
        What came out, and what is claimed. A truth value counts as 0 or 1.
    tolerance : float, optional
        How far they may be apart, at least 0; None only shows both, as of a time, which depends on the machine.

    Raises
    ------
    ClaimError
        They are further apart, or the value is not a number.

    Examples
    --------
    >>> from glassnet.lessons import claim
    >>> claim("two and two", 2 + 2, 4)
    >>> claim("pi", 3.14, 3.14159, 0.01)
    """
    found = Claim(
        name,
        float(value),
        float(expected),
        None if tolerance is None else float(tolerance),
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        datetime.date.today().isoformat(),
    )
    if (others := _collected.get()) is not None:
        others.append(found)
        return
    notebook = sys.modules.get("IPython")
    if notebook is not None and notebook.get_ipython() is not None:
        notebook.display.display(found)
    if not found.holds:
        raise ClaimError(f"A claim has drifted. {found}.")
