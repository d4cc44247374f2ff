"""Figures of a sweep: every run at its value, failures said, good curves readable beside diverged ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassnet.report.figures import style
from glassnet.report.figures.compared import Compared, State, compared_curves, scale_of, swept_figure
from glassnet.report.figures.curves import Measure
from support.reports import made_up_history, texts_of

ACCURACY = Measure("accuracy", "Accuracy", True)
DIVERGED = [{"kind": "epoch", "epoch": i, "loss": 10.0**i, "valid_loss": 10.0**i} for i in range(1, 6)]


def run(value: Any, share: float, state: State = "", **other: Any) -> Compared:
    figures = {} if math.isnan(share) else {"test": (share, share - 0.02, share + 0.01)}
    return Compared(f"lr = {value}", {"lr": value, **other}, made_up_history(3), figures, state)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.001, 0.01, 0.1], "log"),
        ([16, 64, 256], "log"),
        ([10, 20, 30, 40], "linear"),
        ([0, 1, 2], "linear"),
        ([0.001, 0.1], "log"),
        ([3, 4], "linear"),
        ([7], "linear"),
        ([0.003, 0.03, 0.3, 3e38], "order"),
        ([0, 0.001, 0.1], "order"),
    ],
)
def test_values_stand_on_the_scale_they_are_spread_on(values: list[float], scale: str) -> None:
    assert scale_of(values) == scale


@pytest.mark.parametrize("narrow", [False, True])
def test_every_run_stands_at_its_value_with_its_interval(narrow: bool) -> None:
    runs = [
        run(0.1, 0.9, "best"),
        run(0.001, 0.5),
        run(0.01, 0.7),
        run(1.0, 0.1, "diverged"),
        run(10.0, math.nan, "failed"),
    ]
    figure = swept_figure(runs, ACCURACY, narrow=narrow)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    (bars,) = axes.containers
    line, _, (reach,) = bars.lines  # type: ignore[attr-defined]
    np.testing.assert_allclose(line.get_xydata(), [(0.001, 0.5), (0.01, 0.7), (0.1, 0.9), (1.0, 0.1)])
    np.testing.assert_allclose(reach.get_segments()[2], [(0.1, 0.88), (0.1, 0.91)])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.01", "0.1", "1", "10"]
    assert {"failed", "diverged"} <= set(texts_of(figure))
    assert figure.get_figwidth() == (style.NARROW if narrow else 8.2)


def test_words_stand_one_below_the_other_and_keep_what_sets_them_apart() -> None:
    names = [f"conv 3x3, 16 -> relu -> maxpool 2 -> conv 3x3, 32 -> relu -> linear {n}" for n in (10, 64)]
    runs = [Compared(name, {"network": name}, figures={"test": (0.5, 0.4, 0.6)}) for name in names]
    (axes,) = swept_figure(runs, ACCURACY, narrow=True).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(labels)) == 2 and all(len(label) <= 22 for label in labels) and labels[1].endswith("64")


def test_two_settings_make_a_matrix() -> None:
    states: dict[tuple[float, int], tuple[float, State]] = {
        (0.1, 16): (0.9, "best"), (0.1, 64): (0.8, ""), (1.0, 16): (0.1, "diverged"), (1.0, 64): (math.nan, "failed"),
    }  # fmt: skip
    runs = [run(lr, share, state, batch=batch) for (lr, batch), (share, state) in states.items()]
    figure = swept_figure(runs, ACCURACY)
    (axes,) = figure.axes
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(0, 0): "90.0", (0, 1): "80.0", (1, 0): "10.0\ndiverged", (1, 1): "failed"}
    rings = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert rings == [(-0.5, -0.5)], "the best is ringed"


@pytest.mark.parametrize("narrow", [False, True])
def test_good_curves_stay_readable_beside_a_diverged_one(narrow: bool) -> None:
    good = [Compared(f"run {i}", {"lr": i}, made_up_history(rate=0.1 * i)) for i in range(1, 4)]
    alone = compared_curves(good, narrow=narrow)
    both = compared_curves([*good, Compared("bad", {"lr": 9}, DIVERGED, state="diverged")], narrow=narrow)
    assert both.axes[0].get_ylim() == alone.axes[0].get_ylim() and both.axes[0].get_yscale() == "linear"
    drawn = {str(line.get_label()): line.get_ydata() for line in both.axes[0].lines}
    assert list(drawn) == ["run 1", "run 2", "run 3", "bad (diverged)"]
    np.testing.assert_allclose(drawn["run 2"], [r["valid_loss"] for r in good[1].history if r["kind"] == "epoch"])
    np.testing.assert_allclose(drawn["bad (diverged)"], [10.0**i for i in range(1, 6)])


def labels_of(axes: Axes) -> list[str]:
    low, high = axes.get_ylim()
    axes.figure.canvas.draw()
    return [t.get_text() for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.98, 1.0), (0.984, 0.996), (0.9986, 0.9991), (0.5, 0.53)])
def test_no_percentage_stands_twice_or_beside_its_place(low: float, high: float) -> None:
    axes = style.new_figure(3.6, 2.4).subplots()
    axes.set_ylim(low, high)
    style.percent_axis(axes.yaxis)
    labels = labels_of(axes)
    assert len(labels) >= 3 and len(set(labels)) == len(labels)
    places = [t for t in axes.get_yticks() if low <= t <= high]
    np.testing.assert_allclose([float(label.removesuffix(" %")) / 100 for label in labels], places, atol=1e-9)
