"""Learning curves: loss and accuracy over the epochs of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.report.figures import style
from glassnet.tasks import best_epoch as best_record

__all__ = [
    "Measure",
    "Record",
    "Records",
    "best_epoch",
    "epoch_records",
    "learning_curves",
    "limits",
    "measure_axis",
    "measure_of",
    "series",
]

Record = Mapping[str, Any]
Records = Sequence[Record]


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


_MEASURES = (
    Measure("accuracy", "Accuracy", True),
    Measure("psnr", "PSNR in dB", False),
    Measure("error", "Character error rate", True),
)


def learning_curves(history: Records, *, narrow: bool = False) -> Figure:
    """Loss and accuracy (for reconstruction, PSNR; for lines of writing, the error rate) over the epochs.

    Parameters
    ----------
    history : History
        Records: kind "epoch" with `epoch` and any of `loss`, `accuracy`, `psnr`, `error` and the same with `valid_`
        before; kind "step" adds the loss of single batches as a faint line.
    narrow : bool
        One panel above the other, as a phone shows it.

    Notes
    -----
    Values that are missing or not finite leave gaps, and the epoch at which the loss stopped being finite is marked.
    A loss that spans more than a factor of 300 is drawn on a logarithmic axis.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.report import learning_curves
    >>> run = glassnet.fit("digits", "linear", epochs=2, verbose=False)
    >>> len(learning_curves(run.history.records).axes)
    2
    """
    history = list(history)
    measure = measure_of(history)
    panels = 1 if measure is None else 2
    if narrow:
        figure = style.new_figure(style.NARROW, 2.4 * panels + 0.3)
        axes = figure.subplots(panels, 1, squeeze=False).ravel()
    else:
        figure = style.new_figure(9.6 if panels == 2 else 6.4, 3.3)
        axes = figure.subplots(1, panels, squeeze=False).ravel()
    style.dress(axes[0], title="Loss", xlabel="epoch")
    _draw_loss(axes[0], history, limits([history], "loss"))
    if measure is not None:
        style.dress(axes[1], title=measure.title, xlabel="epoch")
        _draw_measure(axes[1], history, measure, limits([history], measure.key, margin=0.06))
    style.figure_legend(figure)
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


def series(history: Records, key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def limits(histories: Iterable[Records], key: str, margin: float = 0.05) -> tuple[float, float, bool] | None:
    """Low and high end of an axis that fits all runs, and whether it should be logarithmic."""
    values = np.concatenate([series(h, k)[1] for h in histories for k in (key, f"valid_{key}")] or [np.empty(0)])
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
        epochs, values = series(history, name)
        if np.isfinite(values).any():
            marker = "o" if len(epochs) <= 25 else ""
            axes.plot(epochs, values, color=colour, linewidth=1.8, marker=marker, markersize=3.6, label=label)


def _draw_loss(axes: Axes, history: Records, span: tuple[float, float, bool] | None) -> None:
    places, losses = _batch_losses(history)
    if np.isfinite(losses).sum() > 3:
        axes.plot(places, losses, color=style.BLUE, alpha=0.22, linewidth=0.8, label="single batches")
    _draw_lines(axes, history, "loss")
    _horizontal(axes, history)
    if span is None:
        style.empty_note(axes, "no finite loss was recorded")
        axes.set_yticks([])
    else:
        if span[2]:
            axes.set_yscale("log")
        axes.set_ylim(span[0], span[1])
    epochs, values = series(history, "loss")
    broken = epochs[~np.isfinite(values)]
    if broken.size and span is not None:
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


def _draw_measure(axes: Axes, history: Records, measure: Measure, span: tuple[float, float, bool] | None) -> None:
    _draw_lines(axes, history, measure.key)
    _horizontal(axes, history)
    if span is None:
        style.empty_note(axes, "nothing finite was recorded")
        axes.set_yticks([])
        return
    measure_axis(axes, measure, span[0], span[1])
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


def measure_axis(axes: Axes, measure: Measure, low: float, high: float) -> None:
    """The vertical axis of a measure; one of shares ends at 0 and 1, with room for a marker at the very top."""
    if measure.share:
        low, high = max(0.0, low), min(high, 1.0 + 0.02 * (1.0 - max(0.0, low)))
        style.percent_axis(axes.yaxis)
    axes.set_ylim(low, high)


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
