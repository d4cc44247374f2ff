"""Running a lesson without a notebook: its cells in order, in one place of names."""

from __future__ import annotations

import sys
import traceback
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import matplotlib

from glassnet.errors import GlassnetError, one_line
from glassnet.lessons.claims import Claim, collected
from glassnet.lessons.page import Lesson

__all__ = ["LessonError", "run_lesson"]


class LessonError(GlassnetError):
    """A cell of a lesson raises.

    Examples
    --------
    >>> from glassnet.lessons import LessonError
    >>> try:
    ...     raise LessonError("descent.md, line 7: ZeroDivisionError: division by zero")  # as `run_lesson` does
    ... except LessonError as error:
    ...     print(error)
    descent.md, line 7: ZeroDivisionError: division by zero
    """


def run_lesson(lesson: Lesson) -> list[Claim]:
    """Run every cell of a lesson; what it prints and draws is dropped.

    Parameters
    ----------
    lesson : Lesson
        Which.

    Returns
    -------
    list of Claim
        Its claims in order, also those that do not hold.

    Raises
    ------
    LessonError
        A cell raises; the message names file and line.

    Examples
    --------
    >>> from glassnet.lessons import lesson, run_lesson
    >>> all(claim.holds for claim in run_lesson(lesson("descent")))
    True
    """
    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__lesson__"}
    with collected() as claims, redirect_stdout(StringIO()):
        for cell in lesson.cells():
            if not cell.is_code:
                continue
            try:
                code = compile("\n" * (cell.line - 1) + cell.text, str(lesson.path), "exec")
                exec(code, names)
            except Exception as error:
                raise LessonError(f"{_place(lesson, error)}: {type(error).__name__}: {one_line(str(error))}") from error
            finally:
                if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
                    pyplot.close("all")
    return claims


def _place(lesson: Lesson, error: Exception) -> str:
    """File and line of the lesson where an error arose."""
    path = str(lesson.path)
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{path}:{error.lineno}"
    return f"{path}:{[f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path][-1]}"
