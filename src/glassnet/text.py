"""Text for a terminal: aligned columns, shortened names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.errors import escaped

__all__ = ["columns", "ending", "ruled", "shorten"]


def columns(rows: Sequence[Sequence[Any]], left: int = 1, *, sides: str = "") -> str:
    """Rows as aligned columns, two spaces apart.

    Parameters
    ----------
    rows : sequence of rows
        All of the same length; the first is usually the head.
    left : int
        So many first columns are aligned to the left, the others to the right.
    sides : str
        Instead of `left`, a character for each column: "<" for left, ">" for right.
    """
    texts = [[escaped(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    sides = sides or "<" * left + ">" * (len(widths) - left)
    lines = ("  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=False)) for row in texts)
    return "\n".join(line.rstrip() for line in lines)


def ruled(table: str, foot: int = 0) -> str:
    """A table of `columns` with a rule under its head and one above its `foot` last lines (0: at its end)."""
    lines = table.split("\n")
    rule = "-" * max(map(len, lines))
    end = len(lines) - foot
    return "\n".join([lines[0], rule, *lines[1:end], rule, *lines[end:]])


def shorten(text: object, length: int, mark: str = "…") -> str:
    """At most `length` characters of the text, `mark` for what was cut."""
    whole = str(text)
    return whole if len(whole) <= length else whole[: max(1, length - len(mark))].rstrip() + mark


def ending(text: object, length: int, mark: str = "…") -> str:
    """At most the last `length` characters of the text, as of a file's name, `mark` for what was cut."""
    whole = str(text)
    return whole if len(whole) <= length else mark + whole[len(whole) - max(0, length - len(mark)) :]
