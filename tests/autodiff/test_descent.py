"""Gradient descent on formulas: the path, the bounds, momentum, stochastic steps, and what has no minimum."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from glassnet.autodiff import parse, stationary
from glassnet.autodiff.descent import Descent, _gradient, _hessian, _value, descend
from glassnet.autodiff.stationary import Function
from glassnet.errors import FormulaError
from glassnet.report.figures.descent import save_descent


def _run(formula: str, *start: float, **settings: float) -> Descent:
    return descend(parse(formula), start, **settings)  # type: ignore[arg-type]


def test_the_path_on_a_parabola_is_known() -> None:
    found = _run("(w-3)**2 / 2", 0.0, rate=0.1, steps=20)
    t = np.arange(21)
    assert np.allclose(found.path[:, 0], 3 - 3 * 0.9**t, atol=1e-13)
    assert np.allclose(found.values, 4.5 * 0.81**t, atol=1e-13)
    assert found.curvature == pytest.approx(1) and found.least_curvature == pytest.approx(1)
    assert found.minimum == pytest.approx([3], abs=1e-6) and found.safe_rate == pytest.approx(1)
    assert _run("(w-3)**2 / 2", 0.0, steps=1).path[1, 0] == pytest.approx(3, abs=1e-6), (
        "1/L reaches the minimum at once"
    )


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(0.2, 5)] * 2), st.tuples(*[st.floats(-3, 3)] * 4), st.none() | st.floats(0.05, 0.95))
def test_convex_formulas_keep_the_bound(
    sizes: tuple[float, ...], places: tuple[float, ...], share: float | None
) -> None:
    a, b, c, d = (f"({v:.4f})" for v in places)
    formula = f"{sizes[0]:.4f}*(x-{a})**2 + {sizes[1]:.4f}*(y-{b})**2 + softplus(x + y)"
    start = (float(c.strip("()")), float(d.strip("()")))
    rate = None if share is None else share * descend(parse(formula), start, steps=30).rate
    found = descend(parse(formula), start, rate=rate, steps=30)
    assert found.convex and found.bound is not None and found.lowest is not None
    room = 1e-10 * (1 + abs(found.values[0]))
    assert (found.values - found.lowest <= found.bound + room).all()
    falls = found.values[:-1] - found.values[1:]
    assert (falls >= found.rate * found.gradients[:-1] ** 2 / 2 - room).all(), "each step falls as the parabola says"
    assert not len(found.uphill)


def test_the_bound_is_the_smaller_of_both_that_theory_gives() -> None:
    t = np.arange(31)
    found = _run("(x - 1)**2 + 4*(y + 2)**2 + 3", 2.0, -1.0, rate=0.05, steps=30)  # curvatures 2 and 8
    assert found.bound == pytest.approx(5 * (1 - 0.05 * 2) ** t)
    found = _run("x**4", 1.0, rate=0.08, steps=30)  # no curvature at the minimum, 12 at the start
    assert found.bound == pytest.approx(np.minimum(1 / (2 * 0.08 * np.maximum(t, 1e-9)), 1.0))
    at_the_edge = _run("x**2", 1.0, rate=0.5 * (1 + 1e-9))
    assert at_the_edge.bound is not None and (at_the_edge.bound >= 0).all()
    assert _run("x**2", 1.0, rate=0.6).bound is None


def test_curvature_counts_at_the_minimum_too() -> None:
    found = _run("log(exp(w) + exp(-w))", 1.5, rate=0.1, steps=1)  # 1 / cosh(w)^2
    assert found.curvature == pytest.approx(1) and found.least_curvature == pytest.approx(np.cosh(1.5) ** -2)


def test_several_formulas_are_descended_by_their_mean() -> None:
    found = _run("(w - 1)**2; (w + 3)**2", 2.0, rate=0.1, steps=20)  # the mean is (w + 1)^2 + 4
    away = 3 * 0.8 ** np.arange(21)
    assert np.allclose(found.path[:, 0], away - 1, atol=1e-13) and np.allclose(found.values, away**2 + 4, atol=1e-13)
    assert np.allclose(found.gradients, 2 * away, atol=1e-13) and found.curvature == pytest.approx(2)
    assert (found.chosen == -1).all() and not found.stochastic


def test_a_step_out_of_the_formulas_domain_ends_the_path() -> None:
    found = _run("x - log(x)", 3.0, rate=10.0, steps=5)
    assert found.diverged and found.path.tolist() == [[3.0]] and found.minimum == pytest.approx([1.0])


def test_the_parabola_lies_above_and_its_lowest_point_is_the_step() -> None:
    found = _run("log(exp(w) + exp(-w))", 1.5, steps=3)
    x = np.linspace(-3, 3, 601)
    parabola = found.parabola(0, x)
    away = x - 1.5
    assert parabola == pytest.approx(np.log(2 * np.cosh(1.5)) + np.tanh(1.5) * away + away**2 / (2 * found.rate))
    shorter = _run("(w - 1)**2", 3.0, rate=0.1, steps=2)  # the second step starts at 2.6, with the gradient 3.2
    assert shorter.parabola(1, x) == pytest.approx(1.6**2 + 3.2 * (x - 2.6) + (x - 2.6) ** 2 / 0.2)
    assert all(p >= found.value([float(v)]) - 1e-12 for p, v in zip(parabola, x, strict=True))
    assert x[parabola.argmin()] == pytest.approx(found.path[1, 0], abs=0.01)


def test_momentum_is_the_heavy_ball() -> None:
    found = _run("x**2 + 3*y**2", 1.0, 1.0, rate=0.05, momentum=0.8, steps=10)
    w, v = np.array([1.0, 1.0]), np.zeros(2)
    for k in range(10):
        v = 0.8 * v - 0.05 * np.array([2.0, 6.0]) * w
        w = w + v
        assert np.allclose(found.path[k + 1], w, atol=1e-14)
    assert found.bound is None, "the bound speaks of plain descent"


def test_a_stochastic_step_goes_down_for_its_part_alone() -> None:
    graph = parse("(w-1)**2; (w+1)**2")
    found = descend(graph, [0.1], rate=0.2, steps=40, stochastic=True, seed=3)
    assert set(found.chosen) == {0, 1} and len(found.uphill) > 5 and found.bound is None
    for t, part in enumerate(found.chosen):
        target = (1, -1)[part]
        assert abs(found.path[t + 1, 0] - target) < abs(found.path[t, 0] - target)
    again = descend(graph, [0.1], rate=0.2, steps=40, stochastic=True, seed=3)
    assert np.array_equal(found.path, again.path)
    assert not len(descend(graph, [0.1], rate=0.2, steps=40).uphill)


def test_too_large_a_step_grows() -> None:
    found = _run("w**2", 1.0, rate=1.1, steps=500)
    assert found.diverged and len(found.uphill) == len(found.chosen) < 500 and found.rate > 2 * found.safe_rate
    assert found.bound is None


@pytest.mark.parametrize(
    ("formula", "start", "kind", "place"),
    [
        ("cos(x)", (0.0,), "maximum", (0.0,)),
        ("cos(x)", (2.0,), "minimum", (np.pi,)),
        ("x**3", (0.0,), "saddle point", (0.0,)),
        ("x**2 - y**2", (1.0, 0.0), "saddle point", (0.0, 0.0)),
        ("x*y", (0.0, 0.0), "saddle point", (0.0, 0.0)),
        ("x**3 - 3*x*y**2", (0.0, 0.0), "saddle point", (0.0, 0.0)),
        ("-exp(-x**2 - y**2)", (0.3, 0.2), "minimum", (0.0, 0.0)),
        ("exp(-x**2 - y**2)", (0.0, 0.0), "maximum", (0.0, 0.0)),
        ("(x**2 - 1)**2", (0.0,), "maximum", (0.0,)),
        ("(x**2 - 1)**2", (0.1,), "minimum", (1.0,)),
        ("x**4", (1.0,), "minimum", (0.0,)),
        ("(x + y)**2", (1.0, 2.0), "minimum", (-0.5, 0.5)),  # where the straight way down meets the valley
        ("(y - x**2) * (y - 2*x**2)", (0.0, 0.0), "undecided", (0.0, 0.0)),  # Peano: lower between the two parabolas
        ("abs(x) - x**2", (0.0,), "undecided", (0.0,)),  # a minimum whose second derivative is -2
        ("x**2 - abs(x)", (0.0,), "undecided", (0.0,)),  # a maximum whose second derivative is 2
        ("abs(x)", (0.0,), "minimum", (0.0,)),
        ("5 + 0*x", (2.0,), "undecided", (2.0,)),
        ("x - log(x)", (1e5,), "minimum", (1.0,)),
        ("x**2 + 1e13", (1.0,), "minimum", (0.0,)),
        ("(x - 1e15)**2", (0.0,), "minimum", (1e15,)),
        ("1e-20 * x**2 + 1e-40", (1.0,), "minimum", (0.0,)),
        ("-1e-10 * x**2", (0.0,), "maximum", (0.0,)),
        ("1e-20 * x**4", (1.0,), "minimum", (0.0,)),
        ("((x - 1e6) / 1e6)**4 + 1", (0.0,), "minimum", (1e6,)),
        ("(x - 1)**3", (1.0,), "saddle point", (1.0,)),
        ("x**2 - y**3", (0.0, 0.0), "saddle point", (0.0, 0.0)),
        ("x**2 + y**2 * z", (0.0, 0.0, 0.0), "saddle point", (0.0, 0.0, 0.0)),  # flat along each axis of y and z
        ("x**5 + y**4", (0.0, 0.0), "saddle point", (0.0, 0.0)),  # falls one way along one axis alone
        ("y**4 - x**5", (0.0, 0.0), "saddle point", (0.0, 0.0)),
        ("(x + y)**2 - cos(x + y + 1 - x - y)", (7.0, 11.0), "minimum", (-2.0, 2.0)),  # a valley, but for rounding
    ],
)
def test_where_there_is_no_slope_is_called_what_it_is(
    formula: str, start: tuple[float, ...], kind: str, place: tuple[float, ...]
) -> None:
    found = _run(formula, *start, rate=1e-3, steps=5)
    assert found.kind == kind and found.rest == pytest.approx(place, abs=1e-9, rel=1e-9)
    if kind == "minimum":
        assert found.minimum is not None and found.lowest == pytest.approx(found.value(place), abs=1e-15)
    else:
        assert found.minimum is None and found.lowest is None and found.bound is None


def test_newtons_step_leaves_out_flat_directions_and_is_halved_until_it_goes_no_higher() -> None:
    flat = Function(lambda w: 0.0, lambda w: np.ones(2), lambda w: np.diag([2.0, 1e-14]))
    assert stationary._newton(flat, np.zeros(2)) == pytest.approx([0.5, 0.0])
    square = Function(lambda w: float(w @ w), lambda w: 2 * w, lambda w: 2 * np.eye(1))
    w = np.array([1.0])
    for step, noise, place in ((0.5, 0.0, 0.5), (2.0, 0.0, -1.0), (2.1, 0.5, -1.1), (3.2, 0.0, -0.6), (6.4, 0.0, -0.6)):
        assert stationary._no_higher(square, w, np.array([step]), noise) == pytest.approx([place])
    with pytest.raises(FormulaError, match="goes up"):
        stationary._no_higher(square, w, np.array([-1.0]), -1e-3)


@pytest.mark.parametrize(
    ("formula", "start"),
    [("x**4 + 4*x**5", (0.4,)), ("x**4 + y**4 + 14*y**5", (0.0, 0.4))],  # lower at -0.4, and at y = -0.08
)
def test_values_are_taken_near_the_point_alone(formula: str, start: tuple[float, ...]) -> None:
    f = Function(*(partial(way, parse(formula)) for way in (_value, _gradient, _hessian)))
    assert stationary.kind_of(f, np.zeros(len(start)), np.array(start), 1.0) == "minimum"


@pytest.mark.parametrize(
    ("formula", "start"),
    [
        ("exp(-x)", (0.0,)),
        ("softplus(x)", (0.0,)),
        ("exp(-x**2)", (1.0,)),
        ("1 / x", (1.0,)),
        ("tanh(x)", (0.0,)),
        ("x**2 - y", (1.0, 1.0)),
        ("x**2 - y**2", (1.0, 1e-3)),
        ("x", (1e308,)),
    ],
)
def test_what_falls_for_ever_has_no_minimum(formula: str, start: tuple[float, ...]) -> None:
    found = _run(formula, *start, rate=0.1, steps=20)
    assert found.rest is None and found.kind == "" and found.minimum is None and not found.diverged
    with pytest.raises(FormulaError, match="no rate can be chosen"):
        _run(formula, *start)


@pytest.mark.parametrize(
    ("formula", "start", "rate"),
    [("x**2", 1e7, 0.1), ("x**2", 1e150, 0.25), ("x**2 + 1e13", 1.0, 0.3), ("(x - 1e15)**2", 0.0, 0.1)],
)
def test_a_path_that_comes_nearer_has_not_left(formula: str, start: float, rate: float) -> None:
    found = _run(formula, start, rate=rate, steps=40)
    assert not found.diverged and len(found.chosen) == 40
    target = 1e15 if "1e15" in formula else 0.0
    # w - w* shrinks by 1 - 2 rate each step.
    assert found.path[-1, 0] - target == pytest.approx((start - target) * (1 - 2 * rate) ** 40, rel=1e-6, abs=1.0)
    away = _run("x**2", 1e7, rate=1.5, steps=100)
    assert away.diverged and np.abs(away.path[:, 0]) == pytest.approx(1e7 * 2.0 ** np.arange(len(away.path)))


def test_no_bound_at_kinks() -> None:
    assert _run("abs(x - 1)", 0.0, rate=0.3).bound is None
    assert _run("x**2", 1.0, rate=0.3).bound is not None


def test_no_bound_where_it_is_not_convex() -> None:
    found = _run("sin(w)", 1.0, rate=0.5)
    assert not found.convex and found.bound is None and found.lowest == pytest.approx(-1)


@pytest.mark.parametrize(
    ("formula", "start", "settings", "message"),
    [
        ("-(w**2)", (1.0,), {"rate": 0.1, "steps": 500}, "falls without bound"),
        ("w", (1.0,), {}, "no rate can be chosen"),
        ("3", (), {}, "needs a variable"),
        ("log(w)", (-1.0,), {"rate": 0.1}, "no finite value"),
        ("sqrt(w)", (0.0,), {"rate": 0.1}, "not finite"),
        ("w**2", (1.0,), {"rate": -1.0}, "rate must be positive|positive number"),
        ("w**2", (1.0,), {"rate": float("nan")}, "positive number"),
        ("w**2", (1.0,), {"steps": 0}, "at least 1 step"),
        ("w**2", (1.0,), {"steps": 10**9}, "at most"),
        ("w**2", (1.0,), {"momentum": 1.0}, "below 1"),
        ("w**2", (1.0,), {"stochastic": True}, "at least two"),
        ("w**2", (1.0, 2.0), {"rate": 0.1}, "1 variables"),
    ],
)
def test_what_cannot_be_descended_is_one_line(
    formula: str, start: tuple[float, ...], settings: dict[str, float], message: str
) -> None:
    with pytest.raises(FormulaError, match=message):
        _run(formula, *start, **settings)


def test_a_path_too_far_out_is_not_drawn(tmp_path: Path) -> None:
    for formula, start in (("x", 1e308), ("1e200 * x", 1.0)):
        with pytest.raises(FormulaError, match="too far to be drawn"):
            save_descent(_run(formula, start, rate=0.1, steps=3), tmp_path / "path.png")
    assert not list(tmp_path.iterdir())
    with Image.open(save_descent(_run("x", 1e99, rate=0.1, steps=3), tmp_path / "path.png")) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("formula", "start", "settings"),
    [
        ("(w-3)**2/2", (0.0,), {}),
        ("x**2 + 4*y**2", (1.0, 1.0), {}),
        ("a**2 + b**2 + c**2", (1.0, 1.0, 2.0), {}),
        ("(w-1)**2; (w+1)**2", (2.0,), {"stochastic": True, "rate": 0.1}),
        ("w", (0.0,), {"rate": 0.1}),
    ],
)
def test_the_picture_is_drawn(
    tmp_path: Path, formula: str, start: tuple[float, ...], settings: dict[str, float]
) -> None:
    with Image.open(save_descent(_run(formula, *start, **settings), tmp_path / "path.png")) as picture:
        assert picture.format == "PNG" and picture.width > 500
