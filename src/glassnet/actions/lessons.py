"""The lessons: which there are, one as a notebook of one's own, and their claims measured here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.events import Events
from glassnet.errors import DataError, Fix, GlassnetError
from glassnet.files import exists, write_json
from glassnet.lessons import Claim, Lesson, LessonError, as_notebook, lesson, lessons, run_lesson

__all__ = ["LessonWritten", "Lessons", "Measured", "list_lessons", "measure_claims", "write_lesson"]


@dataclass(frozen=True)
class Lessons:
    """All lessons, in the order in which they are best read."""

    each: tuple[Lesson, ...]

    def to_dict(self) -> dict[str, Any]:
        """Names and titles."""
        return {"lessons": [{"name": found.name, "title": found.title} for found in self.each]}


@dataclass(frozen=True)
class LessonWritten:
    """A lesson and the notebook that was written."""

    lesson: Lesson
    file: Path

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {"name": self.lesson.name, "title": self.lesson.title, "files": [self.file]}


@dataclass(frozen=True)
class Measured:
    """The claims of lessons, measured on this machine.

    Attributes
    ----------
    claims : tuple of (str, Claim)
        Each with the name of its lesson.
    errors : dict of str to GlassnetError
        Why a lesson could not be run to its end, by its name.
    seconds : dict of str to float
        What each lesson took.
    """

    claims: tuple[tuple[str, Claim], ...]
    errors: dict[str, GlassnetError]
    seconds: dict[str, float]

    @property
    def drifted(self) -> int:
        """How many claims do not hold."""
        return sum(not claim.holds for _, claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "claims": [{"lesson": name, **claim.to_dict()} for name, claim in self.claims],
            "errors": {name: str(error) for name, error in self.errors.items()},
            "seconds": self.seconds,
        }


def list_lessons() -> Lessons:
    """The lessons that come with glassnet."""
    return Lessons(tuple(lessons()))


def write_lesson(name: str, out: str | Path | None = None) -> LessonWritten:
    """Write a lesson as a notebook, without outputs.

    Parameters
    ----------
    name : str
        Which lesson.
    out : path, optional
        The file, a new one; None takes NAME.ipynb in the working folder.

    Raises
    ------
    GlassnetError
        There is no such lesson, or the file is there already: it may hold somebody's work.
    """
    found = lesson(name)
    file = Path(out) if out is not None else Path(f"{name}.ipynb")
    if exists(file):
        raise DataError(f"'{file}' is there already, and may hold your work.", Fix.CHOOSE_OUTPUT)
    write_json(file, as_notebook(found))
    return LessonWritten(found, file)


def measure_claims(names: Sequence[str] = (), *, events: Events | None = None) -> Measured:
    """Run lessons and compare the figures that they claim with what comes out on this machine.

    Parameters
    ----------
    names : sequence of str
        Which lessons; none for all.
    events : Events, optional
        Told which lesson runs.

    Raises
    ------
    GlassnetError
        There is no lesson of a name.
    """
    events = events or Events()
    chosen = [lesson(name) for name in names] or lessons()
    claims: list[tuple[str, Claim]] = []
    errors: dict[str, GlassnetError] = {}
    seconds = {}
    for number, each in enumerate(chosen):
        events.progress(each.name, number, len(chosen))
        start = time.perf_counter()
        try:
            claims += [(each.name, claim) for claim in run_lesson(each)]
        except LessonError as error:
            errors[each.name] = error
        seconds[each.name] = time.perf_counter() - start
    return Measured(tuple(claims), errors, seconds)
