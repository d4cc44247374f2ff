"""Figures: each is drawn, nothing global changes, odd numbers and hostile texts are survived."""

from __future__ import annotations

import io
import math
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image

from glassnet.errors import DataError
from glassnet.metrics import evaluate
from glassnet.report import (
    confusion_figure,
    image_grid,
    kernel_figure,
    kernel_pictures,
    learning_curves,
    mistakes_figure,
    norms_figure,
    per_class_figure,
    png_bytes,
    reconstruction_figure,
    reliability_figure,
    unit_figure,
    unit_pictures,
)
from glassnet.report.figures import style
from glassnet.report.figures.compared import Compared, compared_curves, swept_figure
from glassnet.report.figures.curves import Measure, best_epoch
from glassnet.report.figures.norms import update_ratios
from glassnet.report.figures.pictures import as_rgb, mosaic, picture_png, reconstruction_psnr
from glassnet.report.figures.weight_matrix import matrix_figure
from support.reports import made_up_evaluation, made_up_history, texts_of

ACCURACY = Measure("accuracy", "Accuracy", True)


@pytest.mark.parametrize("classes", [2, 10, 62, 100, 130])
def test_evaluation_figures_for_few_and_many_classes(classes: int) -> None:
    found = made_up_evaluation(classes)
    (cells,) = confusion_figure(found).axes[0].images
    assert cells.get_array().shape == (classes, classes, 3)  # type: ignore[union-attr]
    bars = [bar for axes in per_class_figure(found).axes for bar in axes.patches]
    widths = sorted(bar.get_width() for bar in bars)  # type: ignore[attr-defined]
    np.testing.assert_allclose(widths, sorted(score.recall for score in found.per_class))
    calibration = found.calibration
    above, below = reliability_figure(calibration).axes
    points = [line.get_xydata() for line in above.lines[1:]]  # the first is the diagonal
    drawn = np.concatenate([np.asarray(pair) for pair in points])
    filled = calibration.counts > 0
    wanted = np.stack([calibration.confidence[filled], calibration.accuracy[filled]], axis=1)
    np.testing.assert_allclose(drawn[np.argsort(drawn[:, 0])], wanted)
    assert [bar.get_height() for bar in below.patches] == calibration.counts.tolist()  # type: ignore[attr-defined]


def test_confusion_writes_counts_for_few_classes_and_every_name_up_to_a_hundred() -> None:
    found = made_up_evaluation(4)
    few = confusion_figure(found).axes[0]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in few.texts}
    counts = {(i, j): str(n) for (i, j), n in np.ndenumerate(found.confusion) if n or i == j}
    assert written == counts and found.confusion.sum() == 20
    many = confusion_figure(made_up_evaluation(100)).axes[0]
    assert not many.texts and len(many.get_yticklabels()) == 100


def test_perfect_and_absent_classes() -> None:
    found = made_up_evaluation(3, names=["a", "b", "c"], skill=50.0)
    assert found.accuracy == 1.0
    assert texts_of(mistakes_figure(np.zeros((15, 4, 4, 1)), found)) == ["No mistakes: every example was recognised."]
    absent = evaluate(np.eye(3)[[0, 0]], [0, 0], ["a", "b", "c"])
    (axes,) = per_class_figure(absent).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert texts_of(axes.figure) == ["100.0 %", "–", "–"]
    greyed = [patch for patch in confusion_figure(absent).axes[0].patches if isinstance(patch, Rectangle)]
    assert [patch.get_xy() for patch in greyed] == [(0.5, 0.5), (1.5, 1.5)]


@pytest.mark.parametrize("name", ["$x^2$ costs $5", r"\frac{$", "<script>", "a\nb\x00c\ud800", "漢字", "x" * 300, ""])
def test_any_text_can_name_a_class(name: str) -> None:
    found = made_up_evaluation(2, names=[name, "other"], skill=0.5)
    images = np.zeros((found.n, 4, 4, 3), np.uint8)
    figures = [
        confusion_figure(found),
        per_class_figure(found),
        mistakes_figure(images, found),
        image_grid(images[:1], [name]),
    ]
    runs = [Compared(name + end, {name: name + end}, made_up_history(2)) for end in ("", "2")]
    figures += [compared_curves(runs), swept_figure(runs, ACCURACY, narrow=True)]
    for figure in figures:
        assert png_bytes(figure, scale=0.5).startswith(b"\x89PNG")


@pytest.mark.parametrize("narrow", [False, True])
def test_learning_curves_show_what_was_recorded(narrow: bool) -> None:
    history = made_up_history()
    figure = learning_curves(history, narrow=narrow)
    epochs = [record for record in history if record["kind"] == "epoch"]
    for axes, key in zip(figure.axes, ("loss", "accuracy"), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axes.lines}
        np.testing.assert_allclose(lines["training"], [record[key] for record in epochs])
        np.testing.assert_allclose(lines["validation"], [record[f"valid_{key}"] for record in epochs])
    assert figure.get_figwidth() == (style.NARROW if narrow else 9.6)


BROKEN: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "epoch", "epoch": 1, "loss": 0.5}],
    [{"kind": "epoch", "epoch": 1, "step": 3, "loss": 0.5, "accuracy": 0.8, "valid_loss": 0.4, "valid_accuracy": 0.7}],
    [{"kind": "epoch", "epoch": 1, "loss": math.nan, "accuracy": math.nan}],
    [
        {"kind": "epoch", "epoch": i, "loss": v, "accuracy": 0.1}
        for i, v in enumerate([2.3, 1e4, 1e30, math.inf, math.nan], 1)
    ],
    [{"kind": "epoch", "epoch": 1, "loss": None, "valid_accuracy": "n/a"}, {"kind": "epoch", "epoch": 2, "loss": 0.0}],
    [{"kind": "epoch", "epoch": i, "loss": 1 / i, "valid_psnr": 10.0 + i} for i in range(1, 40)],
    [{"kind": "step", "step": 1, "epoch": 1, "loss": 2.0, "norms": {"w": {}}}],
    [
        {"kind": "epoch", "epoch": 1, "loss": -0.5, "accuracy": 1.0},
        {"kind": "epoch", "epoch": 2, "loss": -0.7, "accuracy": 1.0},
    ],
]


@pytest.mark.parametrize("history", BROKEN)
def test_odd_histories_are_drawn(history: list[dict[str, Any]]) -> None:
    """Every finite loss is on the curve, and where there is none that is said."""
    figure = learning_curves(history)
    losses = [r.get("loss") for r in history if r["kind"] == "epoch"]
    finite = [loss for loss in losses if loss is not None and math.isfinite(loss)]
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    drawn = lines.get("training", np.empty(0))
    np.testing.assert_allclose(drawn[np.isfinite(drawn)], finite)
    valid = [r["valid_loss"] for r in history if "valid_loss" in r]
    assert ("no finite loss was recorded" in texts_of(figure)) is (not finite and not valid)
    assert png_bytes(figure, scale=0.3)[:4] == b"\x89PNG"
    both = compared_curves([Compared("a", history=history), Compared("b", history=made_up_history(2))])
    assert {"a", "b"} <= {str(line.get_label()) for line in both.axes[0].lines}
    assert png_bytes(both, scale=0.3)[:4] == b"\x89PNG"
    assert texts_of(norms_figure(history)) == ["no norms were recorded"]


EXTREMES = [0.0, 1e-320, 1e38, 1.7e308, -1e308, math.inf]


@pytest.mark.parametrize("first", EXTREMES)
def test_extreme_numbers_are_drawn(first: float) -> None:
    """What a diverged run records, and worse: the largest float64s overflow in the arithmetic of axes and ticks."""
    for second in (1e-320, 1.7e308, math.nan):
        pairs = [(first, second), (second, first), (first, first)]
        history = [
            {"kind": "epoch", "epoch": i, "step": i, "loss": a, "valid_loss": b, "accuracy": b, "valid_accuracy": a}
            for i, (a, b) in enumerate(pairs, 1)
        ]
        norms = {"1.linear.weight": {"gradient": first, "weight": second, "update": first}}
        history += [{"kind": "step", "step": i, "epoch": 1, "loss": second, "norms": norms} for i in range(1, 5)]
        weights = np.array([[first, second], [second, 1.0], [0.0, first], [2.0, second]])
        kernels = np.broadcast_to(np.resize([first, second, 1.0], 36).reshape(3, 3, 1, 4), (3, 3, 1, 4))
        figures = [
            learning_curves(history),
            compared_curves([Compared("a", history=history), Compared("b", history=history, state="diverged")]),
            swept_figure([Compared(str(v), {"v": v}, figures={"test": (v, v, v)}) for v in (first, second)], ACCURACY),
            norms_figure(history),
            unit_figure(unit_pictures(None, weights, (2, 2, 1))),
        ]
        figures += [kernel_figure(kernel_pictures(None, kernels)), matrix_figure(kernels[:1, :1])]
        for figure in figures:
            assert png_bytes(figure, scale=0.3)[:4] == b"\x89PNG"


@pytest.mark.parametrize("value", [1e100, 1e101, 1.7e308])
def test_what_no_axis_can_hold_is_drawn_at_its_end(value: float) -> None:
    np.testing.assert_array_equal(
        style.finite([value, -value, 1.0, math.inf, None]), [1e100, -1e100, 1, *2 * [math.nan]]
    )
    np.testing.assert_array_equal(style.drawable([value, -value, 1.0, math.inf, 1e-300]), [1e100, -1e100, 1, 0, 0])


def test_best_epoch_ignores_what_is_not_finite() -> None:
    history = [
        {"kind": "epoch", "epoch": e, "valid_accuracy": v} for e, v in ((1, 0.5), (2, math.nan), (3, 0.7), (4, 0.6))
    ]
    assert best_epoch(history) == (3, 0.7)
    assert best_epoch(history[1:2]) is None


def test_update_ratios_are_those_of_the_weights() -> None:
    ratios = update_ratios(made_up_history(1))
    assert list(ratios) == ["1.linear.weight"]
    np.testing.assert_allclose(ratios["1.linear.weight"][1][:2], [0.002, 0.001])
    (axes,) = norms_figure(made_up_history(2)).axes
    curve = next(line for line in axes.lines if line.get_label() == "1.linear.weight")
    np.testing.assert_allclose(curve.get_xydata(), [(step, 0.002 / step) for step in range(1, 21)])
    assert axes.get_yscale() == "log" and texts_of(axes.figure) == ["rule of thumb 1e-3 "]


def test_pictures_become_rgb() -> None:
    grey = np.linspace(0, 1, 4).reshape(1, 2, 2, 1)
    assert as_rgb(grey)[0, ..., 0].tolist() == [[0, 85], [170, 255]]
    assert as_rgb(np.full((1, 1, 1, 3), [2.0, -1.0, np.nan])).ravel().tolist() == [255, 0, 0]
    assert as_rgb(np.zeros((2, 3, 4, 5), np.uint8)).shape == (2, 3, 4, 3)
    with pytest.raises(DataError, match="shape"):
        as_rgb(np.zeros((3, 3)))


def test_mosaic_places_pictures_row_by_row() -> None:
    pictures = np.arange(1, 4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    out = mosaic(pictures, columns=2, gap=1)
    assert out.shape == (5, 5, 4)
    assert out[0, 0, 0] == 1 and out[0, 3, 0] == 2 and out[3, 0, 0] == 3
    assert out[2, 0, 3] == 0 and out[4, 4, 3] == 0


@pytest.mark.parametrize("shape", [(8, 8, 3), (500, 20, 3), (1, 900, 4)])
def test_picture_files_have_about_the_wanted_size(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    image = Image.open(io.BytesIO(picture_png(picture, 200)))
    assert 100 <= max(image.size) <= 200


def test_grids_check_what_they_are_given() -> None:
    images = np.zeros((3, 4, 4, 1))
    grid = image_grid(images, ["a", "b", "c"], columns=2)
    assert texts_of(grid) == ["a", "b", "c"] and len(grid.axes[0].images) == 3
    columns = {image.get_extent()[0] for image in grid.axes[0].images}
    assert len(columns) == 2
    reconstructed = reconstruction_figure(images, images + 0.1)
    assert texts_of(reconstructed) == ["", "", "", "20.0 dB", "20.0 dB", "20.0 dB"]
    levels = [np.asarray(image.get_array()).max() for image in reconstructed.axes[0].images]
    assert levels == [0, 0, 0, 26, 26, 26]
    assert math.isinf(reconstruction_psnr(images, np.zeros((3, 4, 4, 1), np.uint8))[0])
    for call in (
        lambda: image_grid(images, ["one"]),
        lambda: image_grid(images[:0]),
        lambda: image_grid(images, columns=-1),
        lambda: mistakes_figure(images, made_up_evaluation(2)),
        lambda: reconstruction_figure(images, images[:2]),
    ):
        with pytest.raises(DataError):
            call()


def test_weights_share_one_scale_and_keep_their_layout() -> None:
    after = np.zeros((2 * 3, 4))
    after[1, 0] = 2.0  # unit 0, row 0, column 1
    found = unit_pictures(after / 2, after, (2, 3, 1))
    assert found.after.shape == (4, 2, 3, 3) and found.before is not None
    strongest = np.abs(found.after[0].astype(int) - found.after[1].astype(int)).sum(axis=-1)
    assert np.unravel_index(strongest.argmax(), strongest.shape) == (0, 1)
    assert not np.array_equal(found.before[0], found.after[0])


@pytest.mark.parametrize("shape", [(4, 4, 1), (4, 4, 3), (4, 6, 2)])
def test_weight_figures_of_any_number_of_channels(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(math.prod(shape), 100))
    weights[0, 0] = np.nan
    found = unit_pictures(None, weights, shape)
    assert len(found.shown) == 64 and (np.diff(found.shown) > 0).all()
    both = unit_pictures(weights * 0.1, weights, shape)
    figure = unit_figure(both)
    assert len(figure.axes) == (2 if shape[2] == 3 else 3), "a colour bar, unless weights are colours"
    for axes, (name, picture) in zip(figure.axes, both.mosaics(), strict=False):
        assert axes.get_title(loc="left") == name.capitalize()
        np.testing.assert_array_equal(axes.images[0].get_array(), picture)
    nothing = unit_pictures(None, weights * 0, shape)
    assert (nothing.limits == 1.0).all(), "white is 0, or mid-grey in colour"
    assert (nothing.after == 128).all() if shape[2] == 3 else (nothing.after > 245).all()
    for before, after in ((None, weights[1:]), (weights[:, 1:], weights), (None, weights[:, :0])):
        with pytest.raises(DataError):
            unit_pictures(before, after, shape)


def test_nothing_global_changes_and_files_repeat() -> None:
    before = dict(matplotlib.rcParams)
    figure = learning_curves(made_up_history())
    assert isinstance(figure.canvas, FigureCanvasAgg)
    canvas, dpi = figure.canvas, figure.dpi
    first = png_bytes(figure)
    assert first == png_bytes(learning_curves(made_up_history()))
    assert figure.canvas is canvas and figure.dpi == dpi
    assert dict(matplotlib.rcParams) == before
    width, _ = Image.open(io.BytesIO(first)).size
    assert width == round(2 * style.DENSITY * figure.get_size_inches()[0])
