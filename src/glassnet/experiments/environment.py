"""What a run was made with: versions, hardware, threads and the hash of its data.

The same recipe ends in the same bits on the same instructions and as many threads: both belong to what a run is, and a
run that is resumed looks here for those it was begun with.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
from threadpoolctl import ThreadpoolController

from glassnet import threads
from glassnet.data import Splits
from glassnet.experiments.engine import described
from glassnet.nn.kernels import blas

__all__ = ["environment", "going_on", "on_engine"]

_PACKAGES = ("glassnet", "numpy", "numba", "scipy", "scikit-learn", "pillow", "safetensors", "matplotlib")

# Features of a processor that have to do with arithmetic, as LLVM spells those that are there.
_ARITHMETIC = tuple(f"+{name}" for name in ("sse", "avx", "fma", "f16c", "amx", "neon", "sve", "fp", "dotprod"))
_DIFFER = "its bits will differ from those of a run that was never stopped"


def environment(splits: Splits | None = None, engine: dict[str, Any] | None = None) -> dict[str, Any]:
    """Versions, processor, threads, BLAS and, with `splits`, their notes and each part's size and SHA-256, as JSON;
    `engine` is what the engine says of itself.
    """
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "instructions": instructions(),
        "threads": threads.count(),
        "blas": "NumPy's OpenBLAS, called from compiled code" if blas.AVAILABLE else "np.matmul",
    }
    if engine is not None:
        found["engine"] = engine
    if splits is not None:
        parts = {"train": splits.train, "validation": splits.valid, "test": splits.test}
        found["notes"] = list(splits.notes)
        found["data"] = {
            name: {"examples": len(part), "sha256": part.sha256} for name, part in parts.items() if part is not None
        }
    return found


def instructions() -> str:
    """What kernels are compiled for, and which kernels NumPy's BLAS has chosen: they decide how sums are rounded."""
    config: Any = numba.config
    name = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    features = config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten()
    vectors = sorted(f[1:] for f in features.split(",") if f.startswith(_ARITHMETIC))
    libraries = ThreadpoolController().select(user_api="blas").info()
    cores = sorted({library["architecture"] for library in libraries if library.get("architecture")})
    return ", ".join([f"{name} with {' '.join(vectors)}", *(f"BLAS for {core}" for core in cores)])


def going_on(before: Any, say: Callable[[str], None]) -> int | None:
    """The number of threads that a run which began in the environment `before` goes on with; None for the present one.

    That is the run's own, unless another one was asked for or this machine has fewer. Where the rest of the run will
    not have the bits that it would have had, a line says so.
    """
    before = before if isinstance(before, dict) else {}
    own, now = before.get("threads"), threads.count()
    number = None
    if isinstance(own, int) and own > 0 and own != now:
        if threads.possible(own) < own:
            say(f"this run was started with {own} threads and resumes with {now}, as this machine has fewer; {_DIFFER}")
        elif threads.asked_for() is not None:
            say(f"this run was started with {own} threads and resumes with {now}, as asked for; {_DIFFER}")
        else:
            number = own
            say(f"resuming with {own} thread{'s' if own > 1 else ''}, as this run was started")
    if before.get("instructions", instructions()) != instructions():
        say(f"this run was started on a processor with other instructions; {_DIFFER}")
    return number


def on_engine(before: Any, engine: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any] | None:
    """The environment of a run that began in `before` and goes on with another engine, which a line says; None where it
    goes on with its own.
    """
    own = before.get("engine") if isinstance(before, dict) else None
    if own is None or own == engine:
        return None
    say(f"this run was started on {described(own)} and resumes on {described(engine)}; {_DIFFER}")
    return {**before, "engine": engine, "earlier_engines": [*before.get("earlier_engines", []), own]}


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
