"""Files that are whole or absent: each goes to a temporary name, is flushed to the disk and renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from glassnet.errors import GlassnetError

__all__ = [
    "abandon",
    "atomic_write",
    "read_json",
    "read_text",
    "remove_partial",
    "sha256_file",
    "write_json",
    "write_text",
]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that appears under `path` only when the block ends well.

    The bytes go to a temporary file in the same folder, are flushed to the disk (`fsync`) and then renamed over
    `path`, which POSIX and Windows both do in one step: a reader sees the old file or the new one, never a part.
    When the block fails, the temporary file is removed and an older `path` stays as it was.

    Raises
    ------
    GlassnetError
        The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = path.parent / f".{path.name}.{os.urandom(4).hex()}.partial"  # known before it exists: no gap
    _unfinished.add(temporary)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
        raise
    finally:
        _unfinished.discard(temporary)


_unfinished: set[Path] = set()


def abandon() -> None:
    """Remove the temporary files of writers that will not go on, for a process that ends at once."""
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            path.unlink()


def _cannot_write(path: Path, error: OSError) -> GlassnetError:
    reason = error.strerror or str(error)
    return GlassnetError(
        f"Cannot write '{path}': {reason}. Nothing was left half-written;"
        " free some space or choose another place (--out)."
    )


def remove_partial(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that writers killed in the middle of their work left in a folder and those in it."""
    for path in Path(folder).rglob(".*.partial"):
        with contextlib.suppress(OSError):
            path.unlink()


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))  # a file's name may hold bytes that are no UTF-8


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_text(path: str | os.PathLike[str], wanted: str) -> str:
    """The UTF-8 text in `path`. Raises `GlassnetError` when it cannot be read, saying what is `wanted` instead."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GlassnetError(f"Cannot read '{path}': {error}. Give {wanted}.") from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """The JSON value in `path`. Raises `GlassnetError` when it is missing or not valid JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise GlassnetError(f"Cannot read '{path}' as JSON: {error}.") from error


def sha256_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
