"""`glassnet compare`: runs and models as a user compares them, and the page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import Dataset
from glassnet.experiments import Predictions, Run, sweep
from glassnet.experiments.compare import compare
from glassnet.experiments.contestants import Contestant, Group
from glassnet.experiments.recipe import recipe_from
from glassnet.metrics import mcnemar
from glassnet.report.pages.compare import write_comparison_page
from support.shell import Shell

RECIPE = recipe_from({
    "title": "Widths",
    "data": {"source": "digits", "train_limit": 300},
    "model": {"network": "linear 4 -> relu -> linear"},
    "train": {"epochs": 2},
})  # fmt: skip


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two widths with two seeds each."""
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    networks = [f"linear {width} -> relu -> linear" for width in (4, 24)]
    sweep(RECIPE, {"model.network": networks, "train.seed": [0, 1]}, folder)
    return folder


def folders(swept: Path) -> list[Path]:
    return sorted(path for path in swept.iterdir() if path.is_dir())


def test_a_sweep_with_its_page(swept: Path, shell: Shell, tmp_path: Path) -> None:
    found = shell.json("compare", swept, "--out", tmp_path / "page.html")
    assert [len(group["seeds"]) for group in found["groups"]] == [2, 2] and found["measure"] == "accuracy"
    (pair,) = found["pairs"]
    each = [np.mean(group["each"]) for group in found["groups"]]
    assert pair["difference"] == pytest.approx(each[0] - each[1]) and pair["question"] == "recipes"
    assert [one["setting"] for one in found["settings"]] == ["model.network"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("How good each is", "deviation of seeds", "What differs", "Learning curves", "Class by class"):
        assert text in page
    assert "This is about the recipes" in page


def test_two_runs(swept: Path, shell: Shell) -> None:
    first, second = folders(swept)[0], folders(swept)[2]
    text = shell("compare", first, second)
    right = [
        run.evaluation.predictions == run.evaluation.labels for run in map(Run.open, (first, second)) if run.evaluation
    ]
    found = shell.json("compare", first, second)["pairs"][0]
    assert found["mcnemar"] == mcnemar(*right).to_dict()
    assert "setting" in text and "95 % interval" in text and "takes several seeds" in text
    assert found["verdict"] in text.replace("\n  ", " ")


def test_models_on_one_set(swept: Path, shell: Shell, tmp_path: Path) -> None:
    first, second = folders(swept)[0], folders(swept)[2]
    (tmp_path / "alone.safetensors").write_bytes((second / "model.safetensors").read_bytes())
    kept = shell.json("compare", first, second)["pairs"][0]
    anew = shell.json(
        "compare", first, tmp_path / "alone.safetensors", "--data", "digits", "--out", tmp_path / "p.html"
    )
    assert anew["pairs"][0]["mcnemar"] == kept["mcnemar"] and anew["groups"][1]["name"] == "alone"
    on_training = shell("compare", first, second, "--data", "digits", "--part", "train")
    assert re.search(r"was trained on 2\d\d of the 1,437 pictures: its figures flatter", on_training)


def test_wrong_input(swept: Path, shell: Shell, tmp_path: Path) -> None:
    first = folders(swept)[0]
    assert "at least two networks. Got 1" in shell.error("compare", first)
    assert "not a run folder" in shell.error("compare", first, tmp_path / "none")
    assert "--data photos" in shell.error("compare", first / "model.safetensors", first)
    assert "none was given" in shell.error("compare", first, first, "--part", "test")
    assert "greater than or equal to 0" in shell.error("compare", swept, "--margin", "nan")
    assert str(tmp_path) in shell.error("compare", swept, "--out", tmp_path)  # a folder


# ---- the page


N, NAMES = 40, ("cats & dogs", "<birds>")
PART = Dataset(np.arange(N * 4, dtype=np.uint8).reshape(N, 2, 2, 1), np.arange(N) % 2, NAMES)


def says(name: str, wrong: list[int]) -> Group:
    answers = np.where(np.isin(np.arange(N), wrong), 1 - PART.labels, PART.labels)
    p = np.where(np.eye(2, dtype=bool)[answers], 0.8, 0.2)
    own = Contestant(name, Predictions("test", np.arange(N), PART.labels, p), NAMES, dataset=PART)
    return Group(name, (own,), "by hand")


def test_what_the_page_says(tmp_path: Path) -> None:
    found = compare([says("<good>", [0]), says("bad", list(range(20))), says("fair", [0, 1, 2])], notes=["mind & this"])
    text = write_comparison_page(tmp_path / "page.html", found, "Three").read_text(encoding="utf-8")
    assert "&lt;good&gt; is better by 47.5 points" in text and "<good>" not in text and "by hand" in text
    assert "cats &amp; dogs" in text and "&lt;birds&gt;" in text and "<birds>" not in text and "mind &amp; this" in text
    assert (
        text.count('<figure class="tile"') == 12 + 2 + 12
    )  # only good beside bad (of 19), beside fair, fair beside bad
    many = compare([says(name, list(range(i))) for i, name in enumerate("abcd", start=1)])
    text = write_comparison_page(tmp_path / "many.html", many).read_text(encoding="utf-8")
    assert text.count('<figure class="tile"') == 4 and "1 picture no network has right" in text.replace("\n", " ")
    same = compare([says("a", []), says("b", [])])
    text = write_comparison_page(tmp_path / "same.html", same).read_text(encoding="utf-8")
    assert "no difference was seen" in text and 'class="tile"' not in text
