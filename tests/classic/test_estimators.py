"""Every estimator against scikit-learn's contract, and in the company that scikit-learn's users keep."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
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


def test_a_search_in_the_threads_of_dask_scores_as_in_this_one(digits: tuple[np.ndarray, np.ndarray]) -> None:
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


def test_whoever_stops_early_says_so() -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="3 of max_iter = 3 steps"):
        SoftmaxRegression(max_iter=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="after max_iter = 2 steps"):
        AffineFit(max_iter=2).fit(X, y)


@pytest.mark.parametrize("scale", [1e200, 1e-9, 1e-200])
def test_classifiers_do_not_depend_on_units(scale: float) -> None:
    X, y = load_iris(return_X_y=True)
    for model in (SoftmaxRegression(), NetworkClassifier("linear", epochs=20, random_state=0)):
        plain = clone(model).fit(X, y).predict_proba(X)
        # The scaled features are rounded anew, so that what is learned differs in the last digits.
        assert clone(model).fit(X * scale, y).predict_proba(X * scale) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("far", [0.0, 1e6, 1e9, 1e12])
def test_principal_components_far_from_the_origin(far: float) -> None:
    X = np.rint(1000 * np.random.default_rng(0).normal(size=(300, 3)) @ np.diag([5.0, 2.0, 1.0])) + far
    exact = X - far  # whole numbers, held exactly
    exact = exact - exact.mean(axis=0)
    vt = np.linalg.svd(exact, full_matrices=False)[2]
    for solver in ("covariance", "svd"):
        found = PCA(solver=solver).fit(X)
        wanted = exact @ (vt * np.sign((vt * found.components_).sum(axis=1, keepdims=True))).T
        assert np.abs(found.transform(X) - wanted).max() <= 1e-12 * np.abs(exact).max() + 1e-16 * far
        assert np.abs(found.inverse_transform(found.transform(X)) - X).max() <= 1e-11 + 1e-15 * far


def test_answers_that_are_not_numbers_are_errors() -> None:
    X, y = load_iris(return_X_y=True)
    far = np.full((2, 4), 1.7e308)
    far[0] = X[0]
    for model in (SoftmaxRegression(), NetworkClassifier(epochs=1), AffineFit(), PCA()):
        # A scale below 1 takes the largest float64 out of range.
        model.fit(X * 0.1, y)
        answers = [
            getattr(model, name)
            for name in ("predict", "predict_proba", "decision_function", "transform")
            if hasattr(model, name)
        ]
        for answer in answers:
            assert len(answer(far[:1])) == 1
            with pytest.raises(ValueError, match="Example 1 has no finite"):
                answer(far)
    narrow = NetworkClassifier(epochs=1).fit(X.astype(np.float32), y)
    with pytest.raises(ValueError, match="Example 0 has no finite scores"):
        narrow.predict(np.full((1, 4), 3e38, np.float32))
    damaged = NetworkClassifier("linear 4 -> batchnorm -> linear", epochs=1).fit(X, y)
    damaged.network_.layers[1].state["variance"][:] = -1
    with pytest.raises(ValueError, match="no finite scores"):
        damaged.predict_proba(X)
    for size in (1e200, 1e-200):
        with pytest.raises(ValueError, match="other units"):
            PCA().fit(X * size)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("linear 2", "ends in 2 numbers, but there are 3 classes"),
        ("linear 16 -> relu", "ends in 16 numbers"),
        ("linear 5 -> relu -> linear 1", "ends in 1 numbers"),
        ("relu", "ends in 4 numbers"),
        ("conv 1x1, 3", "ends in 2 x 2 x 3 numbers"),
    ],
)
def test_a_network_must_end_in_one_score_a_class(network: str, message: str) -> None:
    X, y = load_iris(return_X_y=True)
    shape = (2, 2, 1) if "conv" in network else None
    model = NetworkClassifier(network, image_shape=shape, epochs=1)
    for fit in (model.fit, lambda X, y: model.partial_fit(X, y, classes=[0, 1, 2])):
        for _ in range(2):  # a failed first call leaves nothing behind
            with pytest.raises(ValueError, match=message):
                fit(X, y)


def test_an_example_left_alone_is_not_normalised() -> None:
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(150)
    X, y = X[order], y[order]
    network = "linear 16 -> batchnorm -> relu -> linear"
    one_over = NetworkClassifier(network, batch=30, epochs=30, random_state=0).fit(X[:121], y[:121])
    assert one_over.score(X[121:], y[121:]) > 0.8 and one_over._optimizer.steps == 30 * 4
    one_over.partial_fit(X[:31], y[:31])
    for fit in (
        lambda: one_over.partial_fit(X[:1], y[:1]),
        lambda: NetworkClassifier(network, batch=1).fit(X, y),
    ):
        with pytest.raises(ValueError, match="at least 2 examples per step"):
            fit()
    with pytest.raises(ValueError, match="loss is not finite"):
        NetworkClassifier("linear 4 -> relu -> linear", lr=1e300, epochs=5, random_state=0).fit(X, y)
    for model in (SoftmaxRegression(), NetworkClassifier()):
        with pytest.raises(ValueError, match=r"(?i)weight"):
            model.fit(X, y, sample_weight=np.zeros(150))


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
