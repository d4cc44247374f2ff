"""The process of the command: how it answers signals, and what of the libraries' talk reaches the user.

A signal that asks the command to end (Ctrl-C, SIGTERM, SIGHUP) raises `KeyboardInterrupt` in the main thread, so that
whatever is open is put away on the way out; a second one ends the process at once. Within an import the exception would
be turned into another or get lost, so it waits for the import's end. Within the binding to LLVM it would part an object
in C from the one in Python that knows who owns it, and what is owned twice is freed twice; there it waits, too. Where
Python cannot let an exception pass (a destructor, a call from C), it is raised again a moment later.

Libraries written in C print to the file descriptor 2 behind Python's back. It is turned to the null device, and
`sys.stderr` writes to a copy of what it was.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import warnings
from types import FrameType
from typing import Any, NoReturn, TextIO

from glassnet import files, processes
from glassnet.errors import one_line

__all__ = [
    "INTERRUPTED",
    "drop",
    "drop_if_broken",
    "give_up",
    "keep_quiet",
    "leave_interrupted",
    "speak_up",
    "take_over",
    "told",
    "was_interrupted",
]

INTERRUPTED = 130
_AGAIN = 0.01  # seconds until an interrupt is raised that could not be
# Packages that hold what C owns: objects of LLVM, Numba's memory and its pool of threads.
_NOT_HALF = ("llvmlite.", "numba.core.codegen", "numba.core.runtime", "numba.np.ufunc.")


class _State:
    interrupted = False  # whether an interrupt was asked for
    told = False  # whether the last line was printed
    own_errors: int | None = None  # where errors were printed, in a process that keeps quiet


def take_over() -> None:
    """Put signals, streams and warnings of this process in order."""
    _catch_signals()
    _open_streams()
    _tame_warnings()


def give_up() -> None:
    """For a process that is about to end and has nothing to put away: any signal ends it at once from now on."""
    _State.interrupted = True
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # an interrupt still on its way is too late


def leave_interrupted() -> NoReturn:
    """End this process, all having been put away, with the status of an interrupted one.

    Python's own way out takes an interrupt that passed through `exec` for one that nobody caught, and dies of SIGINT.
    """
    atexit._run_exitfuncs()
    drop_if_broken(sys.stdout)
    os._exit(INTERRUPTED)


def was_interrupted() -> bool:
    """Whether a signal has asked this process to end."""
    return _State.interrupted


def told() -> None:
    """Say that the last line about this command is being printed."""
    _State.told = True


# ---- signals -------------------------------------------------------------------------------------------------------


def _catch_signals() -> None:
    for number in processes.SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as in the background of a script, or under nohup
            signal.signal(number, _interrupt)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _raise)
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _State.interrupted:
        _end_at_once()
    _State.interrupted = True
    _raise(number, frame)


def _raise(number: int, frame: FrameType | None) -> None:
    if hasattr(signal, "SIGALRM") and _must_wait(frame):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        return
    raise KeyboardInterrupt


def _must_wait(frame: FrameType | None) -> bool:
    """Whether an import, or code that must not be left half-way, is being carried out."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        if frame.f_globals.get("__name__", "").startswith(_NOT_HALF):
            return True
        frame = frame.f_back
    return False


def _unraisable(found: Any) -> None:
    if isinstance(found.exc_value, KeyboardInterrupt) and hasattr(signal, "SIGALRM"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    elif _debugging():
        sys.__unraisablehook__(found)


def _in_thread(found: Any) -> None:
    if _debugging():
        threading.__excepthook__(found)


def _end_at_once() -> None:
    files.abandon()
    processes.abandon()
    with contextlib.suppress(Exception):
        if sys.stdout.isatty():
            os.write(1, b"\x1b[?25h")  # a live bar hides the cursor
        if not _State.told:
            os.write(sys.stderr.fileno(), b"interrupted\n")
    os._exit(INTERRUPTED)


# ---- streams -------------------------------------------------------------------------------------------------------


def _open_streams() -> None:
    """Give each standard stream something to write to, and escapes for what its encoding does not know."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: without this the next file to be opened would get what is printed
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdout = _reopened(sys.stdout, 1)
    if _debugging():
        sys.stderr = _reopened(sys.stderr, 2)
        return
    own = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    sys.stderr = _reopened(None, own)


def _reopened(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        stream = open(number, "w", buffering=1, encoding=sys.getfilesystemencoding(), closefd=False)  # noqa: SIM115
    stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    return stream


def drop(stream: TextIO) -> None:
    """Turn a stream to the null device, with whatever still waits to be printed."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def keep_quiet() -> None:
    """Print nothing from now on, unless `speak_up` is called."""
    _State.own_errors = os.dup(sys.stderr.fileno())
    drop(sys.stdout)
    drop(sys.stderr)


def speak_up() -> None:
    """Print errors again."""
    if _State.own_errors is not None:
        os.dup2(_State.own_errors, sys.stderr.fileno())


def drop_if_broken(stream: TextIO) -> None:
    """As `drop`, where what waits to be printed cannot be: the interpreter would complain of it at its end."""
    try:
        stream.flush()
    except (OSError, ValueError):
        drop(stream)


# ---- what libraries say --------------------------------------------------------------------------------------------


def _tame_warnings() -> None:
    """One line for each warning that is meant for users; no log lines of libraries.

    Warnings of other kinds than `UserWarning` speak to programmers: of overflows on the way, of what a later version
    will drop.
    """
    if _debugging():
        return
    said: set[str] = set()

    def say(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        text = one_line(str(message))
        if issubclass(category, UserWarning) and text not in said:
            said.add(text)
            with contextlib.suppress(OSError):
                print(f"note: {text}", file=sys.stderr, flush=True)

    warnings.showwarning = say
    import logging

    logging.getLogger().addHandler(logging.NullHandler())


def _debugging() -> bool:
    return os.environ.get("GLASSNET_TRACEBACK") == "1"
