"""Reads the pickles of CIFAR-10's python version and builds nothing but plain containers and arrays of whole numbers.

The reader knows three names, those that an array is pickled with; see `glassnet.unpickling`.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import DataError
from glassnet.files import plain_bytes
from glassnet.unpickling import PlainUnpickler, Refused

__all__ = ["read_plain_pickle"]

_MOST_BYTES = 2 * 2**30
_DTYPES = {
    "u1": np.uint8,
    "i1": np.int8,
    "i2": np.int16,
    "i4": np.int32,
    "i8": np.int64,
    "u2": np.uint16,
    "u4": np.uint32,
}


class _Type:
    """Stands in for `numpy.dtype`: the type code and the byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)
        self.order = "|"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.order = order.decode("latin1") if isinstance(order, bytes) else str(order)

    def real(self) -> np.dtype[Any]:
        code = self.code.lstrip("<>|=")
        if code not in _DTYPES or self.order not in ("<", ">", "|", "="):
            raise Refused(f"an array of type '{self.code[:20]}'")
        return np.dtype(_DTYPES[code]).newbyteorder(
            "=" if self.order in ("|", "=") else "<" if self.order == "<" else ">"
        )


class _Array:
    """Stands in for `numpy.ndarray`: takes the pickled state and checks it before an array is made."""

    def __init__(self) -> None:
        self.value: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type) or not isinstance(data, bytes):
            raise Refused("an array of objects")
        dtype = kind.real()
        if not all(isinstance(n, int) and n >= 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(data):
            raise Refused(f"an array of shape {shape} with {len(data)} bytes")
        self.value = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _encode(text: Any, _encoding: Any = "latin1") -> bytes:
    # Python 3 pickles bytes under protocol 2 as text to be encoded.
    return text if isinstance(text, bytes) else str(text).encode("latin1")


class _NdarrayName:
    """Stands in where the pickle merely names the class."""


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _NdarrayName,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


class _Reader(PlainUnpickler):
    known = _KNOWN
    built = (_Array, _Type)


def read_plain_pickle(path: Path) -> Any:
    """The dictionaries, lists, numbers, bytes and integer arrays in a pickle file; text of Python 2 comes as bytes.

    Raises
    ------
    DataError
        The pickle asks for anything else (the name is given, nothing of it is run), or is damaged, cut short or
        missing.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Refused("more than 2 GiB")
        data = plain_bytes(path)
        value = _Reader(io.BytesIO(data), encoding="bytes").load()
        return _finished(value)
    except Refused as error:
        raise DataError(
            f"The pickle '{path}' asks for {error}; only plain containers and whole-number arrays are read from a "
            "pickle. "
            "Nothing of it was run; get the file from its official address."
        ) from error
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except Exception as error:  # a damaged pickle can fail in any of its opcodes, with any kind of error
        reason = str(error) or type(error).__name__
        raise DataError(
            f"Cannot read the pickle '{path}': {reason[:200]}. It is cut short or damaged; download it again."
        ) from error


def _finished(value: Any, depth: int = 0) -> Any:
    """Put the arrays in the place of their stand-ins."""
    if depth > 20:
        raise Refused("containers nested more than 20 deep")
    if isinstance(value, _Array):
        if value.value is None:
            raise Refused("an array without content")
        return value.value
    if isinstance(value, dict):
        return {_finished(k, depth + 1): _finished(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_finished(v, depth + 1) for v in value)
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise Refused(f"a {type(value).__name__.strip('_')} object")
