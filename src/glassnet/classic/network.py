"""Any network of ours as a scikit-learn classifier."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
from glassnet.classic.settings import Chosen, chosen
from glassnet.engines import NativeEngine
from glassnet.errors import TrainingError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.optim import Constant, Linear, Schedule
from glassnet.tasks import Classification, Metric
from glassnet.train import (
    Callback,
    EarlyStopping,
    History,
    KeepBest,
    PlainProgress,
    Progress,
    Progression,
    Settings,
    Shown,
    Training,
)

__all__ = ["NetworkClassifier"]

_PREDICTED = 1000  # examples at a time
_NEVER = 2**62  # steps between records of norms, which nobody reads here


class _ByAccuracy(Classification):
    """Early stopping waits for accuracy alone."""

    metric = Metric("accuracy", ties_by_loss=False)


class _Features:
    """Rows of features for the training loop, with a weight for each; `prepared` makes them what the network takes."""

    def __init__(
        self,
        prepared: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
        x: npt.NDArray[Any],
        labels: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self.prepared, self.x, self.labels = prepared, x, labels
        self.weights = np.ones(len(x)) if weights is None else weights * (len(weights) / weights.sum())

    def __len__(self) -> int:
        return len(self.x)

    def take(self, indices: npt.NDArray[np.int64], epoch: int) -> tuple[Any, Any, Any]:
        """(inputs, labels, weights) of the examples `indices`."""
        x = self.prepared(self.x[indices])
        return x, self.labels[indices], self.weights[indices].astype(x.dtype)


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network from one line of notation, trained on softmax cross-entropy with a rate that falls to 0.

    The parameters that scikit-learn's MLPClassifier has too may be given under its names; of two names for one thing
    one is given. Features are standardised internally. Networks run in float64 for float64 features and in float32
    for all others. All `epochs` are run, there being no other measure of convergence, unless early stopping ends them.
    With batch normalisation an epoch leaves out an example that would be alone in its step.

    Parameters
    ----------
    network : str, default "linear 64 -> relu -> linear"
        Layers; the last `linear` takes the number of classes, and the network must end in one score per class.
    image_shape : (int, int, int), optional
        (H, W, C) or None, default None How a row of features is laid out as a picture, for networks with convolutions.
    epochs : int, default 100
    batch : int, default 200
        Examples per step; fewer examples are all taken at once.
    lr : float, default 1e-2
    l2 : float, default 1e-4
        Coefficient of the penalty l2 |w|^2 / 2 on weights.
    early_stopping : bool, default False
        Whether to hold examples out, stop when their accuracy has not risen for `patience` epochs, and keep the best.
    validation_fraction : float, default 0.1
    patience : int, default 10
    random_state : int, RandomState or None, default None
        Of the starting weights, the order of the examples, dropout, and what is held out.
    solver : str, default "adam"
        "adam" or "sgd", which is descent with Nesterov's momentum of 0.9.
    verbose : bool, default False
        Whether to print a line per epoch.
    hidden_layer_sizes : int or sequence of int, optional
        MLPClassifier's name for `network`: the units of the hidden layers.
    activation : str, optional
        MLPClassifier's, of these hidden layers: "relu" (None), "tanh", "logistic" or "identity".
    max_iter : int, optional
        MLPClassifier's name for `epochs`.
    batch_size : int or "auto", optional
        MLPClassifier's name for `batch`.
    learning_rate_init : float, optional
        MLPClassifier's name for `lr`.
    alpha : float, optional
        MLPClassifier's name for `l2`, which is alpha divided by the examples of a step.
    n_iter_no_change : int, optional
        MLPClassifier's name for `patience`.

    Attributes
    ----------
    classes_ : (classes,)
    network_ : Network
        The trained `Network`.
    loss_curve_ : list of float
        Mean loss of every epoch.
    validation_scores_ : list of float
        Accuracy of every epoch on what was held out, with early stopping.

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
        solver: str = "adam",
        verbose: bool = False,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        activation: str | None = None,
        max_iter: int | None = None,
        batch_size: int | str | None = None,
        learning_rate_init: float | None = None,
        alpha: float | None = None,
        n_iter_no_change: int | None = None,
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
        self.solver = solver
        self.verbose = verbose
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.n_iter_no_change = n_iter_no_change

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetworkClassifier:
        """Train on X (N, D), classes y (N,), optionally with a weight (N,) for each example."""
        x, labels, weights = self._checked(X, y, sample_weight, first=True)
        to = chosen(self, len(x))
        rng = check_random_state(self.random_state)
        callbacks: list[Callback] = [KeepBest()]
        held_out = None
        if self.early_stopping:
            size = math.ceil(self.validation_fraction * len(x))
            each = np.bincount(labels)
            evenly = labels if each[each > 0].min() > 1 and size >= (each > 0).sum() else None  # where there are enough
            parts = train_test_split(x, labels, weights, test_size=size, random_state=rng, stratify=evenly)
            x, held_out, labels, held_labels, weights, _ = parts
            callbacks.append(EarlyStopping(to.patience))
        self._begin(x, weights, rng, to)
        valid = None if held_out is None else _Features(self._prepared, held_out, held_labels)
        self._train(_Features(self._prepared, x, labels, weights), valid, to.epochs, Linear(), callbacks, to)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NetworkClassifier:
        """One epoch on X (n, D), y (n,). `classes` names all classes at the first call; the features' means and
        deviations are those of the first call, too."""
        first = not hasattr(self, "network_")
        x, labels, weights = self._checked(X, y, sample_weight, first=first, classes=classes)
        to = chosen(self, len(x))
        if first:
            self._begin(x, weights, check_random_state(self.random_state), to)
        self._train(_Features(self._prepared, x, labels, weights), None, self.n_iter_ + 1, Constant(), [], to)
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
        """Features, labels from 0 to classes - 1, and weights, of the examples with a weight above 0."""
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
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight leaves no example: all weights are 0.")
        return X[kept], labels[kept].astype(np.int64), weights[kept]

    def _begin(self, x: npt.NDArray[Any], weights: npt.NDArray[np.float64], rng: Any, to: Chosen) -> None:
        shape = (x.shape[1],) if self.image_shape is None else tuple(self.image_shape)
        if math.prod(shape) != x.shape[1]:
            raise ValueError(
                f"image_shape {shape} has {math.prod(shape)} numbers, but there are {x.shape[1]} features."
            )
        kind = np.float64 if x.dtype == np.float64 else np.float32
        self._middle, self._scale = standard(x, weights / weights.sum())
        seed = int(rng.randint(np.iinfo(np.int32).max))
        network = Network(to.network, shape, len(self.classes_), seed=seed, dtype=kind)
        if network.output_shape != (len(self.classes_),):
            raise ValueError(
                f"The network '{to.network}' ends in {' x '.join(map(str, network.output_shape))} numbers, but there "
                f"are {len(self.classes_)} classes: end it in 'linear'."
            )
        self.network_ = network
        self._optimizer = to.optimizer()
        self._seed = int(rng.randint(np.iinfo(np.int32).max))
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] = []
        self.n_iter_ = 0

    def _train(
        self,
        train: _Features,
        valid: _Features | None,
        until: int,
        schedule: Schedule,
        callbacks: list[Callback],
        to: Chosen,
    ) -> None:
        """Train from the epoch that was reached up to epoch `until`."""
        engine = NativeEngine(self.network_, SoftmaxCrossEntropy(), self._optimizer, l2=to.l2)
        if min(len(train), to.batch) < engine.least_batch:
            raise ValueError(
                f"Batch normalisation needs at least 2 examples per step. Got {len(train)} in steps of {to.batch}."
            )
        history = History()
        training = Training(
            engine,
            train,
            valid,
            settings=Settings(until, to.batch, seed=self._seed, log_every=_NEVER),
            schedule=schedule,
            callbacks=[*callbacks, history, Shown(PlainProgress() if self.verbose else Progress())],
            task=_ByAccuracy(),
            state=Progression(epoch=self.n_iter_, step=self._optimizer.steps),
        )
        try:
            training.run()
        except TrainingError as error:
            epoch = training.state.epoch + 1
            raise ValueError(f"The loss is not finite in epoch {epoch}: choose a smaller lr.") from error
        finally:
            self.network_.set_dropout_key(None)
        if training.kept:
            self.network_.load_arrays(training.kept)
        self.loss_curve_ += [record["loss"] for record in history.epochs]
        self.validation_scores_ += [record["valid_accuracy"] for record in history.epochs if valid is not None]
        self.n_iter_ = training.state.epoch

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
