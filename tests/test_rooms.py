"""Rooms import downwards only, and no import stands inside a function to hide that one does not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "glassnet"
# The upper rooms, from the ground up: each may import from those before it, and from every room that is not named here.
ROOMS = ("classic", "filters", "experiments", "report", "reader", "recipes", "bench", "cli")


def imported(tree: ast.AST) -> Iterator[str]:
    """Names of the package's modules that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "glassnet" and len(parts) > 1 else ""


@pytest.mark.parametrize("room", ["filters", "experiments", "report", "reader"])
def test_a_room_imports_from_those_below_it(room: str) -> None:
    files = sorted((SOURCES / room).rglob("*.py"))
    assert files
    above = ROOMS[ROOMS.index(room) + 1 :]
    found = {
        (str(file.relative_to(SOURCES)), module)
        for file in files
        for module in imported(ast.parse(file.read_text(encoding="utf-8")))
        if room_of(module) in above
    }
    assert not found


@pytest.mark.parametrize("room", ["filters", "experiments", "report"])
def test_no_import_of_ours_stands_inside_a_function(room: str) -> None:
    for file in sorted((SOURCES / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert not [module for module in imported(node) if room_of(module)], (file.name, node.name)


def test_lower_rooms_import_nothing_of_the_upper_ones() -> None:
    """But for the known set that the reader's room makes, which is imported by name."""
    lower = [path for path in sorted(SOURCES.iterdir()) if path.is_dir() and path.name not in ROOMS]
    assert len(lower) > 5
    for file in (file for folder in lower for file in sorted(folder.rglob("*.py"))):
        modules = set(imported(ast.parse(file.read_text(encoding="utf-8"))))
        assert not {module for module in modules if room_of(module) in ROOMS}, file.name
