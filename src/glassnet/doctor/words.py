"""Numbers and names as sentences of findings have them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["percent", "size", "some", "times"]

_NAMED = 3  # names that a sentence lists


def percent(share: float) -> str:
    """A share as a percentage, "-" where it is undefined."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def times(ratio: float) -> str:
    """A ratio, as in "3 times the size"."""
    if ratio >= 1e7:
        return f"{ratio:.3g} times" if math.isfinite(ratio) else "countless times"
    return f"{ratio:,.0f} times" if ratio >= 1.5 else f"{ratio:.1g} of"


def size(value: float) -> str:
    """A number of any size."""
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"


def some(names: Any) -> str:
    """The first of some names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(str, names[:_NAMED])) + more
