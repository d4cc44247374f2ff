"""What is done to strips of writing, beside the same in SciPy and by the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import fft, ndimage

from glassnet.nn.kernels import strips
from glassnet.nn.kernels.strokes import draw_stroke, draw_strokes
from glassnet.nn.kernels.trajectories import ink_span, measure_words


@pytest.fixture
def ink() -> np.ndarray:
    return np.random.default_rng(0).random((32, 70), np.float32)


def test_strokes_at_once_are_as_one_by_one() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(-5, 60, (30, 2)).astype(np.float32)
    radii, starts = rng.uniform(0.4, 3, 30).astype(np.float32), np.array([0, 1, 4, 20, 30])
    at_once, one_by_one = np.zeros((2, 32, 50), np.float32)
    draw_strokes(at_once, points, radii, starts, np.float32(1))
    for first, last in itertools.pairwise(starts):
        draw_stroke(one_by_one, points[first:last].astype(float), radii[first:last].astype(float))
    np.testing.assert_allclose(at_once, one_by_one, atol=2e-5)
    assert at_once.max() == 1 and at_once.min() == 0


def test_the_softness_of_an_edge() -> None:
    canvas = np.zeros((1, 11), np.float32)
    draw_strokes(canvas, np.zeros((1, 2), np.float32), np.array([4], np.float32), np.array([0, 1]), np.float32(4))
    np.testing.assert_allclose(canvas[0], np.clip((4 - np.arange(11)) / 4 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.3])
def test_blur_is_scipys(ink: np.ndarray, sigma: float) -> None:
    reach = min(4, int(np.ceil(3 * sigma)))
    wanted = ndimage.gaussian_filter(ink.astype(float), sigma, mode="constant", radius=reach)
    strips.blur(ink, sigma)
    np.testing.assert_allclose(ink, wanted, atol=1e-5)


def test_coarser_pixels() -> None:
    ink = np.zeros((32, 64), np.float32)
    ink[:, 24:40] = 1
    strips.coarsen(ink, 2.0, 0.0, 0.0)  # coarse pixels have their middles at 23 and 25
    np.testing.assert_allclose(ink[16, 20:28], [0, 0, 0, 0.25, 0.75, 1, 1, 1], atol=1e-6)
    even = np.full((32, 64), 0.6, np.float32)
    strips.coarsen(even, 1.7, 0.3, 0.8)
    np.testing.assert_allclose(even[3:-3, 3:-3], 0.6, atol=1e-6)


def test_blocks_lose_what_is_less_than_half_a_step(ink: np.ndarray) -> None:
    k, n = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    cosines = (np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, np.sqrt(0.125), 0.5)).astype(np.float32)
    padded = np.pad(ink, ((3, 5), (6, 4)))
    wanted = np.zeros_like(padded)
    steps = 0.05 * (1 + k + n)
    for y in range(0, 40, 8):
        for x in range(0, 80, 8):
            block = fft.dctn(padded[y : y + 8, x : x + 8], norm="ortho")
            wanted[y : y + 8, x : x + 8] = fft.idctn(steps * np.rint(block / steps), norm="ortho")
    strips.squeeze_blocks(ink, cosines, np.float32(0.05), 6, 3)
    off = np.abs(ink - wanted[3:35, 6:76])
    assert np.median(off) < 1e-5 and (off > 1e-3).mean() < 0.02  # where rounding decides, a block goes the other way


def test_pasted_smaller_and_larger(ink: np.ndarray) -> None:
    half = np.zeros((20, 40), np.float32)
    strips.paste(half, ink, 2.0, 3.0, 0.5, 0.5)
    np.testing.assert_allclose(half[3:19, 2:37], ink.reshape(16, 2, 35, 2).mean(axis=(1, 3)), atol=1e-6)
    assert half[:3].max() == half[19:].max() == half[:, :2].max() == half[:, 37:].max() == 0
    twice = np.zeros((40, 60), np.float32)
    strips.paste(twice, ink, -10.0, -8.0, 2.0, 2.0)
    np.testing.assert_allclose(twice, np.kron(ink, np.ones((2, 2)))[8:48, 10:70], atol=1e-6)


def test_developed_as_stated(ink: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    grid, noise = rng.standard_normal((9, 16), np.float32), rng.standard_normal((5, 7), np.float32)
    y, x = np.mgrid[:32, :70]
    field = ndimage.map_coordinates(grid.astype(float), [y / 5, x / 5], order=1)
    value = ink * (1 - np.clip(0.7 * (field - 0.2), 0, 0.8)) + 0.1 * noise[(y + 3) % 5, (x + 2) % 7]
    value = np.clip(1.5 * (value - 0.05), 0, 1)
    strips.develop(
        ink, grid, 5.0, *np.array([0.7, 0.2], np.float32), noise, 2, 3, *np.array([0.1, 0.05, 1.5, 0.3], np.float32)
    )
    np.testing.assert_allclose(ink, value + 0.3 * value * (1 - value), atol=1e-5)


def test_a_word_is_measured() -> None:
    strokes = [  # a tall stroke, three bows that stand on y = 100, a tail down to 160, a dot far to the right
        [(0, 0), (0, 100)],
        [(20, 50), (30, 100), (40, 50), (50, 99), (60, 50), (70, 101), (80, 50)],
        [(100, 50), (90, 160)],
        [(140, 100)],
    ]
    xy = np.array([*itertools.chain.from_iterable(strokes)], np.int16)
    starts, out = np.array([0, 2, 9, 11, 12]), np.empty((1, 6), np.float32)
    one, deep = np.ones(1, np.float32), np.array([-0.55], np.float32)
    measure_words(xy, starts, np.array([0, 4]), np.array([0]), one, deep, deep, out)
    assert out[0, :4].tolist() == [0, 0, 140, 160] and out[0, 5] == 40
    assert abs(out[0, 4] - 100) < 1.5
    measure_words(xy, starts, np.array([0, 4]), np.array([0]), one, 0 * deep, deep, out)  # the tail may be one
    assert abs(out[0, 4] - 100) < 1.5


def test_a_line_is_as_tall_as_most_of_its_ink() -> None:
    tall = np.array([[0, 0], [0, 100], [10, 100], [10, 0], [20, 40], [20, 90]], np.float32)
    starts = np.array([0, 2, 4, 6])
    assert ink_span(tall, starts, np.float32(0.5), np.float32(0)) == pytest.approx((0, 100))
    # Of a length of 250, 25 at either end: 12.5 of two strokes above; below 11.7 of these, and 1.7 of the third.
    top, bottom = ink_span(tall, starts, np.float32(0.5), np.float32(0.1))
    assert abs(top - 12.5) < 1 and abs(bottom - 88.3) < 1
    assert ink_span(tall[:1], np.array([0, 1]), np.float32(0.5), np.float32(0.1)) == pytest.approx((0, 0), abs=1e-6)
