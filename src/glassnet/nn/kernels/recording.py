"""The kernels' calls of a pass, kept so that they can be made again by one call.

What a pass through a network costs beyond its arithmetic is Python: layers are asked for their methods, arrays are
checked, memory is handed out. For pictures one at a time this is a third of the time. But it comes out the same at
every pass over as many examples: the same kernels work on the same memory. So their calls are kept, each as an address
and a frame with its arguments (`sharing`), and a later pass is a loop over them in compiled code.

That holds for what kernels do alone. What NumPy does between them is not seen, and would stay as it was.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.nn.kernels.sharing import FRAME, call_again, keep_frame, recorders

__all__ = ["Recording", "alone", "recording", "recording_now"]


class Recording:
    """Calls of kernels in the order in which they were made; it holds the arrays that they work on.

    A copy, or what is read from a pickle, is empty: addresses mean nothing elsewhere.
    """

    def __init__(self) -> None:
        self._frames: list[np.ndarray] = []
        self._arguments: list[tuple[Any, ...]] = []
        self._calls: list[tuple[int, int, int]] = []
        self._table = np.empty((0, 3), np.int64)

    def keep(self, address: int, arguments: tuple[Any, ...]) -> None:
        """Add a call, the number of shares last."""
        frame = np.empty(FRAME, np.uint8)
        self._frames.append(frame)
        self._arguments.append(arguments)
        place = frame.ctypes.data
        self._calls.append((keep_frame(address, place, arguments), place, arguments[-1]))

    def close(self) -> None:
        """Nothing is added any more."""
        self._table = np.array(self._calls, np.int64).reshape(-1, 3)

    def replay(self) -> None:
        """Make all calls again."""
        call_again(self._table)

    def __len__(self) -> int:
        return len(self._calls)

    def __reduce__(self) -> tuple[type[Recording], tuple[()]]:
        return Recording, ()


@contextlib.contextmanager
def recording() -> Iterator[Recording]:
    """Keep the calls of shared kernels that this thread makes within the block; they are made as well."""
    made, thread = Recording(), threading.get_ident()
    recorders[thread] = made
    try:
        yield made
    finally:
        del recorders[thread]
        made.close()


def recording_now() -> bool:
    """Whether this thread's calls are kept: then only shared kernels should be called."""
    return bool(recorders) and threading.get_ident() in recorders


def alone(kernel: Any, shared: Any, *arguments: Any) -> None:
    """Call a kernel that works on one thread; in a recording its shared form, which can be kept."""
    if recording_now():
        shared(*arguments, 1)
    else:
        kernel(*arguments)
