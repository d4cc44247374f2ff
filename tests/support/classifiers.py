"""Small classifiers whose boundaries are known, as models and as what an attack sees."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from glassnet.attack import Victim
from glassnet.data import Preprocess, load
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.train import Trainer

Array = np.ndarray


def linear_model(weights: Array, bias: Array, shape: tuple[int, int, int] = (2, 3, 1), *, pre: str = "scale") -> Model:
    """Scores x W + b; what is preprocessed is fitted on random pictures."""
    preprocess = Preprocess.parse(pre).fit(np.random.default_rng(1).random((50, *shape)))
    network = Network("linear", preprocess.output_shape(shape), weights.shape[1])
    network.load_arrays({"1.linear.weight": weights.astype(np.float32), "1.linear.bias": bias.astype(np.float32)})
    names = tuple(f"class {i}" for i in range(weights.shape[1]))
    return Model(network, preprocess, shape, names, SoftmaxCrossEntropy())


@cache
def digits(line: str = "linear 32 -> relu -> linear", pre: str = "scale", **settings: Any) -> Model:
    """A model of the 8x8 digits, trained for seconds; the same object at every call, so it must not be changed."""
    splits = load("digits")
    preprocess = Preprocess.parse(pre).fit(splits.train.images)
    network = Network(line, preprocess.output_shape(splits.train.image_shape), 10)
    given: dict[str, Any] = {"epochs": 12, "batch": 32, **settings}
    return Trainer(network, preprocess=preprocess, **given).fit(splits.train)


def digit_pictures(count: int) -> tuple[Array, Array]:
    """The first test pictures (count, 8, 8, 1) uint8 of the digits, and their labels."""
    from glassnet.attack import as_bytes
    from glassnet.data import arrange

    test = arrange(load("digits"), test=0.2, seed=0).test
    assert test is not None
    return as_bytes(np.asarray(test.images[:count])), np.asarray(test.labels[:count], np.int64)


def seen(model: Model, dtype: type = np.float32) -> Victim:
    """The model as an attack sees it."""
    return Victim.of(model, dtype=dtype)
