"""Nothing is wider than a terminal of 80 columns, except names that may not be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.shell import Shell

NETWORK = "conv-bn-relu 3x3, 4, pad 1 -> residual(conv-bn-relu 3x3, 4, pad 1) -> avgpool global -> linear 3"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("glassnet.report.pages.write_run_page", lambda run: [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "digits", "--set", "data.train_limit=60", "--epochs", 2),
        ("train", "digits", "--set", "data.train_limit=60", "--epochs", 1, "--sweep", "optimizer.lr=0.1,0.01"),
        ("evaluate", "RUN", "digits"),
        ("fool", "RUN", "digits", "--examples", 4),
        ("audit", "RUN", "digits", "--examples", 4, "--effort", "quick", "--no-corruptions"),
        ("check", NETWORK, "--input", "6x6x2", "--samples", 5),
        ("data", "list"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_no_line_is_wider(
    arguments: tuple[object, ...], shell: Shell, finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(finished_folder)
    monkeypatch.setattr("typer.Exit.__init__", lambda self, code=0: setattr(self, "exit_code", 0))  # found or not
    said = shell(*("run" if word == "RUN" else word for word in arguments))
    assert said and [line for line in said.splitlines() if len(line) > 80] == []
