"""`glassnet plant`: a list, a recipe with a fault, a quiz with its answer, and a table of what is found."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from glassnet.clinic import matrix
from glassnet.clinic.faults import faults
from glassnet.clinic.matrix import Exam
from support.shell import Shell

RECIPE = Path(__file__).parents[2] / "recipes" / "digits.toml"


def test_the_list_has_every_fault(shell: Shell) -> None:
    assert {fault["name"] for fault in shell.json("plant", "--list")["faults"]} == set(faults())
    out = shell("plant", "--list")
    assert all(name in out for name in faults())


def test_a_fault_is_planted_by_name(shell: Shell, tmp_path: Path) -> None:
    shell("plant", "rate-times-100", RECIPE, "--out", tmp_path / "a")
    before = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    after = tomllib.loads((tmp_path / "a" / "recipe.toml").read_text(encoding="utf-8"))
    assert after["optimizer"]["lr"] == pytest.approx(100 * before["optimizer"]["lr"])
    assert after.pop("fault")["code"]
    assert after | {"optimizer": before["optimizer"]} == before


def test_a_quiz_does_not_tell_and_its_answer_does(shell: Shell, tmp_path: Path) -> None:
    out = shell("plant", "--random", RECIPE, "--seed", 3, "--out", tmp_path / "quiz", "--json")
    name = shell.json("plant", "--answer", tmp_path / "quiz")["name"]
    assert name in faults()
    assert name not in out and faults()[name].line not in out
    assert name not in (tmp_path / "quiz" / "recipe.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("labels-shufled", RECIPE), "labels-shuffled"),
        (("labels-shuffled",), "a fault and a recipe"),
        (("--random", "rate-times-100", RECIPE), "a recipe"),
        (("batchnorm-frozen", RECIPE), "batchnorm"),
        (("--answer", RECIPE), "Nothing was planted"),
        (("--all", "--group", "some"), "held-back"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    shell: Shell, words: tuple[object, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in shell.error("plant", *words)
    assert not list(tmp_path.iterdir())


def test_a_table_and_its_goals(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def examined(exam: Exam) -> Exam:
        found = tuple(faults()[exam.fault].causes)[:1] if exam.seed else ()
        return Exam(exam.recipe, exam.seed, exam.fault, found, seconds=1.0)

    monkeypatch.setattr(matrix, "examined", examined)
    words = ("plant", "--all", "--report", "cross-talk", "--networks", "dense", "--out", tmp_path / "t")
    found = shell.json(*words, "--seeds", 2, "--goals", status=1)
    assert found["all"] == {"detected": {"count": 1, "of": 2}, "right": {"count": 1, "of": 2}}
    page = (tmp_path / "t" / "index.html").read_text(encoding="utf-8")
    assert "cross-talk" in page and "1 of 2" in page
    assert "cross-talk / dense / 0: nothing" in shell(*words)
