"""Histograms of weights and gradients: what they count, that they change nothing, and that they go on after a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.data import load
from glassnet.engines import StepResult
from glassnet.errors import TrainingError, TrainingInterrupted
from glassnet.nn import Network
from glassnet.train import Trainer
from glassnet.train.callbacks import Callback, Histograms
from glassnet.train.callbacks.histograms import BINS, histogram, read_histograms
from glassnet.train.loop import Training

DIGITS = load("digits").train.subset(slice(200))
WEIGHTS = ("1.linear.weight", "3.linear.weight")


def trained(histograms: Histograms | None, epochs: int = 3, **given: object) -> Network:
    network = Network("linear 16 -> relu -> linear", (8, 8, 1), 10)
    callbacks = [histograms] if histograms is not None else []
    Trainer(network, epochs=epochs).fit(DIGITS, callbacks=callbacks, **given)  # type: ignore[arg-type]
    return network


def test_a_histogram_counts_as_numpy_does() -> None:
    values = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    counts, limit = histogram(values)
    assert limit == np.abs(values).max() and counts.sum() == values.size
    np.testing.assert_array_equal(counts, np.histogram(values.astype(np.float64), BINS, (-limit, limit))[0])


def test_a_large_array_is_sampled_in_every_column() -> None:
    columns = np.broadcast_to(np.arange(-50.0, 50.0), (4000, 100))
    counts, limit = histogram(np.ascontiguousarray(columns))
    assert limit == 50.0 and counts.sum() == 2048
    expected = 2048 * np.histogram(np.arange(-50.0, 50.0), BINS, (-50, 50))[0] / 100
    assert np.abs(counts - expected).max() < 6


def test_odd_values() -> None:
    counts, limit = histogram(np.zeros(5))
    assert limit == 0.0 and counts[BINS // 2] == 5
    counts, limit = histogram(np.array([np.nan, np.inf, 2.0]))
    assert limit == 2.0 and counts.sum() == 1 and counts[-1] == 1
    assert histogram(np.empty(0))[0].sum() == 0


def test_each_epoch_is_counted_and_nothing_is_changed() -> None:
    found = Histograms()
    network, plain = trained(found), trained(None)
    for name, array in plain.arrays().items():
        np.testing.assert_array_equal(network.arrays()[name], array)
    assert found.arrays["epochs"].tolist() == [1, 2, 3]
    for name in WEIGHTS:
        for kind in ("weight", "gradient"):
            assert found.arrays[f"{kind}.{name}"].shape == (3, BINS)
        assert found.arrays[f"weight.{name}.limit"][-1] == np.abs(network.arrays()[name]).max()
        assert (found.arrays[f"gradient.{name}.limit"] > 0).all()


def test_an_epoch_without_a_recorded_step_has_no_gradients() -> None:
    found = Histograms()
    network = Network("linear 16 -> relu -> linear", (8, 8, 1), 10)
    Trainer(network, epochs=3, batch=50, log_every=9).fit(DIGITS, callbacks=[found])  # steps 1 and 9 of 4 an epoch
    assert found.arrays["epochs"].tolist() == [1, 2, 3]
    for name in WEIGHTS:
        assert (found.arrays[f"gradient.{name}"].sum(axis=1) > 0).tolist() == [True, False, True]
        assert found.arrays[f"gradient.{name}.limit"][1] == 0.0 and found.arrays[f"weight.{name}.limit"].all()


def test_many_epochs_are_thinned() -> None:
    found = Histograms()
    trained(found, epochs=50)
    epochs = found.arrays["epochs"]
    assert epochs[0] == 1 and epochs[-1] == 48 and len(epochs) <= 24 and set(np.diff(epochs[1:])) == {3}


class Stop(Callback):
    """Stops within the second epoch."""

    def step(self, training: Training, result: StepResult) -> None:
        if training.state.epoch == 1:
            training.interrupt()


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole, first, second = Histograms(), Histograms(), Histograms()
    trained(whole)
    path = tmp_path / "checkpoint.safetensors"
    network = Network("linear 16 -> relu -> linear", (8, 8, 1), 10)
    with pytest.raises(TrainingInterrupted):
        Trainer(network, epochs=3).fit(DIGITS, callbacks=[first, Stop()], checkpoint_path=path)
    trained(second, checkpoint_path=path, resume=True)
    assert second.arrays["epochs"].tolist() == [1, 2, 3]
    for name in WEIGHTS:
        np.testing.assert_array_equal(second.arrays[f"weight.{name}"], whole.arrays[f"weight.{name}"])
        np.testing.assert_array_equal(second.arrays[f"gradient.{name}"], whole.arrays[f"gradient.{name}"])


def test_they_are_kept(tmp_path: Path) -> None:
    found = Histograms()
    trained(found)
    found.save(tmp_path / "histograms.npz")
    again = read_histograms(tmp_path / "histograms.npz")
    assert again.keys() == found.arrays.keys()
    for name, array in found.arrays.items():
        np.testing.assert_array_equal(again[name], array)
    assert read_histograms(tmp_path / "missing.npz") == {}
    np.savez(tmp_path / "histograms.npz", epochs=np.arange(3), x=np.zeros((2, BINS)))
    with pytest.raises(TrainingError, match="damaged"):
        read_histograms(tmp_path / "histograms.npz")
