"""How much memory the machine has, for those who must choose between keeping and making anew."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["machine_memory"]

_UNKNOWN = 8 * 2**30
# What a container may use, in control groups of version 2 and 1.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_memory() -> int:
    """Bytes of memory that this process may use at most; 8 GiB where the system does not say."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        found = _UNKNOWN
    for file in _LIMITS:
        try:
            text = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.isdigit():
            found = min(found, int(text))
    return found
