"""What a run was made with: versions, hardware, threads and the hash of its data."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data import Splits
from glassnet.nn.kernels import blas

__all__ = ["environment"]

_PACKAGES = ("glassnet", "numpy", "numba", "scipy", "scikit-learn", "pillow", "safetensors", "matplotlib")


def environment(splits: Splits | None = None) -> dict[str, Any]:
    """Versions, processor, threads, BLAS and, with `splits`, each part's size and SHA-256, as plain JSON."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": threads.count(),
        "blas": "NumPy's OpenBLAS, called from compiled code" if blas.AVAILABLE else "np.matmul",
    }
    if splits is not None:
        parts = {"train": splits.train, "validation": splits.valid, "test": splits.test}
        found["data"] = {
            name: {"examples": len(part), "sha256": part.sha256} for name, part in parts.items() if part is not None
        }
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
