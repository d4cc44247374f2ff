"""What the library says of an error, and what the command line makes of it."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path
from string import Formatter

import pytest

import glassnet
from glassnet.cli.remedies import REMEDIES, worded
from glassnet.errors import DataError, Fix, GlassnetError, TrainingInterrupted

SOURCE = Path(glassnet.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z]")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_command_line_has_words_for_every_remedy() -> None:
    assert set(REMEDIES) == set(Fix)
    for fix, text in REMEDIES.items():
        assert _fields(text) <= _fields(fix.value) and not FLAG.search(fix.value)


@pytest.mark.parametrize(
    ("error", "python", "shell"),
    [
        (GlassnetError("No."), "No.", "No."),
        (
            DataError("'x' is not here.", Fix.GET_DATA, name="x"),
            "'x' is not here. Download it: glassnet.data.get('x').",
            "'x' is not here. Type: glassnet data get x",
        ),
        (
            TrainingInterrupted("Interrupted.", Fix.RESUME, folder=Path("runs/a{b}")),
            "Interrupted. Resume the run in 'runs/a{b}'.",
            "Interrupted. Resume with: glassnet train --resume runs/a{b}",
        ),
    ],
)
def test_each_face_words_the_remedy(error: GlassnetError, python: str, shell: str) -> None:
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert (str(each), worded(each), type(each)) == (python, shell, type(error))


def test_a_remedy_stays_on_one_line() -> None:
    error = GlassnetError("No\nplace.", Fix.RESUME, folder="a\nb" + "c" * 5000)
    for text in (str(error), worded(error)):
        assert "\n" not in text and len(text) < 2200 and text.startswith("No place. ")


def _literals(tree: ast.Module) -> list[tuple[int, str]]:
    """Every text of a module that is not a docstring, with its line; an f-string is one text."""
    inner, found = set[int](), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.add(id(node.value))
        if isinstance(node, ast.JoinedStr) and id(node) not in inner:
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            found.append((node.lineno, "".join(parts)))
            # of a command line, also the texts within its values
            within = ast.walk(node) if found[-1][1].startswith("glassnet ") else node.values
            inner.update(map(id, within))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            found.append((node.lineno, node.value))
    return found


def test_no_message_of_the_library_names_an_option() -> None:
    """A whole command line, which a report shows to be typed, is not a message."""
    files = [file for file in SOURCE.rglob("*.py") if file.relative_to(SOURCE).parts[0] != "cli"]
    assert len(files) > 150
    found = [
        f"{file.relative_to(SOURCE)}:{line}: {text[:80]!r}"
        for file in files
        for line, text in _literals(ast.parse(file.read_text(encoding="utf-8")))
        if FLAG.search(text) and not text.startswith("glassnet ")
    ]
    assert not found


def test_the_search_finds_options() -> None:
    tree = ast.parse(
        '"""--doc"""\nraise E(f"{x}: choose another {y} (--out)")\nz = "a--b", "--at", f"{f\'--set {x}\'}"\n'
    )
    assert [line for line, text in _literals(tree) if FLAG.search(text)] == [2, 3, 3]
    command = ast.parse("z = f\"glassnet train {f'--set {x}'} --out {y}\"")
    assert [text for _, text in _literals(command)] == ["glassnet train {} --out {}"]
