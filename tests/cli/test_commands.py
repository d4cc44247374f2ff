"""Every command as a user types it, on the digits that come with scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet import experiments
from glassnet.cli import main
from glassnet.data import load, read_picture
from glassnet.experiments.recipe import recipe_from
from glassnet.reproduce import reproduction
from support.shell import Shell

RECIPE = """
title = "small"
[data]
source = "digits"
train_limit = 300
test_limit = 100
[model]
network = "linear 24 -> relu -> linear"
[optimizer]
name = "adam"
lr = 0.01
[train]
epochs = 4
batch = 32
seed = 1
"""


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tests make many runs and look at none of their reports."""
    monkeypatch.setattr("glassnet.report.pages.write_run_page", lambda run: [])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    assert main(["train", str(recipe), "--out", str(folder)]) == 0
    return folder


def test_train_by_flags(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "run"
    found = shell.json("train", "digits", "--model", "linear 32 -> relu -> linear", "--lr", 0.01, "--epochs", 5,
                       "--batch", 32, "--l2", "1e-4", "--seed", 3, "--out", out)  # fmt: skip
    assert found["accuracy"] > 0.85 and found["folder"] == str(out)
    epochs = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert found["seconds"] == max(record.get("seconds", 0) for record in epochs) > 0
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high
    for path in found["files"]:
        assert Path(path).stat().st_size > 0
    names = {path.name for path in out.iterdir()}
    assert names == {
        "recipe.toml", "metrics.jsonl", "model.safetensors", "checkpoint.safetensors", "environment.json",
        "predictions.npz", "evaluation.json", "pictures.npz", "histograms.npz", "findings.json",
        "history.csv", "report.html", "figures",
    }  # fmt: skip
    written = experiments.load_recipe(out / "recipe.toml")
    assert (written.train["epochs"], written.train["batch"], written.optimizer["lr"]) == (5, 32, 0.01)
    environment = json.loads((out / "environment.json").read_text(encoding="utf-8"))
    assert environment["threads"] >= 1 and len(environment["data"]["train"]["sha256"]) == 64
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script src" not in page


def test_train_shows_its_progress_and_files(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    out = shell("train", recipe, "--out", tmp_path / "run")
    assert out.count("epoch ") == 4 and "wrote " in out and "report.html" in out and "95 % interval" in out
    assert shell.err == ""


@pytest.mark.usefixtures("no_report")
def test_flags_and_set_override_the_recipe(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    shell("train", recipe, "--epochs", 1, "--set", "optimizer.lr=0.5", "--set", "train.epochs=3", "--set",
          "model.preprocess=scale -> standardise", "--set", "train.seed=none", "--out", tmp_path / "run")  # fmt: skip
    written = experiments.load_recipe(tmp_path / "run" / "recipe.toml")
    assert written.train["epochs"] == 1  # a flag wins over --set, --set over the recipe
    assert written.optimizer["lr"] == 0.5
    assert written.model.preprocess == "scale -> standardise"
    assert written.train["seed"] == 0, "taken out, it is the default again, which is written down"
    assert written.train["batch"] == 32 and written.title == "small"


def test_another_optimiser_drops_the_settings_that_it_does_not_know(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    shell("train", recipe, "--optimizer", "sgd", "--set", "optimizer.beta1=0.5", "--out", tmp_path / "run", status=2)
    assert "no parameter 'beta1'" in shell.err and not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_report")
def test_runs_get_free_names(shell: Shell, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        found = shell.json("train", recipe, "--epochs", 1)
        assert found["folder"] == f"runs/digits-{number}"


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize(("text", "held_out"), [("1", 1), ("40", 40), ("0.5", 150), ("0", 0)])
def test_validation_is_a_share_or_a_count(text: str, held_out: int, shell: Shell, recipe: Path, tmp_path: Path) -> None:
    """300 digits: a number with a point is a share of them, one without a point a count."""
    out = shell("train", recipe, "--epochs", 1, "--validation", text, "--out", tmp_path / "run")
    first = out.splitlines()[0]
    assert (f"validation {held_out}," in first) is bool(held_out) and f"train {300 - held_out}," in first


def test_one_whole_share_is_no_count(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    said = shell.error("train", recipe, "--validation", "1.0", "--out", tmp_path / "run")
    assert "share between 0 and 1" in said and "write 1" in said and not (tmp_path / "run").exists()


def test_sweep(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    found = shell.json("train", recipe, "--epochs", 2, "--sweep", "optimizer.lr=0.001,0.02", "--out", out)
    assert list(found["runs"]) == ["optimizer.lr = 0.001", "optimizer.lr = 0.02"] and found["failed"] == {}
    assert found["files"][0] == str(out / "index.html") and (out / "index.html").exists()
    for name in ("optimizer.lr=0.001", "optimizer.lr=0.02"):
        folder = next(p for p in out.iterdir() if p.name.replace("_", "=") == name or p.name == name)
        assert (folder / "model.safetensors").exists() and (folder / "report.html").exists()


@pytest.mark.usefixtures("no_report")
def test_sweep_over_two_settings_goes_on_after_a_failure(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    found = shell.json("train", recipe, "--epochs", 2, "--optimizer", "sgd", "--sweep", "optimizer.lr=3e38,0.1",
                       "--sweep", "train.batch=10,50", "--out", tmp_path / "sweep", status=3)  # fmt: skip
    assert set(found["failed"]) == {"optimizer.lr = 3e+38, train.batch = 10", "optimizer.lr = 3e+38, train.batch = 50"}
    assert set(found["runs"]) == {"optimizer.lr = 0.1, train.batch = 10", "optimizer.lr = 0.1, train.batch = 50"}
    assert all("Likely causes" in reason for reason in found["failed"].values())
    assert shell.err.startswith("done in part: 2 of 4 runs failed:") and shell.err.count("\n") == 1
    page = (tmp_path / "sweep" / "index.html").read_text(encoding="utf-8")
    assert page.count("Likely causes") == 2 and "2 of 4 runs failed" in page


@pytest.mark.usefixtures("no_report")
def test_a_sweep_of_failures(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    said = shell.error("train", recipe, "--optimizer", "sgd", "--sweep", "optimizer.lr=2e38,3e38", "--out",
                       tmp_path / "sweep")  # fmt: skip
    assert "Every run of the sweep failed" in said and (tmp_path / "sweep" / "index.html").exists()


def test_sweep_checks_every_value_before_it_starts(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    shell("train", recipe, "--sweep", "optimizer.lr=0.1,fast", "--out", tmp_path / "sweep", status=2)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.usefixtures("no_report")
def test_sweep_gives_every_value_a_folder(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    networks = [f"linear 12 -> {'relu -> ' * 12}linear 1{n} -> relu -> linear" for n in range(2)]
    values = f"model.network={','.join(networks)}"
    found = shell.json("train", recipe, "--epochs", 1, "--sweep", values, "--out", tmp_path / "sweep")
    assert len(found["runs"]) == 2
    assert len(list((tmp_path / "sweep").glob("*/model.safetensors"))) == 2


@pytest.mark.usefixtures("no_report")
def test_a_sweep_over_values_with_commas(shell: Shell, recipe: Path, tmp_path: Path) -> None:
    values = "train.augment=crop 1, zero;flip -> crop 1, reflect; none"
    found = shell.json("train", recipe, "--epochs", 1, "--sweep", values, "--sweep", "train.batch=50,100", "--average",
                       0.9, "--out", tmp_path / "sweep")  # fmt: skip
    assert len(found["runs"]) == 6 and "train.augment = crop 1, zero, train.batch = 50" in found["runs"]
    written = [experiments.load_recipe(path).train for path in sorted((tmp_path / "sweep").glob("*/recipe.toml"))]
    assert {train.get("augment") for train in written} == {"crop 1, zero", "flip -> crop 1, reflect", None}
    assert {train["average"] for train in written} == {0.9}


@pytest.mark.usefixtures("no_report")
def test_resume_of_a_finished_run(shell: Shell, trained: Path) -> None:
    before = (trained / "model.safetensors").read_bytes()
    found = shell.json("train", "--resume", trained)
    assert found["folder"] == str(trained)
    assert (trained / "model.safetensors").read_bytes() == before
    assert f"to train longer: glassnet train --resume {trained} --epochs" in shell("train", "--resume", trained)
    shell("train", "digits", "--resume", trained, status=2)
    shell("train", "--resume", trained, "--lr", 9, status=2)
    assert "behind it" in shell.error("train", "--resume", trained, "--epochs", 1)


def test_evaluate(shell: Shell, trained: Path) -> None:
    out = shell("evaluate", trained, "digits")
    assert "95 % interval" in out and "precision" in out and "true \\ taken for" in out
    found = shell.json("evaluate", trained / "model.safetensors", "digits", "--part", "all")
    assert found["part"] == "all" and found["n"] == 1797 and found["accuracy"] > 0.6
    assert np.sum(found["confusion"]) == 1797 and len(found["per_class"]) == 10
    part = shell.json("evaluate", trained, "digits", "--part", "train")
    assert part["n"] < 1797


def test_predict(shell: Shell, trained: Path, tmp_path: Path) -> None:
    digits = load("digits").train
    paths = []
    for index in range(6):
        pixels = digits.images[index, :, :, 0]
        scaled = pixels if pixels.dtype == np.uint8 else np.round(pixels * 255).astype(np.uint8)
        path = tmp_path / f"{index}.png"
        Image.fromarray(scaled).save(path)
        paths.append(path)
    out = shell("predict", trained, *paths, "--top", 2)
    assert len(out.splitlines()) == 6 and out.count("%") == 12
    assert shell("predict", trained, tmp_path, "--top", 2) == out
    found = shell.json("predict", trained, *paths)["predictions"]
    hits = sum(int(f["classes"][0]["class"]) == label for f, label in zip(found, digits.labels[:6], strict=True))
    assert hits >= 4
    for entry in found:
        chances = [c["probability"] for c in entry["classes"]]
        assert len(chances) == 10 and chances == sorted(chances, reverse=True)
    shell("predict", trained, paths[0], tmp_path / "none.png", status=3)
    assert "none.png" in shell.err


def test_an_autoencoder_from_training_to_use(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "run"
    found = shell.json("train", "digits", "--model", "linear 16 -> relu -> linear -> sigmoid",
                       "--loss", "squared-error", "--epochs", 3, "--out", out)  # fmt: skip
    assert found["psnr"] > 5 and "accuracy" not in found
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    shell("predict", out, tmp_path / "x.png", status=2)
    assert "recogniser" in shell.err
    shell("evaluate", out, "digits", status=2)


def test_check(shell: Shell, trained: Path) -> None:
    out = shell("check", "linear 8 -> batchnorm -> relu -> dropout 0.3 -> linear", "--input", "6x5x1", "--classes", 4)
    assert "1.linear.weight" in out
    found = shell.json("check", "linear 4 -> sigmoid -> linear 3", "--input", "7", "--loss", "svm", "--l2", 0.1)
    assert found["passed"] is True
    assert shell.json("check", trained, "--samples", 5)["passed"] is True


def test_check_ends_with_status_1_when_a_gradient_is_wrong(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnet.nn.layers import Tanh

    original = Tanh._backward

    def wrong(dy: Any, cache: Any, *, out: Any = None) -> Any:
        dx = original(dy, cache, out=out)
        dx *= 1.001
        return dx

    monkeypatch.setattr(Tanh, "_backward", staticmethod(wrong))
    found = shell.json("check", "linear 4 -> tanh -> linear 3", "--input", "7", status=1)
    assert found["passed"] is False
    assert shell.err == ""
    assert shell.json("check", "linear 4 -> relu -> linear 3", "--input", "7")["passed"] is True


def test_data_list(shell: Shell) -> None:
    out = shell("data", "list")
    for name in ("digits", "mnist", "cifar10", "nist36"):
        assert name in out
    found = shell.json("data", "list")["sets"]
    digits = next(entry for entry in found if entry["name"] == "digits")
    assert digits["place"] and len(digits["classes"]) == 10
    rows = [line for line in out.splitlines() if not line.startswith(("  ", "looked"))]  # all but the places
    (fonts,) = (row.split() for row in rows if row.startswith("handwriting-fonts"))
    assert fonts[1:] == ["-", "-", "70", "fonts"]  # what sets are made of has no classes and no pictures
    assert max(map(len, rows)) <= 80


def test_data_get_of_what_is_here(shell: Shell) -> None:
    found = shell.json("data", "get", "digits")
    assert found["name"] == "digits" and Path(found["files"][0]).exists()


def test_data_show(shell: Shell, tmp_path: Path) -> None:
    out = shell("data", "show", "digits", "--out", tmp_path / "grid.png", "--count", 20)
    assert "8x8x1" in out and "10 classes" in out
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.width > 100 and picture.height > 50
    found = shell.json("data", "show", "digits", "--out", tmp_path / "again.png", "--count", 20)
    assert found["files"] == [str(tmp_path / "again.png")]
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "grid.png").read_bytes()


def test_data_show_with_augmentation(shell: Shell, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(4)]
    draws = ("--augment", "shift 2")
    for file, more in zip(files, ((), draws, draws, (*draws, "--seed", 1)), strict=True):
        shell("data", "show", "digits", "--count", 3, "--out", file, *more)
    plain, drawn, again, others = (file.read_bytes() for file in files)
    assert plain != drawn == again != others
    heights = [read_picture(file).shape[0] for file in files[:2]]
    assert heights[1] > 2.5 * heights[0], "a row for each picture"
    assert "Did you mean 'flip'" in shell.error("data", "show", "digits", "--augment", "flop")


def test_data_show_without_bad_pictures(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), 40 * number).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "set" / "dog" / "bad.png").write_bytes(b"nothing")
    assert "bad.png" in shell.error("data", "show", "set")
    found = shell.json("data", "show", "set", "--skip-bad")
    assert found["parts"] == {"train": 6} and any("bad.png" in note for note in found["notes"])
    assert found["files"] == ["set.png"]


@pytest.mark.usefixtures("no_report")
def test_a_folder_of_class_folders(shell: Shell, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("bright", 180)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(20):
            size = (10 + number % 3, 12, 3)
            pixels = np.clip(level + rng.integers(-30, 30, size), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    out = tmp_path / "run"
    found = shell.json("train", tmp_path / "data", "--model", "linear 8 -> relu -> linear", "--epochs", 20,
                       "--preprocess", "scale -> standardise", "--batch", 8, "--lr", 0.01, "--out", out)  # fmt: skip
    assert found["accuracy"] == 1.0
    picture = tmp_path / "new.jpg"
    Image.new("RGB", (50, 40), (200, 200, 200)).save(picture)
    best = shell.json("predict", out, picture, "--top", 1)["predictions"][0]["classes"]
    assert best[0]["class"] == "bright" and len(best) == 1
    assert shell.json("evaluate", out, tmp_path / "data")["n"] == 8, "the run's own data: what it held out"
    assert shell.json("evaluate", out, tmp_path / "data", "--part", "all")["n"] == 40


COMMANDS = [
    (), ("train",), ("evaluate",), ("predict",), ("check",), ("reproduce",), ("data",), ("data", "list"),
    ("data", "get"), ("data", "show"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command: tuple[str, ...], shell: Shell) -> None:
    out = shell(*command, "--help")
    assert "Usage: glassnet" in out and "--help" in out
    if command and command != ("data",):
        assert "--json" in out


@pytest.mark.parametrize("command", [(), ("data",), ("classic",)], ids=" ".join)
def test_a_group_alone_shows_its_commands(command: tuple[str, ...], shell: Shell) -> None:
    out = shell(*command)
    assert out.startswith("Usage: glassnet") and "Commands:" in out and out.count("\n") > 5


def test_every_error_can_show_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnet.errors import DataError

    monkeypatch.setenv("GLASSNET_TRACEBACK", "1")
    with pytest.raises(DataError):
        main(["train", "nowhere"])


# ---- reproduce


def test_reproduce_lists_its_rows(shell: Shell) -> None:
    out = shell("reproduce", "--list")
    for row in ("cifar10-softmax", "mnist-mlp", "autoencoder", "nist36-two-layer", "numeric-gradient-speed"):
        assert row in out


@pytest.fixture
def tiny_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = recipe_from(
        {
            "data": {"source": "digits", "train_limit": 300, "test_limit": 100},
            "model": {"network": "linear"},
            "optimizer": {"name": "adam", "lr": 0.01},
            "train": {"epochs": 3},
        }
    )
    away = recipe_from({"data": {"source": "mnist"}, "model": {"network": "linear"}})
    rows = [
        reproduction.Row("easy", "digits", {"test_accuracy": 0.5}, {"test_accuracy": 0.6}, "as published", tiny),
        reproduction.Row("hard", "digits", {"test_accuracy": 0.9}, {"test_accuracy": 1.01}, "", tiny),
        reproduction.Row("away", "data that are not here", {"test_accuracy": 0.9}, {"test_accuracy": 0.9}, "", away),
        reproduction.Row("speed", "a figure", {"seconds": 2.0}, {"seconds": 1.0}, "", None, "tiny_speed"),
    ]
    monkeypatch.setattr(reproduction, "rows", lambda: rows)
    monkeypatch.setitem(reproduction.MEASURES, "tiny_speed", lambda place: {"seconds": 0.5})
    find = reproduction.find
    monkeypatch.setattr(reproduction, "find", lambda name: None if name == "mnist" else find(name))


@pytest.mark.usefixtures("tiny_rows", "no_report")
def test_reproduce(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("reproduce", "easy", "speed", "away", "--out", tmp_path)
    rows = {row["id"]: row for row in found["rows"]}
    assert rows["easy"]["passed"] is True and rows["easy"]["measured"]["test_accuracy"] > 0.6
    assert rows["speed"] == rows["speed"] | {"published": {"seconds": 2.0}, "goal": {"seconds": 1.0}, "passed": True}
    assert rows["away"]["passed"] is None and "glassnet data get mnist" in rows["away"]["skipped"]
    out = shell("reproduce", "hard", "--out", tmp_path, status=1)
    assert "MISSED" in out
    merged = json.loads((tmp_path / "reproduce.json").read_text(encoding="utf-8"))["rows"]
    assert {row["id"]: row["passed"] for row in merged} == {"easy": True, "speed": True, "away": None, "hard": False}
    table = (tmp_path / "reproduce.md").read_text(encoding="utf-8")
    assert table.count("\n") == 6 and "| easy |" in table
    shell("reproduce", "hrad", status=2)
    assert "Did you mean 'hard'" in shell.err


def test_the_rows_that_come_with_the_package_are_whole() -> None:
    rows = reproduction.rows()
    assert len({row.id for row in rows}) == len(rows) >= 10
    for row in rows:
        assert row.what and row.goal
        assert row.measure in reproduction.MEASURES if row.measure else row.recipe is not None
