"""`glassnet doctor` and `glassnet train --doctor`: statuses, lines, JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from glassnet.clinic.subject import open_subject
from support.shell import Shell

QUICK = (
    "--set",
    "model.network=linear 32 -> relu -> linear",
    "--set",
    "train.epochs=5",
    "--set",
    "optimizer.name=adam",
)


def test_nothing_wrong_is_status_0(shell: Shell) -> None:
    text = shell("doctor", "digits", *QUICK, "--set", "optimizer.lr=0.01", "--set", "train.epochs=10")
    assert "data digits: trained for all 10 epochs" in text and "\ngood (" in text and "tried" not in text


def test_findings_are_status_1_with_reason_advice_and_trial(shell: Shell) -> None:
    text = shell("doctor", "digits", *QUICK, "--set", "optimizer.lr=1e-7", "--budget", 1e4, status=1)
    lines = [line.strip() for line in text.splitlines()]
    first = next(place for place, line in enumerate(lines) if line.startswith("FAILED: rate-too-low"))
    assert lines[first + 1].startswith("The learning rate of 1e-07 is too low")
    assert "why it matters: The training ends long before it has arrived." in lines
    assert any(line.startswith("try: glassnet train digits --lr 0.001") for line in lines)
    assert any(line.startswith("tried: with optimizer.lr = 0.001: loss after") for line in lines)


def test_json_has_findings_with_their_trials(shell: Shell, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(open_subject("digits").recipe.to_toml(), encoding="utf-8")  # type: ignore[union-attr]
    given = (recipe, "--set", "optimizer.lr=0.0", "--set", "train.epochs=1", "--budget", 1e4)
    found = shell.json("doctor", *given, status=1)
    assert found["kind"] == "recipe" and found["verdict"]["severity"] == "failure"
    cause = next(finding for finding in found["findings"] if finding["name"] == "no-update")
    assert cause["trials"][0]["settings"] == cause["advice"] == {"optimizer.lr": 0.001}
    assert cause["trials"][0]["loss_after"] < cause["trials"][0]["loss_before"]
    found = shell.json("doctor", *given, "--no-try", "--silence", "no-update", status=1)
    assert "no-update" not in [finding["name"] for finding in found["findings"]]
    assert not any(finding["trials"] for finding in found["findings"])


def test_a_name_that_no_finding_has_is_refused_with_the_nearest(shell: Shell) -> None:
    assert "no finding 'overfiting'. Did you mean 'overfitting'?" in shell.error(
        "doctor", "digits", "--silence", "overfiting"
    )
    assert "above 0" in shell.error("doctor", "digits", "--budget", 0)
    assert "no-such" in shell.error("doctor", "no-such-thing")


def test_a_training_is_watched_while_it_runs(shell: Shell, tmp_path: Path) -> None:
    run = tmp_path / "run"
    text = shell(
        "train", "digits", "--model", "linear 8 -> relu -> linear", "--lr", 0, "--epochs", 3, "--doctor", "--out", run
    )
    lines = text.splitlines()
    said = next(place for place, line in enumerate(lines) if line.startswith("doctor: no-update: "))
    assert said < next(place for place, line in enumerate(lines) if "epoch 3/3" in line)
    kept = json.loads((run / "findings.json").read_text(encoding="utf-8"))["findings"]
    assert [finding["name"] for finding in kept].count("no-update") == 1
    assert "watch" in shell.error("train", "digits", "--sweep", "optimizer.lr=0.1,0.2", "--doctor")
