"""Augmentation: exact where it can be, keyed by the example, and the same in every order of work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from glassnet.data import Augmentation
from glassnet.data.moves import BORDERS, cover
from glassnet.data.warp import elastic_noise, warp
from glassnet.errors import NotationError
from support.data_files import one_line_error

RNG = np.random.default_rng(11)
BYTES = RNG.integers(0, 256, (24, 12, 10, 3), np.uint8)
FLOATS = RNG.random((24, 12, 10, 1)).astype(np.float32)
ALL = "flip -> shift 2 -> rotate 10 -> scale 10 -> crop 1 -> elastic 34 4"
WHOLE = "flip alternate -> crop 3, zero -> cutout 4"


def test_nothing_is_a_copy() -> None:
    out = Augmentation.parse("").apply(BYTES, np.arange(24), 1, 0)
    assert (out == BYTES).all() and out is not BYTES


@settings(deadline=None, max_examples=25)
@given(
    st.permutations(list(range(24))),
    st.integers(1, 24),
    st.sampled_from(
        [ALL, "flip", "shift 3 -> rotate 40", "elastic 20 3", WHOLE, "rotate 9 -> elastic 9 2 -> cutout 3"]
    ),
)
def test_the_order_of_work_does_not_matter(order: list[int], size: int, notation: str) -> None:
    for images in (BYTES, FLOATS):
        whole = Augmentation.parse(notation).apply(images, np.arange(24), 2, 7)
        other = Augmentation.parse(notation)
        other.apply(images[:1], [5000], 2, 7)  # a longer table of random numbers begins with the shorter one
        for start in range(0, 24, size):
            rows = order[start : start + size]
            assert (other.apply(images[rows], rows, 2, 7) == whole[rows]).all()


def test_epochs_and_seeds_differ() -> None:
    steps = Augmentation.parse(ALL)
    one = steps.apply(FLOATS, np.arange(24), 1, 0)
    assert (steps.apply(FLOATS, np.arange(24), 2, 0) != one).any(axis=(1, 2, 3)).all()
    assert (steps.apply(FLOATS, np.arange(24), 1, 1) != one).any(axis=(1, 2, 3)).all()
    assert (steps.apply(FLOATS, np.arange(24), 1, 0) == one).all()
    assert one.shape == FLOATS.shape and one.dtype == np.float32


def test_flip_is_exact_and_happens_half_the_time() -> None:
    images = np.repeat(BYTES[:1], 400, axis=0)
    out = Augmentation.parse("flip").apply(images, np.arange(400), 0, 0)
    mirrored = (out == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((out == images).all(axis=(1, 2, 3)) ^ mirrored).all() and 150 < mirrored.sum() < 250


@pytest.mark.parametrize("manner", ["edge", "zero", "reflect"])
@pytest.mark.parametrize("source", [BYTES, FLOATS])
def test_crop_is_a_window_of_the_widened_image(manner: str, source: np.ndarray) -> None:
    images = np.repeat(source[:1], 200, axis=0)
    notation = "crop 2" if manner == "edge" else f"crop 2, {manner}"
    out = Augmentation.parse(notation).apply(images, np.arange(200), 0, 0)
    mode = "constant" if manner == "zero" else manner
    wide = np.pad(source[0], ((2, 2), (2, 2), (0, 0)), mode=mode)  # type: ignore[call-overload]
    windows = {wide[y : y + 12, x : x + 10].tobytes() for y in range(5) for x in range(5)}
    assert {image.tobytes() for image in out} == windows


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.integers(1, 9))
def test_reflection_goes_on_for_ever(seed: int, height: int, width: int, reach: int) -> None:
    """A crop wider than the picture meets the mirrored picture, and that one mirrored."""
    images = np.random.default_rng(seed).integers(0, 256, (6, height, width, 1), np.uint8)
    steps = Augmentation.parse(f"crop {reach}, reflect")
    out = steps.apply(images, np.arange(6), 0, seed)
    down, right = steps._placed(6, 0, seed, height, width)[0][:, [2, 1]].T
    for image, y, x, seen in zip(images, down, right, out, strict=False):
        wide = np.pad(image[:, :, 0], reach, mode="reflect")
        assert (seen[:, :, 0] == wide[reach + y : reach + y + height, reach + x : reach + x + width]).all()


WAYS = st.lists(
    st.one_of(
        st.sampled_from(["flip", "flip alternate"]), st.integers(1, 7).map(lambda p: f"crop {p}"), st.just("crop 2")
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=60)
@given(WAYS, st.sampled_from(["", ", zero", ", reflect"]), st.integers(0, 10), st.integers(0, 50), st.booleans())
def test_moving_whole_pixels_is_the_interpolation(
    ways: list[str], border: str, side: int, epoch: int, floats: bool
) -> None:
    words = [way + border if way.startswith("crop") else way for way in ways]
    images = FLOATS if floats else BYTES
    cut = [f"cutout {side}"] if side else []
    steps = Augmentation.parse(" -> ".join([*words, *cut]))
    assert steps.whole_pixels
    colour = np.linspace(0.2, 1.0, images.shape[3]) * (1.0 if floats else 255.0)
    found = steps.apply(images, np.arange(24), epoch, 3, colour=colour)
    rows = steps._draws(24, epoch, 3)[:24]
    expected = np.empty_like(images)
    field, half = steps._field(rows, 12, 10), 0.0 if floats else 0.5
    warp(images, steps._affine(rows, 12, 10), field, steps._border, half, expected, 1)
    if side:
        cover(
            expected, steps._corners(rows, 12, 10), side, (colour if floats else np.rint(colour)).astype(images.dtype)
        )
    np.testing.assert_array_equal(found, expected)


def test_alternate_flips_show_both_sides_in_every_two_epochs() -> None:
    images = np.repeat(BYTES[:1], 400, axis=0)
    steps = Augmentation.parse("flip alternate")
    seen = [(steps.apply(images, np.arange(400), e, 5) == images[:, :, ::-1]).all(axis=(1, 2, 3)) for e in range(4)]
    assert (seen[0] ^ seen[1]).all() and (seen[0] == seen[2]).all() and (seen[1] == seen[3]).all()
    assert 150 < seen[0].sum() < 250
    other = (steps.apply(images, np.arange(400), 0, 6) == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (other != seen[0]).any()


def test_alternate_flips_leave_the_other_steps_alone() -> None:
    """Where the flip comes out the same, the rest of the example is as with random flips."""
    random = Augmentation.parse("flip -> crop 3").apply(BYTES, np.arange(24), 2, 0)
    alternate = Augmentation.parse("flip alternate -> crop 3").apply(BYTES, np.arange(24), 2, 0)
    same = (random == alternate).all(axis=(1, 2, 3))
    assert 4 < same.sum() < 20


@pytest.mark.parametrize("side", [1, 4, 5, 100])
def test_cutout_covers_a_square_about_a_pixel_of_the_image(side: int) -> None:
    images = np.full((600, 12, 10, 3), 9, np.uint8)
    out = Augmentation.parse(f"cutout {side}").apply(images, np.arange(600), 0, 0, colour=(100.4, 20, 300))
    covered = (out == (100, 20, 255)).all(axis=3)
    assert (out[~covered] == 9).all()
    squares = set()
    for y in range(12):
        for x in range(10):
            square = np.zeros((12, 10), bool)
            top, left = y - side // 2, x - side // 2
            square[max(top, 0) : top + side, max(left, 0) : left + side] = True
            squares.add(square.tobytes())
    found = {mask.tobytes() for mask in covered}
    assert found <= squares and len(found) > min(len(squares), 60) * 0.9


def test_constant_images_stay_constant() -> None:
    images = np.full((24, 9, 9, 1), 77, np.uint8)
    assert (Augmentation.parse(ALL).apply(images, np.arange(24), 3, 1) == 77).all()


def test_values_stay_within_range() -> None:
    out = Augmentation.parse(ALL).apply(FLOATS, np.arange(24), 3, 1)
    assert out.min() >= FLOATS.min() and out.max() <= FLOATS.max()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([("edge", "nearest"), ("zero", "grid-constant"), ("reflect", "mirror")]))
def test_the_kernel_agrees_with_scipy(seed: int, border: tuple[str, str]) -> None:
    rng = np.random.default_rng(seed)
    image = rng.random((1, 8, 11, 1)).astype(np.float32)
    affine = (np.asarray([[1, 0, 0], [0, 1, 0]]) + rng.normal(0, 0.4, (1, 2, 3))) * [1, 1, 3]
    field = rng.normal(0, 1.5, (1, 2, 8, 11)).astype(np.float32)
    out = np.empty_like(image)
    warp(image, affine, field, BORDERS[border[0]], 0.0, out, 1)
    y, x = np.mgrid[0:8, 0:11].astype(float)
    x, y = x + field[0, 0], y + field[0, 1]
    u, v = (affine[0, row, 0] * x + affine[0, row, 1] * y + affine[0, row, 2] for row in (0, 1))
    expected = ndimage.map_coordinates(image[0, :, :, 0].astype(float), [v, u], order=1, mode=border[1])
    np.testing.assert_allclose(out[0, :, :, 0], expected, atol=1e-5)


def test_turning_there_and_magnifying_keep_the_centre() -> None:
    image = np.zeros((50, 9, 9, 1), np.float32)
    image[:, 4, 4] = 1.0
    for notation in ("rotate 180", "scale 50"):
        out = Augmentation.parse(notation).apply(image, np.arange(50), 0, 0)
        np.testing.assert_allclose(out[:, 4, 4, 0], 1.0, atol=1e-6)


def test_steps_act_in_the_order_written() -> None:
    # A quarter turn, then a shift, is not a shift, then a quarter turn; both are known for given random numbers.
    first, second = Augmentation.parse("crop 3 -> flip"), Augmentation.parse("crop 3")
    cropped = second.apply(BYTES, np.arange(24), 0, 0)
    both = first.apply(BYTES, np.arange(24), 0, 0)
    assert both.shape == cropped.shape
    affine = first._affine(np.asarray([[0.99, 0.5, 0.0]]), 12, 10)  # 3 to the left, then mirrored
    # place x shows the mirrored picture at x, which is the cropped picture at 9 - x, which is the image at 12 - x
    assert affine[0, 0].tolist() == [-1.0, 0.0, 12.0]


def test_the_noise_has_the_size_of_the_paper() -> None:
    keys = np.arange(1, 101, dtype=np.uint64) * np.uint64(7919)
    sigma, reach = 2.0, 6
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    field = np.empty((100, 2, 20, 20), np.float32)
    elastic_noise(keys, weights, 10.0, field, 1)
    # Uniform noise in (-1, 1) has variance 1/3; smoothing multiplies it by (sum of squared weights)^2.
    expected = 10.0 * np.sqrt((weights**2).sum() ** 2 / 3.0)
    assert abs(field.std() / expected - 1.0) < 0.05 and abs(field.mean()) < 0.05 * expected * 3
    assert abs(field[:, :, 0, 0].std() / expected - 1.0) < 0.25  # at the corner as elsewhere


@pytest.mark.parametrize(
    "notation",
    [
        "flip",
        ALL,
        WHOLE,
        "shift 0.5",
        "rotate 12.5 -> flip",
        "flip -> elastic 4 8 -> cutout 2",
        "crop 4, reflect -> crop 2, reflect",
        "flip alternate -> shift 1",
    ],
)
def test_notation_round_trip(notation: str) -> None:
    assert Augmentation.parse(notation).notation() == notation


@pytest.mark.parametrize(
    ("notation", "word"),
    [
        ("flop", "Did you mean 'flip'?"),
        ("flip -> ", "empty step"),
        ("flip 3", "flip"),
        ("shift", "shift P"),
        ("shift -1", "above 0"),
        ("shift nan", "shift P"),
        ("shift x", "shift P"),
        ("rotate 181", "180"),
        ("scale 100", "90"),
        ("crop 1.5", "crop P"),
        ("elastic 4", "elastic ALPHA SIGMA"),
        ("elastic 4 8 -> flip", "comes last"),
        ("elastic 4 8 -> elastic 4 8", "once"),
        ("elastic 4 8 -> flip -> cutout 3", "comes last"),
        ("cutout 3 -> flip", "comes last"),
        ("cutout 3 -> cutout 3", "once"),
        ("cutout", "cutout P"),
        ("cutout 2.5", "cutout P"),
        ("crop zero", "crop P"),
        ("crop 4, mirror", "crop P[, zero | reflect]"),
        ("crop 4, zero, zero", "crop P"),
        ("crop 4, zero -> crop 4", "same word"),
        ("flip zero", "flip [alternate]"),
        ("shift 2, zero", "shift P"),
    ],
)
def test_notation_that_cannot_be_read(notation: str, word: str) -> None:
    with pytest.raises(NotationError) as caught:
        Augmentation.parse(notation)
    assert word in str(caught.value) and "\n" not in str(caught.value)


def test_what_does_not_fit() -> None:
    steps = Augmentation.parse("shift 1")
    for images, indices in (
        (BYTES[0], [0]),
        (BYTES.astype(float), range(24)),
        (BYTES, range(3)),
        (BYTES[:1], [-1]),
        (BYTES[:1], [10**12]),
    ):
        with one_line_error():
            steps.apply(images, np.asarray(list(indices)), 0, 0)
    for colour in ([1, 2], np.nan, [np.nan] * 3, np.inf):
        with one_line_error("colour"):
            steps.apply(BYTES, np.arange(24), 0, 0, colour=colour)
    with one_line_error("seed"):
        steps.apply(BYTES, np.arange(24), 0, -1)
    assert len(steps.apply(BYTES[:0], [], 0, 0)) == 0
