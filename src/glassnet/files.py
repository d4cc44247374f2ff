"""Files that are whole or absent when written - each goes to a temporary name, is flushed to the disk and renamed -
and plain files when read: never a pipe, a socket or a device, on which reading may wait for ever."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from glassnet.errors import Fix, GlassnetError, ModelError, TrainingError

__all__ = [
    "abandon",
    "arrays_of",
    "atomic_write",
    "exists",
    "json_value",
    "open_plain",
    "plain_bytes",
    "plain_text",
    "read_json",
    "read_text",
    "remove_partial",
    "sha256_file",
    "user_cache",
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
    return GlassnetError(f"Cannot write '{path}': {reason}. Nothing was left half-written.", Fix.FREE_SPACE)


def user_cache() -> Path | None:
    """glassnet's folder in the user's cache folder, `XDG_CACHE_HOME` or `~/.cache`; None where the user has no home."""
    named = os.environ.get("XDG_CACHE_HOME", "").strip()
    try:
        # The XDG specification has relative paths ignored.
        base = Path(named) if named and Path(named).is_absolute() else Path("~/.cache").expanduser()
    except RuntimeError:
        return None
    return base / "glassnet"


def remove_partial(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed writers left in a folder and in those inside it."""
    for path in Path(folder).rglob(".*.partial"):
        with contextlib.suppress(OSError):
            path.unlink()


def exists(place: str | os.PathLike[str]) -> bool:
    """Whether a file or folder has this name.

    Whatever a user may write in its place has none: a notation longer than names may be, a text with a NUL, a blank.
    A place that may not be looked at counts as absent.
    """
    try:
        return bool(str(place).strip()) and Path(place).exists()
    except (OSError, ValueError):
        return False


def first_free(places: Iterable[Path]) -> Path:
    """The first of these names that no file or folder has."""
    return next(place for place in places if not place.exists())


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))  # a file's name may hold bytes that are not UTF-8


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def json_value(value: Any) -> Any:
    """A value as JSON has it: keys and paths become text, arrays lists, numbers that are not finite null."""
    if isinstance(value, dict):
        return {str(name): json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return json_value(value.tolist()) if hasattr(value, "tolist") else value  # NumPy's arrays and numbers


def open_plain(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a plain file for reading, without waiting for anything.

    Raises
    ------
    OSError
        It is missing, may not be read, or is not a plain file but a folder, a pipe, a socket or a device (`strerror`
        says which): a pipe without a writer, for one, would block for ever. Or its name has a NUL in it.
    """
    try:
        _refuse_special(Path(path).stat().st_mode, path)  # before it is opened: opening a device may do something
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have that name", str(path)) from error
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_special(os.fstat(handle).st_mode, path)  # what was opened, should the name have changed hands
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


_SPECIAL = (
    (stat.S_ISFIFO, "it is a pipe, not a plain file"),
    (stat.S_ISSOCK, "it is a socket, not a plain file"),
    (stat.S_ISCHR, "it is a device, not a plain file"),
    (stat.S_ISBLK, "it is a device, not a plain file"),
)


def _refuse_special(mode: int, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    for test, reason in _SPECIAL:
        if test(mode):
            raise OSError(errno.EINVAL, reason, str(path))


def plain_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a plain file. Raises as `open_plain` does."""
    with open_plain(path) as file:
        return file.read()


def plain_text(path: str | os.PathLike[str]) -> str:
    """The UTF-8 text of a plain file, without the byte-order mark that some editors put in front of it.

    Raises as `open_plain` does, and `UnicodeDecodeError`.
    """
    text = plain_bytes(path).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: str | os.PathLike[str], wanted: str) -> str:
    """The UTF-8 text in `path`. Raises `GlassnetError` when it cannot be read, saying what is `wanted` instead."""
    try:
        return plain_text(path)
    except (OSError, ValueError) as error:
        raise GlassnetError(f"Cannot read '{path}': {_reason(error)}. Give {wanted}.") from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """The JSON value in `path`. Raises `GlassnetError` when it is missing or not valid JSON."""
    try:
        return json.loads(plain_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise GlassnetError(f"Cannot read '{path}' as JSON: {_reason(error)}.") from error


@contextlib.contextmanager
def arrays_of(path: str | os.PathLike[str], what: str) -> Iterator[dict[str, Any]]:
    """The arrays of a NumPy archive (`.npz`) by name, for a block that makes something of them; no pickle is read.

    `what` is what the archive holds, such as "the predictions". Raises `TrainingError` where it cannot be read, or the
    block finds that it holds something else.
    """
    import zipfile

    import numpy as np  # most commands that import this file open no archive

    try:
        with np.load(io.BytesIO(plain_bytes(path)), allow_pickle=False) as archive:
            yield {name: archive[name] for name in archive.files}
    except OSError as error:
        raise TrainingError(f"Cannot read {what} '{path}': {error.strerror or error}.") from error
    except (KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, ModelError) as error:
        raise TrainingError(f"{what[:1].upper()}{what[1:]} '{path}' are damaged: {error}.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def sha256_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
