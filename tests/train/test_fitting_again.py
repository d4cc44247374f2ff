"""Every `fit` is a new training of the weights that are there; steps by hand; which epoch is the best, everywhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet
from glassnet import experiments
from glassnet.data import Dataset
from glassnet.errors import GlassnetError, RecipeError, TrainingError
from glassnet.experiments.recipe import recipe_from
from glassnet.model import Model
from glassnet.nn import Network, model_file
from glassnet.optim import SGD, Adam
from glassnet.report import learning_curves
from glassnet.report.figures import curves
from glassnet.report.pages import SweepRun, best_run, write_run_page
from glassnet.tasks import best_epoch
from glassnet.train import Progress, Trainer, read_history


def bars(seed: int = 0, n: int = 60) -> Dataset:
    """Pictures 4x4 whose bright row is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 120, (n, 4, 4, 1), np.uint8)
    images[np.arange(n), labels] += 120
    return Dataset(images, labels, ("a", "b", "c"))


NETWORK = "linear 8 -> batchnorm -> relu -> dropout 0.2 -> linear"


def trainer(network: Network, **changes: Any) -> Trainer:
    chosen: dict[str, Any] = {"epochs": 4, "batch": 16, "schedule": "onecycle", "augmentation": "shift 1", **changes}
    make = chosen.pop("optimizer", lambda: Adam(0.02))
    return Trainer(network, optimizer=make(), **chosen)


def bits(network: Network) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in network.arrays().items()}


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


@pytest.mark.parametrize("valid", [None, bars(1)])
@pytest.mark.parametrize("changes", [{}, {"average": 0.9}, {"optimizer": lambda: SGD(0.1, 0.9), "schedule": "cosine"}])
def test_a_second_fit_is_that_of_a_new_trainer(valid: Dataset | None, changes: dict[str, Any]) -> None:
    made = trainer(Network(NETWORK, (4, 4, 1), 3), **changes)
    first = made.fit(bars(), valid)
    records, before = without_times(made.history.records), bits(first.network)
    other = Network(NETWORK, (4, 4, 1), 3, seed=9)
    other.load_arrays(first.network.arrays())
    second = made.fit(bars(2), valid)
    fresh = trainer(other, preprocess=first.preprocess, **changes)
    expected = fresh.fit(bars(2), valid)
    assert bits(second.network) == bits(expected.network) != before
    again = without_times(made.history.records)
    assert again == without_times(fresh.history.records) and len(again) == len(records) and again != records
    assert made.progression.step == 16 and made.progression.best_epoch == fresh.progression.best_epoch


def test_a_second_fit_writes_its_own_history(tmp_path: Path) -> None:
    made = trainer(Network(NETWORK, (4, 4, 1), 3))
    for seed in (0, 1):
        made.fit(bars(seed), history_path=tmp_path / "metrics.jsonl", checkpoint_path=tmp_path / "c.safetensors")
        assert read_history(tmp_path / "metrics.jsonl") == made.history.records
        assert len(made.history.epochs) == 4


def test_a_fit_after_a_diverged_one_starts_from_nothing_but_the_weights() -> None:
    network = "linear 8 -> relu -> linear"
    descent = SGD(3e38)
    made = trainer(Network(network, (4, 4, 1), 3), optimizer=lambda: descent, epochs=200, schedule="constant")
    start = {name: array.copy() for name, array in made.network.arrays().items()}
    with pytest.raises(TrainingError, match="Likely causes"):
        made.fit(bars())
    made.network.load_arrays(start)
    descent.lr = 0.1
    other = trainer(Network(network, (4, 4, 1), 3), optimizer=lambda: SGD(0.1), epochs=200, schedule="constant")
    assert bits(made.fit(bars()).network) == bits(other.fit(bars()).network)


def test_resuming_needs_a_checkpoint() -> None:
    with pytest.raises(TrainingError, match="checkpoint_path"):
        trainer(Network(NETWORK, (4, 4, 1), 3)).fit(bars(), resume=True)


@pytest.mark.parametrize("schedule", ["onecycle", "linear, start 0", "cosine", "exponential 0.1", "steps 1 2 3"])
def test_steps_before_any_fit_take_the_rate_of_the_optimiser(schedule: str) -> None:
    """Ten steps of w <- w - lr g with the gradient of softmax regression, in NumPy."""
    made = Trainer(Network("linear", (16,), 3), optimizer=SGD(0.5), schedule=schedule, epochs=3)
    weight, bias = (made.network.arrays()[f"1.linear.{name}"].astype(np.float64) for name in ("weight", "bias"))
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, labels = rng.random((20, 16), np.float32), rng.integers(0, 3, 20)
        made.step(x, labels)
        scores = x @ weight + bias
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        chances[np.arange(20), labels] -= 1
        weight -= 0.5 * (x.T @ chances / 20)
        bias -= 0.5 * chances.mean(axis=0)
    np.testing.assert_allclose(made.network.arrays()["1.linear.weight"], weight, rtol=0, atol=1e-5)
    np.testing.assert_allclose(made.network.arrays()["1.linear.bias"], bias, rtol=0, atol=1e-5)


# ---- the best epoch

RESULTS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 0.9, 1.0, math.nan]), st.sampled_from([0.0, 0.1, 0.2, 3.0, 1e30, math.nan])),
    max_size=12,
)


@settings(deadline=None)
@given(RESULTS, st.sampled_from(["valid_accuracy", "valid_psnr"]))
def test_the_best_epoch_has_the_highest_measure_then_the_lowest_loss_then_comes_first(
    results: list[tuple[float, float]], key: str
) -> None:
    records: list[dict[str, Any]] = [
        {"kind": "epoch", "epoch": i, "loss": 1.0, key: measure, "valid_loss": loss}
        for i, (measure, loss) in enumerate(results, start=1)
    ]
    left = [r for r in records if not math.isnan(r[key])]
    for name, choose in ((key, max), ("valid_loss", min)):
        known = [r[name] for r in left if not math.isnan(r[name])]
        if known:
            left = [r for r in left if r[name] == choose(known)]
    found, drawn = best_epoch(records), curves.best_epoch(records)
    assert found == (left[0] if left else None)
    assert drawn == ((left[0]["epoch"], left[0][key]) if left else None)


TIES = {
    "data": {"source": "digits", "train_limit": 300, "test_limit": 40, "validation": 20},
    "model": {"network": "linear 24 -> relu -> linear"},
    "optimizer": {"name": "adam", "lr": 0.02},
    "train": {"epochs": 22},
}


def test_the_report_rings_the_epoch_that_was_kept(tmp_path: Path) -> None:
    """Twenty validation pictures: many epochs have the same accuracy, and the loss chooses among them."""
    marked: list[int] = []

    class Watch(Progress):
        def epoch(self, record: dict[str, Any], best: bool) -> None:
            if best:
                marked.append(record["epoch"])

    run = experiments.run_recipe(recipe_from(TIES), tmp_path / "run", progress=Watch(), on_finish=[write_run_page])
    epochs = run.history.epochs
    highest = [r for r in epochs if r["valid_accuracy"] == max(r["valid_accuracy"] for r in epochs)]
    kept = min(highest, key=lambda r: r["valid_loss"])
    assert len(highest) > 1 and kept is not highest[0]  # else this run shows nothing
    number = kept["epoch"]
    assert run.model.card["best_epoch"] == number == marked[-1]
    assert Model.load(tmp_path / "run").card["best_epoch"] == number
    titles = [axes.get_title(loc="right") for axes in learning_curves(run.history.records).axes]
    assert any(title.endswith(f"epoch {number}") for title in titles)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    card = page[page.index("<dt>best epoch</dt>") :][:120]
    assert f">{number}<" in card
    figures = run.figures()
    assert (figures["valid_accuracy"], figures["valid_loss"]) == (kept["valid_accuracy"], kept["valid_loss"])
    evaluated = run.model.evaluate(run.splits.valid)  # type: ignore[arg-type]
    assert evaluated.accuracy == pytest.approx(kept["valid_accuracy"])
    assert evaluated.loss == pytest.approx(kept["valid_loss"], rel=1e-5)
    assert SweepRun("a", run.history.records).final()["epoch"] == number


def test_runs_of_equal_accuracy_are_told_apart_by_their_loss() -> None:
    figures = [{"valid_accuracy": 0.9, "valid_loss": loss} for loss in (0.5, 0.3, 0.4)]
    runs = [SweepRun(str(i), [], given) for i, given in enumerate(figures)]
    assert best_run(runs) == (1, "valid_accuracy")
    assert best_run([runs[0], runs[0]]) == (0, "valid_accuracy")


def test_the_best_so_far_is_resumed(tmp_path: Path) -> None:
    """The rank lies in the checkpoint as its two numbers, to the bit."""
    path = tmp_path / "c.safetensors"
    made = trainer(Network(NETWORK, (4, 4, 1), 3))
    made.fit(bars(), bars(1), checkpoint_path=path)
    kept = next(r for r in made.history.epochs if r["epoch"] == made.progression.best_epoch)
    assert made.progression.best == (kept["valid_accuracy"], -kept["valid_loss"])
    again = trainer(Network(NETWORK, (4, 4, 1), 3))
    again.fit(bars(), bars(1), checkpoint_path=path, resume=True)
    assert again.progression.best == made.progression.best and type(again.progression.best) is tuple
    description, arrays = model_file.read(path)
    for wrong in ([1.0], [1.0, 2.0, 3.0], "x", 0.5, ["a", "b"]):
        changed = {**description, "progression": {**description["progression"], "best": wrong}}
        model_file.write(path, changed, arrays)
        with pytest.raises(GlassnetError, match="counters"):
            again.fit(bars(), bars(1), checkpoint_path=path, resume=True)


# ---- unknown words


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("epoch", "epochs"), ("batchsize", "batch"), ("optimiser", "optimizer"), ("modle", "model"), ("sed", "seed")],
)
def test_fit_knows_its_words(wrong: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"'{wrong}'.*Did you mean '{meant}'"):
        glassnet.fit("digits", "linear", out=tmp_path / "run", **{wrong: 1})
    assert not (tmp_path / "run").exists()


def test_a_trainer_and_a_recipe_know_theirs() -> None:
    with pytest.raises(RecipeError, match=r"'epoch'.*Did you mean 'epochs'"):
        Trainer(Network("linear", (4,), 3), epoch=3)
    with pytest.raises(RecipeError, match=r"'epoch'.*Did you mean 'epochs'"):
        experiments.Recipe(experiments.Data("digits"), train={"epoch": 3})
