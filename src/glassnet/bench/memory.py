"""How much memory a step needs at its highest point.

The kernel keeps the highest resident size that a process ever had (VmHWM) and can be told to forget it (writing 5 to
/proc/self/clear_refs). So: everything that is no part of the step is brought into memory first - the program, the
data, the network with its weights, and all compiled code and library buffers, by steps of a second network of the same
make that is then thrown away; what is freed is given back to the system; the mark is reset; then the first steps are
taken, and the highest size is read. The increase counts what the steps needed on top, each page once it was written
to: gradients, the optimiser's state, activations and scratch space. Both sides are measured so, each in a process of
its own. Linux alone can do this.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["peak_increase"]

_STEPS = 3
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_increase(make_step: Callable[[], Callable[[int], Any]]) -> int | None:
    """Bytes that the first three steps need beyond what exists before them; None where that cannot be measured.

    `make_step` makes a network with its weights and returns the function of its steps; it is called twice.
    """
    warm = make_step()
    for i in range(_STEPS):
        warm(i)
    del warm
    step = make_step()
    _give_back()
    if not _reset():
        return None
    before = _read("VmRSS")
    for i in range(_STEPS):
        step(i)
    return max(0, _read("VmHWM") - before)


def _give_back() -> None:
    """Free what nothing refers to, and let the C library return its free pages to the system."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def _reset() -> bool:
    """Set the highest resident size to the present one; whether that was possible."""
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return _read("VmHWM") > 0


def _read(name: str) -> int:
    """A figure of this process's status in bytes, 0 where it is not there."""
    found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
