"""Where mutants are tried: a copy of the package, and tests that run against it in forks; see `mutation.py`.

Before the first mutant the tests that watch over it are rehearsed on the original, in forks as well: once as they
stand, and once the quickest first. That tells which test goes through which lines, what each takes, and which modules
of others they load. From then on all modules but our own are loaded before the fork; the tests that go through the
mutated line run first, the quickest of them at the very first, and the run ends with the first that fails; and a test
that takes five times the processor time that it took on the original, and twenty seconds more, counts as one without
end, as does one that only waits: for a minute without any processor time, or for twenty minutes. Hypothesis neither
looks for a smaller failure nor explains one, and minds no time: the machine may be busy.
"""

from __future__ import annotations

import ast
import compileall
import contextlib
import gc
import importlib
import json
import math
import mmap
import os
import py_compile
import re
import resource
import shutil
import signal
import struct
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from mutation_changes import PACKAGE, Mutant
from mutation_targets import TARGETS

TESTS = Path(__file__).resolve().parent
_OURS = ("glassnet", "tests", "support", "conftest", "mutation")
_ROOM = 4096  # bytes added to each file, of which a mutant takes some
_SETTINGS = """[pytest]
pythonpath = tests
addopts = --import-mode=importlib
filterwarnings = error
markers = long
"""
_UNFINISHED = "unfinished"  # lies on a bench while a mutant is in place
# A test may take so many times the processor seconds that it took on the original, and so many more.
_SLOWER, _LONGER = 5, 20.0
_WAITING = 1200.0  # seconds by the clock that a test may take, on a busy machine too
_IDLE = 60.0  # seconds by the clock in which a run that is not stuck takes some processor time


@dataclass(frozen=True)
class Rehearsal:
    """What some test files do where nothing is changed.

    Attributes
    ----------
    seconds, most_seconds : dict
        The processor time that each test takes, and at most: the first time it may compile.
    lines : dict
        The (file, line) pairs that each test goes through, of the files that it is to watch over; none of what Numba
        compiles.
    """

    seconds: dict[str, float]
    most_seconds: dict[str, float]
    lines: dict[str, set[tuple[str, int]]]


def prepared(folder: Path) -> Path:
    """The folder of a worker's benches, emptied where a run was killed on them: a mutant may still be in place."""
    if any(folder.rglob(_UNFINISHED)):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Bench:
    """A copy of the package and of the tests in one folder (`room`), in which one file at a time is mutated."""

    def __init__(self, folder: Path, room: str) -> None:
        self.folder, self._package = folder, folder / "src" / "glassnet"
        self.rehearsals: dict[tuple[str, ...], Rehearsal] = {}
        copies: dict[Path, bytes] = {}
        for source in sources_for(room):
            contents = source.read_bytes()
            room_left = _ROOM if source.suffix == ".py" else 0
            copies[self._package / source.relative_to(PACKAGE)] = _padded(contents, len(contents) + room_left)
        for package in ("", "nn", "check"):
            copies.setdefault(self._package / package / "__init__.py", b"")
        for source in TESTS.rglob("*.py"):
            name = source.relative_to(TESTS).as_posix()
            if name == "conftest.py" or name.startswith(("support/", f"{room}/")):
                copies[folder / "tests" / source.relative_to(TESTS)] = source.read_bytes()
        for old in [*self._package.rglob("*.py"), *(folder / "tests").rglob("*.py")]:
            if old not in copies:
                old.unlink()
        for path, contents in copies.items():  # those that are there as they were keep their time: Numba goes by it
            if not path.exists() or path.read_bytes() != contents:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(contents)
        # By their contents: a mutant may have the size and the second of the original.
        compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
        (folder / "pytest.ini").write_text(_SETTINGS, encoding="utf-8")

    def try_out(self, mutant: Mutant) -> str:
        """`survived` where all tests pass with the mutant in place; `killed`, or `endless` where one did not end."""
        if mutant.tests not in self.rehearsals:
            self.rehearsals[mutant.tests] = self._rehearse(mutant.tests)
        with self._in_place(mutant):
            return self._run(mutant.tests, _Order(self.rehearsals[mutant.tests], (mutant.file, mutant.line)))

    def _rehearse(self, tests: tuple[str, ...]) -> Rehearsal:
        # Tracing takes time, and what Numba compiles has no lines.
        files = {file for file, _, watching in TARGETS if watching == tests and not file.startswith("nn/kernels/")}
        report = self.folder / "rehearsal.json"
        found: list[dict[str, Any]] = []
        for traced in (files, set()):
            report.unlink(missing_ok=True)
            plugin = _Recorder(report, self._package, traced, found[-1]["seconds"] if found else {})
            if self._run(tests, plugin) != "survived":  # every mutant would count as killed
                raise RuntimeError(f"{' and '.join(tests)}: tests fail without any mutant")
            found.append(json.loads(report.read_text(encoding="utf-8")))
            _load(found[-1]["modules"])
        first, again = (report["seconds"] for report in found)
        known = self.folder / "most_seconds.json"  # some of them compiled what lies ready now
        most = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
        most.update({name: max(seconds, again[name], most.get(name, 0.0)) for name, seconds in first.items()})
        known.write_text(json.dumps(most), encoding="utf-8")
        lines = {name: {(file, line) for file, line in lines} for name, lines in found[0]["lines"].items()}
        return Rehearsal(again, most, lines)

    @contextlib.contextmanager
    def _in_place(self, mutant: Mutant) -> Iterator[None]:
        """Put the mutated file where the original was, of the same size and time: Numba's cache goes by these."""
        place, unfinished = self._package / mutant.file, self.folder / _UNFINISHED
        original, stamp = place.read_bytes(), place.stat().st_mtime_ns
        unfinished.touch()
        with self._compiled_anew(place, mutant) if mutant.compiled else contextlib.nullcontext():
            place.write_bytes(_padded(mutant.source.encode(), len(original)))
            os.utime(place, ns=(stamp, stamp))
            try:
                yield
            finally:
                place.write_bytes(original)
                os.utime(place, ns=(stamp, stamp))
        unfinished.unlink()

    @contextlib.contextmanager
    def _compiled_anew(self, place: Path, mutant: Mutant) -> Iterator[None]:
        """Keep what Numba has compiled of the mutated function, and of those that call it, out of its cache."""
        stale = callers(place, mutant.function)
        aside = self.folder / "aside"
        kept = []
        for number, path in enumerate(_compiled(stale)):
            kept.append((path, aside / str(number)))
            aside.mkdir(exist_ok=True)
            path.replace(kept[-1][1])
        try:
            yield
        finally:
            for path in _compiled(stale):
                path.unlink()
            for path, away in kept:
                away.replace(path)

    def _run(self, tests: tuple[str, ...], plugin: Any) -> str:
        """`survived`, `killed` or `endless`: these test files on the copy as it is, in a fork. A crash is a failure."""
        deadline = mmap.mmap(-1, 8)  # shared with the child, which moves it as it comes to a test
        deadline[:] = _WORD.pack(time.monotonic() + _WAITING)
        plugin.deadline = deadline
        gc.freeze()  # or each child would look for garbage in all that is loaded
        child = os.fork()
        if child == 0:
            self._pytest(tests, plugin)
        ended = endless = False
        taken, since, looked = 0, time.monotonic(), time.monotonic()
        try:
            while not (ended or endless):
                ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
                now = time.monotonic()
                if now > looked + 1:
                    before, taken, looked = taken, _ticks(child), now
                    since = now if taken != before else since
                endless = not ended and (now > _WORD.unpack(deadline[:])[0] or now > since + _IDLE)
                time.sleep(0 if ended else 0.005)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)  # with every process that tests have left behind
            _, status = os.waitpid(child, 0)
        if endless:
            return "endless"
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            return "endless"
        if code > pytest.ExitCode.INTERRUPTED:
            raise RuntimeError(f"pytest ended with status {code} in {self.folder}")
        return "survived" if code == 0 else "killed"

    def _pytest(self, tests: tuple[str, ...], plugin: Any) -> NoReturn:
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            os.chdir(self.folder)
            sys.path.insert(0, str(self.folder / "src"))
            os.environ["PYTHONPATH"] = str(self.folder / "src")
            options = ["-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider"]
            options += ["-k", "not torch", "-m", "not long"]
            options += ["--hypothesis-seed=0", "--hypothesis-profile=mutation"]
            code = int(pytest.main([*options, *(f"tests/{name}" for name in tests)], [plugin]))
            plugin.end()
        finally:
            os._exit(code)


def sources_for(room: str) -> set[Path]:
    """The files of the package that the tests of a folder may import; those of operations need little of `nn`."""
    if room != "nn/functional":
        return {*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.tsv")}
    lowest = {source for source in PACKAGE.glob("*.py") if source.name != "__init__.py"}
    parts = (*(PACKAGE / "nn/functional").glob("*.py"), *(PACKAGE / "nn/kernels").glob("*.py"))
    return {*lowest, *parts, PACKAGE / "check" / "numerical.py"}


def _padded(source: bytes, size: int) -> bytes:
    return source + b"\n" * (size - len(source))


def callers(place: Path, function: str) -> set[tuple[str, str]]:
    """(module, function) of a function and of whatever may call it, in its file and in those beside it."""
    found, before = {(place.stem, function)}, 0
    while before != len(found):
        before = len(found)
        for path in place.parent.glob("*.py"):
            text = path.read_text(encoding="utf-8")
            seen = {
                name
                for module, name in found
                if module == path.stem or f".{module} import" in text or f"import {module}\n" in text
            }
            for node in ast.walk(ast.parse(text)) if seen else ():
                if isinstance(node, ast.FunctionDef):
                    called = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                    called |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                    if called & seen:
                        found.add((path.stem, node.name))
    return found


def _compiled(functions: set[tuple[str, str]]) -> list[Path]:
    """Numba's files of functions: `module.function-LINE.VERSION.nbi` and so on."""
    named = re.compile(
        "|".join(rf"{re.escape(module)}\.(?:.*\.)?{re.escape(name)}-\d+\." for module, name in functions)
    )
    return [path for path in Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nb[ic]") if named.match(path.name)]


# ---- what pytest is told --------------------------------------------------------------------------------------------

_WORD = struct.Struct("d")


def _processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _ticks(group: int) -> int:
    """Processor time of a group's processes so far, in ticks; where that is not known, another number each time."""
    if not Path("/proc/self/stat").exists():
        return -time.monotonic_ns()
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) if int(fields[2]) == group else 0
    return total


class _Recorder:
    """Notes what each test takes, which lines of some files it goes through, and which modules were loaded."""

    deadline: mmap.mmap

    def __init__(self, report: Path, package: Path, traced: set[str], order: dict[str, float]) -> None:
        self.report, self.order = report, order
        self.traced = {str(package / file): file for file in traced}
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, set[tuple[str, int]]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.order.get(item.nodeid, 0.0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.deadline[:] = _WORD.pack(time.monotonic() + _WAITING)
        lines = self.lines[item.nodeid] = set()

        def within(frame: FrameType, event: str, argument: Any) -> Any:
            lines.add((self.traced[frame.f_code.co_filename], frame.f_lineno))
            return within

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            return within if frame.f_code.co_filename in self.traced else None

        begun = _processor_seconds()
        if self.traced:
            sys.settrace(trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.seconds[item.nodeid] = _processor_seconds() - begun

    def end(self) -> None:
        modules = [name for name in sys.modules if name.partition(".")[0] not in _OURS]
        lines = {name: sorted(lines) for name, lines in self.lines.items()}
        found = {"seconds": self.seconds, "lines": lines, "modules": modules}
        self.report.write_text(json.dumps(found), encoding="utf-8")


class _Order:
    """Runs those tests first that go through a line, the quickest of them at the very first."""

    deadline: mmap.mmap

    def __init__(self, rehearsal: Rehearsal, line: tuple[str, int]) -> None:
        self.rehearsal = rehearsal
        self.through = {name for name, lines in rehearsal.lines.items() if line in lines}

    @pytest.hookimpl(trylast=True)  # what -k leaves out is out by then
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: (item.nodeid not in self.through, self.rehearsal.seconds[item.nodeid]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        most = _SLOWER * self.rehearsal.most_seconds[item.nodeid] + _LONGER
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + most), hard))
        self.deadline[:] = _WORD.pack(time.monotonic() + _WAITING)

    def end(self) -> None:
        pass


# ---- before the fork -----------------------------------------------------------------------------------------------


def get_ready() -> None:
    """Load what every run needs, so that a fork starts at once."""
    import hypothesis
    import numba

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    patient = list(hypothesis.HealthCheck)
    hypothesis.settings.register_profile(
        "mutation", phases=phases, database=None, deadline=None, suppress_health_check=patient
    )
    numba.njit(lambda x: x + 1.0)(1.0)  # the first compilation also loads Numba's own typing rules


def _load(modules: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
