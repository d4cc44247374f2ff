"""Arrays and a description in one `.safetensors` file that notices any change.

The format is safetensors (no code runs on loading). Its metadata holds the description as JSON under `glassnet`, and
under `sha256` a digest of the description and of every array's name, dtype, shape and bytes. A file whose digest does
not fit is refused, so a flipped bit never changes an answer silently.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.files import atomic_write, open_plain, plain_bytes
from glassnet.nn.functional.arrays import Array
from glassnet.nn.tensors import decode

__all__ = ["described", "digest", "read", "write"]

_LARGEST_HEADER = 2**24  # bytes


def digest(description: dict[str, Any], arrays: dict[str, Array]) -> str:
    """The SHA-256 that a file of this description and these arrays carries."""
    return _digest(_text(description), arrays)


def _text(description: dict[str, Any]) -> str:
    return json.dumps(description, ensure_ascii=True, sort_keys=True)


def _digest(description: str, arrays: dict[str, Array]) -> str:
    digest = hashlib.sha256(description.encode("utf-8"))
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write(path: str | Path, description: dict[str, Any], arrays: dict[str, Array]) -> str:
    """Write a file, whole or not at all; returns the digest. `description` must be plain JSON."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = _text(description)
    sha256 = _digest(text, arrays)
    content = _in_fixed_order(save(arrays, metadata={"glassnet": text, "sha256": sha256}))
    with atomic_write(path) as file:
        file.write(content)
    return sha256


def _in_fixed_order(content: bytes) -> bytes:
    """The same file with a sorted header: the library writes the metadata in an order that changes from run to run."""
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + size]), separators=(",", ":"), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8 bytes
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The description and the arrays of a file. Raises `ModelError` when it is missing, foreign or damaged."""
    path = Path(path)
    try:
        content = plain_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelError(f"Cannot read the model file '{path}': {reason}.") from error
    metadata, arrays = decode(content, path, "use another copy")
    if "glassnet" not in metadata or "sha256" not in metadata:
        raise ModelError(f"'{path}' is a safetensors file, but not one that glassnet wrote: it has no description.")
    if metadata["sha256"] != _digest(metadata["glassnet"], arrays):
        raise ModelError(f"'{path}' is damaged: its contents do not fit its SHA-256; use another copy or train again.")
    try:
        description = json.loads(metadata["glassnet"])
    except (ValueError, RecursionError):
        description = None
    if not isinstance(description, dict):
        raise ModelError(f"The description in '{path}' is not a JSON object; the file was not written by glassnet.")
    return description, arrays


def described(path: str | Path) -> dict[str, Any]:
    """What a file says of itself, read from its head alone: nothing is checked against its SHA-256.

    Raises
    ------
    ModelError
        It is missing, or no file that glassnet wrote.
    """
    try:
        with open_plain(path) as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _LARGEST_HEADER:
                raise ValueError("its header is too long")
            found = json.loads(json.loads(file.read(size))["__metadata__"]["glassnet"])
        if not isinstance(found, dict):
            raise TypeError("its description is not a JSON object")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"'{path}' is no model file that glassnet wrote.") from error
    return found
