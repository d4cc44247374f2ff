"""Planted bugs in the backward passes do not survive the operations' tests; see `mutation.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mutation
import pytest

SCRIPT = Path(mutation.__file__)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the mutation run forks")


def _run(*arguments: str) -> None:
    """In a process of its own: this one has the package loaded, unmutated."""
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_no_mutant_of_a_sample_survives() -> None:
    _run("--light", "--sample", "10")


@pytest.mark.long
def test_no_mutant_survives() -> None:
    _run()


def test_sample_covers_most_files() -> None:
    everything = list(mutation.mutants())
    assert len(everything) > 500
    assert len({(mutant.file, mutant.source) for mutant in everything}) == len(everything)
    assert len({mutant.file for mutant in mutation.sample(everything, 10)}) >= 5


def test_equivalent_mutants_exist() -> None:
    """A reason for a mutant that is made no more has to go."""
    made = {(mutant.file, mutant.function, mutant.change) for mutant in mutation.mutants()}
    assert set(mutation.EQUIVALENT) <= made
