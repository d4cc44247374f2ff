"""Any network of ours as a scikit-learn classifier."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from glassnet.classic.numbers import finite, standard
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.layers import BatchNorm
from glassnet.optim import Adam

__all__ = ["NetworkClassifier"]

_PREDICTED = 1000  # examples at a time


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network from one line of notation, trained by Adam on softmax cross-entropy with a rate that falls to 0.

    Features are brought to mean 0 and deviation 1 within. Networks run in float64 for float64 features and in float32
    for all others. All `epochs` are run, there being no other measure of convergence, unless early stopping ends them.
    With batch normalisation an epoch leaves out an example that would be alone in its step.

    Parameters
    ----------
    network : str, default "linear 64 -> relu -> linear"
        Layers; the last `linear` takes the number of classes, and the network must end in one score a class.
    image_shape : (H, W, C) or None, default None
        How a row of features is laid out as a picture, for networks with convolutions.
    epochs : int, default 100
    batch : int, default 200
        Examples a step; fewer examples are all taken at once.
    lr : float, default 1e-2
    l2 : float, default 1e-4
        Coefficient of the penalty l2 |w|^2 / 2 on weights.
    early_stopping : bool, default False
        Whether to hold examples out, stop when their accuracy has not risen for `patience` epochs, and keep the best.
    validation_fraction : float, default 0.1
    patience : int, default 10
    random_state : int, RandomState or None, default None
        Of the starting weights, the order of the examples, dropout, and what is held out.

    Attributes
    ----------
    classes_ : (classes,)
    network_ : the trained `Network`
    loss_curve_ : mean loss of every epoch
    validation_scores_ : accuracy of every epoch on what was held out, with early stopping

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NetworkClassifier("linear 16 -> relu -> linear", random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        network: str = "linear 64 -> relu -> linear",
        *,
        image_shape: tuple[int, int, int] | None = None,
        epochs: int = 100,
        batch: int = 200,
        lr: float = 1e-2,
        l2: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        random_state: Any = None,
    ) -> None:
        self.network = network
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.l2 = l2
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetworkClassifier:
        """Train on X (N, D), classes y (N,), optionally with a weight (N,) for each example."""
        for name in ("epochs", "batch", "patience"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1. Got {getattr(self, name)!r}.")
        x, labels, weights = self._checked(X, y, sample_weight, first=True)
        rng = check_random_state(self.random_state)
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight leaves no example: all weights are 0.")
        x, labels, weights = x[kept], labels[kept], weights[kept]
        held_out = None
        if self.early_stopping:
            size = math.ceil(self.validation_fraction * len(x))
            each = np.bincount(labels)
            evenly = labels if each[each > 0].min() > 1 and size >= (each > 0).sum() else None  # where there are enough
            parts = train_test_split(x, labels, weights, test_size=size, random_state=rng, stratify=evenly)
            x, held_out, labels, held_labels, weights, _ = parts
        self._begin(x, weights, rng)
        best, since, arrays = -1.0, 0, None
        self.loss_curve_, self.validation_scores_ = [], []
        steps = self.epochs * math.ceil(self._used(len(x)) / self.batch)
        for _ in range(self.epochs):
            self.loss_curve_.append(self._epoch(x, labels, weights, rng, steps))
            if held_out is not None:
                accuracy = float((self._scores_of(held_out).argmax(axis=1) == held_labels).mean())
                self.validation_scores_.append(accuracy)
                since += 1
                if accuracy > best:
                    best, since = accuracy, 0
                    arrays = {name: a.copy() for name, a in self.network_.arrays().items()}
                if since >= self.patience:
                    break
        if arrays is not None:
            self.network_.load_arrays(arrays)
        self.n_iter_ = len(self.loss_curve_)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NetworkClassifier:
        """One epoch on X (n, D), y (n,). `classes` names all classes at the first call; the features' means and
        deviations are those of the first call, too."""
        first = not hasattr(self, "network_")
        x, labels, weights = self._checked(X, y, sample_weight, first=first, classes=classes)
        if first:
            self._rng = check_random_state(self.random_state)
            self._begin(x, weights, self._rng)
            self.loss_curve_, self.validation_scores_ = [], []
        elif not hasattr(self, "_rng"):
            self._rng = check_random_state(self.random_state)
        self.loss_curve_.append(self._epoch(x, labels, weights, self._rng, None))
        self.n_iter_ = len(self.loss_curve_)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """(N, classes) probabilities."""
        return np.asarray(special.softmax(self._scores(X), axis=1))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the most probable class."""
        scores = self._scores(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    # ---- inside

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Features, labels from 0 to classes - 1, and weights of mean 1."""
        X, y = validate_data(self, X, y, reset=first)
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if first:
            self.classes_ = np.unique(y if classes is None else classes)
            if len(self.classes_) < 2:
                raise ValueError(f"There must be at least two classes, but there is one class: {self.classes_[0]!r}.")
        labels = np.searchsorted(self.classes_, y)
        labels = np.minimum(labels, len(self.classes_) - 1)
        strange = self.classes_[labels] != y
        if strange.any():
            raise ValueError(f"{np.asarray(y)[strange][0]!r} is none of the classes {list(self.classes_)}.")
        return X, labels.astype(np.int64), weights

    def _begin(self, x: npt.NDArray[Any], weights: npt.NDArray[np.float64], rng: Any) -> None:
        shape = (x.shape[1],) if self.image_shape is None else tuple(self.image_shape)
        if math.prod(shape) != x.shape[1]:
            raise ValueError(
                f"image_shape {shape} has {math.prod(shape)} numbers, but there are {x.shape[1]} features."
            )
        kind = np.float64 if x.dtype == np.float64 else np.float32
        self._middle, self._scale = standard(x, weights / weights.sum())
        seed = int(rng.randint(np.iinfo(np.int32).max))
        network = Network(self.network, shape, len(self.classes_), seed=seed, dtype=kind)
        if network.output_shape != (len(self.classes_),):
            raise ValueError(
                f"The network '{self.network}' ends in {' x '.join(map(str, network.output_shape))} numbers, but there "
                f"are {len(self.classes_)} classes: end it in 'linear'."
            )
        self.network_ = network
        self._optimizer = Adam(self.lr)
        self._loss = SoftmaxCrossEntropy()

    def _epoch(
        self, x: npt.NDArray[Any], labels: npt.NDArray[np.int64], weights: npt.NDArray[Any], rng: Any, steps: int | None
    ) -> float:
        """One epoch; returns the mean loss. steps: of the whole training, over which the rate falls to 0."""
        used = self._used(len(x))
        order = rng.permutation(len(x))[:used] if len(x) > self.batch else np.arange(len(x))
        weights = weights * (len(weights) / weights.sum())
        total, parameters = 0.0, self.network_.parameters()
        for start in range(0, used, self.batch):
            rows = order[start : start + self.batch]
            self.network_.set_dropout_key((int(rng.randint(2**31 - 1)), self._optimizer.steps))
            scores = self.network_.run(self._prepared(x[rows]), train=True)
            gradient = np.empty_like(scores)
            loss, _ = self._loss.run(scores, labels[rows], gradient)
            gradient *= weights[rows, None].astype(gradient.dtype)
            self.network_.run_backward(gradient)
            rate = self.lr if steps is None else self.lr * (1 - self._optimizer.steps / steps)
            self._optimizer.step(parameters, rate, l2=self.l2)
            total += loss * len(rows)
        self.network_.set_dropout_key(None)
        if not math.isfinite(total):
            raise ValueError(f"The loss is not finite in epoch {len(self.loss_curve_) + 1}: choose a smaller lr.")
        return total / used

    def _used(self, count: int) -> int:
        """How many of so many examples an epoch takes: one alone has no variance to normalise by."""
        if not any(isinstance(layer, BatchNorm) for _, layer in self.network_.walk()):
            return count
        if min(count, self.batch) < 2:
            raise ValueError(
                f"Batch normalisation needs at least 2 examples a step. Got {count} in steps of {self.batch}."
            )
        return count - (count % self.batch == 1)

    def _prepared(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            features = ((x - self._middle) / self._scale).astype(self.network_.dtype)
        return np.ascontiguousarray(features).reshape(len(x), *self.network_.input_shape)

    def _scores(self, X: Any) -> npt.NDArray[np.float64]:
        check_is_fitted(self)
        return self._scores_of(validate_data(self, X, reset=False))

    def _scores_of(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [self.network_.infer(self._prepared(x[s : s + _PREDICTED])) for s in range(0, len(x), _PREDICTED)]
        return finite(np.concatenate([np.array(part, np.float64) for part in parts]), "scores")

    def __getstate__(self) -> dict[str, Any]:
        """As it is, the network as its notation and arrays."""
        state = dict(super().__getstate__())
        network = state.pop("network_", None)
        if network is not None:
            arrays = {name: array.copy() for name, array in network.arrays().items()}
            state["_stored"] = (network.notation(), network.input_shape, network.dtype, arrays)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        stored = state.pop("_stored", None)
        super().__setstate__(state)
        if stored is not None:
            notation, shape, kind, arrays = stored
            self.network_ = Network(notation, shape, dtype=kind)
            self.network_.load_arrays(arrays)
