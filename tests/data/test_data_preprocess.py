"""Preprocessing: what each step computes, fitted on training data only, and the way into a model file and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from glassnet.data import Preprocess
from glassnet.data.steps import interpolation_matrix
from glassnet.errors import DataError, NotationError
from support.data_files import one_line_error

RNG = np.random.default_rng(3)
TRAIN = RNG.integers(0, 256, (40, 6, 5, 3), np.uint8)
TEST = RNG.integers(0, 256, (7, 6, 5, 3), np.uint8)
EVERY = [
    "scale",
    "scale -> invert",
    "scale -> mean-image",
    "scale -> standardise",
    "scale -> grey -> standardise",
    "scale -> resize 3 4 -> mean-image",
    "scale -> whiten",
    "scale -> whiten 5",
    "scale -> grey -> resize 4 4 -> whiten 7 0.01 -> standardise",
    "scale -> mean-image -> multiply 255",
]


@pytest.mark.parametrize("notation", ["", "scale", " ( scale ) "])
def test_bytes_are_divided_by_255_once(notation: str) -> None:
    steps = Preprocess.parse(notation)
    out = steps.transform(TEST)
    assert out.dtype == np.float32 and (out == TEST.astype(np.float32) / np.float32(255)).all()
    assert steps.notation() == "scale" and steps.fitted
    assert (steps.transform(out) == out).all() and steps.transform(out) is not out


@pytest.mark.parametrize("notation", EVERY)
def test_notation_shapes_and_restoring(notation: str) -> None:
    steps = Preprocess.parse(notation).fit(TRAIN)
    assert Preprocess.parse(steps.notation()).notation() == steps.notation() == notation
    out = steps.transform(TEST)
    assert out.shape == (7, *steps.output_shape((6, 5, 3))) and out.dtype == np.float32
    again = Preprocess.restore(steps.notation(), steps.arrays())
    assert (again.transform(TEST) == out).all() and again.input_shape == (6, 5, 3)
    assert (steps.transform(TEST) == out).all()


@pytest.mark.parametrize("notation", EVERY)
def test_the_adjoint_is_the_transposed_linear_part(notation: str) -> None:
    steps = Preprocess.parse(notation).fit(TRAIN)
    x, direction = (RNG.random((4, 6, 5, 3)) for _ in range(2))
    out = steps.transform(x, dtype=np.float64)
    assert out.dtype == np.float64
    dy = RNG.standard_normal(out.shape)
    found = steps.adjoint(dy.copy(), (6, 5, 3))
    change = steps.transform(x + direction, dtype=np.float64) - out
    assert found.shape == x.shape and found.dtype == np.float64
    assert (found * direction).sum() == pytest.approx((dy * change).sum(), rel=1e-9)
    np.testing.assert_allclose(steps.transform(x.astype(np.float32)), out, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("notation", EVERY)
def test_inputs_stay_as_they_are(notation: str) -> None:
    floats = TRAIN.astype(np.float32) / 255
    before = floats.copy()
    Preprocess.parse(notation).fit(floats).transform(floats)
    assert (floats == before).all()


def test_statistics_are_those_of_the_training_images() -> None:
    x = TRAIN.astype(np.float64) / 255
    steps = Preprocess.parse("mean-image").fit(TRAIN)
    np.testing.assert_allclose(steps.transform(TEST), TEST / 255.0 - x.mean(axis=0), atol=1e-6)
    steps = Preprocess.parse("standardise").fit(TRAIN)
    expected = (TEST / 255.0 - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2))
    np.testing.assert_allclose(steps.transform(TEST), expected, atol=1e-5)
    kept = {name: value.copy() for name, value in steps.arrays().items()}
    steps.transform(TEST)
    assert all((steps.arrays()[name] == value).all() for name, value in kept.items())


def test_fitting_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # 40 images span 39 of 90 directions; in the others, which only a full whitening keeps, any basis is as good.
    whole = {n: Preprocess.parse(n).fit(TRAIN).arrays() for n in EVERY if n != "scale -> whiten"}
    monkeypatch.setattr("glassnet.data.preprocess._CHUNK_VALUES", 1000)
    for notation, arrays in whole.items():
        for name, value in Preprocess.parse(notation).fit(TRAIN).arrays().items():
            np.testing.assert_allclose(value, arrays[name], rtol=1e-4, atol=2e-5)


def test_whitening_gives_uncorrelated_features_of_unit_variance() -> None:
    images = RNG.random((500, 3, 3, 1)).astype(np.float32)
    images[:, 0] += images[:, 1]
    features = Preprocess.parse("whiten 1e-12").fit(images).transform(images).reshape(500, 9)
    np.testing.assert_allclose(features.T @ features / 500, np.eye(9), atol=1e-3)
    first = Preprocess.parse("whiten 2 1e-12").fit(images).transform(images).reshape(500, 2)
    np.testing.assert_allclose(first, features[:, :2], atol=1e-4)


def test_a_constant_channel_is_only_centred() -> None:
    images = np.full((5, 2, 2, 1), 51, np.uint8)
    assert (Preprocess.parse("standardise").fit(images).transform(images) == 0).all()


def test_invert_grey_and_multiply() -> None:
    x = TEST.astype(np.float64) / 255
    np.testing.assert_allclose(Preprocess.parse("invert").transform(TEST), 1 - x, atol=1e-6)
    np.testing.assert_allclose(Preprocess.parse("grey").transform(TEST)[..., 0], x @ [0.299, 0.587, 0.114], atol=1e-6)
    np.testing.assert_allclose(Preprocess.parse("multiply 255").transform(TEST), TEST, atol=1e-4)
    grey = TEST[..., :1]
    assert (Preprocess.parse("grey").transform(grey) == Preprocess.parse("scale").transform(grey)).all()


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_resize_agrees_with_pillow(h: int, w: int, height: int, width: int) -> None:
    image = np.random.default_rng(h * w).random((h, w)).astype(np.float32)
    ours = Preprocess.parse(f"resize {height} {width}").transform(image[None, :, :, None])[0, :, :, 0]
    theirs = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    np.testing.assert_allclose(interpolation_matrix(h, height).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("notation", "word"),
    [
        ("standarise", "Did you mean 'standardise'?"),
        ("scale -> flub", "Known: scale"),
        ("invert -> scale", "comes first"),
        ("scale -> ", "empty step"),
        ("resize 3", "resize H W"),
        ("resize 0 3", "from 1"),
        ("resize 3 4.5", "whole numbers"),
        ("resize 3 99999", "4096"),
        ("resize nan 3", "resize H W"),
        ("multiply 0", "other than 0"),
        ("multiply x", "multiply F"),
        ("grey 3", "takes no numbers"),
        ("whiten 0", "components"),
        ("whiten 3 5", "eps"),
        ("whiten 3 0.1 2", "whiten [K] [EPS]"),
        ("whiten -> resize 3 3", "before it"),
    ],
)
def test_notation_that_cannot_be_read(notation: str, word: str) -> None:
    with pytest.raises(NotationError) as caught:
        Preprocess.parse(notation)
    assert word in str(caught.value) and "\n" not in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        steps = Preprocess.parse(text)
    except NotationError as error:
        assert "\n" not in str(error)
    else:
        assert Preprocess.parse(steps.notation()).notation() == steps.notation()


def test_what_does_not_fit() -> None:
    with one_line_error("mean-image", "not fitted"):
        Preprocess.parse("mean-image").transform(TEST)
    steps = Preprocess.parse("mean-image").fit(TRAIN)
    with one_line_error("6x5x3", "6x5x1"):
        steps.transform(TEST[..., :1])
    with one_line_error("channels"):
        Preprocess.parse("grey").output_shape((4, 4, 2))
    with one_line_error("values only"):
        Preprocess.parse("whiten 50").output_shape((4, 4, 1))
    with one_line_error("resize first"):
        Preprocess.parse("whiten").output_shape((100, 100, 3))
    for bad in (TEST[0], TEST.astype(np.int32), TEST[:0]):
        with one_line_error():
            steps.transform(bad)
    dirty = TRAIN.astype(np.float32) / 255
    dirty[0, 0, 0, 0] = np.nan
    with one_line_error("NaN"):
        Preprocess.parse("standardise").fit(dirty)


def test_saved_arrays_that_do_not_fit() -> None:
    steps = Preprocess.parse("scale -> mean-image -> standardise").fit(TRAIN)
    good = steps.arrays()
    assert set(good) == {"input_shape", "2.mean-image.mean", "3.standardise.mean", "3.standardise.std"}
    damaged = [
        {k: v for k, v in good.items() if k != "2.mean-image.mean"},
        {k: v for k, v in good.items() if k != "input_shape"},
        good | {"2.mean-image.mean": np.zeros((2, 2), np.float32)},
        good | {"3.standardise.std": np.zeros(3, np.float32)},
        good | {"3.standardise.std": np.full(3, np.nan, np.float32)},
        good | {"9.whiten.mean": np.zeros(3, np.float32)},
        good | {"input_shape": np.asarray([6, 5])},
        good | {"input_shape": np.asarray([6, -5, 3])},
    ]
    for arrays in damaged:
        with one_line_error():
            Preprocess.restore(steps.notation(), arrays)
    with pytest.raises(DataError):
        Preprocess.restore("scale", good)


@pytest.mark.parametrize(
    ("notation", "left"),
    [
        ("scale", []),
        ("scale -> standardise", []),
        ("scale -> invert -> multiply 3 -> standardise", []),
        ("scale -> standardise -> mean-image -> invert", ["mean-image", "invert"]),
        ("scale -> grey -> standardise", ["grey", "standardise"]),
    ],
)
def test_the_table_of_the_first_steps_has_the_bits_of_transform(notation: str, left: list[str]) -> None:
    images = np.random.default_rng(2).integers(0, 256, (30, 7, 4, 3), np.uint8)
    steps = Preprocess.parse(notation).fit(images)
    table, rest = steps.table(3)
    assert table.shape == (3, 256) and [step.word for step in rest] == left
    x = np.stack([table[c, images[..., c]] for c in range(3)], axis=3)
    for step in rest:
        x = step.apply(x)
    assert (x.view(np.uint32) == steps.transform(images).view(np.uint32)).all()
