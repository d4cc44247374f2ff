"""Class weights: which factors, that the gradient has them, and that the loss is the weighted one."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.data import Dataset
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import RecipeError
from glassnet.nn import Network, parse_loss
from glassnet.optim import SGD
from glassnet.train import ClassWeights, Trainer


def uneven(counts: tuple[int, ...] = (6, 2, 4)) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(3).random((len(labels), 4, 4, 1)).astype(np.float32)
    return Dataset(images, labels, ("ant", "bee", "cow")[: len(counts)], "uneven")


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    data = uneven()
    np.testing.assert_allclose(ClassWeights.parse("balanced").of(data), compute_sample_weight("balanced", data.labels))


def test_named_weights() -> None:
    weights = ClassWeights.parse("bee = 3, cow=0.5")
    assert weights.of(uneven()).tolist() == [1.0] * 6 + [3.0] * 2 + [0.5] * 4
    assert ClassWeights.parse(weights.notation()) == weights
    with pytest.raises(RecipeError, match="Did you mean 'bee'"):
        ClassWeights.parse("beee=2").of(uneven())
    for wrong in ("", "bee", "bee=0", "bee=nan", "=2", "bee=-1"):
        with pytest.raises(RecipeError, match="balanced"):
            ClassWeights.parse(wrong)


@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "softmax-cross-entropy, smoothing 0.1", "svm"])
def test_a_whole_weight_is_an_example_so_often(loss: str) -> None:
    """Weights 2 and 1 on n examples give the step of n + 1 examples, scaled by (n + 1) / n."""
    x = np.random.default_rng(0).random((4, 5))
    labels, weights = np.array([0, 1, 2, 1]), np.array([2.0, 1.0, 1.0, 1.0])
    found = []
    for inputs, target, factor in ((x, labels, weights), (x[[0, 0, 1, 2, 3]], labels[[0, 0, 1, 2, 3]], None)):
        network = Network("linear 3", (5,), 3, seed=1, dtype=np.float64)
        before = network.arrays()["1.linear.weight"].copy()
        result = NativeEngine(network, parse_loss(loss), SGD()).step(Batch(inputs, target, factor), 0.1)
        found.append((result.loss, network.arrays()["1.linear.weight"] - before))
    assert found[0][0] == pytest.approx(found[1][0] * 5 / 4, rel=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1] * 5 / 4, rtol=1e-10)


@pytest.mark.parametrize("batch", [1, 12])
def test_a_training_takes_them(batch: int) -> None:
    losses = {}
    for weights in (None, "ant=1", "bee=4"):
        trainer = Trainer(
            Network("linear", (4, 4, 1), 3), optimizer=SGD(), epochs=2, batch=batch, class_weights=weights
        )
        trainer.fit(uneven())
        losses[weights] = [record["loss"] for record in trainer.history.epochs]
    assert losses["ant=1"] == pytest.approx(losses[None], rel=1e-5)
    assert losses["bee=4"][0] > 1.2 * losses[None][0]


def test_reconstruction_takes_none() -> None:
    trainer = Trainer(Network("linear 16", (4, 4, 1), 16), loss="squared-error", class_weights="balanced")
    with pytest.raises(RecipeError, match="classifiers"):
        trainer.fit(uneven())
