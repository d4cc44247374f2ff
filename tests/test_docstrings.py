"""Docstrings are numpydoc, in the one form that CONTRIBUTING states."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "glassnet"

# In the order in which numpydoc wants them.
SECTIONS = (
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Warns",
    "See Also",
    "Notes",
    "References",
    "Examples",
)

# Words in lower case that a type may begin with; anything else there is a description in the wrong place.
TYPE_WORDS = """array array-like arrays bool bytes callable collection dict dtype float float32 float64 frozenset int
    int64 iterable iterator list mapping module number object pair path path-like sequence set str subclass tuple
    uint8 np.float32 np.float64"""

NAME = r"\*{0,2}[A-Za-z_]\w*"
ENTRY = re.compile(rf"({NAME}(?:, {NAME})*) : (\S.*)")
EXCEPTION = re.compile(r"[A-Z]\w*(\.[A-Z]\w*)*")


class Section(NamedTuple):
    heading: str
    body: list[str]


def sections(docstring: str) -> Iterator[Section]:
    """The sections of a docstring without its indentation; each body is without blank lines at its end."""
    lines = docstring.split("\n")
    starts = [i for i in range(len(lines) - 1) if lines[i] and re.fullmatch(r"-{3,}", lines[i + 1])]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        yield Section(lines[start], "\n".join(lines[start + 2 : end]).rstrip().split("\n"))


def is_type(text: str) -> bool:
    """Whether the text after `name : ` looks like a type and not like the description."""
    if (
        text.endswith(".")
        or ";" in text
        or " : " in text
        or any(text.count(a) != text.count(b) for a, b in ("()", "[]"))
    ):
        return False
    first = re.split(r"[ ,]", text, maxsplit=1)[0]
    return first in TYPE_WORDS.split() or text[0] in "(`\"'" or text[0].isupper()


def entries(section: Section) -> Iterator[tuple[str, list[str]]]:
    """Each line that is not indented, with the indented lines below it."""
    head: str | None = None
    below: list[str] = []
    for line in section.body:
        if line.startswith(" ") or (not line and head is not None):
            below.append(line)
            continue
        if head is not None:
            yield head, below
        head, below = line, []
    if head is not None:
        yield head, below


def wrong_entry(section: Section, head: str, below: list[str]) -> str:
    """What is wrong with an entry; empty if nothing is."""
    if any(line and not line.startswith("    ") for line in below):
        return f"indent by four below {head!r}"
    if section.heading in ("Parameters", "Attributes"):
        entry = ENTRY.fullmatch(head)
        return "" if entry and is_type(entry[2]) else f"not `name : type`: {head!r}"
    if section.heading in ("Returns", "Yields"):
        entry = ENTRY.fullmatch(head)
        if not is_type(entry[2] if entry else head):
            return f"neither a type nor `name : type`: {head!r}"
        return "" if entry or below else f"no description below {head!r}"
    if section.heading in ("Raises", "Warns"):
        if not EXCEPTION.fullmatch(head):
            return f"not the name of an exception on a line of its own: {head!r}"
        return "" if below else f"no reason below {head!r}"
    return ""


def faults(docstring: str, known: frozenset[str] | None = None) -> list[str]:
    """What is not numpydoc in a docstring, whose parameters are some of `known` (None: not looked at)."""
    lines = docstring.split("\n")
    found = []
    for before, line, after in zip(["", *lines[:-1]], lines, [*lines[1:], ""], strict=True):
        dashes = bool(re.fullmatch(r"-{3,}", after))
        if line in SECTIONS and after != "-" * len(line):
            found.append(f"dashes below {line!r} are not of its length")
        if dashes and line not in SECTIONS:
            found.append(f"unknown heading {line!r}")
        if dashes and before:
            found.append(f"no blank line before {line!r}")
        if re.match(r"\s*(Raises|Returns|Yields|Parameters|Attributes)( `?\w+`?)? ?:( |$)", line):
            found.append(f"a section on one line: {line!r}")
    parts = list(sections(docstring))
    above = docstring.partition(f"\n{parts[0].heading}\n")[0] if parts else docstring
    found += [f"entry without a section: {line!r}" for line in above.split("\n") if ENTRY.match(line)]
    headings = [part.heading for part in parts if part.heading in SECTIONS]
    if headings != sorted(set(headings), key=SECTIONS.index):
        found.append(f"sections twice or out of order: {headings}")
    for part in parts:
        if part.heading not in ("Notes", "Examples", "References", "See Also"):
            if not part.body[0] or part.body[0].startswith(" "):
                found.append(f"{part.heading} does not begin with an entry")
            found += filter(None, (wrong_entry(part, head, below) for head, below in entries(part)))
        if part.heading == "Parameters" and known is not None:
            names = [n.lstrip("*") for head, _ in entries(part) for n in head.partition(" : ")[0].split(", ")]
            found += [f"no parameter {name!r}" for name in names if name not in known]
            found += [f"parameter {name!r} twice" for name in set(names) if names.count(name) > 1]
    return found


def parameters(node: ast.AST) -> frozenset[str] | None:
    """Names that a function or class takes; None where they are inherited or made elsewhere."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        a = node.args
        given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        return frozenset(argument.arg for argument in given)
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and member.name == "__init__":
                return parameters(member)
        if node.decorator_list:
            fields = (member.target for member in node.body if isinstance(member, ast.AnnAssign))
            return frozenset(target.id for target in fields if isinstance(target, ast.Name))
    return None


def documented(tree: ast.Module) -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """Where each docstring is, its text without indentation, and the parameters that it may speak of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield f"{getattr(node, 'name', 'module')} (line {getattr(node, 'lineno', 1)})", text, parameters(node)


FILES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES)
def test_docstrings_are_numpydoc(file: str) -> None:
    tree = ast.parse((SOURCE / file).read_text(encoding="utf-8"))
    wrong = [f"{where}: {fault}" for where, text, known in documented(tree) for fault in faults(text, known)]
    assert not wrong, "\n".join([file, *wrong])


RIGHT = """One line.

Parameters
----------
x : (n, d) array
    Features.
rate : float, optional
y, z : int
    Two that share a description.

Returns
-------
y : (n,) array
    Scores.

Raises
------
DataError
    They do not fit.

Notes
-----
Any text.
"""


def test_the_right_form_has_no_fault() -> None:
    assert faults(RIGHT, frozenset({"x", "rate", "y", "z"})) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("----------", "---------", "dashes below 'Parameters'"),
        ("Notes", "Source", "unknown heading 'Source'"),
        ("\n\nReturns", "\nReturns", "no blank line before 'Returns'"),
        ("x : (n, d) array", "x : (n, d) array; w : float", "not `name : type`"),
        ("x : (n, d) array", "x : the features", "not `name : type`"),
        ("x : (n, d) array", "x", "not `name : type`"),
        ("x : (n, d) array", "x: (n, d) array", "not `name : type`"),
        ("    Features.", "  Features.", "indent by four"),
        ("x : (n, d) array", "q : (n, d) array", "no parameter 'q'"),
        ("y, z : int", "x, z : int", "parameter 'x' twice"),
        ("y : (n,) array\n    Scores.", "The scores.", "neither a type nor"),
        ("DataError\n    They", "DataError : They", "not the name of an exception"),
        ("DataError\n    They do not fit.", "DataError", "no reason below"),
        ("Any text.", "Raises DataError : they do not fit.", "a section on one line"),
        ("One line.", "One line.\n\nx : the features", "entry without a section"),
        ("Notes\n-----", "Returns\n-------", "sections twice or out of order"),
    ],
)
def test_a_wrong_form_is_found(old: str, new: str, fault: str) -> None:
    assert old in RIGHT
    assert any(fault in found for found in faults(RIGHT.replace(old, new, 1), frozenset({"x", "rate", "y", "z"})))
