"""The lessons that come with glassnet, and the cells of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glassnet.errors import GlassnetError, nearest
from glassnet.files import plain_text

__all__ = ["PAGES", "Cell", "Lesson", "lesson", "lessons"]

PAGES = Path(__file__).with_name("pages")
ORDER = (
    "descent",
    "softmax",
    "backpropagation",
    "layers",
    "autodiff",
    "initialisation",
    "optimisers",
    "regularisation",
    "batch-norm",
    "debugging",
    "agnostic",
    "neighbours",
    "pca",
    "autoencoders",
    "filters",
    "harris",
    "convolution",
    "seeing",
    "fooling",
    "fine-tuning",
    "scenes",
    "video",
    "page",
    "reproducing",
)

_FRONT = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"```\{code-cell\}")


@dataclass(frozen=True)
class Cell:
    """A piece of a lesson: its text without the fence, the number of its first line, and whether it is code.

    Examples
    --------
    >>> from glassnet.lessons import Cell
    >>> Cell("x = 1", line=12, is_code=True).line
    12
    """

    text: str
    line: int
    is_code: bool


@dataclass(frozen=True)
class Lesson:
    """A lesson: the file in which it stands.

    Examples
    --------
    >>> from glassnet.lessons import lesson
    >>> found = lesson("descent")
    >>> found.name, [cell.is_code for cell in found.cells()][:3]
    ('descent', [False, True, False])
    """

    path: Path

    @property
    def name(self) -> str:
        """What it is called by."""
        return self.path.stem

    @property
    def title(self) -> str:
        """Its heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1] if found else self.name

    @property
    def text(self) -> str:
        """The whole file."""
        return plain_text(self.path)

    def cells(self) -> Iterator[Cell]:
        """Text and code in turn, as they stand in the file; what heads the file is left out."""
        whole = self.text
        front = _FRONT.match(whole)
        lines = whole.split("\n")
        start = number = front[0].count("\n") if front else 0
        while number < len(lines):
            if _OPENING.match(lines[number]):
                yield from _cell(lines, start, number, is_code=False)
                end = next((n for n in range(number + 1, len(lines)) if lines[n] == "```"), len(lines))
                yield from _cell(lines, number + 1, end, is_code=True)
                start = number = end
                start += 1
            number += 1
        yield from _cell(lines, start, len(lines), is_code=False)


def _cell(lines: list[str], start: int, end: int, *, is_code: bool) -> Iterator[Cell]:
    text = "\n".join(lines[start:end])
    if text.strip():
        blank = len(text) - len(text.lstrip("\n"))
        yield Cell(text.strip("\n"), start + blank + 1, is_code)


def lessons() -> list[Lesson]:
    """All lessons, in the order in which they are best read.

    Examples
    --------
    >>> from glassnet.lessons import lessons
    >>> lessons()[0].name
    'descent'
    """
    found = {path.stem: Lesson(path) for path in sorted(PAGES.glob("*.md"))}
    return [found[name] for name in sorted(found, key=lambda name: (*ORDER, name).index(name))]


def lesson(name: str) -> Lesson:
    """The lesson of this name.

    Raises
    ------
    GlassnetError
        There is none.

    Examples
    --------
    >>> from glassnet.lessons import lesson
    >>> lesson("descent").title
    'Fitting by descent'
    """
    names = [each.name for each in lessons()]
    if name not in names:
        raise GlassnetError(f"There is no lesson '{name}'.{nearest(name, names)} There are: {', '.join(names)}.")
    return Lesson(PAGES / f"{name}.md")
