"""The Python of docs/look.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.classifiers import digits

PAGE = Path(__file__).parents[2] / "docs" / "look.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    digits().save("digits.safetensors")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("gradient (8, 8) ") and lines[2].startswith("occlusion (8, 8) ")
