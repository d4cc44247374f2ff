"""One training of a topology's weights by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassnet.data import Dataset, Splits
from glassnet.experiments.data import evaluated_part
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Adam
from glassnet.train import Trainer
from glassnet.wann.graph import Graph
from glassnet.wann.layer import network_of

__all__ = ["BATCH", "Trained", "train"]

BATCH = 32


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes
    ----------
    weights : (connections,) float32 array
        Those of the epoch that is best on the validation part.
    valid : float
        Accuracy there.
    right : (n,) bool array
        Which examples of the evaluated part it has right.
    """

    weights: Array
    valid: float
    right: NDArray[np.bool_]


def train(
    graph: Graph, weights: Array, splits: Splits, *, rate: float, epochs: int, seed: int, choose: bool = True
) -> Trained:
    """Train with Adam on batches of 32, and keep the epoch that does best on the validation part.

    Parameters
    ----------
    graph : Graph
        The topology.
    weights : (connections,) array
        Where the weights start.
    splits : Splits
        The data; pixels are scaled to 0..1.
    rate : float
        The learning rate, constant.
    epochs : int
        How many.
    seed : int
        Of the order of the examples.
    choose : bool
        False takes the last epoch instead.

    Raises
    ------
    TrainingError
        The loss or the weights are not finite.
    """
    network = network_of(graph, weights, splits.train.image_shape)
    trainer = Trainer(network, optimizer=Adam(rate), epochs=epochs, batch=BATCH, seed=seed)
    model = trainer.fit(splits.train, splits.valid if choose else None)
    (weight,) = network.parameters().values()

    def right(dataset: Dataset) -> NDArray[np.bool_]:
        return np.asarray(model.scores(dataset.images).argmax(axis=1) == dataset.labels)

    assert splits.valid is not None
    return Trained(weight.value.copy(), float(right(splits.valid).mean()), right(evaluated_part(splits)[1]))
