"""Affine maps by descent: against least squares, and step by step against the heavy ball written out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from glassnet.classic import AffineFit


def test_reaches_the_closed_form() -> None:
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
    assert fit.path_[0] == pytest.approx(0.5 * ((y - y.mean(axis=0)) ** 2).sum() / len(x))
    u = np.array([[-1.0], [0.0], [1.0]])
    bent = AffineFit().fit(u, np.array([1.0, -2.0, 1.0]))  # no slope comes nearer than none at all
    assert bent.path_[0] == pytest.approx(1.0) and bent.path_[-1] == pytest.approx(1.0)
    with pytest.warns(ConvergenceWarning, match="max_iter = 5"):
        slow = AffineFit(rate=1 / 900, max_iter=5).fit(x, y)
    assert (np.diff(slow.path_) < 0).all() and slow.n_iter_ == 5
    with pytest.raises(ValueError, match="diverged"):
        AffineFit(rate=1.0).fit(x, y)


def test_of_one_output_and_of_degenerate_points() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    fit = AffineFit().fit(x, x @ w + 7)
    assert fit.coef_ == pytest.approx(w) and fit.intercept_ == pytest.approx(7)
    flat = np.column_stack([x[:, 0], 2 * x[:, 0], np.zeros(50)])
    theirs = LinearRegression().fit(flat, x[:, 0])
    assert AffineFit().fit(flat, x[:, 0]).predict(flat) == pytest.approx(theirs.predict(flat), abs=1e-8)


@pytest.mark.parametrize("scales", [(5.0, 1e6), (1e-9, 1.0), (1e200, 1e-200)])
def test_does_not_depend_on_units(scales: tuple[float, float]) -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    fit = AffineFit().fit(x * scales, 2 * x[:, 0] - 3 * x[:, 1] + 4)
    assert fit.coef_ * scales == pytest.approx([2.0, -3.0]) and fit.intercept_ == pytest.approx(4.0)
    assert fit.predict(x * scales) == pytest.approx(2 * x[:, 0] - 3 * x[:, 1] + 4)
    far = x + np.array([1e9, -1e9])
    wanted = 2 * (far[:, 0] - 1e9) - 3 * (far[:, 1] + 1e9)
    assert AffineFit().fit(far, wanted).predict(far) == pytest.approx(wanted, abs=1e-11), "far from the origin"


def test_of_powers_is_least_squares() -> None:
    u = np.linspace(0, 1, 200)
    powers = np.column_stack([u**k for k in range(1, 10)])
    for y in (np.sin(6 * u), u**9, np.abs(u - 0.4)):
        with_one = np.column_stack([powers, np.ones(200)])
        left = y - with_one @ np.linalg.lstsq(with_one, y, rcond=None)[0]
        fit = AffineFit().fit(powers, y)
        assert fit.rank_ == 9 and 1 - fit.score(powers, y) == pytest.approx((left**2).sum() / 200 / y.var(), abs=1e-9)
        assert fit.path_[-1] == pytest.approx((left**2).sum() / 400, rel=1e-6, abs=1e-20)


def test_says_what_cannot_be_determined() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    follows = np.column_stack([x, x @ [1.0, 2.0, 3.0] + 1e4, np.full(50, 0.1)])
    fit = AffineFit().fit(follows, x[:, 0])
    assert fit.rank_ == 3 and fit.predict(follows) == pytest.approx(x[:, 0], abs=1e-8)
    few = AffineFit().fit(x[:2], [1.0, 2.0])
    assert few.rank_ == 1 and few.predict(x[:2]) == pytest.approx([1.0, 2.0])
    with pytest.raises(ValueError, match="too large for float64"):
        AffineFit().fit(x * 1e-200, x[:, 0] * 1e200)


@pytest.mark.parametrize(
    ("fit", "rate", "momentum"),
    [
        (AffineFit(), (2 / 0.3) ** 2, (0.1 / 0.3) ** 2),  # sqrt L = 0.2, sqrt m = 0.1
        (AffineFit(momentum=0.5), 25.0, 0.5),
        (AffineFit(rate=0.1), 0.1, 0.0),
        (AffineFit(rate=0.1, momentum=0.3), 0.1, 0.3),
    ],
)
def test_the_step_is_polyaks(fit: AffineFit, rate: float, momentum: float) -> None:
    assert fit._step(0.04, 0.01) == pytest.approx((rate, momentum))


@pytest.mark.parametrize(("momentum", "tol", "most"), [(0.5, 0.0, 3), (0.4, 1e-3, 100), (0.0, 0.5, 100)])
def test_descent_is_the_heavy_ball(momentum: float, tol: float, most: int) -> None:
    """f(w) = sum_i |length_i w_i - toward_i|^2 / 2, to which `_apart` adds, in units of `size`."""
    length, toward = np.array([2.0, 1.0]), 1e3 * np.array([[2.0, -1.0], [3.0, 0.5]])
    apart, size = np.array([0.25, 1.5]), np.array([3.0, 0.7])
    w, v = np.zeros((2, 2)), np.zeros((2, 2))
    path = []
    while True:
        left = length[:, None] * w - toward
        path.append((size**2 * (apart + (left**2).sum(axis=0))).sum() / 2)
        gradient = length[:, None] * left
        share = np.linalg.norm(gradient) / np.linalg.norm(length[:, None] * toward)
        if share <= tol or len(path) > most:
            break
        v = momentum * v - 0.1 * gradient
        w = w + v
    fit = AffineFit(rate=0.1, momentum=momentum, tol=tol, max_iter=most)
    fit._apart = apart
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert fit._descend(length, toward, size) == pytest.approx(w)
    assert fit.path_ == pytest.approx(np.array(path)) and fit.n_iter_ == len(path) - 1
    assert bool(told) == (share > tol)
    assert not told or f"with {share:.1e} of its first gradient left" in str(told[0].message)


def test_the_warning_points_to_who_called_fit() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.warns(ConvergenceWarning, match="max_iter = 2") as told:
        AffineFit(max_iter=2).fit(x * [1.0, 1e3] + x[:, ::-1], x[:, 0])
    assert told[0].filename == __file__


def test_where_nothing_varies_there_is_nothing_to_descend() -> None:
    fit = AffineFit().fit(np.full((5, 2), 3.0), np.arange(5.0))
    assert (fit.rank_, fit.rate_, fit.momentum_, fit.n_iter_) == (0, 1.0, 0.0, 0) and fit.predict([[3.0, 3.0]]) == [2.0]
    x = np.random.default_rng(0).normal(size=(20, 2))
    level = AffineFit().fit(x, np.full(20, 7.0))
    assert level.n_iter_ == 0 and level.predict(x) == pytest.approx(np.full(20, 7.0))
