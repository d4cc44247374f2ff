"""Planted bugs do not survive the tests; see `mutation.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import mutation

SCRIPT = Path(mutation.__file__)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the mutation run forks")


def _run(*arguments: str) -> None:
    """In a process of its own: this one has the package loaded, unmutated."""
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_no_mutant_of_a_sample_survives() -> None:
    _run("--only", "nn/", "--light", "--sample", "10")


@pytest.mark.long
def test_no_mutant_survives() -> None:
    _run()


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    first, second = list(mutation.mutants())[:2]
    results = mutation.Results(tmp_path / "new" / "mutants.txt")
    assert results.of(first) is None
    results.add(first, survived=True)
    results.add(second, survived=False)
    with (tmp_path / "new" / "mutants.txt").open("a", encoding="utf-8") as file:
        file.write("cut off")
    again = mutation.Results(tmp_path / "new" / "mutants.txt")
    assert (again.of(first), again.of(second)) == (True, False)
    assert again.of(replace(first, source=first.source + "# changed")) is None


def test_a_table_of_functions_is_mutated_within_these_alone() -> None:
    changes = [m.change for m in mutation.mutants() if (m.file, m.function) == ("autodiff/operations.py", "_ALL")]
    assert "1 / x => 1 * x" in changes and "-dual.sin(x) => dual.sin(x)" in changes
    assert not any("Operation" in change or "log" in change for change in changes)


def test_sample_covers_most_files() -> None:
    everything = [mutant for mutant in mutation.mutants() if mutant.file.startswith("nn/")]
    assert len(everything) > 500
    assert len({(mutant.file, mutant.source) for mutant in everything}) == len(everything)
    assert len({mutant.file for mutant in mutation.sample(everything, 10)}) >= 5


def test_equivalent_mutants_exist() -> None:
    """A reason for a mutant that is made no more has to go."""
    made = {(mutant.file, mutant.function, mutant.change) for mutant in mutation.mutants()}
    assert set(mutation.EQUIVALENT) <= made
