"""How fast each tensor moves: the size of an update against the size of the weights it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.report.figures import style
from glassnet.report.figures.curves import Records

__all__ = ["norms_figure", "update_ratios"]

_GUIDE = 1e-3


def update_ratios(history: Records) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """{tensor: (steps, |update| / |weight|)} of the step records; `nan` where the ratio is undefined.

    Biases, scales and shifts start at constants, where the ratio says little: they are left out if there are weights.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for record in history:
        norms = record.get("norms") if record.get("kind") == "step" else None
        if isinstance(norms, Mapping):
            for name, sizes in norms.items():
                steps, ratios = found.setdefault(str(name), ([], []))
                steps.append(record.get("step", len(steps)))
                ratios.append(_ratio(sizes))
    chosen = [name for name in found if name.endswith(".weight")] or list(found)
    arrays = {name: (style.finite(found[name][0]), style.finite(found[name][1])) for name in chosen}
    return {name: pair for name, pair in arrays.items() if np.isfinite(pair[1]).any()}


def _ratio(sizes: Any) -> float:
    try:
        update, weight = float(sizes["update"]), float(sizes["weight"])
    except (KeyError, TypeError, ValueError):
        return float("nan")
    return update / weight if weight > 0.0 and update > 0.0 else float("nan")


def norms_figure(history: Records, *, narrow: bool = False) -> Figure:
    """Ratio |update| / |weight| of each weight tensor over the steps, on a logarithmic axis.

    The dashed line at 1e-3 is a rule of thumb: far above it the learning rate is likely too high, far below too low.
    `narrow`: as a phone shows it.

    Source of the rule: A. Karpathy, CS231n course notes, "Neural Networks Part 3", section "Ratio of weights:updates".

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.report import norms_figure
    >>> run = glassnet.fit("digits", "linear", epochs=2, verbose=False)
    >>> type(norms_figure(run.history.records)).__name__
    'Figure'
    """
    ratios = update_ratios(history)
    figure = style.new_figure(*((style.NARROW, 3.6) if narrow else (9.6, 3.4)))
    axes = figure.subplots()
    style.dress(axes, xlabel="step", ylabel="size of update / size of weights", grid="both")
    if not ratios:
        style.empty_note(axes, "no norms were recorded")
        axes.set_yticks([])
        return figure
    for place, (name, (steps, values)) in enumerate(ratios.items()):
        colour = style.CYCLE[place % len(style.CYCLE)]
        dashes = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))[place // len(style.CYCLE) % 3]
        marker = "o" if len(steps) == 1 else ""
        axes.plot(steps, values, color=colour, linestyle=dashes, marker=marker, linewidth=1.5, label=style.plain(name))
    axes.axhline(_GUIDE, color=style.GREY, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.text(
        1.0,
        _GUIDE,
        "rule of thumb 1e-3 ",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="bottom",
        fontsize=8,
        color=style.GREY,
        bbox={"facecolor": style.PAPER, "alpha": 0.8, "linewidth": 0, "pad": 1.5},
    )
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 3e-4), max(high, 3e-3))
    style.whole_ticks(axes, 4 if narrow else 8)
    if narrow:
        style.figure_legend(figure, 2)
        return figure
    style.legend(axes, loc="center left", bbox_to_anchor=(1.01, 0.5), ncols=1 if len(ratios) <= 12 else 2)
    return figure
