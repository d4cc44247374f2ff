"""Losses of attacks against differences and the formulas; norms against SciPy's optimisers and the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from glassnet.attack import NORMS, Goal, as_size, size_text
from glassnet.attack.goals import LOSSES
from glassnet.errors import GlassnetError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3, 4, 10])
@pytest.mark.parametrize("targeted", [False, True])
def test_gradients_of_losses_are_differences(name: str, classes: int, targeted: bool) -> None:
    scores = RNG.standard_normal((20, classes))
    labels = RNG.integers(0, classes, 20)
    goal = Goal(labels, (labels + 1) % classes if targeted else None)
    values, gradient = goal.loss(name, scores)
    step = 1e-6 * RNG.standard_normal(scores.shape)
    slope = (goal.loss(name, scores + step)[0] - goal.loss(name, scores - step)[0]) / 2
    np.testing.assert_allclose((gradient * step).sum(axis=1), slope, rtol=1e-6, atol=1e-14)
    assert values.shape == (20,) and gradient.shape == scores.shape


def test_losses_are_their_formulas() -> None:
    z = np.array([[1.0, 4.0, 2.0, -1.0, 3.0]])
    p = np.exp(z) / np.exp(z).sum()
    label, both = Goal(np.array([1])), Goal(np.array([1]), np.array([2]))
    assert label.loss("cross-entropy", z)[0] == pytest.approx(-np.log(p[0, 1]))
    assert both.loss("cross-entropy", z)[0] == pytest.approx(np.log(p[0, 2]))
    assert label.loss("margin", z)[0] == 3 - 4 and both.loss("margin", z)[0] == 2 - 4
    assert both.loss("rival", z)[0] == 2 - 4
    assert label.loss("dlr", z)[0] == pytest.approx((3 - 4) / (4 - 2))
    assert both.loss("dlr", z)[0] == pytest.approx((2 - 4) / (4 - (2 + 1) / 2))


def test_the_ratio_sees_neither_shift_nor_factor_and_stays_finite() -> None:
    z = RNG.standard_normal((30, 10))
    goal = Goal(z.argmax(axis=1))
    plain, large = goal.loss("dlr", z), goal.loss("dlr", 1e6 * z + 5)
    np.testing.assert_allclose(plain[0], large[0], rtol=1e-9)
    np.testing.assert_allclose(plain[1], 1e6 * large[1], rtol=1e-6)
    values, gradient = goal.loss("dlr", np.zeros((30, 10)))
    assert np.isfinite(values).all() and np.isfinite(gradient).all() and (np.abs(gradient).sum(axis=1) > 0).all()


def test_a_tie_is_wrong_and_reaches_no_target() -> None:
    tied = np.array([[2.0, 2.0, 0.0]])
    assert Goal(np.array([0])).reached(tied).all()
    assert not Goal(np.array([2]), np.array([0])).reached(tied).any()
    ahead = np.array([[2.0, 2.0 - 1e-9, 0.0]])
    assert not Goal(np.array([0])).reached(ahead).any()
    assert Goal(np.array([2]), np.array([0])).reached(ahead).all()
    assert not Goal(np.array([2]), np.array([0])).reached(ahead, by=1e-5).any()
    assert Goal(np.array([0])).reached(np.array([[np.nan, 1.0, 0.0]])).all()


@pytest.mark.parametrize("word", NORMS)
def test_balls_and_boxes(word: str) -> None:
    norm = NORMS[word]
    start = RNG.random((50, 4, 5, 3))
    eps = RNG.uniform(0.01, 2, 50)
    x = norm.within(start + RNG.standard_normal(start.shape), start, eps)
    assert (norm.size(x - start) <= eps * (1 + 1e-12)).all() and x.min() >= 0 and x.max() <= 1
    near = start + 1e-4 * RNG.standard_normal(start.shape)
    near = np.clip(near, 0, 1)
    np.testing.assert_array_equal(norm.within(near, start, np.full(50, 9.0)), near)
    noise = norm.random(np.random.default_rng(1), start.shape, eps)
    assert (norm.size(noise) <= eps).all() and (norm.size(noise) > 0.5 * eps).mean() > 0.9
    gradient = RNG.standard_normal(start.shape)
    direction = norm.direction(gradient)
    np.testing.assert_allclose(norm.size(direction), 1)
    dual = np.abs(gradient).reshape(50, -1)
    steepest = dual.sum(axis=1) if word == "linf" else np.sqrt((dual**2).sum(axis=1))
    np.testing.assert_allclose((direction * gradient).reshape(50, -1).sum(axis=1), steepest)
    assert (norm.direction(np.zeros((2, 3, 3, 1))) == 0).all()
    np.testing.assert_allclose(norm.size(norm.direction(1e-200 * gradient)), 1)


@pytest.mark.parametrize("word", NORMS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.001, 0.999))
def test_the_least_change_is_that_of_an_optimiser(word: str, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    x, a = rng.choice([0.0, 0.3, 1.0, rng.random()], 8), rng.standard_normal(8) * (rng.random(8) < 0.8)
    reach = float(np.where(a > 0, a * (1 - x), -a * x).sum())
    rise = share * reach
    shaped = (1, 2, 4, 1)
    change, possible = NORMS[word].least(x.reshape(shaped), a.reshape(shaped), np.array([rise]))
    change = change.ravel()
    assert possible.all()
    if reach == 0:
        return
    assert (
        a @ change == pytest.approx(rise, rel=1e-9) and (x + change).min() >= -1e-12 and (x + change).max() <= 1 + 1e-12
    )
    if word == "linf":  # a linear programme: minimise t with |d| <= t
        best = optimize.linprog(
            np.append(np.zeros(8), 1), [[*row, -1] for row in np.vstack([np.eye(8), -np.eye(8)])], np.zeros(16),
            [[*a, 0]], [rise], [*zip(-x, 1 - x, strict=True), (0, None)],
        ).fun  # fmt: skip
    else:
        best = np.sqrt(
            optimize.minimize(
                lambda d: d @ d, np.zeros(8), jac=lambda d: 2 * d, bounds=list(zip(-x, 1 - x, strict=True)),
                constraints={"type": "eq", "fun": lambda d: a @ d - rise, "jac": lambda d: a},
                method="SLSQP", options={"ftol": 1e-16, "maxiter": 500},
            ).fun
        )  # fmt: skip
    assert NORMS[word].size(change.reshape(shaped))[0] == pytest.approx(best, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("word", NORMS)
def test_what_cannot_be_reached_is_said(word: str) -> None:
    x, a = np.full((3, 2, 2, 1), 0.5), np.ones((3, 2, 2, 1))
    change, possible = NORMS[word].least(x, a, np.array([3.0, 0.0, -1.0]))
    assert possible.tolist() == [False, True, True]
    np.testing.assert_array_equal(change[0], 0.5)  # all that the box allows
    np.testing.assert_array_equal(change[1:], 0)
    change, possible = NORMS[word].least(x[:1], 0 * a[:1], np.array([0.1]))
    assert not possible.any() and (change == 0).all()


@pytest.mark.parametrize(("text", "size"), [("8/255", 8 / 255), ("0.3", 0.3), (" 2 / 255", 2 / 255), (0.25, 0.25)])
def test_sizes_are_numbers_or_fractions(text: str | float, size: float) -> None:
    assert as_size(text) == size
    assert as_size(size_text(size)) == pytest.approx(size)


@pytest.mark.parametrize("text", ["", "x", "1/0", "-0.1", "1/2/3", "nan", "inf", "/", None])
def test_other_sizes_are_refused(text: str | None) -> None:
    with pytest.raises(GlassnetError, match="8/255"):
        as_size(text)
