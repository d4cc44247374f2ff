"""`twin` as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.cli import main
from support.shell import Shell

PRECISIONS = ("--pair", "native float32, native float64")
DENSE = "linear 16 -> relu -> linear"


def test_the_same_and_apart(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = shell("twin", DENSE, *PRECISIONS, "--steps", 12)
    assert "native float32 and native float64: the same for 12 steps, tolerance 1e-03" in said
    assert "wrote network-twin/index.html" in said
    found = shell.json("twin", DENSE, *PRECISIONS, "--steps", 12, "--tolerance", 1e-6, "--out", "out", status=1)
    assert not found["passed"] and found["steps"] == 12 and found["data"] == "digits"
    assert found["files"] == ["out/index.html", "out/figures/twin_curves.png"]
    assert all(Path(file).exists() for file in found["files"])
    assert np.allclose(*found["losses"], rtol=1e-5) and len(found["losses"][0]) == 12
    parted = found["parted"]
    assert parted["difference"]["error"] > 1e-6 and parted["reason"]["kind"]
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert "they part" in page and parted["reason"]["text"].split(":")[0] in page


def test_a_recipe_a_run_and_a_named_network(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(
        '[data]\nsource = "digits"\ntrain_limit = 200\n[model]\nnetwork = "linear 8 -> tanh -> linear"\n'
        '[optimizer]\nname = "sgd"\n[train]\nepochs = 1\nbatch = 50\naugment = "shift 1"\nclass_weights = "balanced"\n',
        encoding="utf-8",
    )
    found = shell.json("twin", "own.toml", *PRECISIONS)
    assert found["passed"] and found["steps"] == 4  # its one epoch has no more
    assert found["notation"] == "linear 8 -> tanh -> linear 10" and found["files"][0] == "own-twin/index.html"
    assert main(["train", "own.toml", "--out", "run"]) == 0
    begun = shell.json("twin", "run", *PRECISIONS, "--set", "train.epochs=2", "--steps", 6)
    assert begun["passed"] and begun["steps"] == 6
    assert begun["losses"][0][0] < found["losses"][0][0]  # it starts from the trained weights
    named = shell.json(
        "twin", "two-layer", *PRECISIONS, "--steps", 2, "--input", "6x6x3", "--set", "optimizer.name=sgd"
    )
    assert named["data"] == "noise" and named["passed"]
    model = shell.json("twin", "run/model.safetensors", *PRECISIONS, "--steps", 2, "--set", "optimizer.name=sgd")
    assert model["data"] == "noise" and model["notation"] == found["notation"]


def test_wrong_input(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "A pair is two sides" in shell.error("twin", DENSE, "--pair", "native")
    assert "Did you mean 'native'?" in shell.error("twin", DENSE, "--pair", "nativ, torch")
    assert "above 0" in shell.error("twin", DENSE, *PRECISIONS, "--tolerance", 0)
    assert "absent.toml" in shell.error("twin", "absent.toml", *PRECISIONS)
    shell.error("twin", "linear 4 -> nonsense", *PRECISIONS)
    assert not list(tmp_path.iterdir())
