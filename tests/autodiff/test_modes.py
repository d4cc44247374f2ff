"""Derivatives of formulas: forward mode, reverse mode, PyTorch, the complex step and differences against each other."""

from __future__ import annotations

import math
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
        "power": torch.pow, "max": torch.maximum, "min": torch.minimum, "softplus": torch.nn.functional.softplus,
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
