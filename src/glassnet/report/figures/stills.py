"""The figure of photographs beside a video: accuracy as they are, corrupted as the video is, and of the frames."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from glassnet.metrics import Interval, wilson_interval
from glassnet.report.figures import style
from glassnet.watch import StillsBesideVideo

__all__ = ["stills_figure"]


def stills_figure(found: StillsBesideVideo, *, narrow: bool = False) -> Figure:
    """A row for the photographs, one for each corruption that was matched, all together, and the video's frames.

    Points are accuracies, strokes their 95 % intervals. `narrow`: as a phone shows it.
    """
    n = len(found.right)

    def of(right: int) -> tuple[float, Interval]:
        return right / n, wilson_interval(right, n)

    rows = [("photographs", *of(int(found.right.sum())), style.BLUE)]
    for match in found.matches:
        if match.applies and match.right is not None:
            rows.append((f"{match.kind} as in the video", *of(int(match.right.sum())), style.GREY))
    rows.append(("all of these together", *of(int(found.together.sum())), style.GREEN))
    rows.append(("frames of the video", found.frames.value, found.frames.interval, style.ORANGE))
    figure = style.new_figure(style.NARROW if narrow else 7.4, 0.34 * len(rows) + 0.9)
    axes = figure.subplots()
    for place, (_, value, interval, colour) in enumerate(rows):
        if not math.isnan(interval.low):
            axes.plot(interval, (place, place), color=colour, linewidth=2.2, solid_capstyle="butt", alpha=0.45)
        axes.plot(value, place, color=colour, marker="o", markersize=6, linestyle="none", clip_on=False, zorder=3)
    axes.axvline(rows[0][1], color=style.BLUE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(range(len(rows)), [style.shorten(name, 18) if narrow else name for name, *_ in rows])
    style.dress(axes, grid="x", xlabel="accuracy")
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    style.percent_axis(axes.xaxis, 5)
    return figure
