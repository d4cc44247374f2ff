"""What kernels are compiled for: the widest vectors that this processor has, and how many registers hold them.

LLVM compiles for the processor it finds, but how a block of sums is cut is decided here, before anything is compiled.
`TARGETS` has one entry for each kind of processor. GLASSNET_ISA names one that is to be used instead of the best, for
measuring and for tests: the instructions beyond it are then taken from the compiler too.

Numba keys what it keeps on disk by the processor's name and features, and all that is chosen here follows from these:
what was compiled for one processor, or one GLASSNET_ISA, never runs on another.
"""

from __future__ import annotations

import os
import platform
from typing import Any, NamedTuple

import llvmlite.binding
from numba.core import config
from numba.core.registry import cpu_target

from glassnet.errors import GlassnetError, nearest

__all__ = ["TARGETS", "Target", "choose", "chosen", "possible"]


class Target(NamedTuple):
    """A kind of processor.

    `rows[v - 1]` is how many rows a block of sums has that is v vectors wide. It holds rows * v sums, one vector of the
    other factor and one number spread over a vector, all in registers. At least 8 sums are needed so that none waits
    for its own last addition (4 cycles, two at a time); rows + v loads serve rows * v multiply-adds.
    """

    name: str
    needs: frozenset[str]  # features of the processor, as LLVM names them
    bytes: int  # of a vector
    registers: int
    rows: tuple[int, int, int, int]
    why: str


TARGETS: tuple[Target, ...] = (
    Target(
        "avx512", frozenset({"avx512f", "avx512vl", "avx512dq", "avx512bw"}), 64, 32, (8, 8, 8, 6),
        "Twice as wide as AVX2. With 32 registers 24 sums fit, so that each vector of weights that comes from the"
        " second-level cache serves 6 pixels instead of 3.",
    ),
    Target(
        "avx2", frozenset({"avx2", "fma"}), 32, 16, (8, 6, 4, 3),
        "12 sums, a vector and three numbers fill the 16 registers: two multiply-adds a cycle, 7 loads for 12.",
    ),
    Target(
        "neon", frozenset({"neon"}), 16, 32, (8, 8, 8, 6),
        "Half as wide, but 32 registers: 24 sums, as with AVX-512.",
    ),
    Target(
        "sse2", frozenset(), 16, 16, (8, 6, 4, 3),
        "What every 64-bit x86 processor has. Multiplication and addition are two instructions, and a product needs a"
        " register until it is added: 12 sums leave four.",
    ),
)  # fmt: skip

# What a processor loses with a target: the features that begin so.
_AVX512 = ("avx512", "avx10", "amx")
_BEYOND = {"avx2": _AVX512, "sse2": (*_AVX512, "avx", "fma", "f16c", "xop", "vaes", "vpclmulqdq")}


def possible() -> list[str]:
    """The targets whose instructions this processor has, the best one first."""
    return [target.name for target in TARGETS if target.needs <= _present(_features())]


def chosen() -> Target:
    """The target that kernels of this process are compiled for."""
    return _chosen


def choose() -> Target:
    """The best target of this processor, or the one that GLASSNET_ISA names.

    Raises
    ------
    GlassnetError
        GLASSNET_ISA names no target, or one that this processor has not.
    """
    wanted, found = os.environ.get("GLASSNET_ISA", "").strip().lower(), possible()
    if not wanted:
        return _named(found[0])
    if wanted not in found:
        names = [target.name for target in TARGETS]
        hint = nearest(wanted, names) if wanted not in names else ""
        raise GlassnetError(
            f"GLASSNET_ISA must name instructions that this processor has: {', '.join(found)}."
            f" Got '{wanted}' instead.{hint}"
        )
    _take_away(_BEYOND.get(wanted, ()))
    return _named(wanted)


def _named(name: str) -> Target:
    return next(target for target in TARGETS if target.name == name)


def _features() -> dict[str, bool]:
    """The features that Numba compiles for, by LLVM's names."""
    settings: Any = config
    if settings.CPU_FEATURES is None:
        try:
            found: dict[str, bool] = dict(llvmlite.binding.get_host_cpu_features())
        except RuntimeError:  # LLVM does not know: then Numba compiles for what every processor of the kind has
            return {}
        return found if settings.ENABLE_AVX else {k: v and not k.startswith("avx") for k, v in found.items()}
    words = [word.strip() for word in settings.CPU_FEATURES.split(",")]
    return {word[1:]: word[0] == "+" for word in words if word}


def _present(features: dict[str, bool]) -> set[str]:
    present = {name for name, there in features.items() if there}
    return present | {"neon"} if platform.machine().lower() in ("arm64", "aarch64") else present


def _take_away(beginnings: tuple[str, ...]) -> None:
    """Have Numba compile without the features that begin so. It reads its settings when it first compiles."""
    settings: Any = config
    kept = {name: there and not name.startswith(beginnings) for name, there in _features().items()}
    settings.CPU_FEATURES = ",".join(f"{'+' if there else '-'}{name}" for name, there in sorted(kept.items()))
    if cpu_target.target_context.codegen().magic_tuple()[2] != settings.CPU_FEATURES:
        raise GlassnetError(
            "GLASSNET_ISA was set, but Numba has compiled something in this process before, and keeps to what it"
            " compiled for. Import glassnet first."
        )


_chosen = choose()
