"""Figures of published rows about classical methods: an affine fit, principal components, neighbours, corners."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from glassnet.data import load

__all__ = ["affine_fit", "affine_pairs", "computational_graph", "harris_is_pca", "mnist_knn", "mnist_pca"]

Floats = npt.NDArray[np.float64]

_S = np.array([[1.00008, -0.00522], [0.0000641, 0.61425]])
_T = np.array([-0.00775, -0.04543])
_GRAPH = "exp(exp(w1) + exp(2*w2)) + sigmoid(exp(w1) + exp(2*w2)); w1*w2 + max(w1, w2)"


def affine_pairs(count: int = 200) -> tuple[Floats, Floats]:
    """(source, target), each (count, 2): an ellipse of points, and the published map of them with noise."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, count)
    source = np.column_stack([2 * np.cos(angle), np.sin(angle)]) * rng.uniform(0.5, 1.0, (count, 1)) + [1.0, 0.5]
    return source, source @ _S + _T + rng.normal(0, 0.005, source.shape)


def affine_fit() -> dict[str, float]:
    """The published map found again by descent from pairs that it made: how far from the closed form, in what steps."""
    from glassnet.classic import AffineFit

    source, target = affine_pairs()
    fit = AffineFit().fit(source, target)
    return {"difference_from_closed_form": fit.difference_, "steps": float(fit.n_iter_)}


def computational_graph() -> dict[str, float]:
    """The published Jacobian at (1, -1) by forward and by reverse mode, against the derivation on paper."""
    from glassnet.autodiff import forward_mode, parse, reverse_mode

    graph, at = parse(_GRAPH), (1.0, -1.0)
    u = np.exp(1.0) + np.exp(-2.0)
    sigma = 1 / (1 + np.exp(-u))
    slope = np.exp(u) + sigma * (1 - sigma)
    exact = np.array([[slope * np.exp(1.0), 2 * slope * np.exp(-2.0)], [0.0, 1.0]])
    found = (forward_mode(graph, at).jacobian, reverse_mode(graph, at).jacobian)
    return {"relative_difference": max(float(np.abs(j - exact).max()) for j in found) / float(np.abs(exact).max())}


def harris_is_pca() -> dict[str, float]:
    """The determinant and trace that Harris asked for against the two principal components, pixel by pixel."""
    from glassnet.classic import harris

    picture = np.random.default_rng(0).random((24, 24))
    found = harris(picture, window="box", k=0.05)
    worst = 0.0
    for y in range(24):
        for x in range(24):
            first, second = found.components(x, y).variances
            worst = max(worst, abs(first * second - 0.05 * (first + second) ** 2 - found.response[y, x]))
    return {"relative_difference": worst / float(np.abs(found.response).max())}


def mnist_pca() -> dict[str, float]:
    """Principal components of MNIST: seconds beside scikit-learn's fastest solver, and how far its variances are.

    Both measured in turn, three times, after one run each.
    """
    from sklearn import decomposition

    from glassnet.classic import PCA

    rows = load("mnist").train.images.reshape(60_000, -1)
    wide = rows.astype(np.float64)
    exact = decomposition.PCA(svd_solver="covariance_eigh").fit(wide)
    single = rows.astype(np.float32)
    ours: list[float] = []
    theirs: list[float] = []
    found = PCA().fit(rows)
    for _ in range(3):
        start = time.perf_counter()
        found = PCA().fit(rows)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        decomposition.PCA(svd_solver="covariance_eigh").fit(single)
        theirs.append(time.perf_counter() - start)
    gap = np.abs(found.explained_variance_ - exact.explained_variance_).max() / exact.explained_variance_[0]
    return {
        "relative_difference": float(gap),
        "seconds": float(np.median(ours)),
        "ratio_to_scikit_learn": float(np.median(ours) / np.median(theirs)),
        "components_for_95_percent": float(found.components_for(variance=0.95)),
        "components_for_20_db": float(found.components_for(psnr=20.0)),
    }


def mnist_knn() -> dict[str, float]:
    """All 10,000 test digits by their 3 nearest of 60,000."""
    from glassnet.classic import KNNClassifier

    data = load("mnist")
    assert data.test is not None
    rows, queries = data.train.images.reshape(60_000, -1), data.test.images.reshape(10_000, -1)
    model = KNNClassifier(3).fit(rows, data.train.labels)
    model.kneighbors(queries[:64])  # compiles
    start = time.perf_counter()
    accuracy = float((model.predict(queries) == data.test.labels).mean())
    return {"test_accuracy": accuracy, "seconds": time.perf_counter() - start}
