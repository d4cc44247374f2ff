"""Faults that can be planted: each changes what it says, is in every copy, and has a code that tells nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.clinic.faults import CODE, by_code, code_of, fault_named, faults, held_back
from glassnet.clinic.healthy import NETWORKS, healthy
from glassnet.clinic.planted_data import DATA
from glassnet.clinic.planting import answer, draw, plant, write_planted
from glassnet.data import Splits
from glassnet.errors import GlassnetError, RecipeError
from glassnet.experiments import Recipe, load_recipe, load_splits, run_recipe
from glassnet.experiments.build import build
from glassnet.experiments.defaults import prepare

RECIPES = Path(__file__).parents[2] / "recipes"
OF_KIND = {
    kind: [name for name, fault in faults().items() if fault.kind == kind] for kind in ("settings", "data", "code")
}
SMALL = {"data.train_limit": 120, "data.test_limit": 60, "train.epochs": 1}


def home(name: str) -> Recipe:
    """A small recipe that can have the fault: the first network that has what it needs."""
    fault = fault_named(name)
    network = next(network for network in NETWORKS if fault.applies_to(healthy()[network].model.network))
    return healthy()[network].with_settings(SMALL)


@pytest.fixture(scope="module")
def digits() -> Splits:
    return load_splits(healthy()["dense"])


# ---- the list


def test_there_are_enough_and_each_has_what_it_needs() -> None:
    assert len(faults()) >= 45
    assert set(OF_KIND["data"]) == set(DATA)
    assert set(OF_KIND["code"]) == set(CODE)
    assert all(fault.causes and fault.line.endswith(".") for fault in faults().values())
    assert all(fault.settings or fault.network for fault in faults().values() if fault.kind == "settings")


def test_a_third_is_held_back_by_chance() -> None:
    assert len(held_back()) == len(faults()) // 3
    assert held_back() < set(faults())
    assert len({faults()[name].kind for name in held_back()}) == 3  # a draw that hits one kind alone would say little


def test_every_recipe_that_ships_is_among_the_healthy_ones() -> None:
    names = {path.name for path in RECIPES.glob("*.toml") if load_recipe(path).start is None}  # others need weights
    names -= {"reader-lines.toml"}  # of lines, which the doctor does not examine
    assert names and names <= set(healthy())
    assert len(healthy()) >= 30


# ---- codes


def test_a_code_stands_for_its_fault_and_does_not_show_it() -> None:
    for name in faults():
        found = by_code(code_of(name, 5))
        assert found is not None and found.name == name
        assert re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{12}", code_of(name, 5))
    assert len({code_of(name, seed) for name in faults() for seed in (0, 1)}) == 2 * len(faults())


def test_an_unknown_code_is_refused_where_it_would_be_carried_out() -> None:
    recipe = healthy()["dense"].with_settings({"fault.code": "0000-000000000000"})
    with pytest.raises(RecipeError, match="No fault has the code '0000-000000000000'"):
        load_splits(recipe)


def test_a_recipe_with_a_fault_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write_planted(plant("cross-talk", healthy()["dense"], seed=3), tmp_path / "new")
    text = path.read_text(encoding="utf-8")
    assert "[fault]" in text and "cross" not in text
    assert answer(path).name == answer(path.parent).name == "cross-talk"
    with pytest.raises(RecipeError, match="not empty"):
        write_planted(plant("cross-talk", healthy()["dense"]), tmp_path / "new")


def test_a_draw_is_one_that_the_recipe_can_have() -> None:
    recipe = healthy()["softmax regression"]
    drawn = {draw(recipe, seed).name for seed in range(40)}
    assert len(drawn) > 10
    assert all(fault_named(name).applies_to(recipe.model.network) for name in drawn)
    assert draw(recipe, 7) == draw(recipe, 7)


@pytest.mark.parametrize(("name", "network"), [("dropout-strong", "softmax regression"), ("batchnorm-frozen", "dense")])
def test_a_fault_that_has_no_place_is_refused(name: str, network: str) -> None:
    with pytest.raises(RecipeError, match="needs"):
        plant(name, healthy()[network])


# ---- settings


@pytest.mark.parametrize("name", OF_KIND["settings"])
def test_other_settings_are_a_recipe(name: str) -> None:
    for network in NETWORKS:
        before = healthy()[network]
        if not fault_named(name).applies_to(before.model.network):
            continue
        after = plant(name, before)
        assert after.with_settings({"fault.code": None}) != before
        recipe, splits = prepare(
            after.with_settings(SMALL | ({"data.validation": 0.97} if "validation" in name else {}))
        )
        build(recipe, splits).check(splits.train, splits.valid)


# ---- data


@pytest.mark.parametrize("name", OF_KIND["data"])
def test_data_are_changed_by_the_seed_alone(name: str, digits: Splits) -> None:
    def digests(seed: int) -> list[str]:
        found = fault_named(name).in_data(digits, seed)
        return [part.sha256 for part in (found.train, found.valid, found.test) if part is not None]

    before = [part.sha256 for part in (digits.train, digits.valid, digits.test) if part is not None]
    assert digests(0) != before
    assert digests(0) == digests(0)


def planted(name: str, digits: Splits) -> Splits:
    return fault_named(name).in_data(digits, 0)


def test_labels_are_wrong_as_often_as_stated(digits: Splits) -> None:
    n = len(digits.train)
    wrong = planted("labels-20-percent-wrong", digits).train.labels != digits.train.labels
    assert wrong.sum() == round(0.2 * n)
    shuffled = planted("labels-shuffled", digits).train
    assert np.array_equal(shuffled.counts(), digits.train.counts())
    assert (shuffled.labels == digits.train.labels).mean() < 0.2  # a tenth by chance


def test_pictures_leak_as_often_as_stated(digits: Splits) -> None:
    assert digits.test is not None and digits.valid is not None
    leaked = planted("duplicates-across", digits).train
    assert len(set(leaked.picture_digests) & set(digits.test.picture_digests)) >= len(digits.test) // 2
    near = planted("near-duplicates-across", digits).train
    assert len(near) == len(leaked)
    assert set(digits.valid.picture_digests) <= set(planted("validation-in-training", digits).train.picture_digests)


def test_classes_are_missing_few_or_many(digits: Splits) -> None:
    assert (planted("class-missing", digits).train.counts() == 0).sum() == 1
    assert (planted("two-classes-merged", digits).train.counts() == 0).sum() == 1
    assert planted("few-pictures", digits).train.counts().tolist() == [2] * 10
    counts = np.sort(planted("imbalance", digits).train.counts())
    assert counts[-1] > 5 * counts[-2]


def test_parts_are_changed_and_others_are_not(digits: Splits) -> None:
    found = planted("test-inverted", digits)
    assert found.test is not None and digits.test is not None
    assert np.array_equal(found.test.images, 255 - np.asarray(digits.test.images))
    assert found.train is digits.train
    assert np.asarray(planted("test-range", digits).test.images).max() == 16  # type: ignore[union-attr]
    assert len(np.unique(np.asarray(planted("low-contrast", digits).train.images))) == 3


# ---- code


@pytest.fixture(scope="module")
def right() -> dict[str, Any]:
    """What comes of the recipes without a fault, by network: the model's scores, or why there is none."""
    return {}


def outcome(recipe: Recipe, splits: Splits) -> np.ndarray | str:
    """Scores of the test part, and losses of the history; or the error."""
    try:
        run = run_recipe(recipe, splits=splits)
    except GlassnetError as error:
        return str(error)
    losses = [float(record["loss"]) for record in run.history.records if "loss" in record]
    losses += [float(epoch["valid_loss"]) for epoch in run.history.epochs]
    assert run.predictions.probabilities is not None
    return np.concatenate([run.predictions.probabilities.ravel(), losses])


@pytest.mark.parametrize("name", OF_KIND["code"])
def test_a_training_with_broken_code_is_another(name: str, right: dict[str, Any]) -> None:
    recipe = home(name)
    recipe, splits = prepare(recipe)
    known = right.setdefault(recipe.title, outcome(recipe, splits))
    found = outcome(plant(name, recipe), splits)
    assert isinstance(found, str) or not np.allclose(found, known, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["cross-talk", "relu-passes-all", "weight-gradient-sign"])
def test_copies_of_a_network_have_the_fault(name: str) -> None:
    recipe, splits = prepare(home(name))
    sound, broken = build(recipe, splits).network, build(plant(name, recipe), splits).network
    x = np.random.default_rng(0).standard_normal((4, *sound.input_shape)).astype(np.float32)

    def figures(network: Any) -> list[np.ndarray]:
        scores = network.forward(x)
        network.backward(np.ones_like(scores))
        return [scores, *(parameter.grad for parameter in network.parameters().values())]

    single, double = figures(broken), figures(broken.astype(np.float64))
    assert all(np.allclose(one, other, rtol=1e-3, atol=1e-3) for one, other in zip(single, double, strict=True))
    wrong = figures(sound.astype(np.float64))
    assert not all(np.allclose(one, other, rtol=1e-2) for one, other in zip(double, wrong, strict=True))


def test_code_is_broken_in_our_engine_alone() -> None:
    recipe, splits = prepare(home("cross-talk").with_settings({"train.adversarial": "fgsm 8/255"}))
    with pytest.raises(RecipeError, match="our own engine"):
        build(plant("cross-talk", recipe), splits)


def test_a_run_keeps_its_fault_and_is_resumed_with_it(tmp_path: Path) -> None:
    recipe = plant("tied-units", home("tied-units"))
    run_recipe(recipe, tmp_path / "run")
    assert answer(tmp_path / "run").name == "tied-units"
    from glassnet.experiments import resume

    weight = resume(tmp_path / "run", epochs=2).model.network.layers[0].parameters["weight"].value
    tied = weight - weight[:, :1]
    assert np.abs(tied).max() <= 0.1 * np.abs(weight).max()  # apart by the last step alone
