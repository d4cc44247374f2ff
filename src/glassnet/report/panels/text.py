"""The panels of text: whether the gradients are right, what to do next, and how everything was made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.check import Row
from glassnet.report.html import element, join
from glassnet.report.page import Panel
from glassnet.report.tables import Cell, key_value_table, number, table

__all__ = ["commands_panel", "details_panel", "gradients_panel"]


def gradients_panel(rows: Sequence[Row], remark: str = "") -> Panel | None:
    """The check of the gradients.

    Parameters
    ----------
    rows : sequence of Row
        What a check found, one for each parameter.
    remark : str
        Why there are none.

    Returns
    -------
    Panel or None
        None where there is neither.
    """
    title = "Are the gradients right?"
    if remark:
        return Panel("gradients", title, remark)
    if not rows:
        return None
    headings = [
        ("parameter", False),
        ("verdict", False),
        ("error", True),
        ("worst index", True),
        ("entries checked", True),
    ]
    lead = "Every gradient compared with central differences in float64: the error should be at most about 1e-7."
    return Panel("gradients", title, lead, body=table(headings, [_gradient_row(row) for row in rows]))


def _gradient_row(row: Row) -> list[Cell]:
    error = f"{row.error:.1e}" if math.isfinite(row.error) else number(row.error)
    badge = element("span", row.verdict, class_="badge good" if row.passed else "badge bad")
    cells = (element("code", f"{row.parameter} ({row.mode})"), badge, error, str(row.worst), number(row.entries))
    return [Cell(cell, "") for cell in cells]


def commands_panel(commands: Sequence[str]) -> Panel:
    """Commands to try next, one each; those that begin with "#" are remarks."""
    lines = [
        element("span", command, class_="remark" if command.startswith("#") else "command") for command in commands
    ]
    return Panel("next", "What to do next", body=element("pre", *_between(lines, "\n"), class_="wrapped"))


def _between(parts: Sequence[object], separator: str) -> list[object]:
    return [piece for part in parts for piece in (separator, part)][1:]


def details_panel(configuration: str, environment: Mapping[str, Any]) -> Panel:
    """The recipe as TOML, and versions, hardware and data; both folded."""
    text = element("pre", configuration.strip("\n"), class_="wrapped")
    recipe = element("details", element("summary", "Configuration"), text)
    surroundings = element("details", element("summary", "Environment"), key_value_table(environment))
    return Panel("details", "How it was made", body=join([recipe, surroundings]))
