"""Every example in a docstring runs and gives what it shows; `np` is NumPy, as in NumPy's own."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).parents[1] / "src"
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if "    >>> " in path.read_text(encoding="utf-8")]
MODULES = [".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
ABSENT = [name for name in ("av", "onnx", "optuna", "torch") if importlib.util.find_spec(name) is None]


def is_possible(test: doctest.DocTest) -> bool:
    """Whether an example imports nothing that is not installed; what needs an optional package imports it itself."""
    return not any(example.source.split()[:2] == ["import", name] for name in ABSENT for example in test.examples)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), extraglobs={"np": np})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    told: list[str] = []
    for test in filter(is_possible, found):
        runner.run(test, out=told.append)
    assert not told, "".join(told)
    if ABSENT and not runner.tries:
        pytest.skip(f"needs {' or '.join(ABSENT)}")
    assert runner.tries > 0
