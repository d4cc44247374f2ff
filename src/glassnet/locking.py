"""One writer at a time: a folder is locked while a process writes into it.

The lock is the kernel's, on a file `.lock` in the folder (`flock`, on Windows a locked byte): however its holder ends,
by `kill -9` too, the lock ends with it, and the file that stays is taken over. The file says who holds it.

A file system that knows no locks (some network ones) leaves the file itself: it is made by the one process that finds
none, and is stale when the process that it names is gone from this machine. A process has that number *and* start time,
since numbers are used again; one of another machine counts as alive.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glassnet.errors import TrainingError

__all__ = ["LOCK", "locked"]

LOCK = ".lock"
_SIGNING = 0.2  # seconds that a process may take from making the file to signing it
_FAR = 1 << 30  # on Windows a locked byte cannot be read; this one holds nothing


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of an existing folder within the block.

    Raises
    ------
    TrainingError
        Another process (or another thread of this one) holds it, or the folder cannot be written. The message is one
        line and says who.
    """
    path = Path(folder) / LOCK
    handle = _take(path)
    try:
        yield
    finally:
        # Removed while it is still held: whoever opened it before finds that the name is gone, see `_take`.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _take(path: Path) -> int:
    """The open file that stands for the lock."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise TrainingError(f"Cannot write into '{path.parent}': {error.strerror or error}.") from error
        try:
            free = _lock(handle)
        except OSError:  # a file system without locks
            os.close(handle)
            return _take_without_locks(path)
        if not free:
            holder = _holder(path) or _holder_later(path)  # it may just be about to sign
            os.close(handle)
            raise TrainingError(_held(path, holder))
        if _is_same_file(handle, path):
            _sign(handle)
            return handle
        os.close(handle)  # its holder ended and removed it between our opening and locking it


def _lock(handle: int) -> bool:
    """Lock an open file; whether nobody else holds it. Raises `OSError` where files cannot be locked."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except PermissionError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _sign(handle: int) -> None:
    """Say in the file who holds it. A full disk leaves it empty: it is held all the same."""
    with contextlib.suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(_this_process()).encode())


def _take_without_locks(path: Path) -> int:
    """The lock where only its file can be relied on."""
    holder = _holder(path) or _holder_later(path)
    if holder is not None and _is_alive(holder):
        raise TrainingError(_held(path, holder) + f" If it is gone, remove '{path}'.")
    stale = path.with_name(f"{LOCK}.{os.getpid()}.partial")
    try:
        path.rename(stale)  # of several that find it stale only one can
        if _holder(stale) != holder:  # another was quicker, and this is its new file
            stale.rename(path)
            raise TrainingError(_held(path, _holder(path)))
        stale.unlink()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise TrainingError(_held(path, _holder(path))) from error
    _sign(handle)
    return handle


def _this_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": _start_of(os.getpid())}


def _start_of(pid: int) -> str:
    """When a process of this machine began, as Linux tells it (ticks since a boot, and which boot); else empty."""
    try:
        # The name, in parentheses, may hold anything; the start is the 20th field behind it (see proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{fields[19]} {boot}"
    except (OSError, IndexError):
        return ""


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether the process that signed a lock still runs, as far as this machine can tell."""
    if holder["host"] != socket.gethostname():
        return True
    if holder["started"]:
        return bool(_start_of(holder["pid"]) == holder["started"])
    if os.name != "posix":  # there is no harmless signal to ask by
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _holder(path: Path) -> dict[str, Any] | None:
    """What the file says of its holder, or `None` where it does not."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        pid, host, started = found["pid"], found["host"], found["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    right = type(pid) is int and pid > 0 and isinstance(host, str) and isinstance(started, str)
    return {"pid": pid, "host": host, "started": started} if right else None


def _holder_later(path: Path) -> dict[str, Any] | None:
    """`_holder`, once whoever has just taken the lock had the time to sign it."""
    time.sleep(_SIGNING)
    return _holder(path)


def _held(path: Path, holder: dict[str, Any] | None) -> str:
    if holder is None:
        who = "another process"
    else:
        elsewhere = "" if holder["host"] == socket.gethostname() else f" on '{holder['host'][:60]}'"
        who = f"process {holder['pid']}{elsewhere}"
    return f"'{path.parent}' is being written by {who}; wait until it has ended, or stop it, and then try again."
