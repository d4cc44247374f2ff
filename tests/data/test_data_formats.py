"""IDX, CIFAR-10 and MATLAB files: round trips, and damage of every kind."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassnet.data import load
from glassnet.data.cifar import read_cifar_binary, read_cifar_python
from glassnet.data.idx import read_idx
from glassnet.data.mat import load_mat
from glassnet.data.matlab5 import read_matlab5
from glassnet.errors import DataError
from support.data_files import (
    cifar_rows,
    idx_bytes,
    nist_parts,
    one_line_error,
    write_cifar_binary,
    write_cifar_python,
    write_mat,
    write_mnist,
)

FILES = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


# IDX


@FILES
@given(arrays(np.uint8, st.lists(st.integers(0, 6), min_size=1, max_size=4).map(tuple)), st.booleans())
def test_idx_round_trip(tmp_path: Path, array: np.ndarray, packed: bool) -> None:
    file = tmp_path / "x"
    file.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    back = read_idx(file)
    assert back.shape == array.shape and (back == array).all()


@FILES
@given(st.data(), st.booleans())
def test_idx_cut_short(tmp_path: Path, data: st.DataObject, packed: bool) -> None:
    whole = idx_bytes(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))
    whole = gzip.compress(whole) if packed else whole
    file = tmp_path / "x"
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with one_line_error(str(file)):
        read_idx(file)


@FILES
@given(st.data(), st.booleans())
def test_idx_with_changed_bytes(tmp_path: Path, data: st.DataObject, packed: bool) -> None:
    raw = idx_bytes(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))
    whole = bytearray(gzip.compress(raw) if packed else raw)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "x"
    file.write_bytes(whole)
    try:
        assert read_idx(file).dtype == np.uint8
    except DataError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("packed", [False, True])
def test_a_size_bomb_costs_no_memory(tmp_path: Path, packed: bool) -> None:
    bomb = bytes((0, 0, 8, 4)) + struct.pack(">4I", *[2**32 - 1] * 4) + b"x" * 100
    file = tmp_path / "x"
    file.write_bytes(gzip.compress(bomb) if packed else bomb)
    with one_line_error("more than the file can hold"):
        read_idx(file)


def test_a_gzip_bomb_is_read_no_further_than_announced(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(gzip.compress(idx_bytes(np.zeros(10, np.uint8)) + bytes(50_000_000)))
    with one_line_error("more follow"):
        read_idx(file)


@pytest.mark.parametrize("start", [b"", b"\0\0\x0d\x01", b"\x01\0\x08\x01", b"\0\0\x08\x00", b"\0\0\x08\x09", b"<!do"])
def test_wrong_magic(tmp_path: Path, start: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(start + bytes(40) if start else b"")
    with one_line_error("not an IDX file"):
        read_idx(file)


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_folder_and_single_file(tmp_path: Path, packed: bool) -> None:
    arrays_ = write_mnist(tmp_path, packed=packed)
    parts = load(tmp_path)
    assert parts.train.image_shape == (28, 28, 1) and parts.test is not None and parts.valid is None
    assert (parts.train.images[..., 0] == arrays_["train-images-idx3-ubyte"]).all()
    assert (parts.test.labels == arrays_["t10k-labels-idx1-ubyte"]).all()
    assert parts.train.class_names == tuple("0123456789")
    alone = load(tmp_path / ("t10k-images-idx3-ubyte" + (".gz" if packed else "")))
    assert len(alone.train) == 6 and alone.test is None


def test_mnist_without_test_part_or_labels(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=False)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with one_line_error("t10k-labels-idx1-ubyte"):
        load(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    assert load(tmp_path).test is None
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(11, np.uint8)))
    with one_line_error("12 images", "11 labels"):
        load(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros((12, 1), np.uint8)))
    with one_line_error("dimension"):
        load(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with one_line_error("beside it"):
        load(tmp_path / "train-images-idx3-ubyte")


def test_an_idx_file_of_unknown_purpose(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with one_line_error("which labels belong"):
        load(tmp_path / "numbers")
    with one_line_error("missing"):
        read_idx(tmp_path / "absent")


# CIFAR-10


def check_cifar(folder: Path, made: list[tuple[np.ndarray, np.ndarray]]) -> None:
    parts = load(folder)
    rows = np.concatenate([r for r, _ in made[:5]])
    expected = np.stack([rows[:, :1024], rows[:, 1024:2048], rows[:, 2048:]], axis=-1).reshape(-1, 32, 32, 3)
    assert (parts.train.images == expected).all()
    assert (parts.train.labels == np.concatenate([k for _, k in made[:5]])).all()
    assert parts.test is not None and (parts.test.labels == made[5][1]).all()
    assert parts.train.class_names[0] == "airplane" and parts.train.classes == 10


def test_cifar_binary(tmp_path: Path) -> None:
    check_cifar(tmp_path, write_cifar_binary(tmp_path))
    assert len(load(tmp_path / "data_batch_2.bin").train) == 5


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_cifar_python(tmp_path: Path, protocol: int) -> None:
    check_cifar(tmp_path, write_cifar_python(tmp_path, protocol=protocol))
    assert len(load(tmp_path / "data_batch_2").train) == 5


def test_class_names_come_from_the_files(tmp_path: Path) -> None:
    write_cifar_binary(tmp_path)
    (tmp_path / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert load(tmp_path).train.class_names == tuple("abcdefghij")
    write_cifar_python(tmp_path / "py")
    (tmp_path / "py" / "batches.meta").write_bytes(
        pickle.dumps({b"label_names": [bytes([c]) for c in b"klmnopqrst"]}, 2)
    )
    assert load(tmp_path / "py").train.class_names == tuple("klmnopqrst")


@FILES
@given(st.integers(0, 3073 * 3))
def test_cifar_binary_cut_short(tmp_path: Path, length: int) -> None:
    rows, labels = cifar_rows(3)
    file = tmp_path / "data_batch_1.bin"
    file.write_bytes(np.concatenate([labels[:, None].astype(np.uint8), rows], axis=1).tobytes()[:length])
    if length and length % 3073 == 0:
        assert len(read_cifar_binary(file)[1]) == length // 3073
    else:
        with one_line_error("3073"):
            read_cifar_binary(file)


def test_cifar_label_out_of_range(tmp_path: Path) -> None:
    file = tmp_path / "data_batch_1.bin"
    file.write_bytes(bytes([10]) + bytes(3072))
    with one_line_error("label 10"):
        load(file)


@FILES
@given(st.data(), st.sampled_from([1, 2, 4]))
def test_cifar_python_cut_short_or_changed(tmp_path: Path, data: st.DataObject, protocol: int) -> None:
    rows, labels = cifar_rows(1)
    whole = bytearray(pickle.dumps({b"data": rows, b"labels": labels.tolist()}, protocol))
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        # The interesting bytes are at the ends; between them lie the pixels.
        place = data.draw(st.integers(0, 250))
        whole[place if data.draw(st.booleans()) else -1 - place % 40] = data.draw(st.integers(0, 255))
    file = tmp_path / "data_batch_1"
    file.write_bytes(whole)
    try:
        assert read_cifar_python(file)[0].shape == (1, 32, 32, 3)
    except DataError as error:
        assert "\n" not in str(error)


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("touched-by-a-pickle"),))


@pytest.mark.parametrize(
    "payload",
    [
        pickle.dumps({b"data": Evil(), b"labels": []}),
        b"cos\nsystem\n(S'touch touched-by-a-pickle'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"c_codecs\ndecode\n(S'61'\nS'hex'\ntR.",
        b"(S'x'\nios\nsystem\n.",
        b"cnumpy.core.multiarray\n_reconstruct\n}S'__code__'\nNsb.",  # attributes set on a function
        b"cnumpy\nndarray\n.",
        b"Pname\n.",
        pickle.dumps({"a": {1, 2}}),
        pickle.dumps(np.array([object], dtype=object), 2),
    ],
)
def test_forbidden_pickles(tmp_path: Path, payload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data_batch_1"
    file.write_bytes(payload)
    with one_line_error("data_batch_1"):
        read_cifar_python(file)
    assert not Path("touched-by-a-pickle").exists()


def test_array_bombs_in_a_pickle(tmp_path: Path) -> None:
    good = pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [0]}, 2)
    file = tmp_path / "data_batch_1"
    file.write_bytes(good.replace(struct.pack("<H", 3072), struct.pack("<H", 65535)))
    with one_line_error():
        read_cifar_python(file)


@pytest.mark.parametrize("batch", [[1], {b"data": 3}, {b"data": np.zeros((2, 9), np.uint8), b"labels": [0, 1]},
                                   {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]},
                                   {b"data": np.zeros((1, 3072), np.uint8), b"labels": [999]},
                                   {b"data": np.zeros((1, 3072), np.uint8), b"labels": "0"}])  # fmt: skip
def test_pickles_that_are_no_batch(tmp_path: Path, batch: object) -> None:
    file = tmp_path / "data_batch_1"
    file.write_bytes(pickle.dumps(batch, 2))
    with one_line_error("data_batch_1"):
        load(file)


# MATLAB 5


def test_columns_come_first(tmp_path: Path) -> None:
    image = np.zeros((32, 32), np.float32)
    image[3, 20] = 1.0  # row 3, column 20
    values = nist_parts(26, 26, "train")
    values["train_data"][0] = image.T.reshape(-1)  # column by column
    write_mat(tmp_path / "nist26_train.mat", values)
    parts = load(tmp_path)
    assert parts.train.images.shape == (26, 32, 32, 1) and parts.train.images.dtype == np.float32
    assert parts.train.images[0, 3, 20, 0] == 1.0 and parts.train.images[0].sum() == 1.0
    assert parts.train.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ") and parts.train.labels[5] == 5


@pytest.mark.parametrize("packed", [False, True])
def test_three_files_and_one_file(tmp_path: Path, packed: bool) -> None:
    every: dict[str, np.ndarray] = {}
    for seed, part in enumerate(("train", "valid", "test")):
        values = nist_parts(36 + seed, 36, part, seed)
        every |= values
        write_mat(tmp_path / "set" / f"nist36_{part}.mat", values, packed)
    write_mat(tmp_path / "all.mat", every, packed)
    for parts in (load(tmp_path / "set"), load(tmp_path / "all.mat")):
        assert parts.valid is not None and parts.test is not None
        assert (len(parts.train), len(parts.valid), len(parts.test)) == (36, 37, 38)
        assert parts.train.class_names[-1] == "9" and not parts.notes


def test_only_a_validation_part(tmp_path: Path) -> None:
    write_mat(tmp_path / "x.mat", nist_parts(26, 26, "valid"))
    parts = load(tmp_path / "x.mat")
    assert len(parts.train) == 26 and parts.valid is None and "valid_data" in parts.notes[0]


def test_two_sets_in_a_folder(tmp_path: Path) -> None:
    write_mat(tmp_path / "nist26_train.mat", nist_parts(26, 26, "train"))
    write_mat(tmp_path / "nist36_train.mat", nist_parts(36, 36, "train"))
    with one_line_error("nist26", "nist36"):
        load(tmp_path)
    assert load_mat(tmp_path, "nist26").train.classes == 26
    with one_line_error("nist99"):
        load_mat(tmp_path, "nist99")


@FILES
@given(st.data(), st.booleans())
def test_mat_cut_short(tmp_path: Path, data: st.DataObject, packed: bool) -> None:
    write_mat(tmp_path / "x.mat", nist_parts(4, 26, "train"), packed)
    whole = (tmp_path / "x.mat").read_bytes()
    (tmp_path / "y.mat").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with one_line_error("y.mat"):
        load(tmp_path / "y.mat")


@settings(FILES, max_examples=150)
@given(st.data(), st.booleans())
def test_mat_with_changed_bytes(tmp_path: Path, data: st.DataObject, packed: bool) -> None:
    write_mat(tmp_path / "x.mat", nist_parts(2, 26, "train"), packed)
    whole = bytearray((tmp_path / "x.mat").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.one_of(st.integers(120, 220), st.integers(0, len(whole) - 1)))
        whole[place] = data.draw(st.integers(0, 255))
    (tmp_path / "y.mat").write_bytes(whole)
    try:
        assert load(tmp_path / "y.mat").train.image_shape[2] == 1
    except DataError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"other": np.zeros(3)}, "none of"),
        ({"train_data": np.zeros((2, 1024))}, "train_labels"),
        ({"train_labels": np.eye(2)}, "train_data"),
        ({"train_data": np.zeros((2, 1000)), "train_labels": np.eye(2)}, "square"),
        ({"train_data": np.zeros((2, 1024)), "train_labels": np.eye(3)}, "one-hot"),
        ({"train_data": np.zeros((2, 1024)), "train_labels": np.ones((2, 3))}, "single 1"),
        ({"train_data": np.zeros((2, 1024)), "train_labels": np.full((2, 3), np.nan)}, "single 1"),
        ({"train_data": np.full((2, 1024), np.nan), "train_labels": np.eye(2)}, "NaN"),
        ({"train_data": np.full((2, 1024), 1e300), "train_labels": np.eye(2)}, "infinite"),
        ({"train_data": np.asarray([["a", 2]], object), "train_labels": np.eye(2)}, "real numbers"),
        ({"train_data": np.zeros((2, 1024)) * 1j, "train_labels": np.eye(2)}, "real numbers"),
        ({"train_data": "text", "train_labels": np.eye(2)}, "real numbers"),
    ],
)
def test_mat_contents_that_do_not_fit(tmp_path: Path, values: dict[str, np.ndarray], word: str) -> None:
    write_mat(tmp_path / "x.mat", values)
    with one_line_error(word):
        load(tmp_path / "x.mat")


@FILES
@given(
    st.dictionaries(
        st.sampled_from(["a", "bb", "some_longer_name"]),
        arrays(
            st.sampled_from([np.float64, np.float32, np.uint8, np.int16, np.int64]),
            st.tuples(st.integers(0, 5), st.integers(1, 4)),
        ),
    ),
    st.booleans(),
)
def test_the_reader_agrees_with_scipy(tmp_path: Path, values: dict[str, np.ndarray], packed: bool) -> None:
    import scipy.io

    write_mat(tmp_path / "x.mat", {**values, "other": np.ones((40, 40)), "words": "text"}, packed)
    ours, theirs = (
        read_matlab5(tmp_path / "x.mat", ["a", "bb", "some_longer_name"]),
        scipy.io.loadmat(tmp_path / "x.mat"),
    )
    assert set(ours) == set(values)
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype and array.shape == theirs[name].shape
        np.testing.assert_array_equal(array, theirs[name])


def test_big_endian_and_small_elements(tmp_path: Path) -> None:
    def element(kind: int, body: bytes) -> bytes:
        return struct.pack(">II", kind, len(body)) + body + bytes(-len(body) % 8)

    # Doubles stored as bytes, the name and the values in the four bytes of small elements.
    name = struct.pack(">HH", 1, 1) + b"a\0\0\0"
    values = struct.pack(">HH", 3, 2) + bytes((7, 8, 9, 0))
    matrix = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 3)) + name + values
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\1\0MI" + element(14, matrix))
    assert read_matlab5(tmp_path / "x.mat", ["a"])["a"].tolist() == [[7.0, 8.0, 9.0]]


def test_other_versions_of_matlab(tmp_path: Path) -> None:
    import scipy.io

    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(600))
    with one_line_error("-v7"):
        load(tmp_path / "new.mat")
    scipy.io.savemat(tmp_path / "old.mat", {"train_data": np.zeros((2, 4))}, format="4")
    with one_line_error("MATLAB 5"):
        load(tmp_path / "old.mat")
