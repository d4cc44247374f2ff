"""Fine-tuning: what changes and what stays, by how much, on features or pictures, and the same bits when resumed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import Dataset, Network, Trainer
from glassnet.engines import Batch, NativeEngine
from glassnet.engines.fine_tune import Features, FineTuneEngine
from glassnet.errors import RecipeError, TrainingInterrupted
from glassnet.experiments.recipe import recipe_for, recipe_from
from glassnet.nn import SoftmaxCrossEntropy
from glassnet.optim import SGD, Adam, Optimizer
from support.callbacks import StopAt

NETWORK = "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> conv 3x3, 6 -> relu -> flatten -> linear 3"
HEAD, LAST_STAGE = 7, 3
SHAPE = (8, 8, 1)


def network() -> Network:
    """A network whose running moments are not those that it was born with."""
    made = Network(NETWORK, SHAPE, seed=2)
    made.forward(np.random.default_rng(5).random((20, *SHAPE)).astype(np.float32), train=True)
    return made


def engine(first: int | None, optimizer: Optimizer | None = None, **settings: Any) -> FineTuneEngine:
    settings = {"head_epochs": 2, "rate": 0.5, "body_rate": 0.2, **settings}
    return FineTuneEngine(network(), SoftmaxCrossEntropy(), optimizer or SGD(0.1), first=first, **settings)


def examples(count: int = 30, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8), np.arange(count) % 3, ("a", "b", "c"))


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[int]:
    """Positions, from 1, of the layers with an array that differs."""
    return {int(name.partition(".")[0]) for name in before if not np.array_equal(before[name], after[name])}


def kept(made: FineTuneEngine) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in made.weights().items()}


@pytest.mark.parametrize(
    ("first", "expected"), [(None, {8}), (LAST_STAGE, {5, 8}), (0, {1, 2, 5, 8})], ids=["all", "stages", "none"]
)
def test_what_is_frozen_stays_bit_for_bit(first: int | None, expected: set[int]) -> None:
    made = engine(first)
    start = kept(made)
    trainer = Trainer(engine=made, epochs=2, batch=10)
    trainer.fit(examples())
    assert changed(start, kept(made)) == {8}, "the head alone, while it is on features"
    trainer = Trainer(engine=engine(first), epochs=3, batch=10, augmentation="flip")
    trainer.fit(examples())
    assert changed(start, kept(trainer.engine)) == expected


def test_the_head_learns_as_a_network_on_the_features_does() -> None:
    made = engine(LAST_STAGE, Adam(0.01))
    body = made.network.part(0, HEAD)
    data = examples()
    features = body.infer((data.images / np.float32(255)).astype(np.float32))
    alone = Network("linear 3", features.shape[1:])
    alone.load_arrays({n.replace("8.", "1."): a for n, a in made.weights().items() if n.startswith("8.")})
    trained = Trainer(alone, optimizer=Adam(0.01), preprocess="", epochs=2, batch=10, seed=4)
    for epoch in range(2):
        for start in range(0, 30, 10):
            from glassnet.data import epoch_order

            chosen = epoch_order(30, 4, epoch)[start : start + 10]
            trained.step(features[chosen], data.labels[chosen].astype(np.int64))
    Trainer(engine=made, epochs=2, batch=10, seed=4).fit(data)
    for name, array in alone.arrays().items():
        np.testing.assert_allclose(made.weights()[name.replace("1.", "8.", 1)], array, rtol=1e-5, atol=1e-6)


def test_steps_after_the_head_have_the_rates_that_were_asked_for() -> None:
    made = engine(LAST_STAGE)
    x = np.random.default_rng(1).random((6, *SHAPE)).astype(np.float32)
    labels = np.arange(6) % 3
    loss, before = SoftmaxCrossEntropy(), kept(made)
    reference = made.network.astype(np.float64)
    _, dscores = loss(reference.forward(x), labels)
    reference.backward(dscores)
    made.step(Batch(x, labels), 0.1)
    for name, parameter in reference.parameters().items():
        factor = {5: 0.1 * 0.5 * 0.2, 8: 0.1 * 0.5}.get(int(name.partition(".")[0]), 0.0)
        np.testing.assert_allclose(before[name] - kept(made)[name], factor * parameter.grad, atol=2e-7)


def test_norms_have_the_names_of_the_whole_network() -> None:
    made = engine(LAST_STAGE)
    x = np.random.default_rng(1).random((6, *SHAPE)).astype(np.float32)
    on_pictures = made.step(Batch(x, np.arange(6) % 3), 0.1, norms=True)
    on_features = made.step(Batch(Features(made.body.infer(x)), np.arange(6) % 3), 0.1, norms=True)
    assert on_pictures.norms is not None and on_features.norms is not None
    assert set(on_pictures.norms) == {"5.conv.weight", "5.conv.bias", "8.linear.weight", "8.linear.bias"}
    assert set(on_features.norms) == {"8.linear.weight", "8.linear.bias"}


def test_scores_of_features_are_those_of_the_pictures() -> None:
    made = engine(LAST_STAGE)
    x = np.random.default_rng(1).random((6, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(made.scores(Features(made.body.infer(x))), made.scores(x))


def test_features_are_computed_once_or_for_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for memory in (2**40, 0):
        monkeypatch.setattr("glassnet.engines.fine_tune.machine_memory", lambda memory=memory: memory)
        told: list[tuple[str, int, int]] = []
        made = engine(None, progress=lambda *what, told=told: told.append(what))
        Trainer(engine=made, epochs=2, batch=10).fit(examples(), examples(9, seed=1))
        results.append(kept(made))
        assert bool(told) == bool(memory), "only what is computed in advance takes long enough to be told"
    for name, array in results[0].items():
        np.testing.assert_allclose(results[1][name], array, atol=1e-6)


@pytest.mark.parametrize("step", [1, 4, 6, 7, 9, 11])
def test_stopped_anywhere_and_resumed_it_ends_in_the_same_bits(step: int, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 4, "batch": 10, "schedule": "cosine, restart 2", "augmentation": "crop 1"}
    data, valid = examples(), examples(9, seed=1)
    whole = Trainer(engine=engine(LAST_STAGE, Adam(0.01)), **settings).fit(data, valid)
    stopped = Trainer(engine=engine(LAST_STAGE, Adam(0.01)), **settings)
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingInterrupted):
        stopped.fit(data, valid, checkpoint_path=file, callbacks=[StopAt(step)])
    resumed = Trainer(engine=engine(LAST_STAGE, Adam(0.01)), **settings)
    model = resumed.fit(data, valid, checkpoint_path=file, resume=True)
    assert model.sha256 == whole.sha256
    other = Trainer(engine=engine(LAST_STAGE, Adam(0.01), rate=0.1), **settings)
    with pytest.raises(Exception, match="rate"):
        other.fit(data, valid, checkpoint_path=file, resume=True)


def test_parameters_with_a_rate_of_their_own_are_not_folded() -> None:
    made = Network("linear 4 -> relu -> linear 3", (5,))
    assert NativeEngine(made, SoftmaxCrossEntropy(), SGD(0.1)).folded
    slow = copy.deepcopy(made)
    next(iter(slow.parameters().values())).rate = 0.5
    assert not NativeEngine(slow, SoftmaxCrossEntropy(), SGD(0.1)).folded


# ---- the recipe


def test_a_start_brings_what_suits_it() -> None:
    recipe = recipe_for("sun8", {"start.model": "squeezenet-1.1", "train.epochs": 9})
    assert recipe.start is not None and recipe.start.freeze == "stages" and recipe.start.head_epochs == 6
    assert recipe.train["schedule"] == "cosine, restart 6" and recipe.optimizer["name"] == "adamw"
    assert "flip" in recipe.train["augment"]
    assert recipe_from(recipe.to_dict()) == recipe, "all of it is written down"
    alone = recipe_for("sun8", {"start.model": "squeezenet-1.1", "start.freeze": "all", "train.epochs": 9})
    assert alone.start is not None and alone.start.head_epochs == 9 and "augment" not in alone.train
    own = recipe_for("sun8", {"start.model": "runs/x", "optimizer.name": "sgd", "train.schedule": "constant"})
    assert own.optimizer == {"name": "sgd"} and own.train["schedule"] == "constant" and "augment" not in own.train
    slower = recipe_for("sun8", {"start.model": "runs/x", "optimizer.lr": 0.5})
    assert slower.optimizer["lr"] == 0.5 and slower.optimizer["name"] == "adamw"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start.freeze": "some"}, "start.freeze' must be one of all, stages, none"),
        ({"start.rate": 2}, "start.rate' must be a number from 0 to 1"),
        ({"start.head_epochs": 1.5}, "start.head_epochs' must be a whole number"),
        ({"start.head_epochs": 2, "train.epochs": "ten"}, "epochs"),
        ({"start.fereze": "all"}, "no setting 'fereze'"),
        ({"model.network": "linear"}, "has that model's network"),
        ({"model.preprocess": "scale"}, "has that model's preprocess"),
        ({"train.adversarial": "fgsm 0.1"}, "is not attacked"),
    ],
)
def test_a_start_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_for("sun8", {"start.model": "squeezenet-1.1", **settings})
