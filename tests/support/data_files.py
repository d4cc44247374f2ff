"""Small files in the official formats, made for the tests of this room."""

from __future__ import annotations

import contextlib
import gzip
import os
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from glassnet.errors import DataError

REAL = os.environ.get("GLASSNET_DATA", "")
needs_real_data = pytest.mark.skipif(not REAL, reason="GLASSNET_DATA is not set: the real data sets are not at hand")


@contextlib.contextmanager
def one_line_error(*words: str) -> Iterator[None]:
    """The block raises a `DataError` of one line in which the words stand."""
    with pytest.raises(DataError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message and message, message
    for word in words:
        assert word in message, message


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder: Path, train: int = 12, test: int = 6, packed: bool = True) -> dict[str, np.ndarray]:
    """The four files of a tiny MNIST; returns their arrays by name."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, count in (("train", train), ("t10k", test)):
        arrays[f"{part}-images-idx3-ubyte"] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = np.arange(count, dtype=np.uint8) % 10
    for name, array in arrays.items():
        data = idx_bytes(array)
        (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return arrays


def cifar_rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 3072), np.uint8), rng.integers(0, 10, count)


def write_cifar_binary(folder: Path, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, name in enumerate([*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]):
        rows, labels = cifar_rows(count, number)
        (folder / name).write_bytes(np.concatenate([labels[:, None].astype(np.uint8), rows], axis=1).tobytes())
        made.append((rows, labels))
    return made


def write_cifar_python(folder: Path, count: int = 5, protocol: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        rows, labels = cifar_rows(count, number)
        batch = {b"data": rows, b"labels": labels.tolist(), b"batch_label": b"x", b"filenames": [b"a.png"] * count}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
        made.append((rows, labels))
    return made


def nist_parts(count: int, classes: int, part: str, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.eye(classes, dtype=np.uint8)[np.arange(count) % classes]
    return {f"{part}_data": rng.random((count, 1024)).astype(np.float32), f"{part}_labels": labels}


def write_mat(path: Path, values: dict[str, object], packed: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, values, do_compression=packed)


def write_picture(path: Path, array: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def write_classes(
    folder: Path, names: tuple[str, ...] = ("cat", "dog"), each: int = 3, shape: tuple[int, ...] = (9, 7)
) -> None:
    rng = np.random.default_rng(5)
    for name in names:
        for number in range(each):
            write_picture(folder / name / f"{number}.png", rng.integers(0, 256, shape, np.uint8))
