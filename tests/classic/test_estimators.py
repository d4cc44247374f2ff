"""Every estimator against scikit-learn's contract, and in the company that scikit-learn's users keep."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from glassnet.classic import PCA, AffineFit, KNNClassifier, NetworkClassifier, SoftmaxRegression

ESTIMATORS = [
    PCA(),
    PCA(2, whiten=True),
    PCA(solver="svd"),
    KNNClassifier(),
    KNNClassifier(3, weights="distance"),
    SoftmaxRegression(),
    AffineFit(),
    NetworkClassifier(random_state=0),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return load_digits(return_X_y=True)


def test_in_a_pipeline_and_a_search_on_two_processes(digits: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = digits
    pipeline = make_pipeline(PCA(0.95), KNNClassifier(3))
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert scores.min() > 0.93
    search = GridSearchCV(pipeline, {"knnclassifier__n_neighbors": [1, 3]}, cv=2, n_jobs=2)
    assert search.fit(X[:600], y[:600]).best_score_ > 0.9
    assert clone(search.best_estimator_).get_params()["pca__n_components"] == 0.95


def test_search_over_networks_on_two_processes() -> None:
    X, y = load_iris(return_X_y=True)
    grid = {"network": ["linear", "linear 8 -> relu -> linear"], "lr": [0.01, 0.05]}
    search = GridSearchCV(NetworkClassifier(epochs=60, random_state=0), grid, cv=3, n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.93


def test_search_on_a_local_dask_cluster(digits: tuple[np.ndarray, np.ndarray]) -> None:
    distributed = pytest.importorskip("distributed")
    X, y = digits[0][:300], digits[1][:300]
    search = GridSearchCV(KNNClassifier(), {"n_neighbors": [1, 5]}, cv=2)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        search.fit(X, y)
    assert search.cv_results_["mean_test_score"].tolist() == (
        GridSearchCV(KNNClassifier(), {"n_neighbors": [1, 5]}, cv=2).fit(X, y).cv_results_["mean_test_score"].tolist()
    )


def test_named_columns() -> None:
    pytest.importorskip("pandas")
    X, _ = load_iris(return_X_y=True, as_frame=True)
    found = PCA(2).set_output(transform="pandas").fit_transform(X)
    assert list(found.columns) == ["pca0", "pca1"] and found.index.equals(X.index)


# ---- each against what scikit-learn finds


def test_softmax_regression_is_scikit_learns() -> None:
    X, y = load_iris(return_X_y=True)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    l2 = 1e-2
    ours = SoftmaxRegression(l2, tol=1e-9, max_iter=5000).fit(X, y)
    theirs = LogisticRegression(C=1 / (l2 * len(X)), tol=1e-10, max_iter=5000).fit(scaled, y)
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(scaled)).max() < 1e-5


def test_affine_fit_reaches_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    S = np.array([[1.00008, -0.00522], [0.0000641, 0.61425]])
    t = np.array([-0.00775, -0.04543])
    x = rng.normal(size=(400, 2)) * [1.0, 30.0] + [5.0, -100.0]
    y = x @ S + t + rng.normal(0, 0.01, x.shape)
    fit = AffineFit().fit(x, y)
    best, offset = fit.closed_form_
    exact = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    assert np.abs(best - exact[:2]).max() < 1e-9 and np.abs(offset - exact[2]).max() < 1e-7
    assert np.abs(fit.coef_ - best).max() < 1e-6 and np.abs(fit.intercept_ - offset).max() < 1e-6
    assert np.abs(fit.coef_ - S).max() < 0.01
    assert fit.path_[-1] == pytest.approx(0.5 * ((fit.predict(x) - y) ** 2).sum() / len(x))
    slow = AffineFit(rate=1 / 900, max_iter=5).fit(x, y)
    assert (np.diff(slow.path_) < 0).all() and slow.n_iter_ == 5
    with pytest.raises(ValueError, match="diverged"):
        AffineFit(rate=1.0).fit(x, y)


def test_affine_fit_of_one_output_and_of_degenerate_points() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    fit = AffineFit().fit(x, x @ w + 7)
    assert fit.coef_ == pytest.approx(w) and fit.intercept_ == pytest.approx(7)
    flat = np.column_stack([x[:, 0], 2 * x[:, 0], np.zeros(50)])
    theirs = LinearRegression().fit(flat, x[:, 0])
    assert AffineFit().fit(flat, x[:, 0]).predict(flat) == pytest.approx(theirs.predict(flat), abs=1e-8)


def test_network_classifier_learns_stops_and_is_kept(digits: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = digits
    net = NetworkClassifier(
        "conv-relu-pool 3x3, 8 -> flatten -> linear",
        image_shape=(8, 8, 1),
        epochs=30,
        early_stopping=True,
        random_state=0,
    )
    net.fit(X[:1200].astype(np.float32), y[:1200])
    assert net.score(X[1200:].astype(np.float32), y[1200:]) > 0.9
    assert net.network_.dtype is np.float32
    assert max(net.validation_scores_) > 0.9 and len(net.validation_scores_) == net.n_iter_ <= 30
    again = pickle.loads(pickle.dumps(net))
    assert np.array_equal(again.predict_proba(X[:50]), net.predict_proba(X[:50]))
    same = clone(net).fit(X[:1200].astype(np.float32), y[:1200])
    assert np.array_equal(same.predict_proba(X[:50]), net.predict_proba(X[:50]))


def test_network_classifier_in_parts() -> None:
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array(["setosa", "versicolor", "virginica"])
    net = NetworkClassifier("linear 16 -> relu -> linear", random_state=0)
    net.partial_fit(X[order[:100]], names[y[order[:100]]], classes=names)
    for _ in range(150):
        net.partial_fit(X[order[:100]], names[y[order[:100]]])
    assert net.score(X[order[100:]], names[y[order[100:]]]) > 0.9
    with pytest.raises(ValueError, match="none of the classes"):
        net.partial_fit(X[:2], ["setosa", "rose"])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (PCA(0), "n_components"),
        (PCA(1.5), "n_components"),
        (PCA(True), "n_components"),
        (PCA(9), "only 4"),
        (PCA(solver="arpack"), "solver"),
        (KNNClassifier(0), "n_neighbors"),
        (KNNClassifier(200), "number of examples"),
        (KNNClassifier(weights="yes"), "weights"),
        (SoftmaxRegression(-1), "l2"),
        (AffineFit(rate=-1), "rate"),
        (AffineFit(momentum=1), "momentum"),
        (AffineFit(max_iter=0), "max_iter"),
        (NetworkClassifier(epochs=0), "epochs"),
        (NetworkClassifier(image_shape=(2, 3, 1)), "image_shape"),
    ],
)
def test_wrong_settings_are_named(estimator: Any, message: str) -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)
        estimator.predict(X)
