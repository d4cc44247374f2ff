"""The Python of docs/attacks.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.classifiers import digits

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    digits().save("digits.safetensors")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    rate, _, robust = capsys.readouterr().out.partition(" steps of 1/255\n")
    assert rate.startswith("1.0 ") and 0 < float(robust.split()[0]) < 1
