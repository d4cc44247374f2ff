"""Damaged data files: one line and status 2, or the same data as before the damage; never anything in between."""

from __future__ import annotations

import gzip
import pickle
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from glassnet.data import Dataset
from glassnet.errors import DataError
from support.bad_input import contents, cuts, flipped, mangled, refused, refused_or_normal, untrained

DIGITS = tuple("0123456789")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder: Path, packed: bool) -> None:
    rng = np.random.default_rng(1)
    folder.mkdir()
    for part, count in (("train", 12), ("t10k", 4)):
        pixels = rng.integers(0, 256, (count, 28, 28), np.uint8)
        for name, array in (("images-idx3", pixels), ("labels-idx1", np.arange(count, dtype=np.uint8) % 10)):
            data = idx(array)
            path = folder / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data, mtime=0) if packed else data)


def write_cifar(folder: Path, python: bool) -> None:
    rng = np.random.default_rng(2)
    folder.mkdir()
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for name in names:
        rows, labels = rng.integers(0, 256, (3, 3072), np.uint8), rng.integers(0, 10, 3)
        if python:
            (folder / name).write_bytes(pickle.dumps({b"data": rows, b"labels": labels.tolist()}, protocol=2))
        else:
            joined = np.concatenate([labels[:, None].astype(np.uint8), rows], axis=1)
            (folder / f"{name}.bin").write_bytes(joined.tobytes())


def write_mat(folder: Path, packed: bool, rng: np.random.Generator | None = None) -> None:
    rng = rng or np.random.default_rng(3)
    folder.mkdir()
    for part in ("train", "valid", "test"):
        values = {
            f"{part}_data": rng.random((26, 1024)).astype(np.float32),
            f"{part}_labels": np.eye(26, dtype=np.uint8)[np.arange(26)],
        }
        scipy.io.savemat(folder / f"nist26_{part}.mat", values, do_compression=packed)


KINDS = {
    "idx": (lambda f: write_mnist(f, False), (28, 28, 1), DIGITS),
    "idx-gz": (lambda f: write_mnist(f, True), (28, 28, 1), DIGITS),
    "cifar-binary": (lambda f: write_cifar(f, False), (32, 32, 3), CIFAR),
    "cifar-python": (lambda f: write_cifar(f, True), (32, 32, 3), CIFAR),
    "mat": (lambda f: write_mat(f, False), (32, 32, 1), tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    "mat-packed": (lambda f: write_mat(f, True), (32, 32, 1), tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
}


@pytest.fixture(params=KINDS)
def laid_out(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Path]:
    """(kind, folder of data, model that fits it)."""
    write, shape, names = KINDS[request.param]
    write(tmp_path / "data")
    untrained(tmp_path / "model.safetensors", shape, names)
    assert refused_or_normal("whole", "evaluate", tmp_path / "model.safetensors", tmp_path / "data")
    return request.param, tmp_path / "data", tmp_path / "model.safetensors"


def test_files_cut_short_are_refused(laid_out: tuple[str, Path, Path], tmp_path: Path) -> None:
    kind, folder, model = laid_out
    rng = random.Random(0)
    files = sorted(folder.iterdir())
    for number in range(5):
        path = rng.choice(files)
        whole = path.read_bytes()
        for length in cuts(whole, 8, number):
            if kind == "cifar-binary" and length and length % 3073 == 0:
                continue  # whole records: a smaller file, not a damaged one
            path.write_bytes(whole[:length])
            refused((kind, path.name, length), "train", folder, "--out", tmp_path / "run")
            refused((kind, path.name, length), "evaluate", model, folder, "--part", "all")
        path.write_bytes(whole)
    assert not (tmp_path / "run").exists()


def test_structural_damage_is_refused_or_harmless(laid_out: tuple[str, Path, Path]) -> None:
    kind, folder, model = laid_out
    rng = random.Random(1)
    files = sorted(folder.iterdir())
    for case in range(60):
        path = rng.choice(files)
        whole = path.read_bytes()
        path.write_bytes(mangled(whole, rng))
        refused_or_normal((kind, path.name, case), "evaluate", model, folder, "--part", "all")
        path.write_bytes(whole)


def test_flipped_bits_are_refused_or_harmless(laid_out: tuple[str, Path, Path]) -> None:
    kind, folder, model = laid_out
    rng = random.Random(2)
    files = sorted(folder.iterdir())
    for _ in range(60):
        path = rng.choice(files)
        whole = path.read_bytes()
        near_start = rng.random() < 0.5
        bit = rng.randrange(8 * (min(300, len(whole)) if near_start else len(whole)))
        path.write_bytes(flipped(whole, bit))
        refused_or_normal((kind, path.name, bit), "evaluate", model, folder, "--part", "all")
        path.write_bytes(whole)


def test_a_flipped_pixel_bit_of_plain_formats_is_a_valid_picture(tmp_path: Path) -> None:
    write_mnist(tmp_path / "data", False)
    untrained(tmp_path / "m.safetensors", (28, 28, 1), DIGITS)
    path = tmp_path / "data" / "t10k-images-idx3-ubyte"
    whole = path.read_bytes()
    rng = random.Random(3)
    for _ in range(40):
        bit = rng.randrange(8 * 16, 8 * len(whole))
        path.write_bytes(flipped(whole, bit))
        assert refused_or_normal(bit, "evaluate", tmp_path / "m.safetensors", tmp_path / "data"), bit


def test_labels_outside_the_classes_and_counts_that_differ(tmp_path: Path) -> None:
    write_mnist(tmp_path / "data", False)
    labels = tmp_path / "data" / "train-labels-idx1-ubyte"
    untrained(tmp_path / "m.safetensors", (28, 28, 1), DIGITS)
    for wrong in (10, 99, 255):  # IDX names no classes: more of them make another set, not that of the model
        labels.write_bytes(idx(np.full(12, wrong, np.uint8)))
        refused(wrong, "evaluate", tmp_path / "m.safetensors", tmp_path / "data", "--part", "train", says="classes")
    for count in (0, 1, 11, 13):
        labels.write_bytes(idx(np.zeros(count, np.uint8)))
        refused(count, "train", tmp_path / "data", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_files_and_folders(laid_out: tuple[str, Path, Path], tmp_path: Path) -> None:
    kind, folder, model = laid_out
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        path.unlink()
        # A set without its test part or its fifth batch may still be a set.
        refused_or_normal((kind, path.name, "missing"), "evaluate", model, folder, "--part", "all")
        path.mkdir()
        refused_or_normal((kind, path.name, "a folder"), "evaluate", model, folder, "--part", "all")
        path.rmdir()
        path.write_bytes(whole)
    refused(kind, "train", tmp_path / "nowhere" / "at-all", "--out", tmp_path / "run", says="no file or folder")
    (tmp_path / "empty").mkdir()
    refused(kind, "train", tmp_path / "empty", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -5.0])
def test_pixels_that_are_no_pixels(value: float, tmp_path: Path) -> None:
    write_mat(tmp_path / "data", False)
    path = tmp_path / "data" / "nist26_train.mat"
    found = scipy.io.loadmat(path)
    pixels = found["train_data"]
    rng = np.random.default_rng(4)
    for number in range(8):
        damaged = pixels.copy()
        damaged[rng.integers(0, 26, number + 1), rng.integers(0, 1024, number + 1)] = value
        scipy.io.savemat(path, {"train_data": damaged, "train_labels": found["train_labels"]})
        refused((value, number), "train", tmp_path / "data", "--out", tmp_path / "run")
        images = np.ascontiguousarray(damaged.reshape(26, 32, 32, 1))
        with pytest.raises(DataError) as caught:
            Dataset(images, np.arange(26), tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def write_classes(folder: Path, names: tuple[str, ...], each: int = 3) -> None:
    rng = np.random.default_rng(5)
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            Image.fromarray(rng.integers(0, 256, (9, 7), np.uint8)).save(folder / name / f"{number}.png")


def test_one_class_only_and_classes_without_pictures(tmp_path: Path) -> None:
    write_classes(tmp_path / "one", ("cat",))
    refused("one class", "train", tmp_path / "one", "--out", tmp_path / "run", says="at least 2")
    write_classes(tmp_path / "two", ("cat", "dog"))
    (tmp_path / "two" / "fox").mkdir()
    refused("no picture", "train", tmp_path / "two", "--out", tmp_path / "run", says="fox")
    (tmp_path / "two" / "fox" / "0.png").write_bytes(b"no picture")
    refused("no picture", "train", tmp_path / "two", "--out", tmp_path / "run", says="0.png")
    write_classes(tmp_path / "few", ("cat", "dog"), each=1)
    refused("two pictures", "train", tmp_path / "few", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(DataError, match="at least 2 classes"):
        Dataset(np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3, np.int64), ("cat",))


def test_a_damaged_picture_in_a_class_folder_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path / "data", ("cat", "dog"), each=4)
    path = tmp_path / "data" / "dog" / "2.png"
    whole = path.read_bytes()
    for length in (*range(0, 60, 6), len(whole) // 2):
        path.write_bytes(whole[:length])
        refused(length, "train", tmp_path / "data", "--out", tmp_path / "run", says="2.png")
    assert not (tmp_path / "run").exists()


def test_refusals_change_nothing_on_the_disk(tmp_path: Path) -> None:
    write_mnist(tmp_path / "data", False)
    untrained(tmp_path / "m.safetensors", (8, 8, 1), DIGITS)
    before = contents(tmp_path)
    refused("part", "evaluate", tmp_path / "m.safetensors", "digits", "--part", "valid")
    refused("picture", "predict", tmp_path / "m.safetensors", tmp_path / "data" / "t10k-images-idx3-ubyte")
    refused("preprocess", "train", tmp_path / "data", "--preprocess", "resize 0 0", "--out", tmp_path / "run")
    refused("network", "train", tmp_path / "data", "--model", "linear 9", "--out", tmp_path / "run")
    assert contents(tmp_path) == before
