"""The learning-rate range test: its curve, what it suggests, and that it leaves nothing behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset, epoch_order, load
from glassnet.engines import Batch
from glassnet.errors import DataError, RecipeError
from glassnet.nn import Network
from glassnet.optim import make_optimizer
from glassnet.train import Trainer
from glassnet.train.range_test import range_test, smooth, useful

DENSE = "linear 16 -> relu -> linear"
EVERYTHING = "linear 12 -> batchnorm -> relu -> dropout 0.3 -> linear"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").train.subset(np.arange(300))


def trainer(network: str = DENSE, optimizer: str = "adam", **settings: Any) -> Trainer:
    return Trainer(
        Network(network, (8, 8, 1), 10, seed=3), optimizer=make_optimizer(optimizer), batch=20, epochs=2, **settings
    )


def bits(found: Trainer) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in found.engine.state().items()}


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "rmsprop", "adamw"])
def test_everything_is_restored_bit_for_bit(optimizer: str, digits: Dataset) -> None:
    settings: dict[str, Any] = {"l2": 1e-4, "augmentation": "shift 1", "class_weights": "balanced"}
    tested, other = (trainer(EVERYTHING, optimizer, **settings) for _ in range(2))
    for one in (tested, other):
        one.fit(digits)  # moments, running statistics and the memory of the optimiser are no longer the first
    history, progression = tested.history, tested.progression
    before = bits(tested)
    found = range_test(tested, digits, steps=60)
    assert len(found.losses) > 20 and bits(tested) == before == bits(other)
    assert tested.history is history and tested.progression is progression
    x, y = digits.images[:20].astype(np.float32) / 16, np.asarray(digits.labels[:20], np.int64)
    assert [tested.step(x, y) for _ in range(3)] == [other.step(x, y) for _ in range(3)]  # the masks are the same
    assert tested.engine.step(Batch(x, y), 0.1) == other.engine.step(Batch(x, y), 0.1)  # the layers' own, too
    assert bits(tested) == bits(other)


def test_a_training_after_it_is_that_without_it(digits: Dataset) -> None:
    tested, other = trainer(EVERYTHING), trainer(EVERYTHING)
    range_test(tested, digits, steps=40)
    first, second = tested.fit(digits), other.fit(digits)
    assert [e["loss"] for e in tested.history.epochs] == [e["loss"] for e in other.history.epochs]
    assert np.array_equal(first.predict_proba(digits.images), second.predict_proba(digits.images))


def test_it_is_restored_when_it_is_interrupted(digits: Dataset) -> None:
    tested = trainer()
    before = bits(tested)

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        range_test(tested, digits, progress=stop)
    assert bits(tested) == before


def test_the_curve(digits: Dataset) -> None:
    found = range_test(trainer("linear", "sgd"), digits, low=1e-5, high=1e3, steps=90)
    factors = found.rates[1:] / found.rates[:-1]
    assert found.rates[0] == 1e-5 and np.allclose(factors, factors[0], rtol=1e-12) and factors[0] > 1
    # the same steps by hand, on the batches of the first epoch
    tested = trainer("linear", "sgd")
    examples, order = tested.training_examples(digits), epoch_order(len(digits), 0, 0)
    for step in range(4):
        x, y = examples.take(order[20 * step : 20 * (step + 1)], 0)
        assert tested.engine.step(Batch(x, y), found.rates[step]).loss == pytest.approx(found.losses[step], rel=1e-6)
    assert found.suggestion is not None and found.begin is not None and found.end is not None
    assert 0.05 < found.suggestion < 50 and found.begin < found.suggestion < found.end
    assert found.losses[found.lowest] < 0.9 * found.losses[0] and "1.5 times the first" in found.ended
    assert len(found.rates) < 90  # it ended where it had blown up
    assert found.to_dict()["suggestion"] == found.suggestion


def test_the_useful_rates_of_a_known_curve() -> None:
    rates = np.logspace(-4, 2, 61)  # ten a decade
    decades = np.log10(rates)
    # 2 until 1e-2, falling straight to 1 at 1e0, rising straight to 2 at 1e1
    losses = np.interp(decades, [-4, -2, 0, 1, 2], [2.0, 2.0, 1.0, 2.0, 2.0])
    begin, end = useful(rates, losses)
    assert begin == pytest.approx(1e-1) and end == pytest.approx(10**0.2)  # half is behind; a fifth is lost again
    assert useful(rates, np.where(decades <= 0, losses, 1.0))[1] == rates[-1]  # it never rises
    assert useful(rates, np.full(61, 2.0)) == (None, None)
    assert useful(rates, np.linspace(2.0, 3.0, 61)) == (None, None)
    assert np.allclose(smooth(rates, np.full(61, 2.0)), 2.0)
    mirrored = smooth(rates, losses[::-1])[::-1]
    assert np.allclose(smooth(rates, losses), mirrored)


def test_a_loss_that_never_falls_suggests_nothing(digits: Dataset) -> None:
    found = range_test(trainer(), digits, low=1e-12, high=1e-9, steps=30)
    assert found.suggestion is None and found.ended == "after all 30 steps"


def test_a_loss_that_becomes_infinite_ends_it(digits: Dataset) -> None:
    tested = trainer("linear 16 -> relu -> linear", "sgd", loss="svm")
    before = bits(tested)
    found = range_test(tested, digits, low=1e-3, high=1e30, steps=20)
    assert len(found.losses) < 20 and all(map(math.isfinite, found.losses)) and bits(tested) == before


def test_wrong_input(digits: Dataset) -> None:
    for low, high in ((0, 1), (1, 1), (2, 1), (1, math.inf), (math.nan, 1)):
        with pytest.raises(RecipeError, match="rise from above 0"):
            range_test(trainer(), digits, low=low, high=high)
    with pytest.raises(RecipeError, match="at least 20 steps"):
        range_test(trainer(), digits, steps=19)
    with pytest.raises(DataError, match="takes"):
        range_test(Trainer(Network("linear", (5, 5, 1), 10)), digits)


@pytest.mark.long
@pytest.mark.parametrize("name", ["digits, dense, adam", "digits, softmax, momentum"])
def test_the_suggestion_against_a_sweep(name: str) -> None:
    from benchmarks.range_test import measured

    found = measured(name, [1, 2, 3])
    assert np.mean(found["sweep"], axis=0).max() - np.mean(found["with"]) <= 0.01
