"""Descriptors of patches: against the formulas, against scikit-image, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import threads
from glassnet.classic.descriptors import CELLS, DIRECTIONS, describe, describe_naive, reach

RNG = np.random.default_rng(0)


def all_of(grey: np.ndarray, cell: int, step: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """(points of one picture, descriptors of all pictures (N, points, 128))."""
    height, width = (side - reach(cell) for side in grey.shape[1:])
    points = np.array([(y, x) for y in range(0, height + 1, step) for x in range(0, width + 1, step)])
    starts = np.arange(len(grey) + 1) * len(points)
    found = describe(grey.astype(np.float32), np.tile(points, (len(grey), 1)), starts, cell)
    return points, found.reshape(len(grey), len(points), -1)


@settings(max_examples=15, deadline=None)
@given(cell=st.integers(1, 4), more=st.tuples(st.integers(0, 5), st.integers(0, 5)), seed=st.integers(0, 99))
def test_fast_is_naive(cell: int, more: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    grey = rng.random((2, reach(cell) + more[0], reach(cell) + more[1]))
    points, found = all_of(grey.astype(np.float32), cell, step=2)
    k, n = int(rng.integers(len(points))), int(rng.integers(2))
    assert np.abs(found[n, k] - describe_naive(grey[n].astype(np.float32), *points[k], cell)).max() < 2e-6


def test_votes_are_scikit_images_gradients() -> None:
    """`skimage.feature.hog` with one cell a pixel and very many directions gives length and angle of each gradient."""
    feature = pytest.importorskip("skimage.feature")
    cell, fine = 3, 720
    side = reach(cell) + 2  # skimage has no gradients at the border
    grey = RNG.random((side, side))
    histogram = feature.hog(
        grey, orientations=fine, pixels_per_cell=(1, 1), cells_per_block=(side, side), block_norm="L1",
        feature_vector=False,
    ).reshape(side, side, fine)  # fmt: skip
    length, angle = histogram.sum(axis=2), (histogram.argmax(axis=2) + 0.5) * np.pi / fine  # without a sign
    half = DIRECTIONS // 2
    u = angle / (np.pi / half)
    low = np.floor(u).astype(int)
    expected = np.zeros((CELLS, CELLS, half))
    triangle = 1 - np.abs(np.arange(2 * cell) - (cell - 0.5)) / cell
    for i in range(CELLS):
        for j in range(CELLS):
            rows, columns = (slice(1 + k * cell, 1 + (k + 2) * cell) for k in (i, j))
            votes = np.outer(triangle, triangle) * length[rows, columns]
            share = (u - low)[rows, columns]
            np.add.at(expected[i, j], low[rows, columns] % half, votes * (1 - share))
            np.add.at(expected[i, j], (low[rows, columns] + 1) % half, votes * share)
    ours = describe(grey[None].astype(np.float32), np.array([[1, 1]]), np.array([0, 1]), cell) ** 2
    folded = ours.reshape(CELLS, CELLS, 2, half).sum(axis=2)  # opposite directions together
    # An angle is known to half of 0.25 degrees, of 45 between two directions.
    assert np.abs(folded - expected / expected.sum()).max() < 0.5 * 0.25 / 45 * expected.max() / expected.sum()


def test_lengths_and_what_leaves_them_as_they_are() -> None:
    grey = RNG.random((1, 30, 33)) * 0.4 + 0.2
    _, found = all_of(grey, 4)
    assert (found**2).sum(axis=2) == pytest.approx(1, abs=1e-5)
    for changed in (grey + 0.3, grey * 2, 0.25 * grey + 0.6):
        assert np.abs(all_of(changed, 4)[1] - found).max() < 3e-4  # float32 cancels in differences of pixels
    opposite = np.roll(found.reshape(-1, DIRECTIONS), DIRECTIONS // 2, axis=1).ravel()
    assert np.abs(all_of(1 - grey, 4)[1].ravel() - opposite).max() < 3e-4  # light and dark are told apart


def test_flat_patches_are_nothing_and_nearly_flat_ones_less_than_whole() -> None:
    assert not all_of(np.full((1, 25, 25), 0.7), 5)[1].any()
    faint = 0.5 + 0.002 * RNG.random((1, 25, 25))
    lengths = (all_of(faint, 5)[1] ** 2).sum(axis=2)
    assert ((lengths > 0.1) & (lengths < 0.7)).all()
    assert (all_of(10 * faint, 5)[1] ** 2).sum(axis=2) == pytest.approx(1, abs=1e-5)


def test_a_ramp_has_one_direction_and_a_mirrored_picture_mirrored_descriptors() -> None:
    y, x = np.mgrid[:20, :20] / 20.0
    for k in range(DIRECTIONS):
        angle = 2 * np.pi * k / DIRECTIONS
        ramp = (np.cos(angle) * x + np.sin(angle) * y)[None]
        inside = np.pad(ramp, ((0, 0), (1, 1), (1, 1)), mode="reflect", reflect_type="odd")
        own = describe(inside.astype(np.float32), np.array([[1, 1]]), np.array([0, 1]), 4).reshape(-1, DIRECTIONS)
        assert (own.argmax(axis=1) == k).all() and (own**2)[:, k].sum() == pytest.approx(1, abs=1e-3)
    grey = RNG.random((1, reach(3), reach(3)))
    _, found = all_of(grey, 3)
    _, mirrored = all_of(grey[:, :, ::-1], 3)
    turned = (DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS
    back = mirrored.reshape(CELLS, CELLS, DIRECTIONS)[:, ::-1, turned].ravel()
    assert np.abs(back - found.ravel()).max() < 2e-6


def test_the_same_bits_alone_in_company_and_on_two_threads() -> None:
    grey = RNG.random((5, 24, 26)).astype(np.float32)
    with threads.use(1):
        _, together = all_of(grey, 4)
        alone = np.concatenate([all_of(grey[i : i + 1], 4)[1] for i in range(5)])
    with threads.use(2):
        shared = all_of(grey, 4)[1]
    assert together.tobytes() == alone.tobytes() == shared.tobytes()
