"""The working shown: every intermediate value with its dots and bars, as a table, in LaTeX, and as a drawn graph."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autodiff.expression import Graph
from glassnet.autodiff.modes import (
    Cost,
    Floats,
    Forward,
    Reverse,
    complex_step,
    costs,
    differences,
    forward_mode,
    is_analytic,
    local_derivatives,
    reverse_mode,
)
from glassnet.autodiff.operations import OPERATIONS
from glassnet.errors import FormulaError

__all__ = ["Working", "work"]

_LARGEST_DRAWN = 400  # nodes
_SMALLEST = 1e-290  # derivatives below lose digits to underflow
_AGREE = 1e-6
_BOX, _GAP_X, _GAP_Y = (150, 74), 70, 22


@dataclass(frozen=True, eq=False)
class Working:
    """The Jacobian of a graph at a point in every way, with all intermediate values.

    Attributes
    ----------
    numerical : (outputs, variables) array
        By central differences.
    complex : array or None
        The same by the complex step, or None where the formulas are not analytic.
    kinks : tuple of str
        The parts of the formulas that have a kink exactly here.
    """

    graph: Graph
    at: tuple[float, ...]
    forward: Forward
    reverse: Reverse
    numerical: Floats
    complex: Floats | None
    kinks: tuple[str, ...]
    cost: Cost

    @property
    def scale(self) -> float:
        """The largest intermediate value, dot or bar, at least 1: what rounding errors are relative to."""
        everything = [self.forward.values, *self.forward.dots, *self.reverse.bars]
        return max(1.0, *(abs(v) for row in everything for v in row))

    @property
    def sizes(self) -> Floats:
        """(outputs, variables) what each entry's rounding is relative to: the sum of its terms' sizes over all ways
        from the variable to the formula."""
        graph = self.graph
        size = np.zeros((len(graph.nodes), len(graph.names)))
        for column, k in enumerate(graph.variables):
            size[k, column] = 1.0
        for k, node in enumerate(graph.nodes):
            if node.inputs and graph.varies[k]:
                for j, partial in zip(node.inputs, local_derivatives(graph, self.forward.values, k), strict=True):
                    if graph.varies[j]:
                        size[k] += abs(partial) * size[j]
        return size[list(graph.outputs)]

    @property
    def exact_ways(self) -> dict[str, Floats]:
        """The Jacobian by each way that only rounds."""
        ways = {"forward mode": self.forward.jacobian, "reverse mode": self.reverse.jacobian}
        return ways if self.complex is None else ways | {"complex step": self.complex}

    @property
    def disagreement(self) -> tuple[float, str | None]:
        """The largest difference between two exact ways, relative to `sizes`, and the way that stands apart.

        That is the one furthest from the others; of two the one further from central differences. None where all agree
        to 1e-6, or where no other way tells.
        """
        size = np.maximum(self.sizes, _SMALLEST)

        def gap(a: Floats, b: Floats) -> float:
            return float(np.nanmax(np.abs(a - b) / size, initial=0.0))

        ways = self.exact_ways
        worst = max(gap(a, b) for a, b in itertools.combinations(ways.values(), 2))
        if worst <= _AGREE:
            return worst, None
        others = [*ways.values()] if len(ways) > 2 else [self.numerical]
        far = {name: sum(gap(own, other) for other in others) for name, own in ways.items()}
        odd = max(far, key=lambda name: far[name])
        return worst, odd if far[odd] > min(far.values()) else None

    def names(self) -> list[str]:
        """A short name for every node: variables and numbers as they are, v1, v2, ... for what is computed."""
        names, count = [], 0
        for k, node in enumerate(self.graph.nodes):
            if node.op in OPERATIONS:
                count += 1
                names.append(f"v{count}")
            else:
                names.append(self.graph.label(k))
        return names

    def rows(self) -> list[tuple[str, ...]]:
        """A head and a row a node: name, operation, value, a dot for each variable, a bar for each formula."""
        names, graph = self.names(), self.graph
        head = ["", "is", "value", *(f"dot {n}" for n in graph.names)]
        head += [f"bar f{i}" for i in range(1, len(graph.outputs) + 1)]
        rows = [tuple(head)]
        for k, node in enumerate(graph.nodes):
            if node.op == "number":
                continue
            own = "variable"
            if node.inputs:
                own = OPERATIONS[node.op].written(*((names[i], 9) for i in node.inputs))[0]
            derivatives = [dots[k] for dots in self.forward.dots] + [bars[k] for bars in self.reverse.bars]
            mark = "".join(f" = f{i}" for i, o in enumerate(graph.outputs, start=1) if o == k)
            rows.append((names[k], own + mark, *(_number(v) for v in (self.forward.values[k], *derivatives))))
        return rows

    def latex(self) -> str:
        """The working as a LaTeX fragment: values, dots, bars, and the Jacobian (needs amsmath)."""
        names = [_latex_name(name) for name in self.names()]
        graph, lines = self.graph, []
        computed = graph.operations
        lines += ["% values", r"\begin{align*}"]
        for k in computed:
            node = graph.nodes[k]
            formula = OPERATIONS[node.op].as_latex(*(names[i] for i in node.inputs))
            lines.append(rf"{names[k]} &= {formula} = {_latex_number(self.forward.values[k])} \\")
        lines += [r"\end{align*}", "% forward mode"]
        for name, dots in zip(graph.names, self.forward.dots, strict=True):
            lines += [rf"\paragraph{{Forward mode, direction ${_latex_name(name)}$}}", r"\begin{align*}"]
            for k in computed:
                terms = self._terms(k, names, lambda j, names=names: rf"\dot{{{names[j]}}}")
                lines.append(rf"\dot{{{names[k]}}} &= {terms} = {_latex_number(dots[k])} \\")
            lines.append(r"\end{align*}")
        lines.append("% reverse mode")
        for number, bars in enumerate(self.reverse.bars, start=1):
            lines += [rf"\paragraph{{Reverse mode from $f_{{{number}}}$}}", r"\begin{align*}"]
            for j in range(len(graph.nodes) - 1, -1, -1):
                if graph.nodes[j].op == "number":
                    continue
                parts = [
                    rf"\bar{{{names[k]}}} \cdot \left({partial}\right)"
                    for k in computed
                    for i, partial in zip(graph.nodes[k].inputs, self._partials(k, names), strict=True)
                    if i == j
                ]
                if graph.outputs[number - 1] == j:
                    parts.append("1")
                lines.append(rf"\bar{{{names[j]}}} &= {' + '.join(parts) or '0'} = {_latex_number(bars[j])} \\")
            lines.append(r"\end{align*}")
        rows = r" \\ ".join(" & ".join(_latex_number(v) for v in row) for row in self.reverse.jacobian)
        lines += ["% Jacobian", rf"\[ J = \begin{{pmatrix}} {rows} \end{{pmatrix}} \]"]
        return "\n".join(lines) + "\n"

    def _partials(self, k: int, names: list[str]) -> list[str]:
        node = self.graph.nodes[k]
        return OPERATIONS[node.op].partials_as_latex(*(names[i] for i in node.inputs), value=names[k])

    def _terms(self, k: int, names: list[str], dot: Any) -> str:
        node = self.graph.nodes[k]
        return (
            " + ".join(
                rf"\left({partial}\right) {dot(j)}"
                for j, partial in zip(node.inputs, self._partials(k, names), strict=True)
                if self.graph.nodes[j].op != "number"
            )
            or "0"
        )

    def svg(self) -> str:
        """The graph drawn, from the variables on the left to the formulas on the right: values, dots and bars in the
        boxes, local derivatives on the arrows.

        Raises `FormulaError` for more than 400 nodes.
        """
        return _drawn(self)


def work(graph: Graph, at: tuple[float, ...]) -> Working:
    """The derivatives of a graph at a point, in every way. Raises `FormulaError` where there are none."""
    forward, reverse = forward_mode(graph, at), reverse_mode(graph, at)
    step = _or_nothing(lambda: complex_step(graph, at), forward) if is_analytic(graph) else None
    kinks = tuple(graph.text(k) for k in graph.operations if _at_kink(graph, forward.values, k))
    numerical = _or_nothing(lambda: differences(graph, at), forward)
    return Working(graph, at, forward, reverse, numerical, step, kinks, costs(graph))


def _or_nothing(way: Callable[[], Floats], forward: Forward) -> Floats:
    """The Jacobian by a way, or not a number at the edge of where the formula is defined."""
    try:
        return way()
    except FormulaError:
        return np.full(forward.jacobian.shape, np.nan)


def _at_kink(graph: Graph, values: list[float], k: int) -> bool:
    node = graph.nodes[k]
    inputs = [values[i] for i in node.inputs]
    tied = node.op in ("max", "min") and sum(v == values[k] for v in inputs) > 1
    return tied or (node.op in ("abs", "relu") and inputs[0] == 0)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _latex_number(value: float) -> str:
    mantissa, _, exponent = f"{value:.6g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _latex_name(name: str) -> str:
    letters = name.rstrip("0123456789")
    digits = name[len(letters) :]
    plain = letters.replace("_", r"\_")
    plain = plain if len(letters) == 1 else rf"\mathrm{{{plain}}}" if letters.isidentifier() else plain
    return f"{plain}_{{{digits}}}" if digits and letters.isidentifier() else plain + digits


# ---- the drawing -----------------------------------------------------------------------------------------------------


def _drawn(working: Working) -> str:
    graph, names = working.graph, working.names()
    used = {i for node in graph.nodes for i in node.inputs} | set(graph.outputs)
    shown = [k for k in range(len(graph.nodes)) if k in used]
    if len(shown) > _LARGEST_DRAWN:
        raise FormulaError(f"A graph of {len(shown)} nodes is too large to draw; at most {_LARGEST_DRAWN} are.")
    depth = _depths(graph, shown)
    place = _places(graph, shown, depth)
    width = max(x for x, _ in place.values()) + _BOX[0] + 20
    height = max(y for _, y in place.values()) + _BOX[1] + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="11">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#667"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
    ]
    for k in shown:
        if graph.nodes[k].inputs:
            partials = local_derivatives(graph, list(working.forward.values), k)
            for number, (j, partial) in enumerate(zip(graph.nodes[k].inputs, partials, strict=True)):
                way = [place[j], *(place[j, d] for d in range(depth[j] + 1, depth[k])), place[k]]
                parts += _arrow(way, number, len(partials), None if graph.nodes[j].op == "number" else float(partial))
    for k in shown:
        parts += _box(working, k, names[k], place[k])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _depths(graph: Graph, shown: list[int]) -> dict[int, int]:
    """The column of every node: one to the right of its inputs; numbers stand just before what uses them."""
    depth: dict[int, int] = {}
    for k in shown:
        depth[k] = 1 + max((depth[i] for i in graph.nodes[k].inputs), default=-1)
    for k in shown:
        if graph.nodes[k].op == "number":
            depth[k] = min((depth[n] for n in shown if k in graph.nodes[n].inputs), default=1) - 1
    return depth


def _places(graph: Graph, shown: list[int], depth: dict[int, int]) -> dict[Any, tuple[float, float]]:
    """The upper left corner of every node k, and the height (j, d) at which an arrow from j passes column d.

    In each column what stands there is ordered by where it comes from.
    """
    sources: dict[int, dict[Any, list[Any]]] = {}
    for k in shown:
        sources.setdefault(depth[k], {})[k] = []
        for j in graph.nodes[k].inputs:
            last: Any = j
            for d in range(depth[j] + 1, depth[k]):
                sources.setdefault(d, {})[j, d] = [last]
                last = (j, d)
            sources[depth[k]][k].append(last)
    rows: dict[Any, float] = {}
    for d in sorted(sources):
        wanted = {
            item: float(np.mean([rows[i] for i in found])) if found else float(number)
            for number, (item, found) in enumerate(sources[d].items())
        }
        edge = -np.inf
        for item in sorted(wanted, key=lambda item: wanted[item]):
            half = 0.5 if isinstance(item, int) else 0.15
            rows[item] = max(edge + half, wanted[item])
            edge = rows[item] + half
    top = min(rows.values())
    step_x, step_y = _BOX[0] + _GAP_X, _BOX[1] + _GAP_Y
    column = {item: item_depth for item_depth, items in sources.items() for item in items}
    return {item: (10 + column[item] * step_x, 10 + (row - top) * step_y) for item, row in rows.items()}


def _arrow(way: list[tuple[float, float]], number: int, count: int, partial: float | None) -> list[str]:
    """From the right of the first box, past the columns between, to input `number` of the last."""
    points = [(way[0][0] + _BOX[0], way[0][1] + _BOX[1] / 2)]
    for x, y in way[1:-1]:
        points += [(x, y + _BOX[1] / 2), (x + _BOX[0], y + _BOX[1] / 2)]
    x1, y1 = way[-1][0], way[-1][1] + _BOX[1] * (number + 1) / (count + 1)
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for k, ((x, y), (u, v)) in enumerate(itertools.pairwise([*points, (x1, y1)])):
        path += f" H{u:.1f}" if k % 2 else f" C{(x + u) / 2:.1f},{y:.1f} {(x + u) / 2:.1f},{v:.1f} {u:.1f},{v:.1f}"
    drawn = [f'<path d="{path}" fill="none" stroke="#889" stroke-width="1.3" marker-end="url(#tip)"/>']
    if partial is not None:
        drawn.append(
            f'<text x="{x1 - 8:.1f}" y="{y1 - 5:.1f}" text-anchor="end" fill="#556" font-size="10" '
            f'paint-order="stroke" stroke="#fff" stroke-width="3">{_number(partial)}</text>'
        )
    return drawn


def _box(working: Working, k: int, name: str, place: tuple[float, float]) -> list[str]:
    graph, node = working.graph, working.graph.nodes[k]
    x, y = place
    colour = {"variable": "#dcebff", "number": "#eee"}.get(node.op, "#e8f5e9" if k in graph.outputs else "#fff8e1")
    title = html.escape(graph.text(k))
    outputs = "".join(f" = f{i}" for i, o in enumerate(graph.outputs, start=1) if o == k)
    head = name if node.op != "number" else graph.label(k)
    if node.inputs:
        head = f"{name}: {OPERATIONS[node.op].sign}{outputs}"
    lines = [(head, "#123", 'font-weight="600" font-size="13"')]
    if node.op != "number":
        lines.append((f"value {_number(working.forward.values[k])}", "#222", ""))
        dots = ", ".join(_short(dots[k]) for dots in working.forward.dots)
        bars = ", ".join(_short(bars[k]) for bars in working.reverse.bars)
        lines += [(f"dot {dots}"[:30], "#0b6623", ""), (f"bar {bars}"[:30], "#9b2d1f", "")]
    drawn = [
        f"<g><title>{title}</title>",
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6" fill="{colour}" stroke="#99a"/>',
    ]
    first = y + 17 if len(lines) > 1 else y + _BOX[1] / 2 + 4
    for i, (text, fill, style) in enumerate(lines):
        drawn.append(
            f'<text x="{x + _BOX[0] / 2:.1f}" y="{first + 16 * i:.1f}" text-anchor="middle" fill="{fill}" {style}>'
            f"{html.escape(text)}</text>"
        )
    return [*drawn, "</g>"]


def _short(value: float) -> str:
    return f"{value:.4g}"
