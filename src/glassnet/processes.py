"""Processes of our own, and Ctrl-C while they are started: none sees it, and none outlives the one that started it.

Ctrl-C on a terminal goes to every process of the command. Only the first one should answer it, and end the others;
so these are started with SIGINT blocked, a state that a process passes on to those it starts. While they are started
an interrupt waits: half-started ones could not be ended.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet import files
from glassnet.errors import GlassnetError

if TYPE_CHECKING:
    import subprocess
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["SIGNALS", "Assistant", "Companion", "abandon", "hold_interrupts", "map_in_processes", "run_process"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that ask a process to end and can be answered."""

_PATIENCE = 5.0  # seconds that a worker has to end by itself

T = TypeVar("T")
R = TypeVar("R")
_running: set[subprocess.Popen[str]] = set()
_made: Any = None  # in a process of `map_in_processes`: what `start` made for it


@contextlib.contextmanager
def hold_interrupts() -> Iterator[None]:
    """Within the block the signals that have a handler wait; it is called after the block.

    Processes started in the block never see Ctrl-C.
    """
    waiting: list[int] = []
    before: dict[int, Any] = {}

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    blocked = None
    try:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    before[number] = handler
                    signal.signal(number, wait)
        if hasattr(signal, "pthread_sigmask"):
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(waiting):
            signal.raise_signal(number)


def map_in_processes(
    function: Callable[..., R],
    items: Sequence[T],
    number: int,
    start: Callable[..., Any] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[R]:
    """`function` of every item in order, worked out by `number` processes.

    With `start`, every process first makes `start(*arguments)`, and works out `function(made, item)`.

    However the iteration ends, no process is left. Raises `GlassnetError` when one was ended from outside.
    """
    import concurrent.futures
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        min(number, len(items)), mp_context=context, initializer=_begin, initargs=(start, arguments)
    )
    done = False
    try:
        with hold_interrupts():
            results = pool.map(function if start is None else functools.partial(_with_made, function), items)
        yield from results
        done = True
    except concurrent.futures.BrokenExecutor as error:
        raise GlassnetError(
            "A process that helped with the work ended before its time (too little memory?); use fewer at once."
        ) from error
    finally:
        if not done:
            _end(list((pool._processes or {}).values()))  # Python 3.14 has terminate_workers for this
        pool.shutdown(cancel_futures=True)


def _end(workers: Sequence[BaseProcess]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(_PATIENCE)
        if worker.exitcode is None:
            worker.kill()


def _begin(start: Callable[..., Any] | None, arguments: tuple[Any, ...]) -> None:
    """Set a worker up: asked to end, or left alone by its parent, it takes back what it has half written."""
    for number in SIGNALS:
        if number != signal.SIGINT:
            signal.signal(number, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start is not None:
        global _made
        _made = start(*arguments)


def _with_made(function: Callable[[Any, T], R], item: T) -> R:
    return function(_made, item)


def _leave(number: int = 0, frame: FrameType | None = None) -> None:
    files.abandon()
    os._exit(1)


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    if hasattr(signal, "pthread_kill"):  # between two steps of the work, not in the middle of one
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(_PATIENCE)
    _leave()


class Companion:
    """A process of our own that does one thing beside us and talks with us through a pipe.

    It never sees Ctrl-C, and ends when we end.

    Parameters
    ----------
    function : callable
        Called there as `function(pipe, *arguments)`; at its end the process ends. Importable, as the arguments are.
    *arguments : object
        What it is given.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_accompany, args=(function, theirs, arguments))
        with hold_interrupts():
            self.process.start()
        theirs.close()

    def send(self, message: Any) -> None:
        """Tell it something; nothing happens where it has ended."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def messages(self) -> Iterator[Any]:
        """What it tells, until it ends."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                yield self.pipe.recv()

    def ask_to_end(self) -> None:
        """Ask it to end, as by SIGTERM: between two steps of a training, else at once."""
        self.process.terminate()

    def end(self, patience: float = _PATIENCE) -> None:
        """Wait until it has ended; kill it where it takes longer than so many seconds."""
        self.process.join(patience)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()

    def close(self) -> None:
        """Give back what is held of it, once it has ended and nobody reads its messages."""
        self.pipe.close()
        self.process.close()


def _accompany(function: Callable[..., Any], pipe: Connection, arguments: tuple[Any, ...]) -> None:
    _begin(None, ())
    with pipe:
        function(pipe, *arguments)


class Assistant:
    """A process of our own that makes one call and says nothing, not even that it failed.

    It never sees Ctrl-C, and ends when we end. Unlike a `Companion` it does not import the script that is running,
    which may do its work as it is imported.

    Parameters
    ----------
    function : callable
        Called there as `function(*arguments)`. Importable, as the arguments are.
    *arguments : object
        What it is given.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        import pickle
        import subprocess

        call = pickle.dumps((function, arguments))
        code = f"import sys; sys.path[:] = {sys.path!r}; from glassnet.processes import _assist; _assist()"
        with hold_interrupts():
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin
        with contextlib.suppress(OSError):
            self._pipe.write(call)
            self._pipe.flush()

    def end(self) -> None:
        """End it, whether it is done or not."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._pipe.close()


def _assist() -> None:
    import pickle

    function, arguments = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_pipe, daemon=True).start()
    function(*arguments)


def _end_with_pipe() -> None:
    """End as soon as nobody is left who could write to our input."""
    sys.stdin.buffer.read()
    os._exit(0)


def run_process(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed; when the waiting is interrupted, it is killed."""
    import subprocess

    process = None
    try:
        with hold_interrupts():
            process = subprocess.Popen(
                command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            _running.add(process)
        out, err = process.communicate()
        return subprocess.CompletedProcess(list(command), process.returncode, out, err)
    finally:
        if process is not None:
            if process.poll() is None:
                process.kill()
                process.communicate()
            _running.discard(process)


def abandon() -> None:
    """Kill what `run_process` waits for, for a process that ends at once; workers notice its end by themselves."""
    for process in list(_running):
        process.kill()
