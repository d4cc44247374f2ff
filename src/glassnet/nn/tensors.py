"""The tensors of a safetensors file as NumPy arrays.

The format (github.com/huggingface/safetensors) is a header in JSON, which gives each tensor's type, shape and place,
and then the bytes. What NumPy has no type for is read like this:

    BF16    the upper half of a float32 (8 bits of exponent, 7 of fraction): shifted up by 16 bits it is that number
    F8, F6, F4 of any kind, C64    not read; the error names the tensor and its type
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.nn.functional.arrays import Array

__all__ = ["decode"]

_LARGEST_HEADER = 100_000_000
_TYPES = {
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"{sign.upper()}{8 * size}": np.dtype(f"<{sign}{size}") for sign in "iu" for size in (1, 2, 4, 8)},
    "BOOL": np.dtype(np.bool_),
}
_NOT_READ = re.compile(r"(F4|F6|F8|C64|C128)(_\w+)?")


def decode(content: bytes, path: str | Path, advice: str) -> tuple[dict[str, str], dict[str, Array]]:
    """(metadata, arrays by name) of the bytes of a file; `path` and `advice` go into the error.

    Raises `ModelError` when they are damaged, no safetensors file, or hold a type that is not read.
    """
    from safetensors import SafetensorError, deserialize

    try:
        metadata, types = _header(content)
        for name, kind in types.items():
            if _NOT_READ.fullmatch(kind):
                raise ModelError(
                    f"The tensor '{name[:80]}' in '{path}' is of the type {kind}, which is not read; save it as F32 (or"
                    " F16, BF16, F64)."
                )
        tensors = deserialize(content)  # type: ignore[no-untyped-call]
        return metadata, {name: _array(**tensor) for name, tensor in tensors}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError, OverflowError, SafetensorError) as error:
        raise ModelError(f"'{path}' is damaged or no safetensors file ({_brief(error)}); {advice}.") from error


def _header(content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """The metadata, and each tensor's type as written."""
    size = int.from_bytes(content[:8], "little")
    if size > min(len(content) - 8, _LARGEST_HEADER):
        raise ValueError("its header is longer than the file")
    header = json.loads(content[8 : 8 + size].decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise ValueError("its metadata is not a table")
    return metadata, {name: str(tensor["dtype"]) for name, tensor in header.items()}


def _array(dtype: str, shape: Any, data: Any) -> Array:
    if dtype == "BF16":
        upper = np.frombuffer(data, "<u2").astype(np.uint32)
        return (upper << 16).view(np.float32).reshape(shape)
    return np.frombuffer(data, _TYPES[dtype]).reshape(shape)


def _brief(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
