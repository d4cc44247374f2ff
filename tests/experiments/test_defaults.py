"""What a recipe leaves out is chosen for its data, written down, and gives way to what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import Dataset, Splits, typical_size
from glassnet.errors import RecipeError
from glassnet.experiments import Data, ModelPart, Recipe, load_recipe, prepare, resolve, run_recipe, sweep
from glassnet.experiments.defaults import _PRESETS as PRESETS_OF_KINDS
from glassnet.experiments.defaults import FAST, kind_of, sized
from glassnet.train import Settings
from support.shell import Shell


def pictures(folder: Path, height: int, width: int, *, count: int = 3) -> Path:
    """Two class folders of noise; no two pictures have the same width."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (height, width + number, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def splits_of(height: int, channels: int, n: int = 20) -> Splits:
    images = np.zeros((n, height, height, channels), np.uint8)
    return Splits(Dataset(images, np.arange(n, dtype=np.int64) % 2, ("a", "b"), "made"))


def test_photographs_get_a_convnet_and_a_size(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 70, 90)
    assert typical_size(folder) == (70, 91)
    recipe, splits = prepare(Recipe(Data(str(folder), test=0, validation=0)))
    assert splits.train.image_shape == (64, 64, 3) and recipe.data.image_size == (64, 64)
    assert recipe.model.network == "photo-convnet" and "flip" in recipe.train["augment"]
    assert recipe.optimizer == {"name": "adamw", "lr": 0.004}
    best, _ = prepare(Recipe(Data(str(folder), test=0, validation=0), train={"preset": "best"}))
    assert best.data.image_size == (96, 96) and best.model.network == "photo-resnet"


def test_what_is_said_stands(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 70, 90)
    data = Data(str(folder), image_size=(48, 50), test=0, validation=0)
    asked = Recipe(data, ModelPart("linear", "scale"), {"lr": 0.5}, {"epochs": 3, "preset": "best", "augment": ""})
    recipe, splits = prepare(asked)
    assert splits.train.image_shape == (48, 50, 3)
    assert (recipe.model.network, recipe.model.preprocess) == ("linear", "scale")
    assert recipe.optimizer == {"name": "adamw", "lr": 0.5}
    assert (recipe.train["epochs"], recipe.train["augment"]) == (3, "")
    assert prepare(recipe)[0] == recipe
    assert sized(Recipe(Data(str(folder)), ModelPart("resnet-20"))).data.image_size == (32, 32)


def test_a_network_of_ones_own_is_trained_plainly() -> None:
    recipe = resolve(Recipe(Data("made"), ModelPart("linear")), splits_of(32, 3))
    assert recipe.model == ModelPart("linear", "scale", "softmax-cross-entropy")
    assert recipe.optimizer == {"name": "adam", "lr": 0.001}
    assert recipe.train == {"epochs": 10, "batch": 64, "schedule": "constant", "seed": 0}


@pytest.mark.parametrize(
    ("height", "channels", "kind", "network", "mirrored"),
    [
        (8, 1, "tiny pictures", "two-layer", False),
        (28, 1, "small pictures", "picture-convnet", False),
        (32, 3, "small pictures", "picture-convnet", True),
        (64, 3, "photographs", "photo-convnet", True),
    ],
)
def test_kinds_of_pictures(height: int, channels: int, kind: str, network: str, mirrored: bool) -> None:
    splits = splits_of(height, channels)
    recipe = resolve(Recipe(Data("made")), splits)
    assert kind_of(splits) == kind and recipe.model.network == network
    assert ("flip" in recipe.train.get("augment", "")) == mirrored


def test_large_sets_are_gone_through_less_often() -> None:
    images = np.zeros((60_000, 16, 16, 1), np.uint8)
    large = Splits(Dataset(images, np.arange(60_000, dtype=np.int64) % 2, ("a", "b"), "made"))
    assert resolve(Recipe(Data("made")), large).train["epochs"] == 5  # 300,000 pictures in all
    assert resolve(Recipe(Data("made")), splits_of(16, 1)).train["epochs"] == 30


def test_small_pictures_keep_their_size(tmp_path: Path) -> None:
    recipe, splits = prepare(Recipe(Data(str(pictures(tmp_path / "icons", 40, 40)), test=0, validation=0)))
    assert recipe.data.image_size is None and splits.train.image_shape == (32, 32, 3)


def test_the_run_folder_says_all(tmp_path: Path) -> None:
    said: list[str] = []
    recipe = Recipe(Data("digits", train_limit=60, test_limit=20), train={"epochs": 1, "threads": 1})
    run = run_recipe(recipe, tmp_path / "run", say=said.append)
    written = load_recipe(tmp_path / "run" / "recipe.toml")
    assert written == run.recipe and written.model.network == "two-layer" and written.train["batch"] == 64
    assert said[0] == "digits: two-layer, 8x8 grey, 10 classes; train 54, validation 6, test 20"
    rows = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("epoch,step,loss,accuracy,valid_loss,valid_accuracy") and len(rows) == 2
    assert rows[1].split(",")[2] == repr(run.history.epochs[0]["loss"])


def test_runs_of_a_sweep_are_filled_in_each(tmp_path: Path) -> None:
    recipe = Recipe(Data("digits", train_limit=60, test_limit=20), train={"epochs": 1, "threads": 1})
    found = sweep(recipe, {"train.preset": ["fast", "best"]}, tmp_path / "sweep")
    assert [run.recipe.train["preset"] for run in found.runs.values()] == ["fast", "best"]
    assert all(run.recipe.model.network == "two-layer" for run in found.runs.values())


def test_an_unknown_preset() -> None:
    with pytest.raises(RecipeError, match=r"train.preset.*fast or best"):
        Recipe(Data("digits"), train={"preset": "slow"})


def test_the_help_states_the_real_defaults(shell: Shell) -> None:
    said = " ".join(shell("train", "--help").split())
    fast = [preset for (_, name), preset in PRESETS_OF_KINDS.items() if name == FAST]
    plain = Settings()
    assert f"[by the preset, up to {max(p.epochs for p in fast)}; {plain.epochs} with --model]" in said
    assert f"[by the preset, {' or '.join(map(str, sorted({p.batch for p in fast})))}]" in said
    assert plain.batch in {p.batch for p in fast}
    assert f"|w|^2 on weights. [{plain.l2:g}]" in said and f"Seed of all random numbers. [{plain.seed}]" in said
    assert f"augmentation and epochs for the data. [{FAST}]" in said
