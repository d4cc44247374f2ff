"""What a `NetworkClassifier` is trained by, under whichever names: ours, or those of scikit-learn's MLPClassifier.

| MLPClassifier                      | ours                                                                        |
|------------------------------------|-----------------------------------------------------------------------------|
| `hidden_layer_sizes`, `activation` | `network`: (100, 50) is "linear 100 -> relu -> linear 50 -> relu -> linear" |
| `max_iter`                         | `epochs`                                                                    |
| `batch_size`                       | `batch`; "auto" is its default                                              |
| `learning_rate_init`               | `lr`                                                                        |
| `alpha`                            | `l2`, which is alpha / examples of a step                                   |
| `n_iter_no_change`                 | `patience`                                                                  |
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.optim import SGD, Adam, Optimizer

__all__ = ["Chosen", "chosen"]

_SAME = {"epochs": "max_iter", "batch": "batch_size", "lr": "learning_rate_init", "patience": "n_iter_no_change"}
_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": ""}
_HIDDEN = (64,)  # units of the hidden layer of the default network
_SOLVERS = ("adam", "sgd")


@dataclass(frozen=True)
class Chosen:
    """The settings of one training, each under one name."""

    network: str
    epochs: int
    batch: int
    lr: float
    l2: float
    patience: int
    solver: str

    def optimizer(self) -> Optimizer:
        """Adam, or descent with Nesterov's momentum of 0.9, as scikit-learn's solvers are by default."""
        return Adam(self.lr) if self.solver == "adam" else SGD(self.lr, momentum=0.9, nesterov=True)


def chosen(estimator: Any, examples: int) -> Chosen:
    """The settings of an estimator for so many examples.

    Raises
    ------
    ValueError
        A setting is out of its range, or two names of one thing are given and differ.
    """
    given = {ours: _one_of(estimator, ours, theirs) for ours, theirs in _SAME.items()}
    if given["batch"] == "auto":
        given["batch"] = _default(estimator, "batch")
    for ours, theirs in _SAME.items():
        if ours != "lr" and not (isinstance(given[ours], (int, float, np.number)) and given[ours] >= 1):
            name = ours if getattr(estimator, theirs) is None else theirs
            raise ValueError(f"{name} must be at least 1. Got {given[ours]!r}.")
    solver = estimator.solver
    if solver not in _SOLVERS:
        raise ValueError(f"solver must be {' or '.join(map(repr, _SOLVERS))}. Got {solver!r}.")
    batch = int(given["batch"])
    if estimator.alpha is None:
        l2 = estimator.l2
    else:
        _refuse_both(estimator, "l2", "alpha")
        l2 = estimator.alpha / min(batch, examples)
    return Chosen(
        _network(estimator), int(given["epochs"]), batch, given["lr"], l2, int(given["patience"]), estimator.solver
    )


def _one_of(estimator: Any, ours: str, theirs: str) -> Any:
    """The value of a setting with two names."""
    value = getattr(estimator, theirs)
    if value is None:
        return getattr(estimator, ours)
    if value != getattr(estimator, ours):
        _refuse_both(estimator, ours, theirs)
    return value


def _refuse_both(estimator: Any, ours: str, theirs: str) -> None:
    own = getattr(estimator, ours)
    if own != _default(estimator, ours):
        raise ValueError(
            f"{ours} and {theirs} are two names for one thing; give one of them. Got {ours}={own!r} and"
            f" {theirs}={getattr(estimator, theirs)!r}."
        )


def _default(estimator: Any, name: str) -> Any:
    return inspect.signature(type(estimator)).parameters[name].default


def _network(estimator: Any) -> str:
    """The notation of the network, that of a multi-layer perceptron where its layers are given."""
    sizes, activation = estimator.hidden_layer_sizes, estimator.activation
    if sizes is None and activation is None:
        return str(estimator.network)
    _refuse_both(estimator, "network", "activation" if sizes is None else "hidden_layer_sizes")
    if activation is not None and activation not in _ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(map(repr, _ACTIVATIONS))}. Got {activation!r}.")
    units: Sequence[Any] = np.atleast_1d(np.asarray(_HIDDEN if sizes is None else sizes, dtype=object)).tolist()
    if not all(isinstance(unit, (int, np.integer)) and unit >= 1 for unit in units):
        raise ValueError(f"hidden_layer_sizes must hold whole numbers from 1. Got {sizes!r}.")
    word = _ACTIVATIONS[activation or "relu"]
    layers = [layer for unit in units for layer in (f"linear {unit}", word) if layer]
    return " -> ".join([*layers, "linear"])
