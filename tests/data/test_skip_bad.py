"""Pictures that cannot be read are an error that says so, or are named and left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import load
from glassnet.errors import DataError, Fix
from support.shell import Shell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of eight pictures, one of which is no picture and one cut short."""
    for place, name in enumerate(("cat", "dog")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(8):
            pixels = np.full((12, 12, 3), 20 * number + place, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "set" / "cat" / "3.png").write_bytes(b"no picture")
    whole = (tmp_path / "set" / "dog" / "5.png").read_bytes()
    (tmp_path / "set" / "dog" / "5.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "set"


def test_the_error_names_the_remedy(folder: Path) -> None:
    with pytest.raises(DataError, match=r"3\.png.*skip_bad") as caught:
        load(folder)
    assert caught.value.fix is Fix.SKIP_BAD


@pytest.mark.parametrize("share", [0.25, 0])
def test_bad_pictures_are_named_and_left_out(folder: Path, share: float) -> None:
    found = load(folder, skip_bad=True, memory_share=share)
    assert found.train.labels.tolist() == [0] * 7 + [1] * 7
    shades = [int(found.train.images[row : row + 1][0, 0, 0, 0]) for row in range(14)]
    assert shades == [20 * n for n in range(8) if n != 3] + [20 * n + 1 for n in range(8) if n != 5]
    (note,) = found.train.notes
    assert note.startswith("2 pictures that cannot be read are left out: ") and "3.png" in note and "5.png" in note


def test_a_class_must_keep_a_picture(folder: Path) -> None:
    for picture in (folder / "cat").iterdir():
        picture.write_bytes(b"")
    with pytest.raises(DataError, match=r"No picture of the class of .*cat"):
        load(folder, skip_bad=True)


def test_the_command(folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("glassnet.report.pages.write_run_page", lambda run: [])
    out = tmp_path / "run"
    assert "--skip-bad" in shell.error("train", folder, "--model", "linear", "--epochs", 1, "--out", out)
    said = shell("train", folder, "--model", "linear", "--epochs", 1, "--out", out, "--skip-bad")
    assert "2 pictures that cannot be read are left out" in said
    kept = json.loads((out / "environment.json").read_text(encoding="utf-8"))
    assert any("left out" in note for note in kept["notes"])
    assert "skip_bad = true" in (out / "recipe.toml").read_text(encoding="utf-8")
