"""Kernels from files: rows of numbers as text or CSV, JSON, or TOML."""

from __future__ import annotations

import json
import os
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

from glassnet.errors import DataError, nearest
from glassnet.files import plain_text
from glassnet.filters.kernels import Filter, matrix_filter
from glassnet.notation import is_real

__all__ = ["read_filter"]

_MOST_BYTES = 2_000_000
_SETTINGS = ("kernel", "normalise", "channel", "values", "meaning")


def read_filter(path: str | os.PathLike[str]) -> Filter:
    """The filter of a file; its name is that of the file without its ending.

    Text and CSV: a row of the kernel on each line, its numbers parted by blanks, tabs, commas or semicolons (with
    semicolons, a comma is the decimal sign); fractions such as 1/9 are understood, `#` begins a remark. JSON: a list
    of rows, or an object. TOML and the JSON object: `kernel = [[...], ...]` and, if wanted, `normalise = true`,
    `channel`, `values` and `meaning`.

    Raises
    ------
    DataError
        The file cannot be read, or holds no kernel.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.filters import read_filter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "mine.txt")
    ...     _ = file.write_text("0 1 0, 1 -4 1, 0 1 0".replace(", ", chr(10)))
    ...     read_filter(file).size
    (3, 3)
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"'{path}' is too large for a kernel ({path.stat().st_size:,} bytes); is it a picture?")
        text = plain_text(path)
    except OSError as error:
        raise DataError(f"Cannot read the kernel '{path}': {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"The kernel '{path}' must be text in UTF-8: rows of numbers. It is not.") from error
    kind = path.suffix.lower()
    if kind == ".toml":
        return _from_settings(_parsed(tomllib.loads, text, path), path)
    if kind == ".json":
        values = _parsed(json.loads, text, path)
        return _from_settings(values if isinstance(values, dict) else {"kernel": values}, path)
    return matrix_filter(_rows(text, path), path.stem)


def _parsed(parse: Any, text: str, path: Path) -> Any:
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:  # both decoders' errors are ValueErrors
        raise DataError(f"Cannot read the kernel '{path}': {error}.") from error


def _from_settings(values: dict[str, Any], path: Path) -> Filter:
    for name in values:
        if name not in _SETTINGS:
            raise DataError(
                f"The kernel '{path}' has no setting '{name}'; it has {', '.join(_SETTINGS)}.{nearest(name, _SETTINGS)}"
            )
    texts = {name: values.get(name) for name in ("channel", "values", "meaning")}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise DataError(f"'{name}' in the kernel '{path}' must be text. Got {value!r} instead.")
    rows = values.get("kernel")
    if not _is_matrix(rows):
        raise DataError(f"The kernel '{path}' must hold rows of numbers of one length, as in [[0, 1], [1, 0]].")
    made = matrix_filter(rows, path.stem, texts["meaning"] or "").with_settings(texts["channel"], texts["values"])
    wanted = values.get("normalise", False)
    if not isinstance(wanted, bool):
        raise DataError(f"'normalise' in the kernel '{path}' must be true or false. Got {wanted!r} instead.")
    return made.normalised() if wanted else made


def _is_matrix(rows: Any) -> bool:
    return (
        isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, list) and len(row) == len(rows[0]) and row for row in rows)
        and all(is_real(v) for row in rows for v in row)
    )


def _rows(text: str, path: Path) -> list[list[float]]:
    lines = [(number, line.split("#", 1)[0].strip()) for number, line in enumerate(text.splitlines(), start=1)]
    rows = [(number, [_number(word, path, number) for word in _words(line)]) for number, line in lines if line]
    if not rows:
        raise DataError(f"The kernel '{path}' is empty; write a row of numbers on each line.")
    width = len(rows[0][1])
    for number, row in rows:
        if len(row) != width:
            raise DataError(
                f"Line {number} of the kernel '{path}' has {len(row)} numbers, the first row {width}; all rows must"
                " have as many."
            )
    return [row for _, row in rows]


def _words(line: str) -> list[str]:
    if ";" in line:
        return [word.replace(",", ".") for word in line.replace(";", " ").split()]
    return line.replace(",", " ").split()


def _number(word: str, path: Path, line: int) -> float:
    try:
        return float(Fraction(word)) if "/" in word else float(word)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise DataError(f"'{word[:40]}' on line {line} of the kernel '{path}' is not a number.") from None
