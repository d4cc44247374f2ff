"""The pages of docs/theory: built anew, every claim checked, they say what they say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_NUMBER = re.compile(r"[+-]?\d+\.?\d*(?:e[+-]?\d+)?")


def test_pages_are_as_built(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("theory", ROOT / "tools" / "theory.py")
    assert spec is not None and spec.loader is not None
    theory = importlib.util.module_from_spec(spec)
    sys.modules["theory"] = theory
    spec.loader.exec_module(theory)
    files = theory.build(tmp_path)
    assert len(files) == 6 == len(list((ROOT / "docs" / "theory").glob("*.md")))
    for file in files:
        built, shown = (
            " ".join(f.read_text(encoding="utf-8").split()) for f in (file, ROOT / "docs/theory" / file.name)
        )
        assert _NUMBER.sub("N", built) == _NUMBER.sub("N", shown), file.name
        for a, b in zip(_NUMBER.findall(built), _NUMBER.findall(shown), strict=True):
            tiny = max(abs(float(a)), abs(float(b))) < 1e-9  # rounding errors, which differ between machines
            assert tiny or float(a) == pytest.approx(float(b), rel=0.02), (file.name, a, b)
        for picture in re.findall(r"\(\.\./(images/[^)]+)\)", built):
            assert (tmp_path / picture).is_file() and (ROOT / "docs" / picture).is_file()
    with pytest.raises(AssertionError, match="does not hold"):
        theory.claim(False, "that")
