"""Derivatives of formulas: forward mode, reverse mode, PyTorch, the complex step and differences against each other."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from glassnet.autodiff import (
    complex_step,
    costs,
    differences,
    evaluate,
    forward_mode,
    hessian,
    is_analytic,
    jvp,
    parse,
    reverse_mode,
    vjp,
)
from glassnet.autodiff.working import work
from glassnet.errors import FormulaError

WRITE_UP = "exp(exp(w1) + exp(2*w2)) + sigmoid(exp(w1) + exp(2*w2)); w1*w2 + max(w1, w2)"
NAMES = ("x", "y", "z")
UNARY = ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "softplus", "relu", "abs")


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, parts, st.sampled_from("+-*/"), parts),
        st.builds("{}({})".format, st.sampled_from(UNARY), parts),
        st.builds("{}({}, {})".format, st.sampled_from(("max", "min")), parts, parts),
        st.builds("({})**{}".format, parts, st.sampled_from(("2", "3", "(-1)", "0.5", "x"))),
        st.builds("-{}".format, parts),
    )


LEAVES = st.sampled_from(NAMES) | st.floats(0.1, 3).map(lambda v: f"{v:.3f}") | st.sampled_from(("1", "2", "pi"))
FORMULAS = st.lists(st.recursive(LEAVES, _joined, max_leaves=12), min_size=1, max_size=3).map("; ".join)
POINTS = st.tuples(*(st.floats(-2, 2).map(lambda v: round(v, 3)) for _ in NAMES))


def _drawn(formulas: str, point: tuple[float, ...]) -> tuple[Any, list[float], Any]:
    graph = parse(formulas)
    at = [point[NAMES.index(name)] for name in graph.names]
    try:
        working = work(graph, tuple(at))
    except FormulaError:
        assume(False)
    assume(working.scale < 1e8)
    return graph, at, working


@settings(max_examples=1000, suppress_health_check=list(HealthCheck), deadline=None)
@given(FORMULAS, POINTS)
def test_all_ways_agree(formulas: str, point: tuple[float, ...]) -> None:
    graph, at, working = _drawn(formulas, point)
    close = 1e-12 * working.scale
    forward = working.forward.jacobian
    assert np.abs(forward - working.reverse.jacobian).max(initial=0) <= close
    if is_analytic(graph):
        assert np.abs(forward - complex_step(graph, at)).max(initial=0) <= close
    if theirs := _by_pytorch(graph, at):
        assert np.abs(forward - np.array(theirs)).max(initial=0) <= close
    rng = np.random.default_rng(0)
    direction, weights = rng.normal(size=len(at)), rng.normal(size=len(graph.outputs))
    size = 10 * working.scale * (1 + np.abs(direction).sum() + np.abs(weights).sum())
    assert np.abs(jvp(graph, at, direction) - forward @ direction).max(initial=0) <= 1e-12 * size
    assert np.abs(vjp(graph, at, weights) - weights @ forward).max(initial=0) <= 1e-12 * size


def _by_pytorch(graph: Any, at: list[float]) -> list[list[float]] | None:
    """The Jacobian by PyTorch's autograd, node by node; None where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    functions = {
        "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div, "negate": torch.neg,
        "power": torch.pow, "softplus": torch.nn.functional.softplus,
        "max": lambda *v: torch.amax(torch.stack(v), 0), "min": lambda *v: torch.amin(torch.stack(v), 0),
    }  # fmt: skip
    inputs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in at]
    values: list[Any] = []
    for k, node in enumerate(graph.nodes):
        if node.op == "variable":
            values.append(inputs[graph.variables.index(k)])
        elif node.op == "number":
            values.append(torch.tensor(node.number, dtype=torch.float64))
        else:
            values.append((functions.get(node.op) or getattr(torch, node.op))(*(values[i] for i in node.inputs)))
    rows = []
    for k in graph.outputs:
        if not values[k].requires_grad:
            rows.append([0.0] * len(at))
            continue
        grads = torch.autograd.grad(values[k], inputs, retain_graph=True, allow_unused=True)
        rows.append([0.0 if g is None else float(g) for g in grads])
    return rows


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(FORMULAS, POINTS)
def test_second_derivatives_are_those_of_the_gradient(formulas: str, point: tuple[float, ...]) -> None:
    graph, at, working = _drawn(formulas, point)
    assume(not working.kinks and working.scale < 1e3 and at)
    try:
        second = hessian(graph, at)
        rows = []
        for i, x in enumerate(at):
            moved = [
                reverse_mode(graph, [*at[:i], x + s, *at[i + 1 :]]).jacobian[0] for s in (1e-5, -1e-5, 2e-5, -2e-5)
            ]
            assume(np.abs(moved[0] - moved[1]).max() < 1)
            near, far = (moved[0] - moved[1]) / 2e-5, (moved[2] - moved[3]) / 4e-5
            assume(np.abs(near - far).max() < 1e-4 * (1 + np.abs(near).max()))  # no kink and no pole nearby
            rows.append(near)
    except FormulaError:
        assume(False)
    assert np.abs(second - second.T).max() <= 1e-9 * (1 + np.abs(second).max())
    assert np.abs(second - np.array(rows)).max() <= 1e-3 * (1 + np.abs(second).max())


def test_second_derivatives_of_powers_where_the_exponent_is_0() -> None:
    assert hessian(parse("y**x"), [0.0, 2.0]) == pytest.approx(np.array([[math.log(2) ** 2, 0.5], [0.5, 0.0]]))
    assert hessian(parse("(x+1)**x"), [0.0]) == pytest.approx(np.array([[2.0]]))


def test_the_published_graph() -> None:
    graph, at = parse(WRITE_UP), [1.0, -1.0]
    u = math.exp(1) + math.exp(-2)
    slope = math.exp(u) + 1 / (1 + math.exp(-u)) * (1 - 1 / (1 + math.exp(-u)))
    exact = np.array([[slope * math.exp(1), slope * 2 * math.exp(-2)], [0.0, 1.0]])
    for jacobian in (forward_mode(graph, at).jacobian, reverse_mode(graph, at).jacobian):
        assert np.abs(jacobian - exact).max() < 1e-12 * 50
        assert np.round(jacobian, 4).tolist() == [[47.3034, 4.7102], [0.0, 1.0]]
    assert np.abs(differences(graph, at) - exact).max() < 1e-6
    near = differences(graph, at, 0.05, central=False)
    assert 0.01 < np.abs(near - exact).max() < 10


def test_equal_parts_are_one_node() -> None:
    graph = parse(WRITE_UP)
    assert len(graph.operations) == 10 and graph.names == ("w1", "w2")
    assert [graph.text(k) for k in graph.outputs] == [part.strip() for part in WRITE_UP.split(";")]
    cost = costs(graph)
    assert (cost.value, cost.differences) == (10, 40)
    edges = 15  # inputs that depend on a variable
    assert cost.forward == 10 + 2 * edges * 2 and cost.reverse == 10 + 2 * edges * 2


@pytest.mark.parametrize(
    ("formula", "at", "gradient"),
    [
        ("max(x, y)", (1, 1), (0.5, 0.5)),
        ("min(x, y)", (2, 2), (0.5, 0.5)),
        ("abs(x)", (0,), (0,)),
        ("relu(x)", (0,), (0,)),
        ("max(x, y, z)", (1, 3, 2), (0, 1, 0)),
        ("x**0", (0,), (0,)),
        ("x**2", (0,), (0,)),
        ("x**y", (0, 2), (0, 0)),
        ("x**y", (0, 1), (1, 0)),
        ("x**3", (-2,), (12,)),
        ("2**x", (3,), (8 * math.log(2),)),
        ("x + x + x", (5,), (3,)),
        ("sigmoid(x)", (-800,), (0,)),
        ("softplus(x)", (800,), (1,)),
    ],
)
def test_conventions_and_edges(formula: str, at: tuple[float, ...], gradient: tuple[float, ...]) -> None:
    graph = parse(formula)
    assert forward_mode(graph, at).jacobian[0] == pytest.approx(gradient, abs=1e-15)
    assert reverse_mode(graph, at).jacobian[0] == pytest.approx(gradient, abs=1e-15)


# Derivatives that NumPy's long doubles know to more digits than doubles have, at arguments of every size.
_KNOWN: dict[str, Any] = {
    "exp(x)": np.exp,
    "log(x)": lambda x: 1 / x,
    "sqrt(x)": lambda x: 0.5 / np.sqrt(x),
    "tanh(x)": lambda x: 4 / (np.exp(x) + np.exp(-x)) ** 2,
    "sigmoid(x)": lambda x: 1 / ((1 + np.exp(-x)) * (1 + np.exp(x))),
    "softplus(x)": lambda x: 1 / (1 + np.exp(-x)),
    # Its slope asks for the function's own value too, which the complex step takes from the real part.
    "softplus(x)**2": lambda x: 2 * (np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))) / (1 + np.exp(-x)),
    "x**101": lambda x: 101 * x**100,
    "x**1001": lambda x: 1001 * x**1000,
    "x**(-101)": lambda x: -101 / x**102,
    "x**2": lambda x: 2 * x,
    "x**2.5": lambda x: 2.5 * x**1.5,
    "1/x": lambda x: -1 / x**2,
    "exp(x) * exp(300)": lambda x: np.exp(x) * np.exp(np.longdouble(300)),
}


@pytest.mark.parametrize("formula", _KNOWN)
def test_every_way_is_right_at_arguments_of_any_size(formula: str) -> None:
    graph, checked = parse(formula), 0
    sizes = (0.0, 1e-100, 1e-8, 0.5, 0.99, 1.01, 19.0, 40.0, 300.0, 500.0)
    for x in (sign * size for size in sizes for sign in (1, -1)):
        if x < 0 and any(part in formula for part in ("log", "sqrt", "2.5")):
            continue
        with np.errstate(over="ignore", divide="ignore"):
            exact = float(_KNOWN[formula](np.longdouble(x)))
        if not 1e-250 < abs(exact) < 1e300:
            continue
        try:
            evaluate(graph, [x])
        except FormulaError:  # its value leaves float64
            continue
        for found in (forward_mode(graph, [x]).jacobian, reverse_mode(graph, [x]).jacobian, complex_step(graph, [x])):
            assert found[0, 0] == pytest.approx(exact, rel=1e-11)
        assert work(graph, (x,)).disagreement[1] is None
        checked += 1
    assert checked >= 4


def test_the_complex_step_says_where_it_sees_nothing() -> None:
    assert math.isnan(complex_step(parse("exp(x)"), [-650.0])[0, 0])
    assert complex_step(parse("x**3 + 0*x"), [0.0])[0, 0] == 0
    for formula in ("log(x)", "sqrt(x)", "x**0.5"):
        with pytest.raises(FormulaError):
            complex_step(parse(formula), [-4.0])


@pytest.mark.parametrize(("exponent", "slope"), [(1.031, 0.0), (2.5, 0.0), (1, 1.0), (2, 0.0)])
def test_the_complex_step_knows_the_slope_of_a_power_at_0(exponent: float, slope: float) -> None:
    by_base, by_exponent = complex_step(parse("x**y"), [0.0, exponent])[0]
    assert by_base == slope and by_exponent == 0
    with pytest.raises(FormulaError):  # the slope has no bound
        complex_step(parse("x**0.5"), [0.0])


def test_the_complex_step_knows_where_a_varying_exponent_leaves_no_slope_at_0() -> None:
    """x^(x + 1) has the slope lim x^x = 1 at 0, x^(x + 2) has lim x^(x + 1) = 0, and x^x falls without bound."""
    assert complex_step(parse("x**(x + 1)"), [0.0])[0, 0] == 1
    assert complex_step(parse("x**(x + 2)"), [0.0])[0, 0] == 0
    for formula in ("x**x", "(-x)**x", "x**(x + 0.5)", "0**x", "1/x", "x**(-1)", "x**(x - 1)"):
        with pytest.raises(FormulaError, match="has no finite value"):
            complex_step(parse(formula), [0.0])


@pytest.mark.parametrize("way", [evaluate, forward_mode, reverse_mode, differences, complex_step, hessian])
def test_there_is_a_value_for_each_variable(way: Callable[..., Any]) -> None:
    for formula, at, told in (("x * y", [1.0], "2 variables (x, y); got 1"), ("2", [1.0], "0 variables (none); got 1")):
        with pytest.raises(FormulaError, match=re.escape(told)):
            way(parse(formula), at)
    for at in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(FormulaError, match=f"2 variables .* got {len(at)}"):
            jvp(parse("x * y"), at, [1.0, 0.0])


def test_a_slope_without_bound_is_named() -> None:
    for formula in ("x**0.5 + y", "sqrt(x) + y", "y + x**0.5"):
        for way in (forward_mode, reverse_mode):
            with pytest.raises(FormulaError, match=r"no finite derivative|derivative for x is not finite"):
                way(parse(formula), [0.0, 1.0])


def test_the_step_of_a_difference_suits_the_variables_size() -> None:
    """((h + 0)^2 - 0) / h is h itself, and for a cube (h^3 + h^3) / 2h is h^2."""
    eps = np.finfo(float).eps
    for x, size in ((0.0, 1.0), (1e6, 1e6), (-1e6, 1e6)):
        forward = differences(parse(f"(x - ({x}))**2"), [x], central=False)
        assert forward[0, 0] == pytest.approx(eps**0.5 * size, rel=1e-6, abs=0)
        central = differences(parse(f"(x - ({x}))**3"), [x])
        assert central[0, 0] == pytest.approx((eps ** (1 / 3) * size) ** 2, rel=1e-6, abs=0)
    assert differences(parse("x**2"), [0.0], 0.25, central=False)[0, 0] == 0.25


def test_reverse_mode_leaves_out_what_does_not_vary() -> None:
    """The derivative of x^3 for its exponent, x^3 log x, is not a number at -2: nobody asks for it."""
    assert reverse_mode(parse("x**3"), [-2.0]).bars == [[12.0, 0.0, 1.0]]


def test_the_complex_step_is_as_small_as_may_be() -> None:
    # A power of the step, which the last one alone shows, is no slope.
    assert complex_step(parse(" * ".join("x" * 13)), [0.0])[0, 0] == 0
    assert complex_step(parse(" * ".join("x" * 5)), [0.0])[0, 0] == 0
    assert complex_step(parse(" * ".join(["(x - 1)"] * 5)), [1.0])[0, 0] == 0
    # The step before the last shows nothing of a slope so small, which denies it nowhere but at 0.
    assert complex_step(parse("1e100 * (1e-280 * x)"), [1.0])[0, 0] == pytest.approx(1e-180, rel=1e-12, abs=0)
    # What has no slope asks for no longer step, with which the first part would turn round and round.
    assert complex_step(parse("exp(1e30 * x) + 0*x"), [0.0])[0, 0] == pytest.approx(1e30)


@pytest.mark.parametrize("x", [1e-200, 1e-250])
def test_the_complex_step_at_tiny_points_gives_what_it_can_tell(x: float) -> None:
    slopes = complex_step(parse("3*x; exp(x); x + 1; y; x**2"), [x, 2.0])
    assert slopes[:4].tolist() == [[3, 0], [1, 0], [1, 0], [0, 1]]
    assert math.isnan(slopes[4, 0]) and slopes[4, 1] == 0  # 2x underflows, or is 0: it cannot tell
    assert np.isnan(complex_step(parse("x; y"), [1e-280, 2.0])).tolist() == [[True, False], [True, False]]


def test_the_complex_step_at_huge_points_is_long_enough_for_powers_and_short_enough_for_sines() -> None:
    assert complex_step(parse("x**0.3"), [1e300])[0, 0] == pytest.approx(0.3 * 1e300**-0.7, rel=1e-11, abs=0)
    assert complex_step(parse("sin(x)"), [1e308])[0, 0] == pytest.approx(math.cos(1e308), rel=1e-11)


def test_the_way_that_stands_apart_is_named() -> None:
    def told(**wrong: Any) -> tuple[float, str | None]:
        working = work(parse("x**2 * y"), (3.0, 5.0))
        return replace(working, **wrong).disagreement

    assert told()[1] is None
    right = work(parse("x**2 * y"), (3.0, 5.0))
    far = np.array([[30.0, 9.5]])
    gap, odd = told(complex=far)
    assert gap == pytest.approx(0.5 / 9) and odd == "complex step"
    assert told(reverse=replace(right.reverse, jacobian=far))[1] == "reverse mode"
    assert told(forward=replace(right.forward, jacobian=far))[1] == "forward mode"
    assert told(forward=replace(right.forward, jacobian=far), complex=None)[1] == "forward mode"
    assert told(reverse=replace(right.reverse, jacobian=far), complex=None)[1] == "reverse mode"
    tiny = work(parse("exp(x)"), (-300.0,))
    assert replace(tiny, complex=0 * tiny.forward.jacobian).disagreement == (1.0, "complex step")


@pytest.mark.parametrize("kind", ["max", "min"])
def test_ties_are_shared_equally_whatever_the_order(kind: str) -> None:
    written = [f"{kind}({a}, {kind}({b}, {c}))" for a, b, c in itertools.permutations("xyz")]
    written += [f"{kind}({', '.join(order)})" for order in itertools.permutations(("x", "y", "z", "x"))]
    for formula in written:
        graph = parse(formula)
        third = pytest.approx(np.full((1, 3), 1 / 3), abs=1e-15)
        assert forward_mode(graph, [2.0] * 3).jacobian == third and reverse_mode(graph, [2.0] * 3).jacobian == third
        assert jvp(graph, [2.0] * 3, [3.0, 6.0, 9.0]) == pytest.approx([6.0])
    squares = parse(f"{kind}(x**2, y**2, z**2, 5*x - {'100' if kind == 'max' else '-100'})")
    # The mean of three parabolas: each second derivative is 2 / 3.
    assert hessian(squares, [1.0] * 3) == pytest.approx(np.diag([2 / 3] * 3))
    assert work(squares, (1.0,) * 3).kinks == (squares.text(squares.outputs[0]),)
    assert reverse_mode(parse(f"{kind}(x, x)"), [1.0]).jacobian.tolist() == [[1.0]]
    assert len(parse(f"{kind}(x, {kind}(y, z))").nodes) == 4, "no node is left over"


def test_kinks_are_named() -> None:
    assert work(parse("max(x, y) + abs(x - y)"), (1.0, 1.0)).kinks == ("max(x, y)", "abs(x - y)")
    assert work(parse("max(x, y)"), (1.0, 2.0)).kinks == ()


def test_numbers_alone_have_no_gradient() -> None:
    graph = parse("2*pi; e")
    assert evaluate(graph, [])[graph.outputs[0]] == 2 * math.pi
    assert forward_mode(graph, []).jacobian.shape == reverse_mode(graph, []).jacobian.shape == (2, 0)


def test_a_variable_may_be_a_formula() -> None:
    graph = parse("x; x; 3")
    assert reverse_mode(graph, [2.0]).jacobian.tolist() == [[1.0], [1.0], [0.0]]
    assert vjp(graph, [2.0], [1.0, 2.0, 5.0]).tolist() == [3.0]


@pytest.mark.parametrize("at", [-400.0, 400.0, 1e300])
def test_a_slope_that_underflows_is_0(at: float) -> None:
    """4 exp(-2|x|) / (1 + exp(-2|x|))^2, of which exp(-800) is nothing; exp(800) would overflow."""
    graph = parse("tanh(x)")
    assert forward_mode(graph, [at]).jacobian.item() == reverse_mode(graph, [at]).jacobian.item() == 0.0
