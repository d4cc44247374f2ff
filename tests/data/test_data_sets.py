"""What a data set accepts, and how it is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.data import Dataset, Splits, epoch_order, hold_out, join, split
from glassnet.data.digits import load_digits
from glassnet.errors import DataError
from support.data_files import one_line_error

NAMES = ("a", "b", "c")


def make(count: int = 6, **changes: object) -> Dataset:
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2, 1)
    parts: dict[str, object] = {"images": images, "labels": np.arange(count) % 3, "class_names": NAMES, "name": "toy"}
    return Dataset(**(parts | changes))  # type: ignore[arg-type]


def test_properties() -> None:
    data = make()
    assert len(data) == 6 and data.image_shape == (2, 2, 1) and data.classes == 3
    assert data.labels.dtype == np.int64 and data.counts().tolist() == [2, 2, 2]
    assert data.sha256 == make().sha256 and len(data.sha256) == 64
    assert "6 images 2x2x1 uint8" in repr(data)


@pytest.mark.parametrize(
    "change",
    [{"labels": np.zeros(6, int)}, {"class_names": ("a", "b", "z")}, {"images": np.zeros((6, 2, 2, 1), np.uint8)}],
)
def test_the_digest_sees_every_part(change: dict[str, object]) -> None:
    assert make(**change).sha256 != make().sha256


def test_float64_becomes_float32() -> None:
    assert make(images=np.full((6, 2, 2, 1), 0.5)).images.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite(bad: float) -> None:
    images = np.zeros((6, 2, 2, 1), np.float32)
    images[3, 1, 0, 0] = bad
    with one_line_error("toy", "1 pixels", "NaN"):
        make(images=images)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"labels": np.asarray([0, 1, 2, 3, 0, 1])}, "3"),
        ({"labels": np.asarray([0, 1, 2, -1, 0, 1])}, "-1"),
        ({"labels": np.zeros(5, int)}, "5 labels"),
        ({"labels": np.zeros(6)}, "whole numbers"),
        ({"labels": np.zeros((6, 3), int)}, "(6, 3)"),
        ({"class_names": ("a",)}, "at least 2 classes"),
        ({"class_names": ()}, "at least 2 classes"),
        ({"class_names": ("a", "b", "a")}, "twice"),
        ({"class_names": "abc"}, "list of names"),
        ({"images": np.zeros((6, 2, 2), np.uint8)}, "(N, H, W, C)"),
        ({"images": np.zeros((0, 2, 2, 1), np.uint8), "labels": np.zeros(0, int)}, "at least one pixel"),
        ({"images": np.zeros((6, 2, 2, 1), np.int32)}, "int32"),
        ({"images": np.full((6, 2, 2, 1), 255.0)}, "divide by 255"),
        ({"images": [np.zeros((2, 2, 1)), np.zeros((3, 2, 1))]}, "unequal"),
    ],
)
def test_what_does_not_fit(change: dict[str, object], word: str) -> None:
    with one_line_error("toy", word):
        make(**change)


def test_subset() -> None:
    data = make()
    assert data.subset([4, 1]).labels.tolist() == [1, 1]
    assert len(data.subset(data.labels == 2)) == 2
    assert len(data.subset(slice(2))) == 2
    for bad in ([], [6], [-1], [0.5], [[0]]):
        with one_line_error("toy"):
            data.subset(bad)


def test_parts_must_fit_each_other() -> None:
    with one_line_error("test"):
        Splits(make(), None, make(images=np.zeros((6, 3, 2, 1), np.uint8)))
    with one_line_error("validation", "class names"):
        Splits(make(), make(class_names=("x", "y", "z")))
    both = join(make(), make(3))
    assert len(both) == 9 and both.labels[6:].tolist() == [0, 1, 2]


def numbered(count: int, classes: int, seed: int) -> Dataset:
    """A set whose pixels say which example it is."""
    images = np.zeros((count, 1, 2, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(count) // 256, np.arange(count) % 256
    labels = np.random.default_rng(seed).integers(0, classes, count)
    return Dataset(images, labels, tuple(map(str, range(classes))), "numbered")


def identities(data: Dataset | None) -> list[int]:
    return [] if data is None else (data.images[:, 0, 0, 0].astype(int) * 256 + data.images[:, 0, 1, 0]).tolist()


@settings(deadline=None)
@given(st.integers(10, 300), st.integers(2, 6), st.floats(0.0, 0.4), st.floats(0.0, 0.4), st.integers(0, 9))
def test_a_split_is_stratified_and_complete(n: int, classes: int, valid: float, test: float, seed: int) -> None:
    data = numbered(n, classes, seed)
    parts = split(data, (1.0 - valid - test, valid, test), seed)
    found = [identities(part) for part in (parts.train, parts.valid, parts.test)]
    assert sorted(index for part in found for index in part) == list(range(n))
    assert all(ids == sorted(ids) for ids in found)
    if parts.test is not None:
        assert (np.abs(parts.test.counts() - data.counts() * len(parts.test) / n) < 1.0).all()
    again = split(data, (1.0 - valid - test, valid, test), seed)
    assert identities(again.train) == found[0]


def test_counts_and_two_sizes() -> None:
    data = numbered(100, 4, 0)
    parts = split(data, (50, 20, 10), 3)
    assert [len(p) for p in (parts.train, parts.valid, parts.test) if p] == [50, 20, 10]
    two = split(data, (0.75, 0.25))
    assert len(two.train) == 75 and two.valid is None and two.test is not None and len(two.test) == 25
    assert identities(split(data, (0.5, 0.5), 1).train) != identities(split(data, (0.5, 0.5), 2).train)


@pytest.mark.parametrize(
    "sizes", [(0.5,), (90, 20, 10), (0, 10, 10), (-1, 5, 5), (0.5, 1.5), (float("nan"), 0.5), (True, 1, 1), ("a", 1)]
)
def test_sizes_that_do_not_fit(sizes: tuple[object, ...]) -> None:
    with one_line_error():
        split(numbered(100, 4, 0), sizes)  # type: ignore[arg-type]


def test_hold_out_leaves_something() -> None:
    data = numbered(20, 2, 0)
    rest, held = hold_out(data, 0.25, 1)
    assert len(rest) == 15 and len(held) == 5
    for bad in (0, 20, 21, 1.0, 0.001, True):
        with pytest.raises(DataError):
            hold_out(data, bad)


@given(st.integers(1, 500), st.integers(0, 2**40), st.integers(0, 1000))
def test_the_order_of_an_epoch(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert sorted(order.tolist()) == list(range(n)) and (order == epoch_order(n, seed, epoch)).all()


def test_orders_differ_between_epochs_and_seeds() -> None:
    orders = {tuple(epoch_order(50, seed, epoch).tolist()) for seed in range(3) for epoch in range(5)}
    assert len(orders) == 15


def test_orders_that_make_no_sense() -> None:
    for wrong in (
        lambda: epoch_order(0, 0, 0),
        lambda: epoch_order(3, -1, 0),
        lambda: epoch_order(3, 0, 1.5),
    ):
        with one_line_error():
            wrong()  # type: ignore[no-untyped-call]


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits as theirs

    splits, whole = load_digits(), theirs()
    assert splits.test is not None
    ours = {(image.tobytes(), int(label)) for part in (splits.train, splits.test)
            for image, label in zip(part.images, part.labels, strict=True)}  # fmt: skip
    pixels = np.rint(whole.images * (255 / 16)).astype(np.uint8)
    assert ours == {(image.tobytes(), int(label)) for image, label in zip(pixels, whole.target, strict=True)}
    assert len(splits.train) + len(splits.test) == 1797
