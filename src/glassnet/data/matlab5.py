"""Reads numeric arrays from MATLAB 5 files (The MathWorks, "MAT-File Format", Level 5), plain or compressed.

Written out here because the usual reader, `scipy.io.loadmat`, can crash the whole process on a damaged file. Every
length in the file is checked against the bytes that are there before it is used.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.errors import DataError
from glassnet.files import plain_bytes

__all__ = ["read_matlab5"]

_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 14, 15, 16
# Storage types (mi...) and array classes (mx...) of numbers; an array of doubles may be stored as bytes to save room.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX = 0x0800
_MOST_BYTES = 2 * 2**30  # of one variable
_HIGHEST_RATIO = 1100  # deflate cannot compress better than about 1032 : 1
_PEEK = 4096


class _Damaged(Exception):
    """The file contradicts itself; the text says how."""


def read_matlab5(path: Path, names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The variables of these names, those that are there; others are passed over.

    Arrays come in MATLAB's shape (at least two dimensions) and their declared type. Raises `DataError` when the file is
    missing, cut short, damaged or of another version, or a wanted variable is not an array of real numbers.
    """
    try:
        data = plain_bytes(path)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER], "")
    if data[:10] == b"MATLAB 7.3" or data[:8] == b"\x89HDF\r\n\x1a\n":
        raise DataError(f"'{path}' is a MATLAB 7.3 file; save it again in MATLAB with the option '-v7'.")
    if not order or struct.unpack(f"{order}H", data[124:126])[0] != 0x0100:
        raise DataError(
            f"'{path}' is not a MATLAB 5 file: its header of 128 bytes is missing or damaged; download it again."
        )
    found: dict[str, npt.NDArray[Any]] = {}
    try:
        for kind, body, _ in _elements(memoryview(data)[_HEADER:], order):
            matrix = _unpacked(body, order, names) if kind == _COMPRESSED else body if kind == _MATRIX else None
            if matrix is None:
                if kind not in (_MATRIX, _COMPRESSED):
                    raise _Damaged(f"an element of type {kind} where a variable belongs")
                continue
            name = _name(matrix, order)
            if name in names:
                found[name] = _array(matrix, order, name)
    except (_Damaged, zlib.error, struct.error, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"Cannot read '{path}': {reason}. It is cut short or damaged; download it again.") from error
    return found


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview, int]]:
    """(type, bytes, where the next one begins) of the elements that fill `data`."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise _Damaged("the last element is cut short")
        first, length = struct.unpack_from(f"{order}II", data, at)
        if first >> 16:  # a small element: type and length in four bytes, up to four bytes of data after them
            kind, length, start, after = first & 0xFFFF, first >> 16, at + 4, at + 8
            if length > 4:
                raise _Damaged(f"a small element of {length} bytes")
        else:
            kind, start = first, at + 8
            # Compressed elements are not padded, others are to a multiple of eight bytes.
            after = start + (length if kind == _COMPRESSED else -(-length // 8) * 8)
        if start + length > len(data):
            raise _Damaged(f"an element of {length} bytes where {len(data) - start} are left")
        yield kind, data[start : start + length], after
        at = after


def _unpacked(body: memoryview, order: str, names: Collection[str]) -> memoryview | None:
    """The matrix element in a compressed one, or None when its name is not wanted (then little is unpacked)."""
    start = memoryview(zlib.decompressobj().decompress(body, _PEEK))
    kind, length = struct.unpack_from(f"{order}II", start)
    if kind != _MATRIX or length > min(_MOST_BYTES, _HIGHEST_RATIO * len(body) + _PEEK):
        raise _Damaged(f"a compressed element of type {kind} and {length} bytes")
    if _name(start[8:], order) not in names:
        return None
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(body, 8 + length + 1)
    if len(data) != 8 + length or not unpacker.eof:  # the end carries the checksum
        raise _Damaged("a compressed variable does not have the length that it states")
    return memoryview(data)[8:]


def _name(matrix: memoryview, order: str) -> str:
    """The name of a matrix element: its third part."""
    for place, (kind, body, _) in enumerate(_elements(matrix, order)):
        if place == 2:
            if kind not in (_INT8, _UTF8):
                raise _Damaged(f"a variable's name of type {kind}")
            return bytes(body).decode("latin1")
    raise _Damaged("a variable without a name")


def _array(matrix: memoryview, order: str, name: str) -> npt.NDArray[Any]:
    parts = list(_elements(matrix, order))
    (flags_kind, flags, _), (shape_kind, sizes, _) = parts[0], parts[1]
    if flags_kind != _UINT32 or len(flags) != 8 or shape_kind != _INT32 or len(sizes) % 4 or len(sizes) < 8:
        raise _Damaged(f"the description of '{name}' does not make sense")
    bits = struct.unpack_from(f"{order}I", flags)[0]
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if bits & 0xFF not in _CLASSES or bits & _COMPLEX:
        raise _Damaged(f"'{name}' is not an array of real numbers")
    if len(parts) != 4 or parts[3][0] not in _STORED:
        raise _Damaged(f"'{name}' has no values that can be read")
    stored = np.dtype(_STORED[parts[3][0]]).newbyteorder("<" if order == "<" else ">")
    values = parts[3][1]
    if min(shape) < 0 or len(shape) > 8 or math.prod(shape) * stored.itemsize != len(values):
        raise _Damaged(f"'{name}' of shape {shape[:8]} with {len(values)} bytes of values")
    array = np.frombuffer(values, stored).reshape(shape, order="F")
    # Casting damaged floats to whole numbers is undefined but harmless; what comes of it is checked by the caller.
    with np.errstate(all="ignore"):
        return array.astype(_CLASSES[bits & 0xFF])
