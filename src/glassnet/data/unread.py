"""What lies in the folder of a data set and is not read: said in one line, so that nothing goes missing in silence."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from glassnet.data.pictures import is_picture_name, is_unread_picture_name

__all__ = ["file_kind", "unread"]

_NAMED = 4  # folders that the line names


def file_kind(path: Path) -> str | None:
    """Which kind of data file the name is that of: IDX, CIFAR-10, MATLAB, or None."""
    if "-ubyte" in path.name:
        return "IDX"
    if path.name.startswith(("data_batch_", "test_batch")):
        return "CIFAR-10"
    return "MATLAB" if path.suffix.lower() == ".mat" else None


def unread(root: Path, used: Iterable[Path] = (), used_kind: str | None = None) -> tuple[str, ...]:
    """One line about the pictures and data files under `root` that are not read, or nothing where all are.

    Parameters
    ----------
    used : iterable of Path
        The files that are read.
    used_kind : str, optional
        The kind of data file that is read.
    """
    known = {os.path.normpath(path) for path in used}
    folders: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for place, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith((".", "__"))]
        for name in names:
            path = Path(place, name)
            kind = file_kind(path)
            if is_picture_name(path) and os.path.normpath(path) not in known:
                folders[str(Path(place).relative_to(root))] += 1
            elif is_unread_picture_name(path):
                others[f"{path.suffix.lower()} files (a format that is not read)"] += 1
            elif kind is not None and kind != used_kind and not name.startswith("."):
                others[f"{kind} files"] += 1
    largest = _by_count(folders)
    found = [f"{count:,} pictures {_place(place)}" for place, count in largest[:_NAMED]]
    if rest := largest[_NAMED:]:
        found.append(f"{sum(count for _, count in rest):,} in {len(rest):,} more folders")
    found += [f"{count:,} {what}" for what, count in _by_count(others)]
    return (f"Not read: {'; '.join(found)}.",) if found else ()


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def _place(relative: str) -> str:
    return "beside the folders" if relative == "." else f"in '{relative}'"
