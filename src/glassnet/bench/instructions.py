"""Holding both sides to one kind of instructions, and noticing where the environment does so already.

Our kernels are held by GLASSNET_ISA (`nn.kernels.target`), NumPy's OpenBLAS by OPENBLAS_CORETYPE, PyTorch by
ATEN_CPU_CAPABILITY, its oneDNN by ONEDNN_MAX_CPU_ISA and its MKL by MKL_ENABLE_INSTRUCTIONS. All of them are read when
a library is loaded, so they count for processes that are started within the block.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from glassnet.errors import RecipeError
from glassnet.nn.kernels.target import TARGETS, possible

__all__ = ["held_to", "limits"]

_SETTINGS: dict[str, dict[str, str]] = {
    "avx512": {
        "OPENBLAS_CORETYPE": "SkylakeX", "ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
    },
    "avx2": {
        "OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "sse2": {
        "OPENBLAS_CORETYPE": "Prescott", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
}  # fmt: skip

# OpenBLAS' names of processors by the instructions that it then uses; older ones are not listed.
_CORES = {
    "avx512": ("skylakex", "cooperlake", "sapphirerapids", "zen4", "zen5"),
    "avx2": ("haswell", "zen", "excavator"),
}
_NAMES = ("GLASSNET_ISA", "OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
_asked_for: list[str] = []  # by `held_to`
_OTHERS = ("OPENBLAS_L2_SIZE", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DISABLE_JIT", "NUMBA_OPT")


@contextlib.contextmanager
def held_to(isa: str) -> Iterator[None]:
    """Within the block, processes that are started use these instructions at most; "" leaves all as it is.

    Raises `RecipeError` for instructions that this processor has not.
    """
    if not isa:
        yield
        return
    if isa not in _SETTINGS or isa not in possible():
        known = [name for name in possible() if name in _SETTINGS]
        raise RecipeError(f"This processor can be held to {' or '.join(known) or 'nothing'}. Got '{isa}' instead.")
    before = dict(os.environ)
    os.environ.update({"GLASSNET_ISA": isa, **_SETTINGS[isa]})
    _asked_for.append(isa)
    try:
        yield
    finally:
        _asked_for.pop()
        for name in _NAMES:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def limits() -> dict[str, str]:
    """The environment's settings, but those of `held_to`, that hold a library below what this processor can do."""
    best = possible()[0]
    found = {name: value for name in (*(() if _asked_for else _NAMES), *_OTHERS) if (value := os.environ.get(name))}
    return {name: value for name, value in found.items() if name in _OTHERS or _below(name, value, best)}


def _below(name: str, value: str, best: str) -> bool:
    """Whether a setting names older instructions than `best`; what is not known is taken for older."""
    order = [target.name for target in TARGETS]
    word = value.strip().lower()
    if name == "OPENBLAS_CORETYPE":
        named = next((isa for isa, cores in _CORES.items() if word in cores), "sse2")
    else:
        by_setting = {settings.get(name, isa).lower(): isa for isa, settings in _SETTINGS.items()}
        named = by_setting.get(word, best if word.startswith(best) else "sse2")
    return order.index(named) > order.index(best)
