"""The panel of photographs beside a video: how much of what is lost each corruption accounts for."""

from __future__ import annotations

import math

from glassnet.report.figures.stills import stills_figure
from glassnet.report.html import element, join
from glassnet.report.page import Chart, Panel
from glassnet.report.tables import DASH, Cell, number, percent, table
from glassnet.watch import Gap, Match, StillsBesideVideo

__all__ = ["points", "points_interval", "stills_panel"]


def points(gap: Gap) -> str:
    """A difference of accuracies in points of a hundred."""
    return f"{100 * gap.value:+.1f}"


def points_interval(gap: Gap) -> str:
    """Its interval, or a dash."""
    low, high = gap.interval
    return DASH if math.isnan(low) or low == high else f"{100 * low:+.1f} to {100 * high:+.1f}"


def stills_panel(found: StillsBesideVideo) -> Panel:
    """Accuracies as a figure, and a table of the corruptions, what was measured and what each accounts for."""
    rows = [_row(found, match) for match in found.matches]
    lost, rest = found.lost_together, found.remainder
    dash = Cell(DASH, math.nan)
    rows.append([
        Cell("all together", "together"), dash, dash, dash, dash,
        Cell(percent(float(found.together.mean())), float(found.together.mean())), *_accounted(found, lost),
    ])  # fmt: skip
    rows.append([
        Cell("what is left", "left"), dash, dash, dash, dash,
        Cell(f"{percent(found.frames.value)} (frames)", found.frames.value), *_accounted(found, rest),
    ])  # fmt: skip
    headings = [
        ("corruption", False), ("what it changes", False), ("photographs", True), ("frames", True), ("severity", True),
        ("accuracy then", True), ("points lost, 95 % interval", True),
    ]  # fmt: skip
    if found.loss.sure:
        headings.append(("share of the loss", True))
    lead = (
        f"{found.verdict()} What each corruption changes was measured on photographs and frames (medians), and the"
        " photographs were corrupted by it until they have the frames' value. Intervals are paired over photographs;"
        " those of the video are by blocks of frames."
    )
    reasons = [element("li", f"{match.kind}: {match.reason}.") for match in found.matches if match.reason]
    reasons += [element("li", f"{note}.") for note in found.notes]
    if found.frames.reason:
        reasons.append(element("li", f"The video's share has no interval: {found.frames.reason}."))
    body = join([table(headings, rows, label="what each corruption accounts for"), element("ul", *reasons)])
    chart = Chart(
        "stills-and-video", lambda: stills_figure(found), "Accuracy of photographs, corrupted photographs and frames",
        narrow=lambda: stills_figure(found, narrow=True),
    )  # fmt: skip
    return Panel("stills", "Photographs beside the video", lead, chart, body)


def _row(found: StillsBesideVideo, match: Match) -> list[Cell]:
    name = [Cell(match.kind, match.kind), Cell(match.quantity or DASH, match.quantity)]
    values = [Cell(number(value, 3), value) for value in (match.stills, match.frames)]
    severity = Cell("none" if math.isnan(match.severity) else f"{match.severity:.1f}", match.severity)
    if match.right is None:
        return [*name, *values, severity, *(Cell(DASH, math.nan) for _ in range(2 + found.loss.sure))]
    accuracy = float(match.right.mean())
    return [*name, *values, severity, Cell(percent(accuracy), accuracy), *_accounted(found, found.lost(match))]


def _accounted(found: StillsBesideVideo, gap: Gap) -> list[Cell]:
    share = found.share(gap)
    return [
        Cell(points(gap) if points_interval(gap) == DASH else f"{points(gap)} ({points_interval(gap)})", gap.value),
        *([Cell(percent(share, 0), share)] if found.loss.sure else []),
    ]
