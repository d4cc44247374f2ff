"""Planted bugs in what computes derivatives and estimates: does any survive the tests?

    python tests/mutation.py [--workers N] [--only TEXT] [--sample N] [--light] [--results FILE]

Every mutant is one small change (a sign, an operator, a constant, an index, a lost term or statement, a turned
comparison) in one function that computes a gradient (in `nn/functional` or in the kernels behind it), a derivative of a
formula (`autodiff`) or an estimate (`classic`). The mutated file replaces the original in a copy of the package, and
the tests that are about it run against that copy in a process of their own (the kernels are compiled, so no other way
sees a change in them; PyTorch's twin is left out). A mutant that every test passes has survived. Mutants listed in
`EQUIVALENT` change no result and say why. The exit status is 1 when any other survives.

With `--results` every verdict is added to a file as it is reached. Stopped and started again, the run goes on from
there: a verdict counts as long as neither the mutated file nor the tests have changed.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mutation_targets import COUNTS, EQUIVALENT, SHARING, SLOW, TARGETS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "glassnet"
TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Mutant:
    """One change: `source` is the whole mutated file."""

    file: str
    function: str
    line: int
    change: str
    source: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.function}: {self.change}"

    @property
    def reason_equivalent(self) -> str | None:
        return EQUIVALENT.get((self.file, self.function, self.change))


# ---- making mutants ------------------------------------------------------------------------------------------------

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
                yield Mutant(file, name, line, f"{before} => {after}", f"{above}{changed}\n{below}", tests)


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


# ---- running the tests against them --------------------------------------------------------------------------------

_TIMEOUT = 400.0  # seconds; compiling a convolution's kernels and running its tests takes a quarter of it


class Bench:
    """A copy of the package (of `nn` no more than the operations need) in which one file at a time is mutated."""

    def __init__(self, folder: Path, room: str) -> None:
        self.folder = folder
        if room == "nn":
            lowest = (source for source in PACKAGE.glob("*.py") if source.name != "__init__.py")
            for source in (*lowest, PACKAGE / "check" / "numerical.py"):
                self._copy(source, folder / "src" / "glassnet" / source.relative_to(PACKAGE))
            for source in (*(PACKAGE / "nn/functional").glob("*.py"), *(PACKAGE / "nn/kernels").glob("*.py")):
                self._copy(source, folder / "src" / "glassnet" / source.relative_to(PACKAGE))
            for package in ("", "nn", "check"):
                (folder / "src" / "glassnet" / package / "__init__.py").touch()
        else:
            for source in PACKAGE.rglob("*.py"):
                self._copy(source, folder / "src" / "glassnet" / source.relative_to(PACKAGE))
        for source in TESTS.rglob("*.py"):
            if source.relative_to(TESTS).parts[0] in (room, "support", "conftest.py"):
                self._copy(source, folder / "tests" / source.relative_to(TESTS))
        # Hypothesis is loaded before the fork, which pytest would remark on.
        warnings = "error\n    ignore::pytest.PytestAssertRewriteWarning"
        settings = f"pythonpath = tests\naddopts = --import-mode=importlib\nfilterwarnings =\n    {warnings}\n"
        (folder / "pytest.ini").write_text(f"[pytest]\n{settings}", encoding="utf-8")

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def survives(self, mutant: Mutant) -> bool:
        """Whether all tests pass with the mutant in place."""
        place = self.folder / "src" / "glassnet" / mutant.file
        original = place.read_text(encoding="utf-8")
        place.write_text(mutant.source, encoding="utf-8")
        self._forget_compiled(place)
        try:
            return self.passes(mutant.tests)
        finally:
            place.write_text(original, encoding="utf-8")
            self._forget_compiled(place)

    def _forget_compiled(self, changed: Path) -> None:
        """Let kernels that call those of a changed file be compiled again: Numba's cache looks at their own file."""
        stale = {changed.stem}
        sources = {path: path.read_text(encoding="utf-8") for path in changed.parent.glob("*.py")}
        before = 0
        while before != len(stale):
            before = len(stale)
            stale |= {
                path.stem
                for path, text in sources.items()
                if any(f"kernels.{name} import" in text or f"import {name}\n" in text for name in stale)
            }
        for name in stale if changed.parent.name == "kernels" else ():
            os.utime(changed.with_name(f"{name}.py"))

    def passes(self, tests: tuple[str, ...]) -> bool:
        """Whether these test files pass on the copy as it is. A crash or a run without end is a failure too.

        The tests run in a fork of this process, which has NumPy, Numba and pytest loaded but nothing of the package.
        """
        child = os.fork()
        if child == 0:
            self._run(tests)
        deadline = time.monotonic() + _TIMEOUT
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return False
            time.sleep(0.01)
        code = os.waitstatus_to_exitcode(status)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise RuntimeError(f"no tests were found in {self.folder}")
        return code == 0

    def _run(self, tests: tuple[str, ...]) -> NoReturn:
        code: int = 1
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            os.chdir(self.folder)
            sys.path.insert(0, str(self.folder / "src"))
            os.environ["PYTHONPATH"] = str(self.folder / "src")
            options = ["-x", "-q", "-p", "no:cacheprovider", "-k", "not torch", "--hypothesis-seed=0"]
            code = int(pytest.main([*options, *(f"tests/{name}" for name in tests)]))
        finally:
            os._exit(code)


def _start_worker(folder: str) -> None:
    """Load what every run needs, so that a fork starts at once."""
    global _folder
    _folder = Path(folder) / str(os.getpid())
    import hypothesis.extra  # noqa: F401
    import numba
    import sklearn.utils.estimator_checks  # noqa: F401

    numba.njit(lambda x: x + 1.0)(1.0)  # the first compilation also loads Numba's own typing rules


_folder = Path()
_benches: dict[str, Bench] = {}


def _judge(mutant: Mutant) -> bool:
    room = mutant.file.partition("/")[0]
    if room not in _benches:
        _benches[room] = Bench(_folder / room, room)
    return _benches[room].survives(mutant)


def survivors(chosen: list[Mutant], workers: int, results: Results, show: Any = None) -> list[Mutant]:
    """The mutants that no test notices; each worker has benches of its own."""
    with tempfile.TemporaryDirectory(prefix="glassnet-mutation-") as folder:
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder) / "cache")
        os.environ["GLASSNET_MUTATION"] = "1"
        sys.dont_write_bytecode = True  # a stale .pyc would hide a mutant of the same size and second
        left = []
        context = multiprocessing.get_context("fork")
        # Not a `Pool`: its workers are daemons, which may start no processes, and some tests do.
        open_ones = [mutant for mutant in chosen if results.of(mutant) is None]
        with ProcessPoolExecutor(workers, context, _start_worker, (folder,)) as pool:
            for original, passed in zip(_originals(open_ones), pool.map(_judge, _originals(open_ones)), strict=True):
                if not passed:  # every mutant would then count as killed
                    raise RuntimeError(f"the tests of {original.file} fail without any mutant")
            judged = pool.map(_judge, open_ones)
            for number, mutant in enumerate(chosen, start=1):
                survived = results.of(mutant)
                if survived is None:
                    survived = next(judged)
                    results.add(mutant, survived)
                if survived:
                    left.append(mutant)
                if show is not None:
                    show(number, mutant, survived)
        return left


class Results:
    """Verdicts by what they depend on, the mutated file and its tests, in a file that only grows (or in none)."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        whole = [line.split(" ", 2) for line in lines if line.count(" ") >= 2]
        self.survived = {digest: verdict == "survived" for digest, verdict, _ in whole}

    @staticmethod
    def _digest(mutant: Mutant) -> str:
        tests = "".join((TESTS / name).read_text(encoding="utf-8") for name in mutant.tests)
        return hashlib.sha256(f"{mutant.file}\0{mutant.source}\0{tests}".encode()).hexdigest()

    def of(self, mutant: Mutant) -> bool | None:
        return self.survived.get(self._digest(mutant))

    def add(self, mutant: Mutant, survived: bool) -> None:
        digest = self._digest(mutant)
        self.survived[digest] = survived
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{digest} {'survived' if survived else 'killed'} {mutant.name}\n")


def _originals(chosen: list[Mutant]) -> list[Mutant]:
    """Every file concerned as it is."""
    originals = {}
    for mutant in chosen:
        if (mutant.file, mutant.tests) not in originals:
            source = (PACKAGE / mutant.file).read_text(encoding="utf-8")
            originals[mutant.file, mutant.tests] = Mutant(mutant.file, "", 0, "", source, mutant.tests)
    return list(originals.values())


def sample(everything: list[Mutant], number: int) -> list[Mutant]:
    """`number` mutants spread over all files, none of them known to be equivalent."""
    real = [mutant for mutant in everything if mutant.reason_equivalent is None]
    return [real[(2 * i + 1) * len(real) // (2 * number)] for i in range(min(number, len(real)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", default="", help="only mutants whose name holds this text")
    parser.add_argument("--sample", type=int, help="only so many, spread over all files")
    parser.add_argument("--light", action="store_true", help="leave out what takes a minute")
    parser.add_argument("--results", type=Path, help="where verdicts are kept, and taken from")
    parser.add_argument("--list", action="store_true", help="list the mutants and stop")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in mutants() if arguments.only in mutant.name]
    if arguments.light:
        chosen = [mutant for mutant in chosen if not set(mutant.tests) & SLOW]
    if arguments.sample:
        chosen = sample(chosen, arguments.sample)
    if arguments.list:
        print("\n".join(mutant.name for mutant in chosen))
        return 0

    def show(number: int, mutant: Mutant, survived: bool) -> None:
        verdict = ("equivalent" if mutant.reason_equivalent else "SURVIVED") if survived else "killed"
        print(f"{number:4d}/{len(chosen)}  {verdict:<10}  {mutant.name}", flush=True)

    left = survivors(chosen, arguments.workers, Results(arguments.results), show)
    bad = [mutant for mutant in left if mutant.reason_equivalent is None]
    killed, equivalent = len(chosen) - len(left), len(left) - len(bad)
    print(f"{len(chosen)} mutants, {killed} killed, {equivalent} equivalent, {len(bad)} survived")
    for mutant in bad:
        print(f"  SURVIVED {mutant.name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
