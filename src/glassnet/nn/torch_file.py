"""The tensors of a PyTorch file (`.pth`) as NumPy arrays, without PyTorch and without running anything.

`torch.save` writes a pickle, which names what a tensor is made of, and the numbers beside it. Two forms are read:

    zip      `NAME/data.pkl`, and the numbers of storage k in `NAME/data/k` (PyTorch 1.6 on, torch/serialization.py)
    old      five pickles in a row - a magic number, the version, the sizes of C's types, the object, the storages'
             keys - and then the numbers of each storage behind the count of them

In the pickle stand the names `collections.OrderedDict`, `torch._utils._rebuild_tensor_v2`,
`torch._utils._rebuild_parameter` and those of the storages (`torch.FloatStorage`, ...). Anything else is refused. Of a
checkpoint, a table with more beside the state dict, that is taken.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from glassnet.errors import ModelError
from glassnet.nn.functional.arrays import Array
from glassnet.unpickling import PlainUnpickler, Refused

__all__ = ["is_torch_file", "read_torch"]

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_MOST_STEPS = 1 << 26  # bytes of the pickle itself, which has some hundred for each tensor
_BFLOAT16 = "bfloat16"  # the upper half of a float32
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def is_torch_file(content: bytes) -> bool:
    """Whether bytes begin as a PyTorch file does, or any pickle; in a safetensors file a brace follows the length."""
    return content[8:9] != b"{" and (content[:2] == b"PK" or content[:1] == b"\x80")


def read_torch(content: bytes, path: str | Path) -> dict[str, Array]:
    """The tensors of a state dict by name, BF16 as float32; `path` goes into the error.

    Raises
    ------
    ModelError
        The file is damaged, holds no state dict, or asks for anything but tensors; nothing of it is run.
    """
    try:
        value = _from_zip(content) if content[:2] == b"PK" else _from_pickles(content)
        value = _state_dict(value)
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise Refused("an object that is not a table of tensors")
        return {name: _finished(name, tensor) for name, tensor in value.items()}
    except Refused as error:
        raise ModelError(
            f"'{path}' asks for {error}; of a PyTorch file only a state dict is read, tensors by name. Nothing of it"
            " was run."
        ) from error
    except Exception as error:  # a damaged pickle can fail in any of its opcodes, with any kind of error
        reason = str(error) or type(error).__name__
        raise ModelError(f"'{path}' is damaged or no PyTorch file ({reason[:120]}); use another copy.") from error


_CALLED = ("state_dict", "model_state_dict", "model")  # what a checkpoint calls its state dict


def _state_dict(value: Any) -> Any:
    """The state dict of a checkpoint, which has more beside it; anything else as it is."""
    inside = [value[name] for name in _CALLED if name in value] if isinstance(value, dict) else []
    return inside[0] if inside and isinstance(inside[0], dict) else value


# ---- what stands in the pickle


@dataclass(frozen=True)
class _Kind:
    """Stands in for the class of a storage."""

    dtype: str

    @property
    def size(self) -> int:
        return 2 if self.dtype == _BFLOAT16 else np.dtype(self.dtype).itemsize


class _Table(dict[Any, Any]):
    """Stands in for `OrderedDict`; the attributes that PyTorch sets on one (versions of modules) are left out."""

    def __setstate__(self, state: Any) -> None:
        pass


@dataclass
class _Storage:
    """A row of numbers of the file; its bytes may come later."""

    kind: _Kind
    count: int
    data: bytes | None = None

    def numbers(self) -> Array:
        if self.data is None or len(self.data) != self.count * self.kind.size:
            raise ValueError("a storage without its numbers")
        if self.kind.dtype == _BFLOAT16:
            return (np.frombuffer(self.data, "<u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(self.data, self.kind.dtype)


@dataclass(frozen=True)
class _Tensor:
    """Stands in for a tensor: numbers of a storage from `start` on, each axis with its stride."""

    storage: _Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: Any, start: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    numbers = (start, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise Refused("a tensor of something else than a storage")
    if len(shape) != len(strides) or len(shape) > 8:
        raise Refused("a tensor whose strides do not fit")
    return _Tensor(storage, start, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _finished(name: str, tensor: Any) -> Array:
    if not isinstance(tensor, _Tensor):
        raise Refused(f"'{name[:80]}', which is no tensor")
    numbers, shape = tensor.storage.numbers(), tensor.shape
    last = tensor.start + sum((n - 1) * stride for n, stride in zip(shape, tensor.strides, strict=True))
    # A tensor of few numbers could claim to be a huge one by strides of 0.
    if math.prod(shape) and (last >= len(numbers) or math.prod(shape) > len(numbers)):
        raise ValueError(f"the tensor '{name[:80]}' is larger than its storage")
    if not math.prod(shape):
        return np.empty(shape, numbers.dtype)
    steps = [stride * numbers.itemsize for stride in tensor.strides]
    return np.array(np.lib.stride_tricks.as_strided(numbers[tensor.start :], shape, steps), order="C")


class _Reader(PlainUnpickler):
    """Reads the object of a file and gathers its storages by key."""

    known: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): _Table,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        **{("torch", name): _Kind(dtype) for name, dtype in _STORAGES.items()},
    }
    built = (_Table,)

    def __init__(self, file: io.BytesIO, **settings: Any) -> None:
        super().__init__(file, **settings)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        # ("storage", class, key, device, count), and in the old form which part of another storage it is
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] not in ("storage", b"storage"):
            raise Refused("a reference to something outside the file")
        _, kind, key, _, count = pid[:5]
        if not isinstance(kind, _Kind) or not isinstance(key, str) or type(count) is not int or count < 0:
            raise Refused("a storage of an unknown kind")
        if len(pid) == 6 and pid[5] is not None:
            raise Refused("a storage that is a part of another")
        found = self.storages.setdefault(key, _Storage(kind, count))
        if (found.kind, found.count) != (kind, count):
            raise Refused("one storage under two kinds")
        return found


# ---- the two forms


def _from_zip(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}

        def member(name: str) -> bytes:
            info = members.get(name)
            if info is None:
                raise ValueError(f"it lacks '{name[:80]}'")
            if info.compress_type != zipfile.ZIP_STORED:  # PyTorch packs nothing; a small file stays a small one
                raise Refused("a compressed part")
            return archive.read(info)

        if "byteorder" in members and member("byteorder") != b"little":
            raise Refused("numbers in the other byte order")
        steps = member("data.pkl")
        if len(steps) > _MOST_STEPS:
            raise Refused("a pickle of more than 64 MiB")
        reader = _Reader(io.BytesIO(steps), encoding="utf-8")
        value = reader.load()
        for key, storage in reader.storages.items():
            storage.data = member(f"data/{key}")
    return value


def _from_pickles(content: bytes) -> Any:
    file = io.BytesIO(content)
    magic, version, machine = (_Reader(file, encoding="utf-8").load() for _ in range(3))
    if magic != _MAGIC or version != _VERSION:
        raise Refused("a pickle of another program's")
    if not isinstance(machine, dict) or not machine.get("little_endian", True):
        raise Refused("numbers in the other byte order")
    reader = _Reader(file, encoding="utf-8")
    value = reader.load()
    keys = _Reader(file, encoding="utf-8").load()
    if not isinstance(keys, list) or set(keys) != set(reader.storages):
        raise ValueError("its storages are not those that it names")
    for key in keys:
        storage = reader.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise ValueError("a storage of another length than stated")
        storage.data = file.read(count * storage.kind.size)
    return value
