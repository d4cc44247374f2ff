"""Kernels compiled ahead, by other processes, while ours compiles what it needs first.

A process compiles one kernel at a time, however many threads it has. So within a block of `ahead`, where work stands of
which is known what it will call, further processes compile on the other cores what it will need last, and leave it on
disk (`cache`), where it is found when it is called for. They are started only where something has to be compiled, and
end with the block.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from glassnet import compiling, threads
from glassnet.nn.kernels.needed import Calls, kernels_of
from glassnet.processes import Assistant

__all__ = ["ahead", "compile_from_last"]

_MOST = 4  # processes that compile

_turn = threading.Lock()  # held by the thread for which others compile


@contextlib.contextmanager
def ahead(describe: Callable[[], Calls]) -> Iterator[None]:
    """Within the block, once a kernel has to be compiled, other processes compile what the block will need last.

    A block within another one adds nothing, nor does one beside another one in which it came to that.

    Parameters
    ----------
    describe : callable
        Called when it comes to that. What it gives is asked in those processes for the calls that the block consists
        of; it can be pickled, and what it names can be imported.
    """
    with contextlib.ExitStack() as afterwards:

        def start() -> None:
            number = min(threads.count(), threads.available(), _MOST) - 1
            if not number or not _can_share() or not _turn.acquire(blocking=False):
                return
            afterwards.callback(_turn.release)
            # Whatever hinders it (a loss of the user's own that cannot be pickled, too little memory): work needs none.
            with contextlib.suppress(Exception):
                calls = describe()
                for _ in range(number):
                    afterwards.callback(Assistant(compile_from_last, calls, threads.count()).end)

        with compiling.at_first(start):
            yield


def _can_share() -> bool:
    """Whether other processes can be started, and can leave here what they compile."""
    return bool(sys.executable) and not getattr(sys, "frozen", False) and os.name == "posix"


def compile_from_last(calls: Calls, count: int) -> None:
    """Compile the kernels that calls need on so many threads, of each call the last one first.

    A kernel that another process compiles is left to it, and no further processes are started.
    """
    threads.set_count(count)
    with _turn:
        for call in calls():
            for kernel, signature in reversed(kernels_of(call)):
                if not kernel._cache.is_claimed(signature):
                    kernel.compile(signature)
