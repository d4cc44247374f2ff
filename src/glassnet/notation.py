"""The arrow notation: steps in one line, as in `conv 3x3, 16, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear 10`.

    notation  = step { ("->" | "→") step }
    step      = single [ "x" NUMBER ]                    `relu -> linear 64 x3` repeats the last step three times
    single    = item | group | composite
    group     = "(" notation ")"
    composite = word "(" notation { "|" notation } ")" [ "," argument { "," argument } ]
    item      = word [ argument { "," argument } ]
    argument  = value { value }            positional, or an option when its first value is a known option's name

Networks, preprocessing, augmentation and schedules are all written so; each gives the words their meaning. Composites
(`residual(...)`, `concat(... | ...)`) belong to networks alone.

Numbers are written by `real_text` and read by `as_real` and `as_whole`, so that what was written is read as the very
same number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from glassnet.errors import NotationError
from glassnet.text import shorten

__all__ = ["Step", "as_real", "as_whole", "is_real", "is_whole", "parse", "real_text"]

_LONGEST = 50_000
_MOST_STEPS = 5_000
_DEEPEST = 10


def real_text(value: float) -> str:
    """The shortest text that reads as this very float64, whole numbers without a point: `0.001`, `1e-05`, `2`."""
    return repr(float(value)).removesuffix(".0")


def is_real(value: Any) -> bool:
    """Whether a value is a real number, Python's or NumPy's; NaN is one, texts and truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number by its type, Python's or NumPy's; `2.0`, texts and truth values are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def as_real(value: Any) -> float:
    """A number, or a text that is one, as a float; NaN for anything else, truth values among them."""
    if isinstance(value, str):
        try:
            return float(value) if "_" not in value else math.nan
        except ValueError:
            return math.nan
    return float(value) if is_real(value) else math.nan


def as_whole(value: Any) -> int | None:
    """A whole number, or a text of digits, as an int; `None` for anything else: nothing is rounded or cut off."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII) else None
    return int(value) if is_whole(value) else None


@dataclass(frozen=True)
class Step:
    """One step of a notation: its word, its arguments (each a tuple of values as written), a composite's branches."""

    word: str
    arguments: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    branches: tuple[tuple[Step, ...], ...] = ()

    def split(self, options: tuple[str, ...]) -> tuple[list[str], dict[str, list[str]]]:
        """The arguments as (positional values, options by name); `options` are the names that are known."""
        positional: list[str] = []
        named: dict[str, list[str]] = {}
        for argument in self.arguments:
            if argument[0] in options:
                if argument[0] in named:
                    raise NotationError(f"The option '{argument[0]}' is given twice in '{self.text}'.")
                named[argument[0]] = list(argument[1:])
            elif named:
                raise NotationError(f"'{' '.join(argument)}' in '{self.text}' must come before the options.")
            else:
                positional.extend(argument)
        return positional, named


def parse(text: str, what: str = "network") -> list[Step]:
    """The steps of `text`, groups and repetitions written out; `what` names the kind of notation in an error.

    Raises `NotationError`.
    """
    if not isinstance(text, str):
        raise NotationError(f"The {what} notation must be text. Got {type(text).__name__} instead.")
    if len(text) > _LONGEST:
        raise NotationError(f"The {what} notation has {len(text)} characters; at most {_LONGEST} are read.")
    return _steps(text.replace("→", "->"), what, 0)


def _steps(text: str, what: str, depth: int) -> list[Step]:
    if depth > _DEEPEST:
        raise NotationError(f"The {what} notation has more than {_DEEPEST} parentheses within each other.")
    steps: list[Step] = []
    for part in _split(text, "->", what):
        item, times = _repetition(part.strip())
        if not item:
            raise NotationError(
                f"The {what} notation '{_short(text)}' has an empty step;"
                " write steps as 'word arguments' joined by '->'."
            )
        if ">" in item and "(" not in item:
            raise NotationError(f"'{_short(item)}' has a '>' alone; steps are joined by '->'.")
        if item.startswith("(") and _closing(item, 0) == len(item) - 1:
            found = _steps(item[1:-1], what, depth + 1)
        else:
            found = [_step(item, what, depth)]
        if len(found) * times + len(steps) > _MOST_STEPS:
            raise NotationError(f"The {what} notation has more than {_MOST_STEPS} steps.")
        steps.extend(found * times)
    return steps


def _step(item: str, what: str, depth: int) -> Step:
    head = re.match(r"([A-Za-z][\w-]*)\s*(\()?", item)
    if head is None:
        raise NotationError(f"'{_short(item)}' in the {what} notation must begin with a word such as 'linear'.")
    branches: tuple[tuple[Step, ...], ...] = ()
    rest = item[head.end(1) :].lstrip()
    if head[2]:
        if what != "network":
            raise NotationError(f"'{_short(item)}': the {what} notation knows no '{head[1]}(...)'.")
        end = _closing(item, head.end(2) - 1)
        inner = item[head.end(2) : end]
        if re.match(r"\s*[\d.+-]", inner):
            raise NotationError(
                f"'{_short(item)}': parentheses hold layers. Write settings after the word, as in"
                f" '{head[1].lower()} {_short(inner.strip())}'."
            )
        branches = tuple(tuple(_steps(branch, what, depth + 1)) for branch in _split(inner, "|", what))
        rest = item[end + 1 :].strip()
        if rest and not rest.startswith(","):
            raise NotationError(f"'{_short(rest)}' after the parentheses of '{head[1]}' needs a comma before it.")
    elif not item[head.end(1) :][:1].isspace() and rest[:1] not in ("", ","):
        raise NotationError(f"'{_short(item)}' in the {what} notation must begin with a word such as 'linear'.")
    arguments: list[tuple[str, ...]] = []
    for place, piece in enumerate(rest.split(",") if rest else []):
        values = tuple(piece.split())
        if values:
            arguments.append(values)
        elif place:
            raise NotationError(f"'{_short(item)}' in the {what} notation has an empty argument after a comma.")
    return Step(head[1].lower(), tuple(arguments), item, branches)


def _repetition(item: str) -> tuple[str, int]:
    """(the step without its repetition, how often)."""
    match = re.search(r"(?:\s|(?<=\)))x(\d{1,4})$", item)
    if match is None:
        return item, 1
    times = int(match[1])
    if times < 1:
        raise NotationError(f"'{_short(item)}' is repeated {times} times; write x1 or more.")
    return item[: match.start()].rstrip(), times


def _split(text: str, separator: str, what: str) -> list[str]:
    """Split at a separator outside all parentheses."""
    parts, start, depth, i = [], 0, 0, 0
    while i < len(text):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and text.startswith(separator, i):
            parts.append(text[start:i])
            start = i + len(separator)
            i = start - 1
        i += 1
    if depth:
        missing = "an opening" if depth < 0 else "a closing"
        raise NotationError(f"The {what} notation '{_short(text.strip())}' lacks {missing} parenthesis.")
    return [*parts, text[start:]]


def _closing(text: str, opening: int) -> int:
    """Position of the parenthesis that closes the one at `opening` (the text is known to be balanced)."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return len(text)


def _short(text: str) -> str:
    return shorten(text, 80, "...")
