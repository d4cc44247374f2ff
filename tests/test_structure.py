"""The structure of the package: no file imports in a circle, and a room imports only from the rooms above it.

The import graph is read from the source, at module level, for types alone, and inside functions. The order of the rooms
is the table in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).parents[1]
SOURCE, CONTRIBUTING = TREE / "src" / "glassnet", TREE / "CONTRIBUTING.md"

# Circles that are known and to be removed; a circle that is gone must be struck out here.
KNOWN_CIRCLES: set[frozenset[str]] = set()
KNOWN_BREAKERS: set[tuple[str, str]] = set()

Edge = tuple[str, str]
Graph = dict[str, set[str]]


def modules(source: Path) -> dict[str, Path]:
    """Files by module name without the package's own; the package itself is ''."""
    found = {}
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(source: str, known: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """(module, whether inside a function) of every import of ours; `from a import b` is of `a.b` where b is a file."""
    known = set(known)

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            names: list[str] = []
            if isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, "imports are absolute"
                wholes = [f"{child.module}.{alias.name}" for alias in child.names]
                names = [whole if whole.removeprefix("glassnet.") in known else str(child.module) for whole in wholes]
            for name in names:
                short = "" if name == "glassnet" else name.removeprefix("glassnet.")
                if name.split(".")[0] == "glassnet" and short in known:
                    yield short, inside
            yield from visit(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return visit(ast.parse(source), False)


def edges_of(source: Path) -> tuple[set[Edge], set[Edge]]:
    """(imports at module level, imports inside functions) as (importing module, imported module)."""
    files = modules(source)
    outside: set[Edge] = set()
    inside: set[Edge] = set()
    for name, path in files.items():
        for target, within in imports(path.read_text(encoding="utf-8"), files):
            (inside if within else outside).add((name, target))
    return outside, inside


def reachable(start: str, edges: set[Edge]) -> set[str]:
    """Everything that `start` imports, directly or not."""
    graph: Graph = {}
    for a, b in edges:
        graph.setdefault(a, set()).add(b)
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for following in graph.get(waiting.pop(), set()) - seen:
            seen.add(following)
            waiting.append(following)
    return seen


def circles_among(edges: set[Edge]) -> set[frozenset[str]]:
    """Groups of modules of which each imports all others, directly or not."""
    reach = {name: reachable(name, edges) for name in {a for a, _ in edges}}
    return {
        frozenset(b for b in reach if b in reach[a] and a in reach[b]) for a in reach if a in reach[a]
    }  # fmt: skip


def breakers_among(outside: set[Edge], inside: set[Edge]) -> set[Edge]:
    """Imports inside functions that would close a circle if they stood at the head of their file."""
    return {(a, b) for a, b in inside if a in reachable(b, outside | {(a, b)})}


def rooms() -> list[str]:
    """The rooms from the ground up, as CONTRIBUTING.md lists them."""
    rows = re.findall(r"^\| (`.*?`) \|", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
    return [
        name.removesuffix("/").removesuffix(".py").replace("/", ".")
        for row in rows
        for name in re.findall(r"`(.*?)`", row)
    ]


def room_of(module: str, order: list[str]) -> str:
    """The innermost room that a module is in."""
    inside = [room for room in order if module == room or module.startswith(f"{room}.")]
    assert inside, f"'{module}' is in no room of the table in CONTRIBUTING.md"
    return max(inside, key=len)


def test_no_file_imports_in_a_circle() -> None:
    outside, inside = edges_of(SOURCE)
    circles = circles_among(outside | inside)
    breakers = breakers_among(outside, inside)
    print(f"circles among files: {len(circles)}; imports inside functions that break one: {len(breakers)}")
    assert circles == KNOWN_CIRCLES
    assert breakers == KNOWN_BREAKERS


def test_a_room_imports_only_from_rooms_above_it() -> None:
    order = rooms()
    assert len(order) == len(set(order)) > 20
    outside, inside = edges_of(SOURCE)
    wrong = sorted(
        f"{a} imports {b}"
        for a, b in outside | inside
        if (a, b) not in KNOWN_BREAKERS
        and order.index(room_of(b or "__init__", order)) > order.index(room_of(a or "__init__", order))
    )
    assert not wrong, "\n".join(wrong)


def test_every_room_of_the_table_is_there() -> None:
    places = {room: SOURCE / room.replace(".", "/") for room in rooms()}
    missing = [room for room, place in places.items() if not (place.is_dir() or place.with_suffix(".py").is_file())]
    assert not missing


@pytest.mark.parametrize(
    ("files", "circles", "breakers"),
    [
        ({"a": "from glassnet import b", "b": "import glassnet.c", "c": ""}, 0, 0),
        ({"a": "from glassnet import b", "b": "import glassnet.c", "c": "from glassnet.a import x"}, 1, 0),
        ({"a": "from glassnet import b", "b": "def f():\n    from glassnet.a import x"}, 1, 1),
        ({"a": "", "b": "def f():\n    from glassnet.a import x"}, 0, 0),
        ({"a": "if TYPE_CHECKING:\n    from glassnet.b import x", "b": "from glassnet.a import y"}, 1, 0),
        ({"a": "from glassnet.b import x", "b": "class K:\n    def f(self):\n        import glassnet.a"}, 1, 1),
    ],
)
def test_circles_are_found(files: dict[str, str], circles: int, breakers: int, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    outside, inside = edges_of(tmp_path)
    assert len(circles_among(outside | inside)) == circles
    assert len(breakers_among(outside, inside)) == breakers
