"""`lr` and `tune` as a user types them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from glassnet.cli import main
from glassnet.cli.tune import seconds_of
from glassnet.errors import RecipeError
from glassnet.experiments import load_recipe
from glassnet.files import read_json
from support.shell import Shell

SMALL = ("digits", "--set", "data.train_limit=200", "--set", "model.network=linear 8 -> relu -> linear")
STUDY = ("tune", *SMALL, "--set", "train.epochs=2", "--set", "train.threads=1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_range_test(shell: Shell) -> None:
    said = shell("lr", *SMALL, "--steps", 60, "--out", "rates.svg")
    assert "<- suggested" in said and "wrote rates.svg" in said and "suggested for adam: " in said
    line = next(line for line in said.splitlines() if line.startswith("try: "))
    assert main([*shlex.split(line)[2:], "--epochs", "1", "--out", "run"]) == 0  # what it says can be typed
    assert Path("rates.svg").read_text(encoding="utf-8").startswith("<?xml")
    found = shell.json("lr", *SMALL, "--steps", 60, "--out", "rates.png", "--set", "optimizer.name=sgd")
    assert found["optimizer"] == "sgd" and found["begin"] < found["suggestion"] < found["end"]
    assert found["rate"] == pytest.approx(found["suggestion"], rel=0.05) and found["files"] == ["rates.png"]
    assert len(found["rates"]) == len(found["losses"]) and found["rates"][0] == 1e-6


def test_no_suggestion_and_wrong_input(shell: Shell) -> None:
    found = shell.json("lr", *SMALL, "--steps", 20, "--low", 1e-12, "--high", 1e-10, status=1)
    assert found["rate"] is None
    assert "rise from above 0" in shell.error("lr", *SMALL, "--low", 2, "--high", 1)
    assert ".png or .svg. Got 'a.pdf'" in shell.error("lr", *SMALL, "--steps", 20, "--out", "a.pdf")
    assert "absent.toml" in shell.error("lr", "absent.toml")


def test_a_study(shell: Shell) -> None:
    Path("own.toml").write_text(
        '[data]\nsource = "digits"\ntrain_limit = 200\n[model]\nnetwork = "linear"\n[train]\nepochs = 1\nthreads = 1\n'
        '[tune]\n"optimizer.lr" = "0.001..0.1 log"\n"train.batch" = [20, 40]\n',
        encoding="utf-8",
    )
    found = shell.json("tune", "own.toml", "--trials", 3, "--confirm", 2, "--out", "study")
    assert len(found["trials"]) == 3
    assert found["space"] == {"optimizer.lr": "0.001..0.1 log", "train.batch": "20 | 40"}
    assert found["evaluated_on"] == "test" and found["looks_at_test"] == 1 and set(found["confirmed"]) == {"1", "2"}
    assert found["files"][:2] == ["study/index.html", "study/best.toml"] and Path("study/best/report.html").exists()
    said = shell("tune", "--resume", "study", "--confirm", 2)
    assert "3 trials were carried out before; they are kept" in said and "trial   0" not in said
    assert "best: trial " in said and "on 2 fresh seeds: validation accuracy" in said
    assert "test part, which no trial has seen: accuracy" in said
    assert "try: glassnet train study/best.toml" in said and load_recipe("study/best.toml").data.train_limit == 200


def test_what_is_planned(shell: Shell) -> None:
    options = ("--trials", 7, "--prune", "hyperband", "--seed", 3, "--time", "0s")
    assert "Give more time" in shell.error(*STUDY, *options, "--out", "usual")
    plan = read_json("usual/study.json")
    assert (plan["prune"], plan["seed"], plan["trials"]) == ("hyperband", 3, 7)
    assert set(plan["space"]) == {"optimizer.lr", "train.l2", "width", "train.schedule"}  # few pictures: one batch
    search = ("--search", "optimizer.lr = 1e-3..1e-1 log", "--search", "train.augment = none | shift 1")
    assert "Give more time" in shell.error(*STUDY, *search, "--time", "0s", "--out", "own")
    assert read_json("own/study.json")["space"] == {
        "optimizer.lr": "0.001..0.1 log",
        "train.augment": ["none", "shift 1"],
    }


def test_wrong_words(shell: Shell) -> None:
    assert "Name a recipe" in shell.error("tune")
    assert "--resume takes the study's folder" in shell.error("tune", "digits", "--resume", "study")
    assert "no study.json" in shell.error("tune", "--resume", "study")
    assert "NAME = LOW..HIGH" in shell.error("tune", "digits", "--search", "optimizer.lr")
    assert "no setting 'lrr'" in shell.error(*STUDY, "--search", "train.lrr = 1..2")
    assert "2h, 90m" in shell.error("tune", "digits", "--time", "soon")
    assert not list(Path().iterdir())


def test_times() -> None:
    times = {"2h": 7200, "90m": 5400, "1h30m": 5400, "45s": 45, "1.5h": 5400, "10": 600, "5 min": 300, "2H": 7200}
    assert {text: seconds_of(text) for text in times} == times and seconds_of(None) is None
    for text in ("", "h", "2d", "two hours", "-1h"):
        with pytest.raises(RecipeError, match="2h, 90m"):
            seconds_of(text)
