"""`wann` as a user types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.shell import Shell

SEARCH = ("--population", 10, "--generations", 3, "--limit", 200)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from glassnet.cli import main

    folder = tmp_path_factory.mktemp("runs") / "found"
    assert main(["wann", "digits", *map(str, SEARCH), "--out", str(folder)]) == 0
    return folder


def test_search_and_go_on(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = shell.json("wann", "digits", *SEARCH)
    assert found["folder"] == "runs/digits-wann-1" and found["generations"] == 3
    assert found["files"][0] == "runs/digits-wann-1/index.html" and found["units"] >= 0
    said = shell("wann", "search", "digits", *SEARCH, "--jobs", 2)
    assert "wrote runs/digits-wann-2/network.svg" in said and "validation accuracy by shared weight" in said
    more = shell.json("wann", "--resume", "runs/digits-wann-1", "--generations", 5)
    assert more["generations"] == 5
    drawing = Path("runs/digits-wann-1/network.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<svg") and drawing.count("<circle") >= 10 and ">9</text>" in drawing


def test_show(shell: Shell, run: Path) -> None:
    found = shell.json("wann", "show", run)
    shown = found["shown"]
    assert shown["part"] == "test" and 0 <= shown["random"]["mean"] <= shown["tuned"]["accuracy"] + 0.5
    page = (run / "index.html").read_text(encoding="utf-8")
    assert "One weight for all connections" in page and "Once the weights are trained" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert all(Path(file).stat().st_size for file in found["files"])


def test_train(shell: Shell, run: Path) -> None:
    said = shell("wann", "train", run, "--seeds", 2, "--epochs", 1)
    assert re.search(r"searched topology from the shared weight, \d+ connections", said)
    assert "90 %, 241 left" in said
    page = (run / "index.html").read_text(encoding="utf-8")
    for title in ("Once the weights are trained", "Taking connections away", "What is not shown"):
        assert title in page
    again = shell.json("wann", "show", run)
    assert again["trained"]["contest"]["seeds"] == 2  # what was trained stays on the page


def test_wrong_input(shell: Shell, tmp_path: Path, run: Path) -> None:
    assert "Name data" in shell.error("wann", "--generations", 3)
    assert "takes the folder" in shell.error("wann", "--resume", run, "--seed", 3)
    assert "Name the folder that 'wann' made" in shell.error("wann", "show", tmp_path)
    assert "Choose another --out" in shell.error("wann", "digits", "--out", run)
    assert "at most 32x32" in shell.error("wann", large(tmp_path / "large"), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    shell.error("wann", "train", run, "--seeds", 1)


def large(folder: Path) -> Path:
    """Pictures of 40x40 in two classes."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(rng.integers(0, 256, (40, 40), np.uint8)).save(folder / name / f"{number}.png")
    return folder
