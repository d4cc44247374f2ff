"""Compiled kernels on disk: of several processes one compiles a kernel, the others wait for it and take what it left.

Before a process compiles a kernel it claims it, by a lock on one byte of a file beside the compiled kernels; which byte
stands for which kernel follows from its name and the types of its arguments. The system lets go of a lock as its holder
ends, however that ends. Where files cannot be locked every process compiles for itself.

Numba's index of a kernel, which says what lies where, is written under a lock as well: two processes that add to it at
once would take the same file for what each has compiled, and then run the one for the other.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache

__all__ = ["KernelCache"]

# mypy: disable-error-code="misc"

_FILE = ".kernels-lock"
_LONGEST = 60.0  # seconds that another process is waited for; no kernel takes a third of that
_AGAIN = 0.01  # seconds until it is asked again
_PLACES = 1 << 30

_held: set[tuple[str, int]] = set()  # what this process has claimed: by folder, and place in its file
_files: dict[str, int | None] = {}  # by folder: the open file; closing it would let go of all that this process holds


class KernelCache(FunctionCache):  # type: ignore[misc, unused-ignore]
    """What Numba asks for a kernel that is not compiled yet, and gives a kernel that it has compiled.

    Parameters
    ----------
    function : callable
        The kernel's Python function.
    """

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The kernel for arguments of these types, or None: then this process has claimed it, and compiles it."""
        found = super().load_overload(signature, context)
        if found is not None:
            return found
        until = time.monotonic() + _LONGEST
        while not self._claim(signature) and time.monotonic() < until:
            time.sleep(_AGAIN)
        found = super().load_overload(signature, context)  # another process may just have been done with it
        if found is not None:
            self.let_go(signature)
        return found

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a kernel that was compiled."""
        try:
            with self._alone():
                super().save_overload(signature, compiled)
        finally:
            self.let_go(signature)

    def is_claimed(self, signature: Any) -> bool:
        """Whether another process is compiling the kernel for arguments of these types."""
        if (self._cache_path, self._place(signature)) in _held:
            return False
        free = self._claim(signature)
        self.let_go(signature)
        return not free

    def let_go(self, signature: Any) -> None:
        """Give up the claim, if there is one."""
        place = self._cache_path, self._place(signature)
        if place in _held:
            _held.remove(place)
            _unlock(*place)

    def _claim(self, signature: Any) -> bool:
        place = self._cache_path, self._place(signature)
        free = _lock(*place, wait=False)
        if free:
            _held.add(place)
        return free

    def _place(self, signature: Any) -> int:
        return zlib.crc32(f"{self._cache_file._index_name} {tuple(signature)}".encode()) % _PLACES

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        place = _PLACES + zlib.crc32(self._cache_file._index_name.encode()) % _PLACES
        _lock(self._cache_path, place, wait=True)
        try:
            yield
        finally:
            _unlock(self._cache_path, place)


def _open(folder: str) -> int | None:
    """The file whose bytes are locked, None where there can be none."""
    if folder not in _files:
        _files[folder] = None
        if os.name == "posix":
            with contextlib.suppress(OSError):
                Path(folder).mkdir(parents=True, exist_ok=True)
                _files[folder] = os.open(Path(folder) / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    return _files[folder]


def _lock(folder: str, place: int, *, wait: bool) -> bool:
    """Lock a byte for this process; whether no other one has it, as far as can be told."""
    handle = _open(folder)
    if handle is None:
        return True
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _unlock(folder: str, place: int) -> None:
    handle = _open(folder)
    if handle is None:
        return
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)
