"""A network as boxes: what follows what, the sizes on the way, and where the way divides and joins again.

The layers run down a column and go on at the top of the next one. Stages that repeat are drawn once, with the number
of times; inside a residual sum or a concatenation the branches stand side by side.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from glassnet.nn import Network
from glassnet.nn.layer import Kind, Layer, sizes
from glassnet.nn.layers import Composite
from glassnet.report.figures import style
from glassnet.report.figures.stages import WEIGHTED, Stage, staged, stages_of

__all__ = ["network_figure"]

_LINE, _GAP, _ARROW, _PAD = 0.21, 0.03, 0.2, 0.09  # inches
_LETTER = 0.068  # inches of a letter
_TALLEST, _MOST_COLUMNS, _MOST_GROUPS = 8.0, 4, 60
_TIMES = 0.42  # inches beside a column for the number of times
_LONGEST_PERIOD = 3
_BETWEEN: tuple[Kind, ...] = ("pool", "dropout")  # between stages, so that these may be found to repeat
_FILLS: dict[Kind, str] = {"convolution": "#d6e7f5", "affine": "#fbe0cc", "pool": "#d3ede3"}
_PLAIN = "#eef1f5"


@dataclass(frozen=True)
class _Row:
    """A layer's line: what it is, and its output's size where that differs from its input's.

    `between` says that it stands between stages.
    """

    text: str
    size: str
    fill: str
    between: bool = False


@dataclass(frozen=True)
class _Fork:
    """Branches side by side in a frame, and how they come together."""

    branches: tuple[tuple[_Part, ...], ...]
    joint: str
    size: str


_Part = _Row | _Fork


@dataclass(frozen=True)
class _Group:
    """Parts that are drawn as one stage after the other, `times` times."""

    stages: tuple[tuple[_Part, ...], ...]
    times: int


def network_figure(network: Network) -> Figure:
    """The network's layers as boxes with the sizes of what they give.

    Convolutions are blue, affine layers orange, pools green. Padding, biases and initialisations are left out.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.report import network_figure
    >>> type(network_figure(Network("linear 5 -> relu -> linear 3", (4,)))).__name__
    'Figure'
    """
    stages = [_parts(stage) for stage in stages_of(network, (*WEIGHTED, *_BETWEEN))]
    groups = [_Group(((_Row("input", sizes(network.input_shape), "#ffffff"),),), 1), *_joined(_folded(stages))]
    if len(groups) > _MOST_GROUPS:
        more = len(groups) - _MOST_GROUPS
        half = _MOST_GROUPS // 2
        groups = [*groups[:half], _Group(((_Row(f"... {more} more ...", "", "#ffffff"),),), 1), *groups[-half:]]
    columns = _columns(groups)
    widths = [max(_group_width(group) for group in column) for column in columns]
    heights = [sum(_group_height(group) for group in column) + _ARROW * (len(column) - 1) for column in columns]
    between, margin = 0.45, 0.12
    total = (sum(widths) + between * (len(columns) - 1) + 2 * margin, max(heights) + 2 * margin)
    figure = style.new_figure(*total)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    style.pictures_off(axes)
    left = margin
    for number, (column, width) in enumerate(zip(columns, widths, strict=True)):
        bottom = _draw_column(axes, column, left, margin, width)
        if number + 1 < len(columns):
            middle = left + _inner(column, width) / 2
            reach = between / 2 + _inner(columns[number + 1], widths[number + 1]) / 2
            _turn(axes, middle, bottom, left + width + between / 2, margin, reach)
        left += width + between
    axes.set_xlim(0.0, total[0])
    axes.set_ylim(total[1], 0.0)
    return figure


# ---- what there is to draw


def _parts(stage: Stage) -> tuple[_Part, ...]:
    return tuple(_fork(layer) if isinstance(layer, Composite) else _row(layer) for _, layer in stage)


def _row(layer: Layer) -> _Row:
    text = re.sub(r", (pad [\d ]+|bias off|init [^,]+)(?=,|$)", "", layer.notation())
    size = sizes(layer.output_shape) if layer.output_shape != layer.input_shape or layer.kind == "convolution" else ""
    return _Row(text, size, _FILLS.get(layer.kind, _PLAIN), layer.kind in _BETWEEN)


def _fork(layer: Composite) -> _Fork:
    branches = [
        tuple(part for stage in staged(("", one) for one in branch) for part in _parts(stage))
        for branch in layer.branches.values()
    ]
    if layer.joins_input:
        branches.append((_Row("input as it is", "", "#ffffff"),))
    return _Fork(tuple(branches), layer.joint, sizes(layer.output_shape))


def _folded(stages: list[tuple[_Part, ...]]) -> list[_Group]:
    """Stages with runs of equal ones (or of equal pairs or triples) drawn together."""
    groups = []
    position = 0
    while position < len(stages):
        period, times = max(
            ((p, _run(stages, position, p)) for p in range(1, _LONGEST_PERIOD + 1)),
            key=lambda found: (found[0] * found[1] if found[1] > 1 else 0, -found[0]),
        )
        if times == 1:
            period = 1
        groups.append(_Group(tuple(stages[position : position + period]), times))
        position += period * times
    return groups


def _joined(groups: list[_Group]) -> list[_Group]:
    """Groups in which what is between stages stands with the one before it, unless that one repeats."""
    joined: list[_Group] = []
    for group in groups:
        first = group.stages[0][0]
        if isinstance(first, _Row) and first.between and joined and joined[-1].times == group.times == 1:
            before = joined.pop()
            both = (*before.stages[:-1], (*before.stages[-1], *group.stages[0]), *group.stages[1:])
            joined.append(_Group(both, 1))
        else:
            joined.append(group)
    return joined


def _run(stages: list[tuple[_Part, ...]], start: int, period: int) -> int:
    """How often the `period` stages from `start` follow each other."""
    pattern, times = stages[start : start + period], 1
    while stages[start + times * period : start + (times + 1) * period] == pattern:
        times += 1
    return times


def _columns(groups: list[_Group]) -> list[list[_Group]]:
    """Groups in columns of about one height."""
    total = sum(_group_height(group) + _ARROW for group in groups)
    count = min(_MOST_COLUMNS, max(1, math.ceil(total / _TALLEST)))
    columns: list[list[_Group]] = [[]]
    height = 0.0
    for group in groups:
        own = _group_height(group) + _ARROW
        if columns[-1] and height + own / 2 > total / count and len(columns) < count:
            columns.append([])
            height = 0.0
        columns[-1].append(group)
        height += own
    return columns


# ---- how large it is


def _width(parts: tuple[_Part, ...]) -> float:
    return max(
        sum(_width(branch) for branch in part.branches) + _PAD * (len(part.branches) + 1)
        if isinstance(part, _Fork)
        else _LETTER * (len(part.text) + len(part.size) + 3) + 0.1
        for part in parts
    )


def _height(parts: tuple[_Part, ...]) -> float:
    return sum(_part_height(part) for part in parts) + _GAP * (len(parts) - 1)


def _part_height(part: _Part) -> float:
    if isinstance(part, _Row):
        return _LINE
    return max(_height(branch) for branch in part.branches) + 2 * _PAD + _GAP + _LINE


def _group_width(group: _Group) -> float:
    return max(1.5, *(_width(stage) for stage in group.stages)) + (_TIMES if group.times > 1 else 0.0)


def _inner(column: list[_Group], width: float) -> float:
    """Width of a column's boxes."""
    return width - (_TIMES if any(group.times > 1 for group in column) else 0.0)


def _group_height(group: _Group) -> float:
    return sum(_height(stage) for stage in group.stages) + _ARROW * (len(group.stages) - 1)


# ---- how it is drawn


def _draw_column(axes: Axes, column: list[_Group], left: float, top: float, width: float) -> float:
    """Draw groups from the top, each as wide as the column; returns where they end."""
    inner = _inner(column, width)
    middle = left + inner / 2
    for place, group in enumerate(column):
        if place:
            _arrow(axes, middle, top, top + _ARROW)
            top += _ARROW
        start = top
        for number, stage in enumerate(group.stages):
            if number:
                _arrow(axes, middle, top, top + _ARROW)
                top += _ARROW
            _draw_parts(axes, stage, left, top, inner)
            top += _height(stage)
        if group.times > 1:
            x = left + inner + 0.07
            axes.plot([x, x + 0.05, x + 0.05, x], [start, start, top, top], color=style.GREY, linewidth=1.0)
            axes.text(
                x + 0.1, (start + top) / 2, f"×{group.times}", fontsize=8, color=style.INK, va="center", weight="bold"
            )
    return top


def _draw_parts(axes: Axes, parts: tuple[_Part, ...], left: float, top: float, width: float) -> None:
    for part in parts:
        height = _part_height(part)
        if isinstance(part, _Row):
            _box(axes, left, top, width, height, part.fill)
            _write(axes, part.text, part.size, left, top, width)
        else:
            _draw_fork(axes, part, left, top, width)
        top += height + _GAP


def _draw_fork(axes: Axes, fork: _Fork, left: float, top: float, width: float) -> None:
    height = _part_height(fork)
    _box(axes, left, top, width, height, "#ffffff", edge="#b9c2ce")
    natural = [_width(branch) for branch in fork.branches]
    spare = (width - _PAD * (len(natural) + 1) - sum(natural)) / len(natural)
    tallest = max(_height(branch) for branch in fork.branches)
    x = left + _PAD
    for branch, own in zip(fork.branches, natural, strict=True):
        end = top + _PAD + _height(branch)
        _draw_parts(axes, branch, x, top + _PAD, own + spare)
        middle = x + (own + spare) / 2
        axes.plot([middle, middle], [end, top + 2 * _PAD + tallest], color=style.GREY, linewidth=0.9)
        x += own + spare + _PAD
    line = top + 2 * _PAD + tallest
    _box(axes, left + _PAD, line, width - 2 * _PAD, _LINE, _PLAIN)
    _write(axes, fork.joint, fork.size, left + _PAD, line, width - 2 * _PAD)


def _box(axes: Axes, left: float, top: float, width: float, height: float, fill: str, edge: str = "#c9d1db") -> None:
    shape = "round,pad=0,rounding_size=0.04"
    axes.add_patch(
        FancyBboxPatch((left, top), width, height, boxstyle=shape, facecolor=fill, edgecolor=edge, linewidth=0.8)
    )


def _write(axes: Axes, text: str, size: str, left: float, top: float, width: float) -> None:
    middle = top + _LINE / 2
    axes.text(left + 0.06, middle, style.plain(text), fontsize=7.5, color=style.INK, va="center_baseline")
    axes.text(left + width - 0.06, middle, size, fontsize=7.5, color=style.GREY, va="center_baseline", ha="right")


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    form = {"arrowstyle": "-|>", "color": style.GREY, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    axes.annotate("", (x, end), (x, start), arrowprops=form)


def _turn(axes: Axes, x: float, bottom: float, between: float, top: float, reach: float) -> None:
    """The way from the foot of a column to the head of the next one."""
    low, high = bottom + 0.06, top - 0.06
    xs = [x, x, between, between, between + reach]
    axes.plot(xs, [bottom, low, low, high, high], color=style.GREY, linewidth=0.9)
    _arrow(axes, between + reach, high, top)
