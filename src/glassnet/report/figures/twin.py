"""The curves of two engines: their losses over one another, and how far their states are apart."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from glassnet.report.figures import style
from glassnet.twin import Twin

__all__ = ["twin_curves"]

_LEAST = 1e-17  # where an error of 0 is drawn


def twin_curves(found: Twin, *, narrow: bool = False) -> Figure:
    """Both losses by step, and the largest error of any tensor beside the tolerance; where they part is marked.

    `narrow`: one above the other, as a phone shows it.
    """
    figure = style.new_figure(style.NARROW if narrow else 9.6, 5.2 if narrow else 3.4)
    losses, errors = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    steps = np.arange(1, found.steps + 1)
    marker = "o" if found.steps <= 25 else ""
    style.dress(losses, title="Loss", xlabel="step")
    looks = ({"color": style.BLUE, "linewidth": 4.0, "alpha": 0.4}, {"color": style.ORANGE, "linewidth": 1.0})
    for values, name, look in zip(found.losses, found.names, looks, strict=True):  # the first is seen under the second
        losses.plot(steps, style.finite(values), label=name, marker=marker, markersize=3, **look)  # type: ignore[arg-type]
    style.dress(errors, title="Largest error of a tensor", xlabel="step")
    errors.plot(steps, np.maximum(style.finite(found.errors), _LEAST), color=style.GREEN, linewidth=1.6,
                marker=marker, markersize=3.4)  # fmt: skip
    errors.set_yscale("log")
    errors.axhline(found.tolerance, color=style.GREY, linewidth=0.9, linestyle=(0, (3, 3)))
    errors.annotate("tolerance", (0.01, found.tolerance), xycoords=("axes fraction", "data"), xytext=(0, 3),
                    textcoords="offset points", fontsize=8.5, color=style.GREY)  # fmt: skip
    for axes in (losses, errors):
        style.whole_ticks(axes)
        if found.parted is not None:
            axes.axvline(found.parted.step, color=style.GREY, linewidth=0.9, linestyle=(0, (1, 2)), label="they part")
    style.figure_legend(figure, 1 if narrow else None)
    return figure
