"""Lessons: pages whose cells run, and the figures that they claim.

A lesson is a text notebook (MyST Markdown) in `pages/`. Its code stands in `{code-cell}` blocks. A number that
it states is a claim, which is computed again whenever the lesson runs.

>>> from glassnet.lessons import claim
>>> claim("two and two", 2 + 2, 4)
"""

from glassnet.lessons.claims import Claim, ClaimError, claim
from glassnet.lessons.notebook import as_notebook
from glassnet.lessons.page import Cell, Lesson, lesson, lessons
from glassnet.lessons.running import LessonError, run_lesson

__all__ = [
    "Cell",
    "Claim",
    "ClaimError",
    "Lesson",
    "LessonError",
    "as_notebook",
    "claim",
    "lesson",
    "lessons",
    "run_lesson",
]
