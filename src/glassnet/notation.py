"""The arrow notation: steps in one line, as in `linear 64, init xavier -> relu -> dropout 0.5 -> linear 10`.

    notation  = step { ("->" | "→") step }
    step      = item | "(" item ")"
    item      = word [ argument { "," argument } ]
    argument  = value { value }            positional, or an option when its first value is a known option's name

Networks, preprocessing, augmentation and schedules are all written so; each gives the words their meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glassnet.errors import NotationError

__all__ = ["Step", "parse"]

_LONGEST = 20_000


@dataclass(frozen=True)
class Step:
    """One step of a notation: its word and its arguments, each a tuple of values as written."""

    word: str
    arguments: tuple[tuple[str, ...], ...] = ()
    text: str = ""

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
    """The steps of `text`; `what` names the kind of notation in an error. Raises `NotationError`."""
    if not isinstance(text, str):
        raise NotationError(f"The {what} notation must be text. Got {type(text).__name__} instead.")
    if len(text) > _LONGEST:
        raise NotationError(f"The {what} notation has {len(text)} characters; at most {_LONGEST} are read.")
    steps = []
    for part in re.split(r"->|→", text):
        item = part.strip()
        if item.startswith("(") and item.endswith(")"):
            item = item[1:-1].strip()
        if not item:
            raise NotationError(
                f"The {what} notation '{_short(text)}' has an empty step;"
                " write steps as 'word arguments' joined by '->'."
            )
        head, *rest = item.split(",")
        words = head.split()
        if not words or not re.fullmatch(r"[A-Za-z][\w-]*", words[0]):
            raise NotationError(f"'{_short(item)}' in the {what} notation must begin with a word such as 'linear'.")
        arguments = [tuple(words[1:])] if len(words) > 1 else []
        for argument in rest:
            values = tuple(argument.split())
            if not values:
                raise NotationError(f"'{_short(item)}' in the {what} notation has an empty argument after a comma.")
            arguments.append(values)
        steps.append(Step(words[0].lower(), tuple(arguments), item))
    return steps


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
