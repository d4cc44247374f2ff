"""The playground: networks learn what they can, and the surface is theirs."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.actions.play import KINDS, SPAN, draw_points, formula_points, make_playground
from glassnet.errors import GlassnetError

NETWORK = "linear 8 -> tanh -> linear 8 -> tanh -> linear"


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_balanced_within_the_span_and_the_same_for_a_seed(kind: str) -> None:
    points, labels = draw_points(kind, seed=3)
    assert points.shape == (300, 2) and labels.sum() == 150 and np.abs(points).max() <= SPAN
    again, _ = draw_points(kind, seed=3)
    assert (points == again).all() and (points != draw_points(kind, seed=4)[0]).any()


@pytest.mark.parametrize("kind", ["circles", "squares", "clouds"])
def test_a_small_network_learns(kind: str) -> None:
    found = make_playground(*draw_points(kind), NETWORK).step(800, 0.02)
    assert found.accuracy > 0.93 and found.loss < 0.3 and found.step == 800


def test_points_of_a_formula() -> None:
    points, labels = formula_points("sin(4*x) - y", seed=1)
    assert (labels == (np.sin(4 * points[:, 0].astype(float)) > points[:, 1])).all()


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("x + z", "formula of x and y"),
        ("x; y", "formula of x and y"),
        ("x**2 + 1", "the same sign everywhere"),
        ("sqrt(x)", "sqrt"),
        ("9**9**9**9 + x", "9"),
        ("x" + " + x" * 200, "at most 200"),
        ("__import__('os')", "_"),
        ("", "formula"),
    ],
)
def test_formulas_that_are_none(formula: str, said: str) -> None:
    with pytest.raises(GlassnetError, match=said):
        formula_points(formula)


def test_a_line_cannot_part_circles() -> None:
    assert make_playground(*draw_points("circles"), "linear").step(600, 0.02).accuracy < 0.75


def test_many_calls_are_one_training() -> None:
    once = make_playground(*draw_points("spirals"), NETWORK).step(60, 0.01)
    play = make_playground(*draw_points("spirals"), NETWORK)
    for _ in range(6):
        parts = play.step(10, 0.01)
    assert (once.surface == parts.surface).all() and once.loss == parts.loss


def test_the_surface_is_upright() -> None:
    """The second class above, the first below: the upper rows are above 0."""
    points = [(x, y) for x in (-0.5, 0.0, 0.5) for y in (0.8, -0.8)]
    found = make_playground(points, [1, 0] * 3, "linear").step(300, 0.05)
    assert (found.surface[0] > 0).all() and (found.surface[-1] < 0).all()
    assert {name: values.shape for name, values in found.units.items()} == {"1.linear": (2, 24, 24)}


@pytest.mark.parametrize(
    ("points", "labels", "network", "optimizer"),
    [
        ([(0, 0)], [0], NETWORK, "adam"),
        ([(0, 0), (1, 1)], [0, 0], NETWORK, "adam"),
        ([(0, 0), (1, 1)], [0, 2], NETWORK, "adam"),
        ([(0, 0), (1, np.nan)], [0, 1], NETWORK, "adam"),
        ([(0, 0, 1), (1, 1, 1)], [0, 1], NETWORK, "adam"),
        ([(0, 0), (1, 1)], [0, 1], "linear 99999 -> linear", "adam"),
        ([(0, 0), (1, 1)], [0, 1], "conv 3x3, 4 -> flatten -> linear", "adam"),
        ([(0, 0), (1, 1)], [0, 1], "linear 3", "adam"),
        ([(0, 0), (1, 1)], [0, 1], "(linear 128 -> relu) x100 -> linear", "adam"),
        ([(0, 0), (1, 1)], [0, 1], "nonsense", "adam"),
        ([(0, 0), (1, 1)], [0, 1], NETWORK, "nonsense"),
    ],
)
def test_what_cannot_be_played(points: list[object], labels: list[int], network: str, optimizer: str) -> None:
    with pytest.raises(GlassnetError):
        make_playground(points, labels, network, optimizer=optimizer)  # type: ignore[arg-type]


def test_a_training_that_diverges_says_so() -> None:
    play = make_playground(*draw_points("spirals"), "linear 8 -> linear 8 -> linear", optimizer="sgd")
    with pytest.raises(GlassnetError, match="diverged"):
        for _ in range(10):
            play.step(1000, 100.0)
