"""What a study searches over: notation, the usual space, and the recipes of trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet import Dataset, Splits
from glassnet.errors import GlassnetError, RecipeError
from glassnet.experiments import Choice, Span, load_recipe, parse_search, prepare, recipe_for, search_in
from glassnet.experiments.recipe import recipe_from
from glassnet.experiments.search import changed, space_from, usual_space, widened


@pytest.mark.parametrize(
    ("text", "name", "part"),
    [
        ("optimizer.lr = 1e-4..1e-1 log", "optimizer.lr", Span(1e-4, 0.1, log=True)),
        ("optimizer.momentum=0.8 .. 0.99", "optimizer.momentum", Span(0.8, 0.99)),
        ("train.epochs = 4..12", "train.epochs", Span(4, 12, whole=True)),
        ("train.epochs = 4..12.5", "train.epochs", Span(4.0, 12.5)),
        ("train.batch = 32|64 | 128", "train.batch", Choice((32, 64, 128))),
        ('model.network = "linear" | "a(b | c) -> d"', "model.network", Choice(("linear", "a(b | c) -> d"))),
        ("train.augment = none | flip -> crop 4, zero", "train.augment", Choice((None, "flip -> crop 4, zero"))),
    ],
)  # fmt: skip
def test_the_notation(text: str, name: str, part: Span | Choice) -> None:
    assert parse_search(text) == (name, part)
    assert parse_search(f"{name} = {part.to_text()}") == (name, part)  # and back


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer.lr", "NAME = LOW..HIGH"),
        ("= 1..2", "NAME = LOW..HIGH"),
        ("a =", "NAME = LOW..HIGH"),
        ("optimizer.lr = 1..1", "must rise"),
        ("optimizer.lr = 2..1 log", "must rise"),
        ("optimizer.lr = low..high", "must rise"),
        ("optimizer.lr = 0..1 log", "begins above 0"),
        ("train.batch = 32", "at least two values"),
    ],
)
def test_wrong_notation(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_search(text)


def test_the_part_of_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(
        '[data]\nsource = "digits"\n[tune]\n"optimizer.lr" = "1e-3..1e-1 log"\ntrain.batch = [32, 64]\n'
        '"train.augment" = ["none", "shift 1"]\n',
        encoding="utf-8",
    )
    assert search_in(path) == {
        "optimizer.lr": Span(1e-3, 0.1, log=True),
        "train.batch": Choice((32, 64)),
        "train.augment": Choice((None, "shift 1")),
    }
    assert "tune" not in load_recipe(path).to_dict()  # a training ignores it
    path.write_text("tune = 3\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="must be a table"):
        search_in(path)
    with pytest.raises(RecipeError, match="range or a list"):
        space_from({"optimizer.lr": 3})
    with pytest.raises(RecipeError, match="Cannot read"):
        search_in(tmp_path / "absent.toml")


def test_the_usual_space_holds_the_recipe_itself() -> None:
    for settings in (
        {"model.network": "linear 32 -> relu -> linear"},
        {"model.network": "linear", "optimizer.name": "sgd", "optimizer.lr": 0.5, "train.l2": 3e-3, "train.batch": 7},
        {"train.preset": "fast", "optimizer.name": "adamw"},
    ):
        recipe, splits = prepare(recipe_for("digits", settings))
        space = usual_space(recipe, splits)
        assert space["optimizer.lr"].holds(recipe.make_optimizer().lr)
        assert space["train.batch"].holds(recipe.settings.batch)
        assert ("width" in space) == ("linear 32" in recipe.model.network or "two-layer" in recipe.model.network)
        assert ("train.l2" in space) != (recipe.optimizer["name"] == "adamw")
        if "train.l2" in space:
            assert space["train.l2"].holds(recipe.settings.l2)
        for name, part in space.items():
            for value in part.extremes():
                changed(recipe, {name: value})  # raises where it cannot be right


def test_widths() -> None:
    assert widened("linear 100 -> relu -> linear", 2) == "linear 200 -> relu -> linear"
    assert widened("linear 5 -> relu -> linear 10", 0.5) == "linear 2 -> relu -> linear 10"  # the last keeps its size
    assert widened("two-layer", 1.5) == "linear 150 -> relu -> linear"
    convolutional = "conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear"
    assert widened(convolutional, 4) == convolutional.replace("3x3, 8", "3x3, 32")
    residual = "conv 3x3, 8, pad 1 -> residual(conv-bn-relu 3x3, 8, pad 1) -> flatten -> linear"
    assert widened(residual, 2) == residual.replace(", 8", ", 16")
    assert widened("linear", 4) == "linear"


def test_the_recipe_of_a_trial() -> None:
    recipe, _ = prepare(
        recipe_for("digits", {"model.network": "linear 32 -> relu -> linear", "optimizer.name": "adamw"})
    )
    found = changed(recipe, {"width": 2, "train.batch": 16, "train.augment": None})
    assert found.model.network == "linear 64 -> relu -> linear" and found.settings.batch == 16
    other = changed(
        recipe.with_settings({"optimizer.weight_decay": 0.1}), {"optimizer.name": "sgd", "optimizer.momentum": 0.9}
    )
    assert other.optimizer == {"name": "sgd", "momentum": 0.9}  # none of AdamW's own
    with pytest.raises(GlassnetError, match=r"model\.network"):
        changed(recipe_for("digits", {}), {"width": 2})
    with pytest.raises(GlassnetError, match="no setting 'bach'"):
        changed(recipe, {"train.bach": 2})


@pytest.mark.parametrize(
    ("network", "shape", "count", "expected"),
    [
        ("two-layer", (32, 32, 3), 3000, True),
        ("two-layer", (32, 32, 3), 2999, False),
        ("two-layer", (8, 8, 3), 3000, False),
        ("two-layer", (40, 40, 1), 3000, False),  # of a drawing most pixels are the paper
        ("conv 3x3, 8 -> flatten -> linear", (32, 32, 3), 3000, False),  # it takes pixels that lie side by side
    ],
)
def test_whitening_is_tried_for_dense_networks_on_photographs(
    network: str, shape: tuple[int, int, int], count: int, expected: bool
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    part = Dataset(images, np.arange(count) % 2, ("a", "b"))
    splits = Splits(part, valid=part.subset(slice(0, 100)))
    recipe = recipe_from(
        {"data": {"source": "x"}, "model": {"network": network, "preprocess": "scale"}, "train": {"batch": 50}}
    )
    space = usual_space(recipe, splits)
    assert ("model.preprocess" in space) is expected
    if expected:
        assert space["model.preprocess"].holds("scale")
        for value in space["model.preprocess"].extremes():
            changed(recipe, {"model.preprocess": value}).make_preprocess()
