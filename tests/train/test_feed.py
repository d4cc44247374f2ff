"""Batches made the short way have the bits of augmenting first and preprocessing the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.data import Augmentation, Dataset, Preprocess
from glassnet.train import feed
from glassnet.train.feed import Feed

RNG = np.random.default_rng(4)
LABELS = RNG.integers(0, 3, 40)
PICTURES = {
    "bytes": RNG.integers(0, 256, (40, 6, 5, 3), np.uint8),
    "grey bytes": RNG.integers(0, 256, (40, 6, 5, 1), np.uint8),
    "floats": RNG.random((40, 6, 5, 3)).astype(np.float32),
    "a view of bytes": RNG.integers(0, 256, (80, 6, 5, 3), np.uint8)[::2],
}
PREPROCESSINGS = [
    "scale",
    "scale -> standardise",
    "scale -> invert -> multiply 255 -> standardise",
    "scale -> mean-image",
    "scale -> standardise -> mean-image -> multiply 3",
    "scale -> grey -> standardise",
    "scale -> invert -> resize 4 7 -> standardise",
    "scale -> whiten 6",
]
AUGMENTATIONS = [
    "flip",
    "flip -> crop 2",
    "crop 3, zero",
    "flip alternate -> crop 1, reflect -> cutout 3",
    "shift 1",
    "rotate 10 -> crop 2, zero -> cutout 2",
]


def long_way(made: Feed, indices: np.ndarray, epoch: int) -> np.ndarray:
    images = made.dataset.images
    assert made.augmentation is not None
    mean = images.reshape(-1, images.shape[3]).mean(axis=0, dtype=np.float64)
    augmented = made.augmentation.apply(images[indices], indices, epoch, made.seed, colour=mean)
    return made.preprocess.transform(augmented)


def assert_same_bits(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(PICTURES)),
    st.sampled_from(PREPROCESSINGS),
    st.sampled_from(AUGMENTATIONS),
    st.lists(st.integers(0, 39), min_size=1, max_size=50),
    st.integers(0, 4),
)
def test_augmented_batches(pictures: str, preprocessing: str, augmentation: str, rows: list[int], epoch: int) -> None:
    dataset = Dataset(PICTURES[pictures], LABELS, ("a", "b", "c"))
    preprocess = Preprocess.parse(preprocessing).fit(dataset.images)
    made = Feed(dataset, preprocess, augmentation=Augmentation.parse(augmentation), seed=7)
    indices = np.asarray(rows)
    for size in (len(rows), max(1, len(rows) // 2)):  # a smaller batch after a larger one takes part of its buffer
        x, target = made.take(indices[:size], epoch)
        assert_same_bits(x, long_way(made, indices[:size], epoch))
        np.testing.assert_array_equal(target, LABELS[indices[:size]])


@pytest.mark.parametrize("pictures", PICTURES)
@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
@pytest.mark.parametrize("rebuild", [False, True])
def test_pictures_that_are_not_kept(
    pictures: str, preprocessing: str, rebuild: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(PICTURES[pictures], LABELS, ("a", "b", "c"))
    preprocess = Preprocess.parse(preprocessing).fit(dataset.images)
    kept = Feed(dataset, preprocess, rebuild=rebuild)
    monkeypatch.setattr(feed, "_KEEP_BELOW", 0)
    made = Feed(dataset, preprocess, rebuild=rebuild)
    assert kept.rows is not None and made.rows is None
    indices = np.asarray([3, 39, 3, 0])
    for found, expected in zip(made.take(indices, 1), kept.take(indices, 1), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert_same_bits(made.take(indices, 1)[0], preprocess.transform(dataset.images[indices]))


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_rebuilt_is_the_picture_before_augmentation(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kept:
        monkeypatch.setattr(feed, "_KEEP_BELOW", 0)
    dataset = Dataset(PICTURES["bytes"], LABELS, ("a", "b", "c"))
    preprocess = Preprocess.parse("scale -> standardise").fit(dataset.images)
    made = Feed(dataset, preprocess, rebuild=True, augmentation=Augmentation.parse("flip -> crop 2"), seed=1)
    indices = np.arange(40)
    x, target = made.take(indices, 2)
    assert_same_bits(x, long_way(made, indices, 2))
    assert_same_bits(target, preprocess.transform(dataset.images).reshape(40, -1))
