"""Several runs in one figure: what came of each value that was swept, and all learning curves over one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray

from glassnet.notation import is_real
from glassnet.report.figures import style
from glassnet.report.figures.curves import Measure, Records, limits, measure_axis, measure_of, series

__all__ = ["Compared", "State", "compared_curves", "scale_of", "swept_figure"]

Floats = NDArray[np.float64]
State = Literal["", "best", "diverged", "failed"]
_OUT: tuple[State, ...] = ("diverged", "failed")
_UNEVEN = 6.0
_MOST_LABELS = 14  # of curves in a legend
_COLOURS = {"validation": style.ORANGE}  # as in learning curves; the others are blue


@dataclass(frozen=True)
class Compared:
    """A run among others.

    Attributes
    ----------
    label : str
        A short name.
    settings : mapping of str to value
        The values that set it apart, by short names.
    history : sequence of Record
        Its records, see `learning_curves`.
    figures : mapping of str to (value, low, high)
        By part ("test", "validation") the final figure with its 95 % interval, NaN where that is not known.
    state : str
        "best", "diverged", "failed" or "".
    """

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    history: Records = ()
    figures: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    state: State = ""


def swept_figure(runs: Sequence[Compared], measure: Measure, *, narrow: bool = False) -> Figure:
    """The final figure of every run by the value that was swept, with its 95 % interval.

    One setting of numbers is an axis, logarithmic where the values are spread by factors, without a scale where they
    are spread by neither factors nor steps; words stand one below the other; two settings make a matrix,
    coloured by validation where there is one. Runs that failed or diverged are said to.

    Parameters
    ----------
    runs : sequence of Compared
        At least one.
    measure : Measure
        What their figures are.
    narrow : bool
        As a phone shows it.
    """
    names = list(runs[0].settings)
    if len(names) == 2:
        return _matrix(runs, measure, narrow)
    numbers = [run.settings[names[0]] for run in runs] if len(names) == 1 else []
    if numbers and all(is_real(number) and style.drawable([number])[0] == number for number in numbers):
        return _by_number(runs, measure, np.array(numbers, dtype=np.float64), narrow)
    return _by_word(runs, measure, narrow)


Scale = Literal["linear", "log", "order"]


def scale_of(values: Sequence[float]) -> Scale:
    """The scale on which values lie most evenly: "log" for 0.001, 0.01, 0.1 or 16, 64, 256, "linear" for 10, 20, 30,
    and "order", one after the other, where a gap would be more than `_UNEVEN` times another: 0.01, 0.1, 1e30."""
    x = np.unique(np.asarray(values, dtype=np.float64))
    if len(x) < 3:
        return "log" if len(x) == 2 and x[0] > 0 and x[1] >= 5 * x[0] else "linear"
    steps = np.diff(x)
    uneven: dict[Scale, float] = {"linear": float(steps.max() / steps.min())}
    if x[0] > 0:
        factors = np.diff(np.log(x))
        uneven["log"] = float(factors.max() / max(factors.min(), 1e-12))
    best = min(uneven, key=lambda scale: uneven[scale])
    return best if uneven[best] <= _UNEVEN else "order"


def _lower(measure: Measure) -> str:
    return measure.title if measure.title.startswith("PSNR") else measure.title.lower()


def _parts(runs: Sequence[Compared]) -> list[str]:
    return list(dict.fromkeys(part for run in runs for part in run.figures))


def _errors(found: Sequence[tuple[float, float, float]]) -> tuple[Floats, Floats]:
    """(values, how far the intervals reach below and above them)."""
    table = np.array([style.finite(triple) for triple in found])
    reach = np.stack([table[:, 0] - table[:, 1], table[:, 2] - table[:, 0]])
    return table[:, 0], np.nan_to_num(np.maximum(reach, 0.0))


def _span(runs: Sequence[Compared]) -> tuple[float, float]:
    values = style.finite(number for run in runs for triple in run.figures.values() for number in triple)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _by_number(runs: Sequence[Compared], measure: Measure, x: Floats, narrow: bool) -> Figure:
    figure = style.new_figure(style.NARROW if narrow else 8.2, 3.1 if narrow else 3.6)
    axes = figure.subplots()
    (name,) = runs[0].settings
    style.dress(axes, xlabel=name, ylabel=_lower(measure), grid="both")
    values_there, scale = np.unique(x), scale_of(list(x))
    if scale == "order":
        x = np.searchsorted(values_there, x).astype(np.float64)
    factors = scale == "log"
    parts = _parts(runs)
    for place, part in enumerate(parts):
        shift = 0.006 * (place - (len(parts) - 1) / 2) * len(parts)  # so that intervals do not cover one another
        chosen = np.array([part in run.figures for run in runs])
        at = np.log(x[chosen]) if factors else x[chosen]
        wide = float(np.ptp(np.log(x) if factors else x)) or 1.0
        at = np.exp(at + shift * wide) if factors else at + shift * wide
        values, reach = _errors([run.figures[part] for run in runs if part in run.figures])
        order = np.argsort(at, kind="stable")
        axes.errorbar(at[order], values[order], yerr=reach[:, order], color=_COLOURS.get(part, style.BLUE), marker="o",
                      markersize=4.5, linewidth=1.6, elinewidth=1.2, capsize=3, label=style.plain(part))  # fmt: skip
    measure_axis(axes, measure, *_span(runs))
    _axis_of_values(axes, x, values_there, factors, narrow)
    for run, at_x in zip(runs, x, strict=True):
        if run.state in _OUT:
            _say_what_became(axes, run, at_x)
    style.figure_legend(figure)
    return figure


def _say_what_became(axes: Axes, run: Compared, x: float) -> None:
    """The state of a run that did not train: above its figures, or with a cross at the foot where it has none."""
    tops = style.finite(number for triple in run.figures.values() for number in triple)
    place: dict[str, Any] = {"xy": (x, 0.06), "xycoords": axes.get_xaxis_transform()}
    if np.isfinite(tops).any():
        place = {"xy": (x, float(np.nanmax(tops)))}
    else:
        axes.plot(x, 0.06, marker="x", markersize=8, markeredgewidth=2, color=style.GREY, linestyle="",
                  transform=axes.get_xaxis_transform())  # fmt: skip
    axes.annotate(run.state, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8.5, color=style.GREY,
                  **place)  # fmt: skip


def _axis_of_values(axes: Axes, x: Floats, values: Floats, factors: bool, narrow: bool) -> None:
    """A tick at each value that was tried, where there are few."""
    if factors:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = float(x.min()), float(x.max())
    if factors:
        room = (high / low) ** 0.08
        axes.set_xlim(low / room, high * room)
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_xlim(low - room, high + room)
    ticks, texts = np.unique(x), [f"{value:g}" for value in values]
    if len(ticks) <= (7 if narrow else 14) or not np.array_equal(ticks, values):
        axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.xaxis.set_major_formatter(FixedFormatter(texts))
        if sum(map(len, texts)) > (34 if narrow else 80):
            axes.tick_params(axis="x", rotation=45)


def _by_word(runs: Sequence[Compared], measure: Measure, narrow: bool) -> Figure:
    longest = 22 if narrow else 44
    figure = style.new_figure(style.NARROW if narrow else 8.6, max(1.6, 0.9 + 0.36 * len(runs)))
    axes = figure.subplots()
    style.dress(axes, xlabel=_lower(measure), grid="x")
    axes.spines["left"].set_visible(False)
    places, parts = np.arange(len(runs)), _parts(runs)
    for number, part in enumerate(parts):
        chosen = np.array([part in run.figures for run in runs])
        values, reach = _errors([run.figures[part] for run in runs if part in run.figures])
        axes.errorbar(values, places[chosen] + 0.16 * (number - (len(parts) - 1) / 2), xerr=reach, linestyle="",
                      color=_COLOURS.get(part, style.BLUE), marker="o", markersize=5, elinewidth=1.4, capsize=3,
                      label=style.plain(part))  # fmt: skip
    for place, run in enumerate(runs):
        if run.state in _OUT:
            axes.text(0.99, place, f"✕ {run.state}", transform=axes.get_yaxis_transform(), ha="right", va="center",
                      fontsize=8.5, color=style.GREY)  # fmt: skip
    labels = [style.plain(_middle_out(run.label, longest)) for run in runs]
    axes.set_yticks(places, labels, fontsize=8.5, color=style.INK)
    axes.set_ylim(len(runs) - 0.4, -0.6)
    low, high = _span(runs)
    axes.set_xlim(max(0.0, low) if measure.share else low, min(high, 1.01) if measure.share else high)
    if measure.share:
        style.percent_axis(axes.xaxis, 4 if narrow else 6)
    style.figure_legend(figure)
    return figure


def _middle_out(text: str, length: int) -> str:
    """At most so many letters, the middle left out: networks often differ at their ends."""
    if len(text) <= length:
        return text
    return f"{text[: (length + 1) // 2 - 1].rstrip()}…{text[len(text) - length // 2 :].lstrip()}"


def _matrix(runs: Sequence[Compared], measure: Measure, narrow: bool) -> Figure:
    down, across = (list(dict.fromkeys(str(run.settings[name]) for run in runs)) for name in runs[0].settings)
    parts = _parts(runs)
    part = "validation" if "validation" in parts else parts[0] if parts else ""
    shown, states = np.full((len(down), len(across)), math.nan), {}
    for run in runs:
        i, j = (choices.index(str(v)) for choices, v in zip((down, across), run.settings.values(), strict=True))
        shown[i, j], states[i, j] = style.finite([run.figures.get(part, (math.nan,))[0]])[0], run.state
    width = style.NARROW if narrow else float(np.clip(1.6 + 1.05 * len(across), 4.6, 11.0))
    figure = style.new_figure(width, float(np.clip(1.0 + (0.42 if narrow else 0.5) * len(down), 1.8, 12.0)))
    axes = figure.subplots()
    there = np.isfinite(shown)
    low, high = (float(shown[there].min()), float(shown[there].max())) if there.any() else (0.0, 1.0)
    strength = 0.08 + 0.8 * (shown - low) / ((high - low) or 1.0)
    picture = style.blend(style.BLUE, np.where(there, strength, 0.0))
    picture[~there] = 0.965
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    size = float(np.clip(8.4 * width / (len(across) + 1.5) / 0.9, 5.0, 9.5))
    for (i, j), state in states.items():
        dark = float(picture[i, j] @ np.array([0.299, 0.587, 0.114])) < 0.62
        number = f"{100 * shown[i, j]:.1f}" if measure.share else f"{shown[i, j]:.3g}"
        text = "\n".join([*([number] if there[i, j] else []), *([state] if state in _OUT else [])])
        axes.text(j, i, text, ha="center", va="center", fontsize=size, color=style.PAPER if dark else style.INK)
        if state == "best":
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=style.ORANGE, linewidth=2.2,
                                     clip_on=False, zorder=3))  # fmt: skip
    unit = " in %" if measure.share else ""
    first, second = runs[0].settings
    title = f"{part} {_lower(measure)}{unit}".strip()
    style.dress(axes, title=title[:1].upper() + title[1:], xlabel=second, ylabel=first, grid="")
    style.pictures_off(axes)
    cut = 10 if narrow else 22
    axes.set_xticks(range(len(across)), [style.plain(_middle_out(text, cut)) for text in across], color=style.INK)
    axes.set_yticks(range(len(down)), [style.plain(_middle_out(text, cut)) for text in down], color=style.INK)
    return figure


def compared_curves(runs: Sequence[Compared], *, narrow: bool = False) -> Figure:
    """The learning curves of all runs over one another: validation where there is one, else training.

    The axes fit the runs that trained; those that failed or diverged are grey and may leave them. Values in order have
    colours in order; the best run is thicker.

    Parameters
    ----------
    runs : sequence of Compared
        At least one.
    narrow : bool
        One panel above the other, as a phone shows it.
    """
    measure = next((m for m in (measure_of(run.history) for run in runs) if m is not None), None)
    panels = 1 if measure is None else 2
    figure = style.new_figure(*((style.NARROW, 2.6 * panels + 0.6) if narrow else (5.0 * panels + 0.6, 3.5)))
    grid = figure.subplots(panels, 1, squeeze=False) if narrow else figure.subplots(1, panels, squeeze=False)
    named = _named(runs)
    for axes, one in zip(grid.ravel(), (None, measure), strict=False):
        key = "loss" if one is None else one.key
        validation = any(np.isfinite(series(run.history, f"valid_{key}")[1]).any() for run in runs)
        what = "loss" if one is None else _lower(one)
        style.dress(axes, title=f"{'Validation' if validation else 'Training'} {what}", xlabel="epoch")
        key = f"valid_{key}" if validation else key
        last = _draw_curves(axes, runs, key, named)
        span = _robust(runs, key)
        if span is None:
            style.empty_note(axes, "nothing finite was recorded")
            axes.set_yticks([])
        elif one is None:
            axes.set_yscale("log" if span[2] else "linear")
            axes.set_ylim(span[0], span[1])
        else:
            measure_axis(axes, one, span[0], span[1])
        axes.set_xlim(1 - 0.03 * last, last + 0.03 * last) if last > 1 else axes.set_xlim(0.5, 1.5)
        style.whole_ticks(axes)
    _legend(figure, grid.ravel()[0], narrow)
    return figure


def _named(runs: Sequence[Compared]) -> set[int]:
    """Which runs stand in the legend: all, or some at even distances, the best among them."""
    if len(runs) <= _MOST_LABELS:
        return set(range(len(runs)))
    even = np.linspace(0, len(runs) - 1, _MOST_LABELS - 1).round().astype(int).tolist()
    return {*even, *(i for i, run in enumerate(runs) if run.state == "best")}


def _colours(runs: Sequence[Compared]) -> list[Any]:
    firsts = [next(iter(run.settings.values()), None) for run in runs]
    good = [i for i, run in enumerate(runs) if run.state not in _OUT]
    ordered = all(is_real(first) for first in firsts) or len(good) > len(style.CYCLE)
    if ordered:
        scale = matplotlib.colormaps["viridis"](np.linspace(0.78, 0.05, max(1, len(good))))
        colours: list[Any] = [tuple(row) for row in scale]
    else:
        colours = list(style.CYCLE)
    return [colours[good.index(i)] if i in good else "#9aa3b0" for i in range(len(runs))]


def _draw_curves(axes: Axes, runs: Sequence[Compared], key: str, named: set[int]) -> float:
    """Draws them; the last epoch of all."""
    last = 1.0
    for i, (run, colour) in enumerate(zip(runs, _colours(runs), strict=True)):
        epochs, values = series(run.history, key)
        label = f"{_middle_out(run.label, 30)}{f' ({run.state})' if run.state else ''}"
        axes.plot(epochs, values, color=colour, label=style.plain(label) if i in named else None,
                  linestyle=(0, (3, 2)) if run.state in _OUT else "-", linewidth=2.6 if run.state == "best" else 1.5,
                  marker="o" if 1 <= len(epochs) <= 2 else "", markersize=4)  # fmt: skip
        last = max(last, *epochs[np.isfinite(epochs)].tolist(), 1.0)
    return last


def _robust(runs: Sequence[Compared], key: str) -> tuple[float, float, bool] | None:
    """An axis for the runs that trained: a few outliers among their values, as of a first epoch, may leave it."""
    good = [run.history for run in runs if run.state not in _OUT]
    values = np.concatenate([series(history, key)[1] for history in good] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if not values.size:
        return limits([run.history for run in runs], key.removeprefix("valid_"))
    usual = float(np.percentile(values, 90))
    kept = values[values <= max(4 * usual, 0.0)] if key.endswith("loss") and usual > 0 else values
    rows = [{"kind": "epoch", key: float(value)} for value in kept]
    return limits([rows], key.removeprefix("valid_"), margin=0.06)


def _legend(figure: Figure, axes: Axes, narrow: bool) -> None:
    handles, labels = axes.get_legend_handles_labels()
    where: Literal["outside lower center", "outside right center"]
    where = "outside lower center" if narrow else "outside right center"
    columns = 2 if narrow and max(map(len, labels), default=0) <= 18 else 1
    figure.legend(handles, labels, loc=where, ncols=columns, frameon=False, fontsize=8.5, labelcolor=style.INK,
                  handlelength=1.6)  # fmt: skip
