"""The page of a data set: what is wrong with its pictures and labels, and the pictures themselves."""

from __future__ import annotations

from pathlib import Path

from glassnet.doctor.pictures import LookedAt
from glassnet.report.page import Heading, write_page
from glassnet.report.panels.looked_at import classes_panel, copies_panel, doubtful_panel, findings_panel
from glassnet.report.tables import number

__all__ = ["pictures_page"]


def pictures_page(looked: LookedAt, name: str, out: str | Path) -> Path:
    """Write the page of a set called `name` to the file `out`. Raises `GlassnetError` where it cannot be written."""
    parts = looked.sketches.parts
    cards = [(word, number(len(part)), "pictures") for word, part in parts.items()]
    heading = Heading(f"The pictures of {name}", cards=cards)
    panels = [findings_panel(looked.findings), doubtful_panel(looked), copies_panel(looked), classes_panel(looked)]
    return write_page(out, heading, [panel for panel in panels if panel is not None])[0]
