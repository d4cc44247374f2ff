"""Learning curves: loss and accuracy over the epochs, of one run or of several side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from glassnet.report.figures import style
from glassnet.tasks import best_epoch as best_record

__all__ = ["Record", "Records", "best_epoch", "epoch_records", "learning_curves", "measure_of"]

Record = Mapping[str, Any]
Records = Sequence[Record]

_COLUMNS = 4


@dataclass(frozen=True)
class Measure:
    """What is drawn beside the loss: the key of the record, how the axis is called, whether it is a share."""

    key: str
    title: str
    share: bool

    def show(self, value: float) -> str:
        if abs(value) > 1e6:  # no accuracy, nor the PSNR of any picture
            return f"{value:.2g}"
        return f"{100 * value:.2f} %" if self.share else f"{value:.2f} dB"


_MEASURES = (Measure("accuracy", "Accuracy", True), Measure("psnr", "PSNR in dB", False))


def learning_curves(history: Records | Mapping[str, Records]) -> Figure:
    """Loss and accuracy (for reconstruction, PSNR) over the epochs.

    Parameters
    ----------
    history : History or mapping of str to History
        Records of one run, or {label: records} of several. Of several runs, each has one column, the loss above the
        accuracy, and all share their axes. Records are mappings: kind "epoch" with `epoch` and any of `loss`,
        `accuracy`, `psnr` and the same with `valid_` before; kind "step" adds the loss of single batches as a faint
        line.

    Notes
    -----
    Values that are missing or not finite leave gaps, and the epoch at which the loss stopped being finite is marked.
    A loss that spans more than a factor of 300 is drawn on a logarithmic axis.
    """
    runs: dict[str, Records] = dict(history) if isinstance(history, Mapping) else {"": list(history)}
    if not runs:
        runs = {"": []}
    measure = next((m for m in map(measure_of, runs.values()) if m is not None), None)
    panels = 1 if measure is None else 2
    if len(runs) == 1:
        figure = style.new_figure(9.6 if panels == 2 else 6.4, 3.3)
        axes = figure.subplots(1, panels, squeeze=False).T
    else:
        columns = min(_COLUMNS, len(runs))
        bands = math.ceil(len(runs) / columns)
        figure = style.new_figure(max(6.4, 3.05 * columns), 2.5 * panels * bands)
        axes = figure.subplots(panels * bands, columns, squeeze=False)
    _draw_runs(axes, runs, measure)
    style.figure_legend(figure)
    figure.align_ylabels()
    return figure


def epoch_records(history: Records) -> list[Record]:
    """The records of whole epochs."""
    return [record for record in history if record.get("kind", "epoch") == "epoch"]


def measure_of(history: Records) -> Measure | None:
    """The measure that these records hold beside the loss, or `None`."""
    records = epoch_records(history)
    for measure in _MEASURES:
        if any(measure.key in record or f"valid_{measure.key}" in record for record in records):
            return measure
    return None


def best_epoch(history: Records) -> tuple[int, float] | None:
    """Number and validation accuracy (or PSNR) of the epoch whose model was kept; `None` without validation figures."""
    measure, records = measure_of(history), epoch_records(history)
    # Records of a page's own making may leave the number out.
    numbered = [{**record, "epoch": record.get("epoch", place)} for place, record in enumerate(records, start=1)]
    best = best_record(numbered)
    if best is None or measure is None or f"valid_{measure.key}" not in best:
        return None
    return int(best["epoch"]), float(best[f"valid_{measure.key}"])


def _series(history: Records, key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    records = [record for record in epoch_records(history) if key in record]
    epochs = style.finite(record.get("epoch", place + 1) for place, record in enumerate(records))
    values = style.finite(record[key] for record in records)
    if key.endswith("accuracy"):  # a share; whatever else stands there is none
        values[(values < 0) | (values > 1)] = math.nan
    return epochs, values


def _batch_losses(history: Records) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses of single batches at their place in epochs; empty when the steps of an epoch are not known."""
    lengths = [r["step"] / r["epoch"] for r in epoch_records(history) if r.get("step") and r.get("epoch")]
    records = [record for record in history if record.get("kind") == "step" and "loss" in record]
    if not lengths or not records:
        return np.empty(0), np.empty(0)
    steps = style.finite(record.get("step") for record in records)
    return steps / lengths[-1], style.finite(record["loss"] for record in records)


def _draw_runs(axes: NDArray[Any], runs: Mapping[str, Records], measure: Measure | None) -> None:
    panels = 1 if measure is None else 2
    several = len(runs) > 1
    loss_range = _limits(runs.values(), "loss")
    for place, (label, history) in enumerate(runs.items()):
        row, column = divmod(place, axes.shape[1]) if several else (0, 0)
        top: Axes = axes[panels * row, column]
        name = style.shorten(label, 30)
        style.dress(top, title=name if several else "Loss", ylabel="loss" if several and column == 0 else "")
        _draw_loss(top, history, loss_range)
        if measure is not None:
            below: Axes = axes[panels * row + 1, column]
            style.dress(below, title="" if several else measure.title)
            if several and column == 0:
                below.set_ylabel(
                    measure.title if not measure.share else measure.title.lower(), fontsize=9, color=style.GREY
                )
            _draw_measure(below, history, measure, _limits(runs.values(), measure.key, margin=0.06))
        last = axes[panels * row + panels - 1, column]
        last.set_xlabel("epoch", fontsize=9, color=style.GREY)
        if not several and measure is not None:
            top.set_xlabel("epoch", fontsize=9, color=style.GREY)
    for empty in range(len(runs), axes.shape[0] // panels * axes.shape[1] if several else 0):
        row, column = divmod(empty, axes.shape[1])
        for panel in range(panels):
            axes[panels * row + panel, column].set_visible(False)


def _limits(histories: Iterable[Records], key: str, margin: float = 0.05) -> tuple[float, float, bool] | None:
    """Low and high end of an axis that fits all runs, and whether it should be logarithmic."""
    values = np.concatenate([_series(h, k)[1] for h in histories for k in (key, f"valid_{key}")] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = float(values.min()), float(values.max())
    if key == "loss" and low > 0.0 and high / low > 300.0:
        return low / 1.5, high * 1.5, True
    room = (high - low) * margin or max(abs(high) * 0.1, 1e-3)
    if key == "loss":
        return max(0.0, low - room) if low >= 0.0 else low - room, high + room, False
    return low - room, high + room, False


def _draw_lines(axes: Axes, history: Records, key: str) -> None:
    for name, colour, label in ((key, style.BLUE, "training"), (f"valid_{key}", style.ORANGE, "validation")):
        epochs, values = _series(history, name)
        if np.isfinite(values).any():
            marker = "o" if len(epochs) <= 25 else ""
            axes.plot(epochs, values, color=colour, linewidth=1.8, marker=marker, markersize=3.6, label=label)


def _draw_loss(axes: Axes, history: Records, limits: tuple[float, float, bool] | None) -> None:
    places, losses = _batch_losses(history)
    if np.isfinite(losses).sum() > 3:
        axes.plot(places, losses, color=style.BLUE, alpha=0.22, linewidth=0.8, label="single batches")
    _draw_lines(axes, history, "loss")
    _horizontal(axes, history)
    if limits is None:
        style.empty_note(axes, "no finite loss was recorded")
        axes.set_yticks([])
    else:
        if limits[2]:
            axes.set_yscale("log")
        axes.set_ylim(limits[0], limits[1])
    epochs, values = _series(history, "loss")
    broken = epochs[~np.isfinite(values)]
    if broken.size and limits is not None:
        place = float(broken[0])
        axes.axvline(place, color=style.GREY, linewidth=0.9, linestyle=(0, (3, 3)))
        near_end = place > sum(axes.get_xlim()) / 2
        axes.annotate(
            "loss not finite",
            (place, 0.5),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if near_end else 4, 0),
            textcoords="offset points",
            ha="right" if near_end else "left",
            fontsize=8.5,
            color=style.GREY,
        )


def _draw_measure(axes: Axes, history: Records, measure: Measure, limits: tuple[float, float, bool] | None) -> None:
    _draw_lines(axes, history, measure.key)
    _horizontal(axes, history)
    if limits is None:
        style.empty_note(axes, "nothing finite was recorded")
        axes.set_yticks([])
        return
    high = min(limits[1], 1.005) if measure.share else limits[1]
    axes.set_ylim(max(0.0, limits[0]) if measure.share else limits[0], high)
    if measure.share:
        narrow = high - limits[0] < 0.04
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1 if narrow else 0, symbol=" %"))
    best = best_epoch(history)
    if best is not None:
        (ring,) = axes.plot(
            best[0],
            style.finite(best[1:])[0],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            markeredgecolor=style.ORANGE,
            markeredgewidth=1.3,
            clip_on=False,  # whole at the very top
        )
        ring.set_in_layout(False)  # or one at a huge number would leave the axes no room
        text = f"best {measure.show(best[1])}, epoch {best[0]}"
        axes.set_title(text, loc="right", fontsize=8.5, color=style.GREY, pad=9)


def _horizontal(axes: Axes, history: Records) -> None:
    """The same stretch of epochs on every panel of a run, with one epoch not drawn as a hair-line."""
    epochs = style.finite(record.get("epoch") for record in epoch_records(history))
    epochs = epochs[np.isfinite(epochs)]
    last = float(epochs.max()) if epochs.size else 1.0
    has_steps = any(record.get("kind") == "step" for record in history)
    first = 0.0 if has_steps else 1.0
    # A single epoch stands in the middle of its axis.
    room = 0.03 * last if last > first else 0.5
    axes.set_xlim(first - room, last + room)
    style.whole_ticks(axes)
