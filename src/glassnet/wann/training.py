"""One training of a topology's weights by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassnet.data import Dataset, Splits
from glassnet.experiments.data import evaluated_part
from glassnet.nn.functional import graph_forward
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Adam
from glassnet.train import Trainer
from glassnet.wann.graph import Graph
from glassnet.wann.judge import SHARPNESS
from glassnet.wann.layer import network_of
from glassnet.wann.search import examples_of

__all__ = ["BATCH", "Trained", "gain_of", "train"]

BATCH = 32


def gain_of(graph: Graph, weights: Array, splits: Splits) -> float:
    """What brings the scores of the training part to the spread that a search judges them at; see `Judged`.

    Where outputs are bounded, as those of a sigmoid are, their softmax could not be sure of anything without it.
    """
    rows = np.ascontiguousarray(examples_of(splits.train).x[:-1].T)
    scores = graph_forward(rows, graph.codes, graph.start, graph.source, weights, graph.outputs)[0]
    spread = float((scores - scores.mean(axis=1, keepdims=True)).std())
    return SHARPNESS / spread if spread > 1e-6 else 1.0


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
    graph: Graph, weights: Array, splits: Splits, *, rate: float, epochs: int, seed: int, gain: float = 1.0,
    choose: bool = True,
) -> Trained:  # fmt: skip
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
        The learning rate at the start; it falls to 0 along a cosine.
    epochs : int
        How many.
    seed : int
        Of the order of the examples.
    gain : float
        What scores are multiplied by before their softmax.
    choose : bool
        False takes the last epoch instead.

    Raises
    ------
    TrainingError
        The loss or the weights are not finite.
    """
    network = network_of(graph, weights, splits.train.image_shape, gain=gain)
    trainer = Trainer(network, optimizer=Adam(rate), epochs=epochs, batch=BATCH, seed=seed, schedule="cosine")
    model = trainer.fit(splits.train, splits.valid if choose else None)
    (weight,) = network.parameters().values()

    def right(dataset: Dataset) -> NDArray[np.bool_]:
        return np.asarray(model.scores(dataset.images).argmax(axis=1) == dataset.labels)

    assert splits.valid is not None
    return Trained(weight.value.copy(), float(right(splits.valid).mean()), right(evaluated_part(splits)[1]))
