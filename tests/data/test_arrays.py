"""Arrays, lists and data frames, with labels of any kind, as data sets and as what a model looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data import Dataset, PictureFiles, Reading, class_numbers, dataset_of, inputs_of, labels_of, read_picture
from glassnet.errors import DataError

pandas = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

ROWS = np.array([[-3.0, 1e6, 0.0], [2.0, 5e5, 1.0], [7.5, -1e6, 0.0], [0.0, 0.0, 1.0]])
LABELS = ["b", "a", "b", "a"]


# ---- a data set


@pytest.mark.parametrize(
    "x",
    [
        ROWS,
        ROWS.tolist(),
        ROWS.astype(np.float32),
        ROWS.astype(object),
        pandas.DataFrame(ROWS, columns=["x", "y", "z"]),
        pandas.DataFrame({0: ROWS[:, 0], 1: pandas.array(ROWS[:, 1].astype(int), "Int64"), 2: ROWS[:, 2] > 0}),
    ],
    ids=["float64", "list", "float32", "objects", "frame", "mixed frame"],
)
def test_rows_of_features(x: Any) -> None:
    found = dataset_of(x, LABELS)
    np.testing.assert_array_equal(found.images, ROWS.astype(np.float32)[:, None, None, :])
    assert found.holds_rows and found.image_shape == (1, 1, 3)
    assert found.columns == (tuple(map(str, x.columns)) if hasattr(x, "columns") else ())


def test_a_square_number_of_features_is_no_picture() -> None:
    assert dataset_of(np.eye(4, 64), LABELS).image_shape == (1, 1, 64)


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        (np.arange(48).reshape(4, 4, 3), np.arange(48, dtype=np.uint8).reshape(4, 4, 3, 1)),
        (np.arange(48).reshape(4, 2, 2, 3).tolist(), np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3)),
        (np.arange(48).reshape(4, 4, 3) % 2 == 0, (np.arange(48).reshape(4, 4, 3, 1) % 2 == 0).astype(np.float32)),
        (np.linspace(0, 1, 48).reshape(4, 4, 3), np.linspace(0, 1, 48).reshape(4, 4, 3, 1).astype(np.float32)),
    ],
    ids=["whole numbers", "list", "truth", "floats"],
)
def test_pictures(x: Any, wanted: np.ndarray) -> None:
    found = dataset_of(x, LABELS).images
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("y", "names", "numbers", "back"),
    [
        (LABELS, ("a", "b"), [1, 0, 1, 0], np.array(["a", "b"])),
        ([30, -1, 200, 30], ("-1", "30", "200"), [1, 0, 2, 1], np.array([-1, 30, 200])),
        ([1.0, 0.0, 1.0, 0.0], ("0", "1"), [1, 0, 1, 0], np.array([0, 1])),
        ([True, False, True, False], ("False", "True"), [1, 0, 1, 0], np.array([False, True])),
        (np.array([[3], [1], [3], [1]]), ("1", "3"), [1, 0, 1, 0], np.array([1, 3])),
        (pandas.Series(LABELS), ("a", "b"), [1, 0, 1, 0], np.array(["a", "b"])),
        (pandas.Series([3, 1, 3, 1], dtype="Int64"), ("1", "3"), [1, 0, 1, 0], np.array([1, 3])),
        (pandas.DataFrame({"label": LABELS}), ("a", "b"), [1, 0, 1, 0], np.array(["a", "b"])),
        (
            pandas.Categorical(["low", "high", "mid", "low"], ["low", "mid", "high", "none"], ordered=True),
            ("low", "mid", "high"),
            [0, 2, 1, 0],
            np.array(["low", "mid", "high"]),
        ),
        (pandas.Series([9, 1, 9, 1], dtype="category"), ("1", "9"), [1, 0, 1, 0], np.array([1, 9])),
    ],
)
def test_labels_of_any_kind(y: Any, names: tuple[str, ...], numbers: list[int], back: np.ndarray) -> None:
    found = dataset_of(ROWS, y)
    assert found.class_names == names and found.labels.tolist() == numbers
    given = labels_of(found.class_names, found.label_kind)
    assert given.dtype == back.dtype and given.tolist() == back.tolist()
    assert class_numbers(y, names).tolist() == numbers


def test_a_card_that_does_not_fit_leaves_names() -> None:
    assert (
        labels_of(("a", "b"), "whole numbers").tolist() == labels_of(("a", "b"), "truth values").tolist() == ["a", "b"]
    )


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (sparse.csr_matrix(np.eye(4)), LABELS, r"X is a sparse matrix; give X\.toarray\(\)"),
        ([[1, 2], [3], [4], [5]], LABELS, "X has parts of unequal lengths"),
        (np.zeros(4), LABELS, r"Got an array \(4,\).*reshape\(-1, 1\)"),
        (np.zeros((1, 1, 1, 1, 1)), ["a"], r"Got an array \(1, 1, 1, 1, 1\)"),
        (np.full((4, 2), np.nan), LABELS, "X holds 8 values that are missing"),
        (np.full((4, 2), 1e300), LABELS, "too large for float32"),
        (np.array([["a", "b"]] * 4), LABELS, "X must hold numbers"),
        (np.array([["a", 1]] * 4, object), LABELS, "X must hold numbers"),
        (np.zeros((4, 0)), LABELS, "at least one feature"),
        (pandas.DataFrame({"n": range(4), "city": LABELS}), LABELS, "The column 'city' of X"),
        (pandas.DataFrame(ROWS, columns=["a", "b", "a"]), LABELS, "two columns called 'a'"),
        (np.full((4, 2, 2), 256), LABELS, "pixels from 0 to 255. Got 256"),
        (np.full((4, 2, 2), 16.0), LABELS, "must lie in about 0..1"),
        (ROWS, LABELS[:3], "4 images but 3 labels"),
        (ROWS, ["a"] * 4, "at least 2 classes"),
        (ROWS, np.eye(4), "argmax"),
        (ROWS, [0.5, 1, 0.5, 1], "numbers with a fraction"),
        (ROWS, ["a", None, "b", None], "y lacks 2 of its labels"),
        (ROWS, [1.0, np.nan, 2.0, 1.0], "y lacks 1 of its labels"),
        (ROWS, pandas.Series(["a", pandas.NA, "b", "a"]), "y lacks 1 of its labels"),
        (ROWS, [1, "a", 1, "a"], "of one kind.*Got int, str"),
        (ROWS, np.array(["2020", "2021"] * 2, "datetime64[Y]"), "Got datetime64"),
    ],
)
def test_what_cannot_be_used_is_one_line(x: Any, y: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        dataset_of(x, y)
    assert "\n" not in str(error.value)


# ---- what a model looks at

SHAPE = (6, 4, 1)
GREY = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_pictures_of_the_models_shape_are_taken_as_they_are(kind: type) -> None:
    pictures = GREY if kind is np.uint8 else (GREY / 255).astype(kind)
    assert inputs_of(pictures, SHAPE, Reading()) is pictures


@pytest.mark.parametrize(
    "given",
    [
        GREY[..., 0],
        GREY.astype(int),
        GREY.tolist(),
        list(GREY),
        list(GREY[..., 0]),
        [*map(Image.fromarray, GREY[..., 0])],
    ],
)
def test_the_same_pictures_in_other_forms(given: Any) -> None:
    np.testing.assert_array_equal(inputs_of(given, SHAPE, Reading()), GREY)


@pytest.mark.parametrize("given", [GREY[0], GREY[0, ..., 0], GREY[0].tolist(), Image.fromarray(GREY[0, ..., 0])])
def test_a_single_picture(given: Any) -> None:
    np.testing.assert_array_equal(inputs_of(given, SHAPE, Reading()), GREY[:1])


@pytest.mark.parametrize("reading", [Reading(), Reading(7)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_other_pictures_come_as_their_files_do(tmp_path: Path, reading: Reading, channels: int, mode: str) -> None:
    shape = (6, 4, channels)
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(1).integers(0, 256, (9, 11, bands), np.uint8)
    Image.fromarray(pixels[..., 0] if bands == 1 else pixels).save(tmp_path / "p.png")
    wanted = read_picture(tmp_path / "p.png", shape, reading)[None]
    for given in (pixels, pixels[None], [pixels]):
        np.testing.assert_array_equal(inputs_of(given, shape, reading), wanted)
    np.testing.assert_array_equal(inputs_of((pixels / 255)[None], shape, reading), wanted)


def test_pictures_of_different_sizes_in_a_list() -> None:
    small, large = np.full((3, 2), 40, np.uint8), np.full((12, 12, 3), 200, np.uint8)
    found = inputs_of([small, large], SHAPE, Reading())
    assert found.shape == (2, *SHAPE) and (found[0] == 40).all() and (found[1] == 200).all()


def test_rows_for_a_model_of_rows() -> None:
    wanted = ROWS.astype(np.float32)[:, None, None, :]
    frame = pandas.DataFrame(ROWS, columns=["x", "y", "z"])
    for given in (ROWS, ROWS.tolist(), frame, frame.assign(more=LABELS)[["more", "z", "y", "x"]], wanted):
        np.testing.assert_array_equal(inputs_of(given, (1, 1, 3), Reading(), ("x", "y", "z")), wanted)
    np.testing.assert_array_equal(inputs_of(ROWS[1], (1, 1, 3), Reading()), wanted[1:2])
    assert inputs_of(ROWS[:0], (1, 1, 3), Reading()).shape == (0, 1, 1, 3)


@pytest.mark.parametrize(
    ("x", "shape", "says"),
    [
        (np.zeros((5, 24)), SHAPE, r"rows become pictures by X\.reshape\(-1, 6, 4, 1\)"),
        (np.zeros(24), SHAPE, r"X\.reshape\(-1, 6, 4, 1\)"),
        (np.zeros(5), SHAPE, r"Got an array \(5,\)"),
        (7, SHAPE, r"Got an array \(\)"),
        (np.zeros((2, 6, 4, 2), np.uint8), SHAPE, "grey and RGB ones"),
        (np.zeros((2, 9, 9, 3), np.uint8), (6, 4, 5), "grey and RGB ones"),
        (np.zeros((2, 1, 6, 5), np.uint8), SHAPE, r"X\.transpose\(0, 2, 3, 1\)"),
        (np.full((2, *SHAPE), 255.0), SHAPE, "about 0..1. Got 255"),
        (np.full((2, *SHAPE), np.nan), SHAPE, "48 pixels that are NaN"),
        (np.full((2, *SHAPE), -1), SHAPE, "from 0 to 255. Got -1"),
        ([["a", "b"]], SHAPE, "must hold numbers"),
        ("picture.png", SHAPE, "predict_files"),
        ([Path("picture.png")], SHAPE, "predict_files"),
        (Dataset(GREY, np.array([0, 1, 0]), ("a", "b")), SHAPE, r"\.images"),
        (sparse.csr_matrix(np.eye(4)), SHAPE, "sparse"),
        (np.zeros((5, 4)), (1, 1, 3), r"rows of 3 features, \(N, 3\). Got \(5, 4\)"),
        (np.zeros((5, 1, 3)), (1, 1, 3), r"reshape\(len\(X\), -1\)"),
        (np.full((1, 3), np.inf), (1, 1, 3), "1, infinite|3 values that are missing, infinite"),
        (pandas.DataFrame({"x": [1.0]}), (1, 1, 3), "lacks the column 'y'"),
    ],
)
def test_what_is_no_picture_is_one_line(x: Any, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        inputs_of(x, shape, Reading(), ("x", "y", "z") if shape == (1, 1, 3) else ())
    assert "\n" not in str(error.value)


def test_picture_files_stay_on_the_disk(tmp_path: Path) -> None:
    files = PictureFiles([tmp_path / "p.png"], SHAPE)
    assert inputs_of(files, SHAPE, Reading()) is files


# ---- labels to score by


@pytest.mark.parametrize(
    ("y", "names", "numbers"),
    [
        (["dog", "cat"], ("cat", "dog"), [1, 0]),
        ([1, 0], ("cat", "dog"), [1, 0]),
        ([2, 1], ("1", "2"), [1, 0]),  # names, not numbers of classes
        (["2", "1"], ("1", "2"), [1, 0]),
        ([-5, 10], ("-5", "10"), [0, 1]),
        ([], ("cat", "dog"), []),
    ],
)
def test_labels_are_names_or_numbers(y: Any, names: tuple[str, ...], numbers: list[int]) -> None:
    assert class_numbers(y, names).tolist() == numbers


@pytest.mark.parametrize(
    ("y", "names", "says"),
    [
        (["cow"], ("cat", "dog"), "'cow', which is no class of the model.*cat, dog"),
        ([0, 2], ("cat", "dog"), "from 0 to 1. Got 2"),
        ([0], ("1", "2"), "'0', which is no class"),
        ([True], ("cat", "dog"), "'True', which is no class"),
    ],
)
def test_a_label_of_no_class(y: Any, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        class_numbers(y, names)
