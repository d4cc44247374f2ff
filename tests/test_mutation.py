"""Planted bugs do not survive the tests; see `mutation.py`."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import mutation
import mutation_bench
from mutation_targets import EQUIVALENT, TARGETS

SCRIPT = Path(mutation.__file__)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the mutation run forks")


@pytest.fixture(scope="module")
def everything() -> list[mutation.Mutant]:
    return list(mutation.mutants())


def _run(*arguments: str) -> None:
    """In a process of its own: this one has the package loaded, unmutated."""
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_no_mutant_of_a_sample_survives() -> None:
    """Of a Python file and of the compiled one behind it, whose tests are quick."""
    _run("--only", "joining.py", "--sample", "4", "--workers", "1")


def test_what_was_not_tried_is_counted(
    everything: list[mutation.Mutant], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No mutant is tried once the time is over; a run fails where one survives, and where none was tried."""
    few = everything[:5]
    assert mutation._judge(few[0], 0.0) == "not tried"
    monkeypatch.setattr(mutation, "mutants", lambda: few)
    monkeypatch.setattr(sys, "argv", ["mutation.py", "--minutes", "1"])
    for verdicts, status, counts in (
        (
            ["killed", "endless", "survived", "not tried", "not tried"],
            1,
            "2 killed, 0 equivalent, 1 survived, 2 not tried",
        ),
        (["killed"] * 3 + ["not tried"] * 2, 0, "3 killed, 0 equivalent, 0 survived, 2 not tried"),
        (["not tried"] * 5, 1, "0 killed, 0 equivalent, 0 survived, 5 not tried"),
    ):
        monkeypatch.setattr(mutation, "judged", lambda *_, found=verdicts: zip(few, found, strict=True))
        assert mutation.main() == status
        assert capsys.readouterr().out.splitlines()[-1] == f"5 mutants: {counts}"


@pytest.mark.long
def test_no_mutant_survives() -> None:
    _run()


def test_a_stopped_run_goes_on(everything: list[mutation.Mutant], tmp_path: Path) -> None:
    first, second = everything[:2]
    results = mutation.Results(tmp_path / "new" / "mutants.txt")
    assert results.of(first) is None
    results.add(first, "survived")
    results.add(second, "killed")
    with (tmp_path / "new" / "mutants.txt").open("a", encoding="utf-8") as file:
        file.write("cut off")
    again = mutation.Results(tmp_path / "new" / "mutants.txt")
    assert (again.of(first), again.of(second)) == ("survived", "killed")
    assert again.of(replace(first, source=first.source + "# changed")) is None


def test_a_table_of_functions_is_mutated_within_these_alone(everything: list[mutation.Mutant]) -> None:
    changes = [m.change for m in everything if (m.file, m.function) == ("autodiff/operations.py", "_ALL")]
    assert "1 / x => 1 * x" in changes and "-dual.sin(x) => dual.sin(x)" in changes
    assert not any("Operation" in change or "log" in change for change in changes)


def test_sample_covers_most_files(everything: list[mutation.Mutant]) -> None:
    ours = [mutant for mutant in everything if mutant.file.startswith("nn/")]
    assert len(ours) > 500
    assert len({(mutant.file, mutant.source) for mutant in ours}) == len(ours)
    assert len({mutant.file for mutant in mutation.sample(ours, 10)}) >= 5


def test_a_run_that_only_waits_counts_as_one_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waiting(mutation_bench.Bench):
        def __init__(self) -> None:
            pass

        def _pytest(self, tests: tuple[str, ...], plugin: Any) -> NoReturn:
            os.setpgid(0, 0)
            time.sleep(600)
            os._exit(0)

    monkeypatch.setattr(mutation_bench, "_IDLE", 0.5)
    assert Waiting()._run((), SimpleNamespace()) == "endless"


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script of the long proofs."""
    spec = importlib.util.spec_from_file_location("verify", SCRIPT.parents[1] / "tools" / "verify.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "verify", module)
    spec.loader.exec_module(module)
    return module


def test_each_mutant_belongs_to_one_part_of_the_long_proofs(everything: list[mutation.Mutant], verify: Any) -> None:
    texts = verify.mutated().values()
    assert [m.name for m in everything if sum(text in m.name for text in texts) != 1] == []


def test_the_long_proofs_say_what_was_a_sample(verify: Any) -> None:
    assert verify.sampled("5 mutants: 3 killed, 0 equivalent, 0 survived, 2 not tried")
    assert verify.sampled("90 mutants: 80 killed, 0 equivalent, 0 survived, 10 not tried")
    assert not verify.sampled("5 mutants: 5 killed, 0 equivalent, 0 survived, 0 not tried")
    assert not verify.sampled("18 passed in 2.20s")
    for minutes in (None, 3.0):
        assert all(
            (part.command[-2:] == ("--minutes", "3.0")) == (part.name.startswith("mutation-") and minutes is not None)
            for part in verify.parts(minutes)
        )


def test_equivalent_mutants_exist(everything: list[mutation.Mutant]) -> None:
    """A reason for a mutant that is made no more has to go."""
    made = {(mutant.file, mutant.function, mutant.change) for mutant in everything}
    assert set(EQUIVALENT) <= made


def test_what_calls_a_changed_kernel_is_compiled_anew() -> None:
    """Numba's cache sees a change in a kernel's own file alone; `direct` and `winograd` call `epilogue.start`."""
    kernels = mutation_bench.PACKAGE / "nn" / "kernels"
    found = mutation_bench.callers(kernels / "epilogue.py", "start")
    assert {("epilogue", "start"), ("direct", "backward"), ("winograd", "backward")} <= found
    assert not any(file in ("losses", "stochastic") for file, _ in found)


def test_the_copy_holds_what_the_tests_import() -> None:
    """Without it they would fail on the original, and no mutant would be tried."""
    package, tests = mutation_bench.PACKAGE, mutation_bench.TESTS
    for watching in {name for _, _, names in TARGETS for name in names}:
        held = mutation_bench.sources_for(watching.rpartition("/")[0])
        left, seen = [tests / watching], set()
        while left:
            path = left.pop()
            seen.add(path)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ImportFrom) or node.module is None:
                    continue
                top, *rest = node.module.split(".")
                folder = {"glassnet": package, "support": tests / "support"}.get(top)
                if folder is None:
                    continue
                module = folder.joinpath(*rest)
                modules = [module, *(module / name.name for name in node.names)]
                files = [file for m in modules for file in (m.with_suffix(".py"), m / "__init__.py")]
                found = [file for file in files if file.exists() and (file in held or top == "support")]
                assert found, f"{path}: {node.module}"
                left += [file for file in found if top == "support" and file not in seen]


def test_a_mutant_leaves_the_lines_below_where_they_were(everything: list[mutation.Mutant]) -> None:
    lines = {file: (mutation_bench.PACKAGE / file).read_bytes().count(b"\n") for file in {m.file for m in everything}}
    assert not [mutant.name for mutant in everything if mutant.source.count("\n") != lines[mutant.file]]


_SMALL = """
from glassnet.autodiff import dual


def test_relu():
    assert dual.relu(1.0) == 1.0
"""
_TRIES = """
import sys
import time
from pathlib import Path

folder, scripts = (Path(name) for name in sys.argv[1:])
sys.path.insert(0, str(scripts))
import mutation_bench
from mutation_changes import PACKAGE, Mutant

mutation_bench.TESTS, mutation_bench._LONGER = folder, 0.5
mutation_bench.get_ready()
bench = mutation_bench.Bench(folder / "bench", "autodiff")
file = "autodiff/dual.py"
text = (PACKAGE / file).read_text()
line = "    return x if value_of(x) > 0 else 0.0 * x"
assert line in text
for change in (line, line.replace(">", "<"), "    while True: pass", line.replace("0.0 *", "1.0 *"), "    return ("):
    print(bench.try_out(Mutant(file, "relu", 0, "", text.replace(line, change), ("autodiff/test_small.py",))))
(folder / "bench/tests/autodiff/test_small.py").write_text("def test_fails(): assert False")
bench.rehearsals.clear()
bench.try_out(Mutant(file, "relu", 0, "", text, ("autodiff/test_small.py",)))
"""


def test_killed_by_a_test_that_fails_or_does_not_end_and_passes_on_the_original(tmp_path: Path) -> None:
    (tmp_path / "autodiff").mkdir()
    (tmp_path / "autodiff" / "test_small.py").write_text(_SMALL, encoding="utf-8")
    command = [sys.executable, "-c", _TRIES, str(tmp_path), str(SCRIPT.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["survived", "killed", "endless", "survived", "killed"], done.stderr
    assert "autodiff/test_small.py: tests fail without any mutant" in done.stderr
