"""A topology drawn as SVG: pixels at the left, a column of units for each level, classes at the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.report.figures import style
from glassnet.report.html import Html, element
from glassnet.text import shorten
from glassnet.wann.graph import Graph

__all__ = ["COLOURS", "topology_svg"]

COLOURS = dict(zip(ACTIVATIONS, (*style.CYCLE, "#8a2d3b", "#3b7a78"), strict=True))
"""The colour of each activation."""

_COLUMN, _ROW, _RADIUS = 76.0, 38.0, 15.0  # between units, in pixels
_HIGHEST, _CLOSEST = 760.0, 15.0  # of a column, in pixels; between units of one that has many
_WIDEST, _NARROWEST = 1100.0, 30.0  # of all columns; between two of a deep network
_LEGIBLE = 11.0  # radius of a unit that has room for its word
_EDGE = 24.0  # around everything
_GRID = 180.0  # the side of the picture
_NAME = 12  # letters of a class

Point = tuple[float, float]


def topology_svg(graph: Graph, image_shape: tuple[int, int, int], classes: Sequence[str]) -> Html:
    """The graph as an `<svg>` element of its natural size.

    Only what has a way to an output is drawn. A pixel is the darker, the more connections come from it.

    Parameters
    ----------
    graph : Graph
        Its inputs are the pixels of the picture, row by row.
    image_shape : (int, int, int)
        (H, W, C) of the picture; channels of a pixel lie on one another.
    classes : sequence of str
        A name for each output.
    """
    columns = _columns(graph)
    rows = max(len(column) for column in columns)
    row = min(_ROW, max(_CLOSEST, _HIGHEST / rows))
    radius = min(_RADIUS, 0.42 * row)
    height = max(rows * row, _GRID + 2 * _ROW) + 2 * _EDGE
    gap = min(_COLUMN, max(_NARROWEST, _WIDEST / len(columns)))
    left = 2 * _EDGE + _GRID + _COLUMN
    width = left + (len(columns) - 1) * gap + _RADIUS + 8 * _NAME + _EDGE
    places = _places(graph, columns, image_shape, left, gap, height)
    used = graph.used()
    lines = [
        _line(places[int(node)], places[graph.first + unit])
        for unit in range(len(graph.codes))
        if used[graph.first + unit]
        for node in graph.sources(unit)
    ]
    circles = [_unit(graph, node - graph.first, places[node], radius) for column in columns for node in column]
    names = [
        _text(places[graph.first + graph.hidden + k][0] + radius + 6, places[graph.first + graph.hidden + k][1] + 4,
              shorten(name, _NAME), size=12, anchor="start")
        for k, name in enumerate(classes)
    ]  # fmt: skip
    return element(
        "svg",
        element("title", f"A network of {graph.hidden} units and {graph.connections} connections"),
        element("rect", width="100%", height="100%", fill=style.PAPER),
        element("g", *lines, fill="none", stroke=style.GREY, stroke_opacity="0.4"),
        *_picture(graph, image_shape, places),
        *circles,
        *names,
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        font_family="system-ui, sans-serif",
    )


def _columns(graph: Graph) -> list[list[int]]:
    """The nodes of used units by level, those of outputs last, each column in an order that crosses few lines."""
    levels, used = graph.levels(), graph.used()
    outputs = list(range(graph.first + graph.hidden, graph.first + len(graph.codes)))
    hidden = [node for node in range(graph.first, graph.first + graph.hidden) if used[node]]
    found = [[node for node in hidden if levels[node] == level] for level in range(max(levels) + 1)]
    height = np.zeros(graph.first + len(graph.codes))
    height[: graph.first] = np.linspace(0, 1, graph.first)
    made: list[list[int]] = []
    for column in filter(None, found):
        wanted = {node: float(height[graph.sources(node - graph.first)].mean()) for node in column
                  if len(graph.sources(node - graph.first))}  # fmt: skip
        column = sorted(column, key=lambda node: (wanted.get(node, 0.5), node))
        height[column] = (np.arange(len(column)) + 0.5) / len(column)
        made.append(column)
    return [*made, outputs]


def _places(
    graph: Graph, columns: list[list[int]], image_shape: tuple[int, int, int], left: float, across: float, height: float
) -> dict[int, Point]:
    h, w, c = image_shape
    side = _GRID / max(h, w)
    top = (height - side * h - _ROW) / 2
    found: dict[int, Point] = {}
    for node in range(graph.inputs):
        row, column = divmod(node // c, w)
        found[node] = (_EDGE + (column + 0.5) * side, top + (row + 0.5) * side)
    found[graph.inputs] = (_EDGE + _GRID / 2, top + side * h + _ROW)
    for number, nodes in enumerate(columns):
        gap = (height - 2 * _EDGE) / len(nodes)
        for place, node in enumerate(nodes):
            # columns of equal height would let straight lines run through units
            shift = 0.18 * gap * (-1) ** number if number < len(columns) - 1 else 0.0
            found[node] = (left + number * across, _EDGE + (place + 0.5) * gap + shift)
    return found


def _picture(graph: Graph, image_shape: tuple[int, int, int], places: dict[int, Point]) -> list[Html]:
    h, w, c = image_shape
    side = _GRID / max(h, w)
    used = graph.used()
    kept = np.concatenate([graph.sources(u) for u in range(len(graph.codes)) if used[graph.first + u]])
    counts = np.bincount(kept, minlength=graph.first)[: graph.inputs].reshape(h * w, c).sum(axis=1)
    colours = style.blend(style.BLUE, counts / max(1, counts.max()))
    found = []
    for pixel in range(h * w):
        x, y = places[pixel * c]
        red, green, blue = (round(255 * value) for value in colours[pixel])
        found.append(
            element("rect", x=f"{x - side / 2:.1f}", y=f"{y - side / 2:.1f}", width=f"{side:.2f}",
                    height=f"{side:.2f}", fill=f"rgb({red},{green},{blue})", stroke=style.FAINT)
        )  # fmt: skip
    if used[graph.inputs]:
        x, y = places[graph.inputs]
        found.append(element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="11", fill=style.SOFT, stroke=style.GREY))
        found.append(_text(x, y + 4, "1", size=11))
    return found


def _unit(graph: Graph, unit: int, place: Point, radius: float) -> Html:
    word = ACTIVATIONS[graph.codes[unit]]
    x, y = place
    disc = element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}", fill=COLOURS[word])
    short = {"sigmoid": "sigm", "linear": "lin", "inverse": "inv", "gauss": "gau"}.get(word, word)
    name = _text(x, y + 3.5, short, size=10, colour="#ffffff") if radius >= _LEGIBLE else None
    return element("g", element("title", word), disc, name)


def _text(x: float, y: float, text: str, *, size: int, anchor: str = "middle", colour: str = style.INK) -> Html:
    return element(
        "text", text, x=f"{x:.1f}", y=f"{y:.1f}", font_size=size, text_anchor=anchor, fill=colour
    )  # fmt: skip


def _line(begin: Point, end: Point) -> Html:
    (x0, y0), (x1, y1) = begin, end
    bend = 0.45 * (x1 - x0)
    return element("path", d=f"M{x0:.1f},{y0:.1f} C{x0 + bend:.1f},{y0:.1f} {x1 - bend:.1f},{y1:.1f} {x1:.1f},{y1:.1f}")
