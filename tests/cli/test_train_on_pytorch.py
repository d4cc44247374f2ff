"""`glassnet train --engine torch`: what it says, and what it refuses in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.experiments import load_recipe
from glassnet.files import read_json
from glassnet.interop import library
from support.shell import Shell

SMALL = ("digits", "--model", "linear", "--epochs", 1, "--set", "data.train_limit=100", "--set", "data.test_limit=50")


def test_it_trains_and_says_on_what(shell: Shell, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    out = tmp_path / "run"
    found = shell.json("train", *SMALL, "--engine", "torch", "--out", out)
    assert 0 < found["accuracy"] <= 1
    assert load_recipe(out / "recipe.toml").engine.name == "torch"
    engine = read_json(out / "environment.json")["engine"]
    assert engine == {"name": "torch", "torch": torch.__version__, "device": "cpu", "compile": False, "amp": False}
    assert torch.__version__ in (out / "report.html").read_text(encoding="utf-8")
    shell("train", "--resume", out, "--epochs", 2, "--engine", "native")
    assert load_recipe(out / "recipe.toml").engine.name == "native"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "cuda"), "our own trains on the CPU. Add --engine torch."),
        (("--amp",), "engine.amp = True is for PyTorch's engine"),
        (("--engine", "tensorflow"), "engine.name must be native or torch. Got 'tensorflow'"),
        (("--gpu",), "--engine torch --device cuda"),
    ],
)
def test_what_cannot_be_is_refused(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    assert message in shell.error("train", *SMALL, *arguments)


def test_without_pytorch_one_line_says_how_to_install_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "is_installed", lambda: False)
    error = shell.error("train", "no-such-data", "--engine", "torch")
    assert error.strip() == "error: PyTorch is not installed; pip install 'glassnet[torch]'."
