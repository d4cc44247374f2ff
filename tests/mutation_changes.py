"""Mutants: one small change each in a function of `mutation_targets.TARGETS`; see `mutation.py`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutation_targets import COUNTS, EQUIVALENT, SHARING, TARGETS

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "glassnet"


@dataclass(frozen=True)
class Mutant:
    """One change: `source` is the whole mutated file."""

    file: str
    function: str
    line: int
    change: str
    source: str
    tests: tuple[str, ...]
    compiled: bool = False  # whether the change may be in what Numba compiles

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.function}: {self.change}"

    @property
    def reason_equivalent(self) -> str | None:
        return EQUIVALENT.get((self.file, self.function, self.change))


# ---- making them ---------------------------------------------------------------------------------------------------

_SWAPS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_TURNS: dict[type, tuple[type, ...]] = {
    ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,), ast.Or: (ast.And,),
}  # fmt: skip
_INDICES = {"i", "j", "k", "t", "lo", "hi", "label", "c", "rows", "labels"}


Target = ast.FunctionDef | ast.Assign  # a function, or a table with functions in it


def mutants() -> Iterator[Mutant]:
    """Every mutant of every target, in the order of the files."""
    for file, functions, tests in TARGETS:
        text = (PACKAGE / file).read_text(encoding="utf-8")
        tree = ast.parse(text)
        found: dict[str, Target] = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        found |= {_text(node.targets[0]): node for node in tree.body if isinstance(node, ast.Assign)}
        for name in functions:
            yield from _mutants_of(file, text, name, found[name], tests)


def _mutants_of(file: str, text: str, name: str, function: Target, tests: tuple[str, ...]) -> Iterator[Mutant]:
    lines = text.splitlines(keepends=True)
    first = min([function.lineno, *(decorator.lineno for decorator in getattr(function, "decorator_list", ()))])
    above, below = "".join(lines[: first - 1]), "".join(lines[function.end_lineno :])
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} & _INDICES
    compiled = file.startswith("nn/kernels/") or any(getattr(n, "decorator_list", ()) for n in ast.walk(function))
    height = 1 + (function.end_lineno or first) - first
    seen = set()
    for parent, field, index, node in list(_places(function)):
        around = isinstance(node, ast.Constant | ast.Name) and isinstance(parent, ast.expr)  # '1' alone says little
        before = _text(parent if around else node)
        for replacement in _replacements(parent, field, node, names):
            siblings = getattr(parent, field)
            if index is None:
                setattr(parent, field, replacement)
            else:
                siblings[index] = replacement
            changed = textwrap.indent(ast.unparse(function), " " * function.col_offset)
            after = _text(parent if around else replacement)
            if index is None:
                setattr(parent, field, node)
            else:
                siblings[index] = node
            if changed not in seen:
                seen.add(changed)
                line = getattr(node, "lineno", function.lineno)
                gap = "\n" * (height - changed.count("\n"))  # so that what follows keeps its line numbers
                source = f"{above}{changed}{gap}{below}"
                yield Mutant(file, name, line, f"{before} => {after}", source, tests, compiled)


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _places(target: Target) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, index, node) of everything in a function's body that could change a result."""
    inside = [node for node in ast.walk(target) if isinstance(node, ast.Lambda)]
    stack: list[ast.AST] = [target] if isinstance(target, ast.FunctionDef) else [*inside]
    while stack:
        parent = stack.pop()
        for field, value in ast.iter_fields(parent):
            if (isinstance(parent, ast.FunctionDef | ast.Lambda) and field != "body") or field in ("annotation", "ctx"):
                continue
            children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, node in children:
                if isinstance(node, ast.AST) and not _irrelevant(node):
                    yield parent, field, index, node
                    stack.append(node)


def _irrelevant(node: ast.AST) -> bool:
    """Docstrings, checks of arguments, messages, and the counting of correct examples."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Compare | ast.BoolOp) and _names(node) & SHARING:
        return True
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert):
        return True
    if isinstance(node, ast.If) and all(isinstance(statement, ast.Raise) for statement in node.body):
        return True
    if isinstance(node, ast.Expr) and _called(node.value) == "expect_shape":
        return True
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(_names(target) & COUNTS for target in targets)
    return isinstance(node, ast.If) and any(_names(statement) & COUNTS for statement in node.body)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _replacements(parent: ast.AST, field: str, node: Any, indices: set[str]) -> Iterator[ast.AST]:
    """The changed forms of one node."""
    match node:
        case ast.BinOp():
            if type(node.op) in _SWAPS:
                yield ast.BinOp(node.left, _SWAPS[type(node.op)](), node.right)
            yield node.left
            yield node.right
        case ast.AugAssign():
            if type(node.op) in _SWAPS:
                yield ast.AugAssign(node.target, _SWAPS[type(node.op)](), node.value)
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript()]) | ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Compare(ops=[op]) if type(op) in _TURNS:
            for turned in _TURNS[type(op)]:
                yield ast.Compare(node.left, [turned()], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(_TURNS[type(node.op)][0](), node.values)
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            if node.value:
                yield ast.Constant(type(node.value)(0))
        case ast.Name() if isinstance(parent, ast.Subscript) and field == "slice" and node.id in indices:
            after = [name for name in sorted(indices) if name > node.id] + sorted(indices)
            if after[0] != node.id:
                yield ast.Name(after[0], ast.Load())
