"""The pages of the documentation, taken apart: commands, Python, links and headings.

What is run: every line `glassnet ...` (also behind a pipe), `python -m benchmarks...` or `python tools/...` of an
indented block or of a fenced one of the language `sh`; every line `$ glassnet ...` of a fenced block without a
language, with the output that follows it; every fenced block of the language `python`. What nobody can run stands in a
fenced block of the language `text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"(\w.* \| )?(glassnet|python -m benchmarks\.\w+|python tools/\w+\.py)( |$)")
_FENCE = re.compile(r"(```+)(\w*)\s*$")
_STATUS = re.compile(r"exit status (\d+)")


def pages() -> list[Path]:
    """README.md, that of the recipes, and every page of the documentation, its index first."""
    folder = ROOT / "docs"
    return [
        ROOT / "README.md",
        ROOT / "recipes" / "README.md",
        *sorted(folder.rglob("*.md"), key=lambda page: (page.name != "README.md", page)),
    ]


@dataclass(frozen=True)
class Block:
    """Lines that stand together, indented or fenced; `line` is the number of the first."""

    language: str | None  # None where it is indented
    line: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """What a reader would type, and what the page says of it.

    Attributes
    ----------
    page, line
        Where it stands.
    text
        The command, or the lines of Python.
    is_python
        Which of the two.
    status
        The exit status that the command ends with: what the comment behind it says (`# exit status 1`), 2 where the
        output shown is an error, else 0.
    output
        The output shown under it; None where none is.
    """

    page: Path
    line: int
    text: str
    is_python: bool = False
    status: int = 0
    output: str | None = None

    @property
    def name(self) -> str:
        """What the test is called."""
        shown = self.text.strip().splitlines()[0] if self.is_python else self.text
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}: {shown}"


def blocks(text: str) -> Iterator[Block]:
    """The indented and the fenced blocks of a page."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        start = number
        if fence:
            number += 1
            while not lines[number].startswith(fence[1]):
                number += 1
            yield Block(fence[2], start + 2, tuple(lines[start + 1 : number]))
        elif lines[number].startswith("    ") and (number == 0 or not lines[number - 1].strip()):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            yield Block(None, start + 1, tuple(line.removeprefix("    ") for line in lines[start:number]))
            continue
        number += 1


def prose(text: str) -> str:
    """A page without its blocks."""
    lines = text.splitlines()
    for block in blocks(text):
        for number in range(block.line - 1, block.line - 1 + len(block.lines)):
            lines[number] = ""
    return "\n".join(lines)


def examples(page: Path) -> list[Example]:
    """What the page would have its reader type, in order."""
    return [example for block in blocks(page.read_text(encoding="utf-8")) for example in _examples(page, block)]


def _examples(page: Path, block: Block) -> Iterator[Example]:
    if block.language == "python":
        yield Example(page, block.line, "\n".join(block.lines), is_python=True)
    elif block.language in (None, "sh"):
        for number, line in enumerate(block.lines, block.line):
            if COMMAND.match(line):
                command, _, comment = line.partition("  #")
                stated = _STATUS.search(comment)
                yield Example(page, number, command.strip(), status=int(stated[1]) if stated else 0)
    elif block.language == "":
        typed = [number for number, line in enumerate(block.lines) if line.startswith("$ ")]
        for number, following in zip(typed, [*typed, len(block.lines)][1:], strict=True):
            command, output = block.lines[number].removeprefix("$ "), "\n".join(block.lines[number + 1 : following])
            status = 2 if output.startswith("error: ") else 0
            yield Example(page, block.line + number, command, status=status, output=output)


def missed(page: Path) -> list[str]:
    """Lines that look like something to run but stand where, or are written so that, nothing runs them."""
    found = []
    for block in blocks(page.read_text(encoding="utf-8")):
        for line in block.lines:
            code = line.partition("#")[0]
            in_place = block.language in (None, "sh") and COMMAND.match(code)
            python = block.language is None and re.match(r"(import|from) \w", code)
            if block.language not in ("text", "python") and (python or re.search(r"(^|\s)glassnet ", code)):
                shown = block.language == "" and not COMMAND.match(code)  # typed behind a `$`, or an output's words
                found += [] if in_place or shown else [line]
    return found


def links(text: str) -> list[str]:
    """The targets of the links and pictures of a page, addresses in the web left out."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(text)) + re.findall(r"<img [^>]*src=\"([^\"]+)\"", prose(text))
    return [target for target in targets if not re.match(r"https?:|mailto:", target)]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def titles(text: str) -> list[tuple[int, str]]:
    """(level, text) of every heading."""
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) +(.+?) *$", prose(text), re.MULTILINE)]
