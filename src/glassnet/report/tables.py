"""Tables of a page: sortable by a click on a heading, numbers aligned, undefined figures as a dash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from glassnet.report.html import Html, element, join, scroll_box
from glassnet.text import shorten

__all__ = ["SCRIPT", "Cell", "interval_text", "key_value_table", "number", "percent", "table", "whole"]

DASH = "–"

_LONG = 60  # rows; a longer table scrolls in a box of its own

# Sorts the rows of a table by the column whose heading is clicked (numbers descending first), shows the hint of a box
# that holds more than is seen, and opens what is folded before the page is printed.
SCRIPT = """
document.querySelectorAll("table.sortable th button").forEach(function (button) {
  button.addEventListener("click", function () {
    var heading = button.parentElement, table = heading.closest("table"), body = table.tBodies[0];
    var column = Array.prototype.indexOf.call(heading.parentElement.children, heading);
    var numeric = heading.classList.contains("number");
    var before = heading.getAttribute("aria-sort");
    var up = before ? before === "descending" : !numeric;
    table.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    var rows = Array.prototype.slice.call(body.rows).map(function (row) {
      var key = row.cells[column].getAttribute("data-key");
      return { row: row, key: numeric ? (key === "" ? null : Number(key)) : key };
    });
    rows.sort(function (a, b) {
      if (a.key === null || b.key === null) { return (a.key === null) - (b.key === null); }
      var order = numeric ? a.key - b.key : a.key.localeCompare(b.key, undefined, { numeric: true });
      return up ? order : -order;
    });
    rows.forEach(function (entry) { body.appendChild(entry.row); });
  });
});
function hint(box) {
  var right = box.scrollWidth - box.clientWidth - box.scrollLeft;
  var below = box.scrollHeight - box.clientHeight - box.scrollTop;
  box.classList.toggle("more", right > 2);
  box.parentElement.classList.toggle("more", right > 2 || below > 2);
}
function hints() { document.querySelectorAll(".scroll").forEach(hint); }
document.querySelectorAll(".scroll").forEach(function (box) {
  box.addEventListener("scroll", function () { hint(box); }, { passive: true });
});
document.querySelectorAll("details").forEach(function (part) { part.addEventListener("toggle", hints); });
window.addEventListener("resize", hints);
window.addEventListener("load", hints);
hints();
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});
"""


class Cell(NamedTuple):
    """A table cell: what is shown, and the number or text by which it is sorted (`nan` sorts last)."""

    shown: object
    key: float | str


def whole(text: str, length: int = 36) -> Html:
    """A name on one line, of at most so many letters."""
    return element("span", shorten(text, length), class_="whole")


def number(value: Any, digits: int = 4) -> str:
    """A number for reading: thousands set apart, fractions to `digits` significant digits, `nan` as a dash."""
    if value is None or isinstance(value, str | bool):
        return DASH if value is None else str(value)
    try:
        figure = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    if math.isnan(figure):
        return DASH
    if math.isinf(figure):
        return "∞" if figure > 0 else "−∞"
    if figure == int(figure) and abs(figure) < 1e15:
        return f"{int(figure):,}".replace(",", "\u202f")
    return f"{figure:.{digits}g}"


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage; `nan` as a dash."""
    return f"{100 * share:.{digits}f}\u00a0%" if math.isfinite(share) else DASH


def table(
    headings: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[Cell]],
    *,
    sortable: bool = False,
    marked: int | None = None,
    compact: bool = False,
    label: str = "table",
) -> Html:
    """A table.

    Parameters
    ----------
    headings : sequence of (text, whether the column holds numbers)
        One for each column.
    rows : sequence of sequences of Cell
        Each as long as the headings.
    sortable : bool
        Whether a click on a heading sorts the rows.
    marked : int or None
        A row to emphasise.
    compact : bool
        Whether it is only as wide as its cells.
    label : str
        What it shows, for readers who hear the page.

    Returns
    -------
    Html
        The table, in a box that scrolls where it is too large.
    """

    def heading(text: str, numeric: bool) -> Html:
        content: object = element("button", text, type="button") if sortable else text
        return element("th", content, class_="number" if numeric else None, scope="col")

    def cell(value: Cell, numeric: bool) -> Html:
        key: object = None
        if sortable:
            key = "" if isinstance(value.key, float) and math.isnan(value.key) else value.key
        return element("td", value.shown, class_="number" if numeric else None, data_key=key)

    kinds = [numeric for _, numeric in headings]
    head = element("thead", element("tr", *(heading(text, numeric) for text, numeric in headings)))
    body = [
        element(
            "tr",
            *(cell(value, numeric) for value, numeric in zip(row, kinds, strict=True)),
            class_="marked" if place == marked else None,
        )
        for place, row in enumerate(rows)
    ]
    whole = element("table", head, element("tbody", *body), class_="sortable" if sortable else None)
    return scroll_box(whole, label, rows=len(rows) if len(rows) > _LONG else 0, compact=compact)


def interval_text(low: float, high: float, digits: int = 1) -> str:
    """An interval of shares as "92.2 to 96.8 %"."""
    return f"{100 * low:.{digits}f} to {percent(high, digits)}"


def key_value_table(values: Mapping[str, Any]) -> Html:
    """Nested mappings as rows of name and value; the names of inner ones are joined with dots."""
    rows = [
        element("tr", element("th", name, scope="row"), element("td", number(value, 6)))
        for name, value in _flat(values)
    ]
    return element("table", element("tbody", join(rows)), class_="keys")


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            flat += _flat(value, f"{name}.")
        else:
            flat.append((name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else value))
    return flat
