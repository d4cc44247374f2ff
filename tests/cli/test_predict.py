"""`glassnet predict` as people use it: folders, lists, bad files, tables, sheets, terminals of any width."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.cli import tables
from glassnet.data import load
from glassnet.model import Model
from support.shell import Shell


@pytest.fixture
def place(tmp_path: Path, finished_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: `run` and `photos`, with pictures in it and in folders below, one of them broken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(finished_folder)
    digits = iter(load("digits").train.images)
    for name in ("a.png", "cats/b.png", "cats/small/c.jpg", "dogs/d.png", ".hidden/e.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(next(digits)[..., 0]).save(path)
    (tmp_path / "photos" / "dogs" / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    return tmp_path


FILES = ["photos/a.png", "photos/cats/b.png", "photos/cats/small/c.jpg", "photos/dogs/d.png"]


def broken(place: Path) -> str:
    (place / "photos" / "dogs" / "broken.png").write_bytes(b"nothing")
    return "photos/dogs/broken.png"


def test_folders_of_folders(shell: Shell, place: Path) -> None:
    found = shell.json("predict", "run", "photos")["predictions"]
    assert [each["picture"] for each in found] == FILES
    expected = Model.load("run").predict_files(FILES)
    for each, row in zip(found, expected, strict=True):
        assert each["classes"][0]["class"] == str(row.argmax())
        by_class = {entry["class"]: entry["probability"] for entry in each["classes"]}
        np.testing.assert_allclose([by_class[str(k)] for k in range(10)], row, atol=1e-6)


def test_files_and_folders_once_each(shell: Shell, place: Path) -> None:
    found = shell.json("predict", "run", FILES[3], "photos/cats", FILES[1])["predictions"]
    assert [each["picture"] for each in found] == [FILES[3], FILES[1], FILES[2]]


def test_bad_ones_are_named_and_the_rest_answered(shell: Shell, place: Path) -> None:
    bad = broken(place)
    (place / "empty").mkdir()
    found = shell.json("predict", "run", "photos", "missing.png", "empty", status=3)
    assert [each["picture"] for each in found["predictions"]] == FILES
    assert {each["picture"] for each in found["unread"]} == {bad, "missing.png", "empty"}
    lines = [line for line in shell.err.splitlines() if line.startswith("not read: ")]
    assert len(lines) == 3 and bad in lines[1] + lines[2] + lines[0] and "no picture 'missing.png'" in shell.err


def test_nothing_that_can_be_read(shell: Shell, place: Path) -> None:
    assert "There is no picture 'x.png'" in shell.error("predict", "run", "x.png")
    assert "None of 2 pictures can be read" in shell.error("predict", "run", "x.png", "y.png")


def test_other_formats_in_folders_are_said(shell: Shell, place: Path) -> None:
    (place / "photos" / "cats" / "f.heic").write_bytes(b"nothing")
    shell("predict", "run", "photos")
    assert "1 .heic files (a format that is not read)" in shell.err


class Input:
    """What stands on the standard input."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("data", ["{0}\n{1}\n", "{0}\r\n\r\n{1}", "{0}\0{1}\0"])
def test_names_from_the_input(data: str, shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Input(data.format(*FILES).encode()))
    found = shell.json("predict", "run", "-", FILES[3])["predictions"]
    assert [each["picture"] for each in found] == [FILES[0], FILES[1], FILES[3]]


def test_an_input_without_names(shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, said in ((b"", "no names"), ((place / FILES[0]).read_bytes(), "holds a picture")):
        monkeypatch.setattr(sys, "stdin", Input(data))
        assert said in shell.error("predict", "run", "-")


def test_a_table(shell: Shell, place: Path) -> None:
    bad = broken(place)
    found = shell.json("predict", "run", "photos", "--out", "answers.csv", status=3)
    assert found["files"] == ["answers.csv"] and "answers.csv" in shell("predict", "run", "photos", "--out",
                                                                       "answers.csv", status=3)  # fmt: skip
    rows = list(csv.DictReader(io.StringIO((place / "answers.csv").read_text(encoding="utf-8"))))
    assert [row["file"] for row in rows] == [*FILES, bad]
    for row, each in zip(rows, found["predictions"], strict=False):
        first, second = each["classes"][:2]
        assert (row["class"], float(row["probability"])) == (first["class"], first["probability"])
        assert (row["runner_up"], float(row["runner_up_probability"])) == (second["class"], second["probability"])
        assert row["remark"] == ""
    assert rows[-1]["class"] == "" and rows[-1]["remark"].startswith("not read: ")


def test_a_sheet(shell: Shell, place: Path) -> None:
    bad = broken(place)
    shell("predict", "run", "photos", "--out", "answers.html", status=3)
    page = (place / "answers.html").read_text(encoding="utf-8")
    assert page.count('class="tile"') == 4 and bad in page and "What run sees in 4 pictures." in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script src" not in page


def test_everything(shell: Shell, place: Path) -> None:
    found = shell.json("predict", "run", "photos", "--out", "answers.json")
    assert json.loads((place / "answers.json").read_text(encoding="utf-8")) == found


def test_other_forms_are_refused_at_once(shell: Shell, place: Path) -> None:
    assert "ends in .csv, .html or .json" in shell.error("predict", "nowhere", "photos", "--out", "answers.txt")


def test_dark_ink_is_inverted_and_said(shell: Shell, place: Path) -> None:
    digit = np.zeros((80, 80), np.uint8)
    digit[8:72, 36:44] = 255
    for name, pixels in (("light.png", digit), ("dark.png", 255 - digit)):
        Image.fromarray(pixels).save(place / name)
    light, dark = (shell.json("predict", "run", name)["predictions"][0] for name in ("light.png", "dark.png"))
    assert light["classes"] == dark["classes"] and light["changes"] == ["centred"]
    assert dark["changes"] == ["inverted", "centred"]
    assert "dark.png: dark on light, the training pictures are light on dark: inverted; --no-invert" in shell.err
    as_is = shell.json("predict", "run", "dark.png", "--no-invert", "--no-centre")["predictions"][0]
    assert as_is["changes"] == [] and as_is["classes"] != dark["classes"] and shell.err == ""
    shell("predict", "run", "dark.png", "--out", "a.csv")
    assert '"inverted, centred"' in (place / "a.csv").read_text(encoding="utf-8")


def test_python_takes_files_alike_and_arrays_as_they_are(place: Path) -> None:
    model = Model.load("run")
    picture = np.full((8, 8), 255, np.uint8)
    picture[1:7, 3:5] = 0
    Image.fromarray(picture).save("one.png")
    assert model.read("one.png")[1] == ("inverted",)
    stored = model.predict_proba(picture[None, :, :, None])
    assert not np.array_equal(model.predict_files(["one.png"]), stored)
    np.testing.assert_array_equal(model.predict_files(["one.png"], as_is=True), stored)
    np.testing.assert_array_equal(
        model.predict_files(["one.png"]), model.predict_proba(255 - picture[None, :, :, None])
    )


# ---- the lines in the terminal

ROWS = [
    ("photos/zebra.jpg", [("zebra", 0.9999), ("tiger", 0.0001)]),
    (
        "photos/a-very-long-name-of-a-picture.jpg",
        [("Egyptian cat, of the longest kind", 0.5), ("tabby", 0.25), ("x", 0.2)],
    ),
]


def test_columns_are_aligned() -> None:
    assert tables.answer_table([("a.png", [("cat", 0.5)]), ("bb.png", [("zebra", 1.0), ("x", 0.051)])]) == (
        "a.png   cat     50.0%\nbb.png  zebra  100.0%  x  5.1%"
    )


@pytest.mark.parametrize("width", [8, 20, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = tables.answer_table(ROWS, width).splitlines()
    assert len(lines) == 2 and max(map(len, lines)) <= width
    if width >= 40:
        assert "zebra" in lines[0] and "100.0%" in lines[0] and "picture.jpg" in lines[1] and "50.0%" in lines[1]
    if width == 120:
        assert "…" not in "".join(lines) and "20.0%" in lines[1]


def test_noise_is_left_out(shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sure = np.full((1, 10), 1e-5)
    sure[0, 3] = 1 - 9e-5
    monkeypatch.setattr(Model, "predict_proba", lambda self, images: sure[: len(images)])
    assert shell("predict", "run", FILES[0]) == f"{FILES[0]}  3  100.0%\n"
    assert shell("predict", "run", FILES[0], "--top", 2) == f"{FILES[0]}  3  100.0%  0  0.0%\n"
