"""What notebooks show of our objects: small pieces of HTML, in the colours of the page around them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

__all__ = ["block", "curves", "plain", "table"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 340, 130, 40, 18  # of a chart and its margins, in pixels
_MOST_POINTS = 100
_COLOURS = ("#2f6fdb", "#d9730d", "#3a9a5c")


def block(title: str, lines: Sequence[str] = (), *parts: str) -> str:
    """A title, lines of text and parts that are HTML already."""
    text = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return f"<div><strong>{html.escape(title)}</strong>{text}{''.join(parts)}</div>"


def plain(lines: Sequence[str]) -> str:
    """Lines as they are, in type of one width."""
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>"


def table(rows: Sequence[Sequence[object]], most: int = 60) -> str:
    """Rows as a table, the first as its head; of more than `most` rows the middle is left out."""
    body = [list(map(str, row)) for row in rows[1:]]
    if len(body) > most:
        gap = [f"... {len(body) - most:,} more", *[""] * (len(rows[0]) - 1)]
        body = [*body[: most // 2], gap, *body[len(body) - most // 2 :]]
    head = _row(rows[0], "th")
    return f"<table><thead>{head}</thead><tbody>{''.join(_row(row, 'td') for row in body)}</tbody></table>"


def _row(cells: Sequence[object], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(str(cell))}</{tag}>' for cell in cells)}</tr>"


def curves(named: Mapping[str, Sequence[float]], across: str = "epoch") -> str:
    """Curves over 1, 2, 3, ... as a small drawing (SVG), with their names; empty where none has two finite points."""
    found = {name: [(x, y) for x, y in enumerate(values, start=1) if abs(y) < 1e30] for name, values in named.items()}
    found = {name: points for name, points in found.items() if len(points) > 1}
    if not found:
        return ""
    heights = [y for points in found.values() for _, y in points]
    low, high = min(heights), max(heights)
    last = max(points[-1][0] for points in found.values())
    span = (high - low) or 1.0
    drawn = []
    for colour, (name, points) in zip(_COLOURS, found.items(), strict=False):
        step = -(-len(points) // _MOST_POINTS)
        kept = [*points[:-1:step], points[-1]]
        path = " ".join(f"{_across(x, last):.0f},{_down((y - low) / span):.1f}" for x, y in kept)
        title = f"<title>{html.escape(name)}</title>"
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5">{title}</polyline>')
    marks = [
        _text(_LEFT - 4, _down(1) + 4, f"{high:.3g}", "end"),
        _text(_LEFT - 4, _down(0) + 4, f"{low:.3g}", "end"),
        _text(_LEFT, _HEIGHT - 2, "1", "start"),
        _text(_WIDTH - 4, _HEIGHT - 2, f"{across} {last}", "end"),
    ]
    names = " ".join(
        f'<span style="color:{colour}">&#9632; {html.escape(name)}</span>'
        for colour, name in zip(_COLOURS, found, strict=False)
    )
    axis = f'<path d="M{_LEFT},4V{_HEIGHT - _BOTTOM}H{_WIDTH - 4}" fill="none" stroke="currentColor" opacity="0.4"/>'
    inside = axis + "".join(drawn) + "".join(marks)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{inside}</svg>'
    return f"<div>{picture}<div>{names}</div></div>"


def _across(x: int, last: int) -> float:
    return _LEFT + (x - 1) / max(last - 1, 1) * (_WIDTH - _LEFT - 4)


def _down(share: float) -> float:
    return 6 + (1 - share) * (_HEIGHT - _BOTTOM - 10)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    style = f'font-size="11" fill="currentColor" text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{html.escape(text)}</text>'
