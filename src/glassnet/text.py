"""Text for a terminal: aligned columns, shortened names, nothing wider than it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from glassnet.errors import escaped

__all__ = ["Shown", "columns", "counted", "ending", "folded", "room", "ruled", "shorten"]

_NARROWEST = 10  # characters that a folded column keeps


class Shown(str):
    """Text that looks the same at the prompt of Python as when it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def columns(rows: Sequence[Sequence[Any]], left: int = 1, *, sides: str = "") -> str:
    """Rows as aligned columns, two spaces apart.

    Where a terminal is narrower, cells of columns to the left go on below themselves; what is still too wide comes in
    several tables, each with the first column.

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
    most = room()
    if most is None or _total(widths) <= most:
        return _table(texts, widths, sides)
    widths = _narrowed(texts, widths, sides, most)
    return "\n\n".join(
        _table([[row[i] for i in block] for row in texts], [widths[i] for i in block], [sides[i] for i in block])
        for block in _blocks(widths, most)
    )


def folded(text: str, indent: str = "  ") -> str:
    """A line of prose, going on below itself where the terminal is narrower; words stay whole."""
    most = room()
    if most is None or len(text) <= most:
        return text
    return textwrap.fill(text, max(most, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def room() -> int | None:
    """The width of the terminal that is printed to (COLUMNS, where that is set); None where there is none."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError, AttributeError):
        return None


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _table(texts: Sequence[Sequence[str]], widths: Sequence[int], sides: Sequence[str]) -> str:
    lines = []
    for row in texts:
        cells = [_pieces(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            line = "  ".join(f"{part:{side}{width}}" for part, side, width in zip(parts, sides, widths, strict=False))
            lines.append(line.rstrip())
    return "\n".join(lines)


def _pieces(cell: str, width: int) -> list[str]:
    """A cell as lines of at most `width` characters."""
    return [cell] if len(cell) <= width else textwrap.wrap(cell, width) or [""]


def _narrowed(texts: Sequence[Sequence[str]], widths: list[int], sides: str, most: int) -> list[int]:
    """The widths with the widest columns to the left made narrower, as far as their heads allow."""
    widths = list(widths)
    least = [max(_NARROWEST, len(head)) for head in texts[0]]
    while (over := _total(widths) - most) > 0:
        can = [i for i, side in enumerate(sides) if side == "<" and widths[i] > least[i]]
        if not can:
            break
        widest = max(can, key=lambda i: widths[i])
        others = max((widths[i] for i in can if widths[i] < widths[widest]), default=0)
        widths[widest] = max(least[widest], widths[widest] - over, min(others, widths[widest] - 1))
    return widths


def _blocks(widths: Sequence[int], most: int) -> list[list[int]]:
    """Columns by number, as many side by side as fit; each block begins with the first."""
    blocks = [[0]]
    for column in range(1, len(widths)):
        if len(blocks[-1]) > 1 and _total([widths[i] for i in [*blocks[-1], column]]) > most:
            blocks.append([0])
        blocks[-1].append(column)
    return blocks


def ruled(table: str, foot: int = 0) -> str:
    """A table of `columns` with a rule under its head and one above its `foot` last lines (0: at its end)."""
    if "\n\n" in table:  # several tables, for want of room
        return "\n\n".join(ruled(part, foot) for part in table.split("\n\n"))
    lines = table.split("\n")
    rule = "-" * max(map(len, lines))
    end = len(lines) - foot
    return "\n".join([lines[0], rule, *lines[1:end], rule, *lines[end:]])


def counted(number: int, noun: str) -> str:
    """ "1 epoch", "2 epochs", "1,000 epochs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shorten(text: object, length: int, mark: str = "…") -> str:
    """At most `length` characters of the text, `mark` for what was cut."""
    whole = str(text)
    return whole if len(whole) <= length else whole[: max(1, length - len(mark))].rstrip() + mark


def ending(text: object, length: int, mark: str = "…") -> str:
    """At most the last `length` characters of the text, as of a file's name, `mark` for what was cut."""
    whole = str(text)
    return whole if len(whole) <= length else mark + whole[len(whole) - max(0, length - len(mark)) :]
