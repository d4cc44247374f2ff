"""Whole trainings on PyTorch's engine: as on our own, resumed in the same bits, and on either engine by the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import Dataset, Network, Trainer
from glassnet.data import Preprocess
from glassnet.engines import Engine, NativeEngine
from glassnet.engines.fine_tune import FineTuneEngine
from glassnet.errors import GlassnetError, ModelError, RecipeError, TrainingInterrupted
from glassnet.experiments import load_recipe, resume, run_recipe
from glassnet.experiments.recipe import recipe_for, recipe_from
from glassnet.files import read_json
from glassnet.nn import SoftmaxCrossEntropy
from glassnet.optim import Adam, Optimizer
from glassnet.train.feed import Feed
from support.callbacks import StopAt

torch = pytest.importorskip("torch")

from glassnet.engines.torch import TorchEngine  # noqa: E402
from glassnet.engines.torch.resident import Resident  # noqa: E402

Array = np.ndarray[Any, Any]
Make = Callable[..., Engine]
MAKERS: dict[str, Make] = {"native": NativeEngine, "torch": TorchEngine}
# No bias before batch normalisation: its gradient is rounding alone, and Adam makes steps of it.
NETWORK = (
    "conv 3x3, 4, pad 1, bias off -> batchnorm -> relu -> maxpool 2x2 -> conv 3x3, 6 -> relu -> dropout 0.2 -> linear 3"
)
SHAPE = (8, 8, 1)


def network() -> Network:
    """A network whose running moments are not those that it was born with."""
    made = Network(NETWORK, SHAPE, seed=2)
    made.forward(np.random.default_rng(5).random((20, *SHAPE)).astype(np.float32), train=True)
    return made


def engine(make: Make = TorchEngine, **settings: Any) -> Engine:
    return make(network(), SoftmaxCrossEntropy(), Adam(0.01), **settings)


def examples(count: int = 30, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8), np.arange(count) % 3, ("a", "b", "c"))


def bits(arrays: Mapping[str, Array]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


# ---- the same training

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "augmented and averaged": {"train.augment": "shift 1", "train.average": 0.9, "train.clip": 1.0},
    "weighted classes": {"train.class_weights": "balanced", "train.l2": 0.001},
    "attacked": {"train.adversarial": "pgd 0.1, steps 2"},
    "normalised": {
        "model.network": "linear 12 -> batchnorm -> relu -> dropout 0.3 -> linear",
        "optimizer.name": "momentum",
        "train.batch": 59,
    },
    "reconstructing": {"model.network": "linear 8 -> relu -> linear -> sigmoid", "model.loss": "squared-error"},
}


@pytest.mark.parametrize("name", WAYS)
def test_a_recipe_gives_the_same_history_on_both_engines(name: str) -> None:
    common = {"data.train_limit": 120, "data.test_limit": 30, "train.epochs": 2, "model.network": "linear 8 -> linear"}
    recipe = recipe_for("digits", {**common, **WAYS[name]})
    runs = [run_recipe(recipe.with_settings({"engine.name": engine})) for engine in MAKERS]
    first, second = ([r for r in run.history.records if r["kind"] == "epoch"] for run in runs)
    for one, other in zip(first, second, strict=True):
        for key in one.keys() - {"kind", "seconds"}:
            assert other[key] == pytest.approx(one[key], rel=1e-3), key
    for (key, array), found in zip(
        runs[0].model.network.arrays().items(), runs[1].model.network.arrays().values(), strict=True
    ):
        np.testing.assert_allclose(found, array, rtol=1e-2, atol=1e-3, err_msg=key)


def test_a_second_training_begins_with_the_model_of_the_first() -> None:
    trainer = Trainer(engine=engine(), epochs=3, batch=10)
    trainer.fit(examples(), examples(9, seed=1))
    start = trainer.network.arrays()
    fresh = network()
    fresh.load_arrays(start)
    again = Trainer(engine=TorchEngine(fresh, SoftmaxCrossEntropy(), Adam(0.01)), epochs=2, batch=10)
    trainer.settings = again.settings
    assert trainer.fit(examples()).sha256 == again.fit(examples()).sha256


# ---- resuming

SETTINGS: dict[str, Any] = {"epochs": 4, "batch": 10, "schedule": "cosine", "augmentation": "crop 1", "average": 0.9}


@pytest.mark.parametrize("step", [1, 3, 5, 11])
def test_stopped_and_resumed_it_ends_in_the_same_bits(step: int, tmp_path: Path) -> None:
    data, valid = examples(), examples(9, seed=1)
    whole = Trainer(engine=engine(), **SETTINGS).fit(data, valid)
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingInterrupted):
        Trainer(engine=engine(), **SETTINGS).fit(data, valid, checkpoint_path=file, callbacks=[StopAt(step)])
    resumed = Trainer(engine=engine(), **SETTINGS).fit(data, valid, checkpoint_path=file, resume=True)
    assert resumed.sha256 == whole.sha256


@pytest.mark.parametrize("begin", MAKERS)
def test_a_checkpoint_of_either_engine_resumes_on_the_other(begin: str, tmp_path: Path) -> None:
    other = next(name for name in MAKERS if name != begin)
    data, valid = examples(), examples(9, seed=1)
    whole = Trainer(engine=engine(MAKERS[begin]), **SETTINGS)
    whole.fit(data, valid)
    file = tmp_path / "checkpoint.safetensors"
    stopped = Trainer(engine=engine(MAKERS[begin]), **SETTINGS)
    with pytest.raises(TrainingInterrupted):
        stopped.fit(data, valid, checkpoint_path=file, callbacks=[StopAt(5)])
    resumed = Trainer(engine=engine(MAKERS[other]), **SETTINGS)
    resumed.fit(data, valid, checkpoint_path=file, resume=True)
    losses = [{r["epoch"]: r["loss"] for r in t.history.records if r["kind"] == "epoch"} for t in (whole, resumed)]
    assert losses[1].keys() == {2, 3, 4}
    assert losses[1] == pytest.approx({epoch: losses[0][epoch] for epoch in losses[1]}, rel=1e-4)
    for name, array in whole.network.arrays().items():
        np.testing.assert_allclose(resumed.network.arrays()[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_run_goes_on_with_another_engine(tmp_path: Path) -> None:
    recipe = recipe_for("digits", {"data.train_limit": 120, "model.network": "linear", "train.epochs": 1})
    folder = tmp_path / "run"
    run_recipe(recipe, folder)
    assert read_json(folder / "environment.json")["engine"] == {"name": "native"}
    assert "engine" not in (folder / "recipe.toml").read_text(encoding="utf-8")
    said: list[str] = []
    resume(folder, epochs=2, engine={"name": "torch"}, say=said.append)
    assert any("started on our own engine and resumes on PyTorch" in line for line in said)
    now = read_json(folder / "environment.json")
    assert now["engine"]["torch"] == torch.__version__ and now["earlier_engines"] == [{"name": "native"}]
    assert load_recipe(folder / "recipe.toml").engine.name == "torch"
    run = resume(folder, epochs=3, engine={"name": "native"})
    assert load_recipe(folder / "recipe.toml").engine.name == "native"
    assert [r["epoch"] for r in run.history.records if r["kind"] == "epoch"] == [1, 2, 3]


# ---- fine-tuning


def fine_tuning(first: int | None, make: Make = TorchEngine, optimizer: Optimizer | None = None) -> FineTuneEngine:
    settings: dict[str, Any] = {"head_epochs": 2, "rate": 0.5, "body_rate": 0.2}
    return FineTuneEngine(network(), SoftmaxCrossEntropy(), optimizer or Adam(0.01), first=first, make=make, **settings)


@pytest.mark.parametrize(
    ("first", "expected"), [(None, {8}), (4, {5, 8}), (0, {1, 2, 5, 8})], ids=["all", "stages", "none"]
)
def test_frozen_means_frozen(first: int | None, expected: set[int]) -> None:
    """The bytes of every array, running moments included, but those of the layers that are trained."""
    for epochs, trained in ((2, {8}), (3, expected)):
        made = fine_tuning(first)
        before = bits(made.weights())
        Trainer(engine=made, epochs=epochs, batch=10, augmentation="flip").fit(examples(), examples(9, seed=1))
        after = bits(made.weights())
        assert {int(name.partition(".")[0]) for name in before if before[name] != after[name]} == trained


def test_fine_tuning_is_that_of_our_own_engine() -> None:
    models = [
        Trainer(engine=fine_tuning(4, make), epochs=4, batch=10).fit(examples(), examples(9, seed=1))
        for make in MAKERS.values()
    ]
    ours, its = (model.network.arrays() for model in models)
    for name, array in ours.items():
        np.testing.assert_allclose(its[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("step", [4, 8])
def test_fine_tuning_resumes_in_the_same_bits(step: int, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 4, "batch": 10, "schedule": "cosine, restart 2"}
    data, valid, file = examples(), examples(9, seed=1), tmp_path / "checkpoint.safetensors"
    whole = Trainer(engine=fine_tuning(0), **settings).fit(data, valid)
    with pytest.raises(TrainingInterrupted):
        stopped = Trainer(engine=fine_tuning(0), **settings)
        stopped.fit(data, valid, checkpoint_path=file, callbacks=[StopAt(step)])
    resumed = Trainer(engine=fine_tuning(0), **settings).fit(data, valid, checkpoint_path=file, resume=True)
    assert resumed.sha256 == whole.sha256


# ---- states


def test_the_state_is_that_of_our_own_engine() -> None:
    made = engine()
    Trainer(engine=made, epochs=1, batch=10).fit(examples())
    state = made.state()
    own = engine(NativeEngine)
    own.load_state(state)
    assert bits(own.state()) == bits(state)
    again = engine()
    again.load_state(own.state())
    assert bits(again.state()) == bits(state)


def _with(name: str, change: Callable[[Array], Array]) -> Callable[[dict[str, Array]], None]:
    def apply(state: dict[str, Array]) -> None:
        state[name] = change(state[name].copy())

    return apply


HOSTILE: dict[str, tuple[Callable[[dict[str, Array]], Any], str]] = {
    "NaN": (_with("network.1.conv.weight", lambda a: a * np.nan), "not finite"),
    "negative variance": (_with("network.2.batchnorm.variance", lambda a: -a), "below 0"),
    "another shape": (_with("network.8.linear.bias", lambda a: a[:2]), "needs a bias of"),
    "whole numbers": (_with("network.8.linear.bias", lambda a: a.astype(np.int64)), "int64"),
    "missing": (lambda state: state.pop("network.5.conv.bias"), "needs the arrays"),
    "extra": (lambda state: state.update({"network.9.linear.bias": np.zeros(3, np.float32)}), "no place"),
    "memory of another size": (_with("optimizer.5.conv.bias.m", lambda a: a[:2]), "5.conv.bias.m"),
    "memory of another kind": (_with("optimizer.5.conv.bias.m", lambda a: a.astype(np.float64)), "5.conv.bias.m"),
    "memory of nothing": (lambda state: state.update({"optimizer.1.conv.weight.x": np.zeros(1)}), "1.conv.weight.x"),
    "negative steps": (_with("optimizer.steps", lambda a: -a), "number of steps"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_state_is_refused_and_nothing_taken_over(name: str) -> None:
    made = engine()
    Trainer(engine=made, epochs=1, batch=10).fit(examples())
    before, state = bits(made.state()), dict(made.state())
    change, message = HOSTILE[name]
    change(state)
    with pytest.raises(ModelError, match=message):
        made.load_state(state)
    assert bits(made.state()) == before


# ---- devices and settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine.name": "tensorflow"}, "engine.name must be native or torch. Got 'tensorflow'"),
        ({"engine.name": 3}, "Got 3 instead"),
        ({"engine.device": "cuda"}, "our own trains on the CPU. Set engine.name to torch"),
        ({"engine.name": "torch", "engine.device": 1}, "engine.device must name a device"),
        ({"engine.name": "torch", "engine.amp": "yes"}, "engine.amp must be true or false"),
        ({"engine.nmae": "torch"}, "no setting 'nmae'"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_for("digits", settings)


def test_the_recipe_keeps_the_engine() -> None:
    recipe = recipe_for("digits", {"engine.name": "torch", "engine.compile": True})
    assert recipe_from(recipe.to_dict()) == recipe and recipe.engine.compile
    assert recipe.with_settings({"engine.name": "torch"}) == recipe
    assert "engine" not in recipe.with_settings({"engine.name": "native"}).to_dict()


def test_a_device_that_is_not_here_is_named_before_data_are_read() -> None:
    recipe = recipe_for("no-such-data", {"engine.name": "torch", "engine.device": "cuda:99"})
    with pytest.raises(RecipeError, match=r"no device 'cuda:99' on this machine\. PyTorch .* finds cpu"):
        run_recipe(recipe)


def test_an_optimiser_of_somebody_elses_is_refused() -> None:
    class Strange(Optimizer):
        word = "strange"

    with pytest.raises(GlassnetError, match="'strange' has no counterpart"):
        TorchEngine(network(), SoftmaxCrossEntropy(), Strange(0.1))


def test_nothing_else_imports_pytorch() -> None:
    code = (
        "import sys, glassnet.cli.train, glassnet.experiments, glassnet.engines.torch, glassnet.train\n"
        "from glassnet import fit\n"
        "fit('digits', 'linear', epochs=1, verbose=False)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_mixed_precision_is_near_and_says_so() -> None:
    made, exact = engine(amp=True), engine()
    x = np.random.default_rng(1).random((20, *SHAPE)).astype(np.float32)
    assert made.scores(x).dtype == np.float32
    difference = np.abs(made.scores(x) - exact.scores(x)).max()
    assert 0 < difference <= 2**-7 * np.abs(exact.scores(x)).max(), "bfloat16 has 8 bits"
    assert made.about()["amp"] is True and exact.about()["amp"] is False
    Trainer(engine=made, epochs=1, batch=10).fit(examples())
    assert all(array.dtype != np.float16 for array in made.weights().values())


def test_examples_on_the_device_are_those_of_the_feed() -> None:
    data = examples()
    feed = Feed(data, Preprocess.parse("scale"))
    resident = Resident.of(feed, torch.device("cpu"))
    indices = np.array([4, 0, 29])
    x, labels = resident.take(indices, 3)
    there, wanted = feed.take(indices, 3)
    assert len(resident) == 30 and torch.equal(x, torch.from_numpy(there)) and (labels == wanted).all()
    made = engine(partial(TorchEngine, device="cpu"))
    assert np.array_equal(made.scores(x), made.scores(there))
    moved = Feed(data, Preprocess.parse("scale"), augmentation=Trainer(network(), augmentation="flip").augmentation)
    assert Resident.of(moved, torch.device("cpu")) is moved, "augmentation stays on the host"
