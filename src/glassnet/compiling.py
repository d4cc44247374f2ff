"""The compilation of kernels: the user is told when it happens, and what was compiled is kept where one may write.

Numba compiles a kernel when it is first called and keeps the result on disk, so the first use on a machine is slow and
all later ones are not. Numba says when it compiles by an event, `numba:compile`, which a result read from disk does not
set off. `announced` passes that on to whoever is watching: a line as the first kernel is compiled, one every few
seconds, and one at the end, which `settle` finds. Where nobody is watching nothing is said.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from glassnet.files import user_cache

__all__ = ["announced", "at_first", "choose_cache", "listen", "settle"]

_SAY_AGAIN = 5.0  # seconds between lines while kernels are compiled
_WORTH_SAYING = 1.0  # seconds
_KERNEL_FOLDERS = ("nn/kernels", "data", "classic")  # where functions stand that Numba compiles


class _Watch:
    """What has been compiled while somebody was watching. Kernels that another one calls count as part of it.

    Python threads may compile and watch side by side; what they do here they do one after the other.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.watching: list[Callable[[str], None]] = []  # the last one is told
        self.depth = 0  # of compilations within compilations
        self.count = 0
        self.seconds = 0.0
        self.told = 0  # kernels that a closing line has been about
        self.told_seconds = 0.0
        self.began = False  # whether the first line was said
        self.seen = 0  # kernels compiled when it was last asked whether all is done
        self.started = self.spoke = 0.0

    @property
    def say(self) -> Callable[[str], None] | None:
        return self.watching[-1] if self.watching else None

    def start(self) -> None:
        if self.depth == 0:
            self.started = time.perf_counter()
            if self.say is not None and not self.began:
                self.began = True
                self.spoke = self.started
                self.say("compiling kernels for this machine (once; usually less than a minute)")
        self.depth += 1

    def end(self) -> None:
        self.depth = max(0, self.depth - 1)
        if self.depth or self.say is None:
            return
        now = time.perf_counter()
        self.count += 1
        self.seconds += now - self.started
        if now - self.spoke >= _SAY_AGAIN:
            self.spoke = now
            self.say(f"compiling kernels: {self.count} done, {self.seconds:.0f} s")

    def close(self) -> None:
        """The closing line, where there is something to say."""
        count, seconds = self.count - self.told, self.seconds - self.told_seconds
        late = bool(self.told)  # a few kernels are first called later: said only where that was noticed
        if count and self.say is not None and not (late and seconds < _WORTH_SAYING):
            self.say(f"compiled {count}{' more' if late else ''} kernel{'s' if count > 1 else ''} in {seconds:.1f} s")
        self.told, self.told_seconds, self.seen = self.count, self.seconds, self.count


_watch = _Watch()
_listening = False


def listen() -> None:
    """Have Numba report its compilations from now on; called where kernels are imported."""
    global _listening
    if _listening:
        return
    _listening = True
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            _begin()
            with _watch.lock:
                _watch.start()

        def on_end(self, event: Any) -> None:
            if sys.exc_info()[0] is not None:  # the event's `is_failed` says the opposite (Numba 0.68)
                _let_go(event.data)
            with _watch.lock:
                _watch.end()

    register: Any = event.register
    register("numba:compile", Listener())


@contextlib.contextmanager
def announced(say: Callable[[str], None] | None) -> Iterator[None]:
    """Within the block `say` is given a line as kernels are compiled; with None nothing changes.

    Of blocks that are open at once the one that was entered last says it.
    """
    if say is None:
        yield
        return
    watch = _watch
    with watch.lock:
        watch.watching.append(say)
    try:
        yield
    finally:
        with watch.lock:
            watch.close()
            watch.watching.remove(say)


def settle() -> None:
    """To be called between pieces of work that are alike: says the closing line once nothing is compiled any more."""
    if _watch.count == _watch.told:
        return
    with _watch.lock:
        if _watch.count == _watch.seen:
            _watch.close()
        _watch.seen = _watch.count


class _OfThread(threading.local):
    first: Callable[[], None] | None = None


_mine = _OfThread()


@contextlib.contextmanager
def at_first(call: Callable[[], None]) -> Iterator[None]:
    """Within the block `call` is called, once, as this thread begins to compile a kernel.

    A block within another one changes nothing.
    """
    if _mine.first is not None:
        yield
        return
    _mine.first = call
    try:
        yield
    finally:
        _mine.first = None


def _begin() -> None:
    if (first := _mine.first) is not None:
        _mine.first = _do_nothing
        first()


def _do_nothing() -> None:
    pass


def _let_go(compilation: dict[str, Any]) -> None:
    """Give up the claim of a kernel that could not be compiled, or was interrupted."""
    cache: Any = getattr(compilation.get("dispatcher"), "_cache", None)
    if hasattr(cache, "let_go"):
        cache.let_go(compilation["args"])


# ---- where compiled kernels are kept -------------------------------------------------------------------------------


def choose_cache() -> None:
    """Name a folder for Numba to keep compiled kernels in, if it could not find one itself.

    Numba keeps them beside the source files, which cannot be written to in a read-only installation, and refuses to
    work where it may not write to the user's cache folder either. Then they go to glassnet's own cache folder, else to
    a folder of the user's own among the temporary files. A folder named by NUMBA_CACHE_DIR is left as it is.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    package = Path(__file__).parent
    if all(_writable(package / folder / "__pycache__") for folder in _KERNEL_FOLDERS):
        return
    found = next((folder for folder in _candidates() if _writable(folder)), None)
    if found is None:
        return
    os.environ["NUMBA_CACHE_DIR"] = str(found)
    if "numba" in sys.modules:  # it has read its settings already
        sys.modules["numba"].config.CACHE_DIR = str(found)


def _candidates() -> Iterator[Path]:
    if (cache := user_cache()) is not None:
        yield cache / "kernels"
    with contextlib.suppress(OSError):  # there may be no temporary folder either
        yield _own_temporary_folder()


def _own_temporary_folder() -> Path:
    """A folder among the temporary files that belongs to this user alone: what lies in it will be run as code."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"glassnet-kernels-{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
        mine = stat.S_ISDIR(found.st_mode) and (
            not hasattr(os, "getuid") or (found.st_uid == user and not found.st_mode & 0o077)
        )
    except OSError:
        mine = False
    return folder if mine else Path(tempfile.mkdtemp(prefix="glassnet-kernels-"))


def _writable(folder: Path) -> bool:
    """Whether files can be made in the folder, which is made if it is not there: the test that Numba does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
