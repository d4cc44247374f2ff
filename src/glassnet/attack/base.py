"""What every attack is, and how one is written: `pgd 8/255, steps 40`."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from glassnet.attack.goals import Goal
from glassnet.attack.norms import Norm
from glassnet.attack.victim import Victim
from glassnet.errors import NotationError, RecipeError
from glassnet.nn.functional.arrays import Array
from glassnet.notation import Step, as_real, as_whole, real_text

__all__ = ["Attack", "as_size", "checked_size", "size_text"]


@dataclass(frozen=True)
class Attack:
    """Base of the attacks. A subclass is a frozen dataclass of its settings.

    Attributes
    ----------
    word : str
        Its name.
    bounded : bool
        Whether it works within a size that is given, and stops at the first success; else it looks for a change that is
        as small as it can be.
    uses_gradients : bool
        Whether it looks at more than scores.

    Examples
    --------
    >>> from glassnet.attack import Attack, parse_attack
    >>> attack, eps = parse_attack("pgd 8/255, steps 7")
    >>> isinstance(attack, Attack), attack.word, attack.notation(eps)
    (True, 'pgd', 'pgd 8/255, steps 7')
    """

    word: ClassVar[str]
    bounded: ClassVar[bool] = True
    uses_gradients: ClassVar[bool] = True

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        """Change pictures until the goal is reached.

        Parameters
        ----------
        victim : Victim
            What is attacked.
        start : (n, H, W, C) array
            The pictures, in [0, 1] and the victim's dtype.
        goal : Goal
            What is wanted of each.
        norm : Norm
            What a change is measured by.
        eps : (n,) array
            The largest size of each change; an attack that is not bounded ignores it.
        rng : Generator
            Where its random numbers come from.

        Returns
        -------
        (n, H, W, C) array
            The best pictures found, in [0, 1]. Whether they reach the goal is for the caller to see.
        """
        raise NotImplementedError

    @classmethod
    def from_step(cls, step: Step) -> tuple[Attack, float | None]:
        """(the attack, its eps or None) that a step of a notation describes. Raises `NotationError`."""
        kinds = {field.name.replace("_", "-"): field for field in fields(cls)}
        positional, named = step.split(tuple(kinds))
        if len(positional) > 1 or any(len(values) != 1 for values in named.values()):
            raise NotationError(f"An attack is written '{cls.usage()}'. Got '{step.text}' instead.")
        eps = as_size(positional[0]) if positional else None
        values = {kinds[name].name: _value(cls.word, name, kinds[name].type, text) for name, (text,) in named.items()}
        return cls(**values), eps

    @classmethod
    def usage(cls) -> str:
        """How it is written, with the names of its settings."""
        return ", ".join([f"{cls.word} EPS", *(f"{field.name.replace('_', '-')} VALUE" for field in fields(cls))])

    def notation(self, eps: float | None = None) -> str:
        """The attack as it is written; settings that are as they are by default are left out."""
        first = self.word if eps is None else f"{self.word} {size_text(eps)}"
        given = (
            (f.name.replace("_", "-"), getattr(self, f.name))
            for f in fields(self)
            if getattr(self, f.name) != f.default
        )
        return ", ".join([first, *(f"{name} {_text(value)}" for name, value in given)])


def _value(word: str, name: str, kind: Any, text: str) -> Any:
    """A setting from its text, by its type as it is annotated."""
    kind = str(kind)
    value: Any = None
    if kind.startswith("bool"):
        value = {"on": True, "off": False}.get(text)
    elif kind.startswith("int"):
        whole = as_whole(text)
        value = whole if whole is not None and whole >= 1 else None
    elif kind.startswith("float"):
        number = as_size(text)
        value = number if number > 0 else None
    else:
        value = text
    if value is None:
        wanted = "on or off" if kind.startswith("bool") else "a number above 0"
        raise NotationError(f"'{name}' of the attack '{word}' must be {wanted}. Got '{text}' instead.")
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return real_text(value) if isinstance(value, float) else str(value)


def as_size(text: Any) -> float:
    """The size of a change, a number such as 0.3 or a fraction such as 8/255, of pixels in [0, 1].

    Raises `RecipeError` where it is none, or below 0.

    Examples
    --------
    >>> from glassnet.attack import as_size
    >>> as_size("8/255") == 8 / 255
    True
    """
    number = as_real(text)
    if math.isnan(number) and isinstance(text, str):
        above, bar, below = text.partition("/")
        parts = as_real(above), as_real(below)
        if bar and all(math.isfinite(part) for part in parts) and parts[1] > 0:
            number = parts[0] / parts[1]
    if not 0 <= number < math.inf:
        raise RecipeError(f"The size of a change is a number such as 0.3 or 8/255. Got '{text}' instead.")
    return number


def checked_size(text: Any, norm: str) -> float:
    """A size above 0 and, by linf, at most 1, which is all that a pixel can change. Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.attack import checked_size
    >>> checked_size("0.5", "l2")
    0.5
    """
    size = as_size(text)
    if size <= 0 or (norm == "linf" and size > 1):
        bound = "above 0 and at most 1 (the whole range of a pixel)" if norm == "linf" else "above 0"
        raise RecipeError(f"The size of a change must be {bound}, as in 8/255 or 0.1. Got {text}.")
    return size


def size_text(size: float) -> str:
    """A size as it is written: 0.3 where two digits say it, 8/255 where it is whole steps of a byte, else a number.

    Examples
    --------
    >>> from glassnet.attack import size_text
    >>> size_text(8 / 255)
    '8/255'
    """
    steps = round(255 * size)
    if abs(size - round(size, 2)) > 1e-9 and steps and abs(255 * size - steps) < 1e-6:
        return f"{steps}/255"
    return real_text(round(size, 6))
