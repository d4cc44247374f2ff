"""Class names: one spelling each, and no two that look alike when they are printed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from glassnet.errors import DataError

__all__ = ["checked_names", "listed", "normal"]

_NAMED = 5  # names that a message lists


def normal(name: str) -> str:
    """The composed spelling (Unicode's form NFC): macOS and Linux may write one name in two ways."""
    return unicodedata.normalize("NFC", name)


def listed(names: Sequence[str]) -> str:
    """Names in quotes, as a message lists them: the first five, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:_NAMED]) + more


def checked_names(names: Sequence[str], owner: str) -> tuple[str, ...]:
    """The class names of `owner`, such as "Data set 'digits'", in their composed spelling, at least two.

    Raises
    ------
    DataError
        Fewer than two; a name that is empty, no text or has control characters in it; two names that are equal or look
        alike: they differ in their spelling, in blanks or in characters without width.
    """
    if isinstance(names, str):
        raise DataError(f"{owner} takes a list of names for its classes. Got the text {names!r} instead.")
    result = tuple(str(n) for n in names)
    if len(result) < 2:
        found = f"only '{result[0]}'" if result else "none"
        raise DataError(f"{owner} needs at least 2 classes to tell apart. Got {found}; add another class.")
    seen: dict[str, str] = {}
    for one in result:
        if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in one):
            raise DataError(
                f"{owner} has a class called {one!a}, with control characters or bytes that are not text; rename it."
            )
        look = _look(one)
        if not look:
            raise DataError(f"{owner} has a class whose name shows nothing: {one!a}; rename it.")
        if look in seen and seen[look] == one:
            raise DataError(f"{owner} has the class name '{one}' twice; class names must differ.")
        if look in seen:
            raise DataError(
                f"{owner} has two classes whose names look alike, {_shown(seen[look])} and {_shown(one)}; "
                "join or rename them."
            )
        seen[look] = one
    return tuple(map(normal, result))


def _shown(name: str) -> str:
    return ascii(name).replace("  ", r" \x20")


def _look(name: str) -> str:
    """What is seen of a name: characters without width left out, blanks at the ends too, any other as one space."""
    return " ".join("".join(c for c in normal(name) if unicodedata.category(c) != "Cf").split())
