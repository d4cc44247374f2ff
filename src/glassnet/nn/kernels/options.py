"""Compilation options that all kernels share."""

from __future__ import annotations

from typing import Any

# NaN and infinity stay visible: neither `nnan` nor `ninf` is allowed, so that a diverging network is noticed.
FAST: set[str] = {"reassoc", "contract", "nsz", "arcp"}

SERIAL: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": FAST}
PARALLEL: dict[str, Any] = {**SERIAL, "parallel": True}

# Below this many array elements a parallel region costs more (about 2 microseconds and a wait) than it saves.
WORTH_SHARING = 1 << 15
