"""Faults of the data: each takes the parts of a set, and a generator, and gives them with something wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset, PictureFiles, Splits, join
from glassnet.errors import DataError

__all__ = ["DATA"]

Change = Callable[[Splits, np.random.Generator], Splits]
Array = npt.NDArray[Any]

DATA: dict[str, Change] = {}
"""The faults of the data by name."""

_NOISE = 2.0  # grey levels (of 255) of a copy that nobody tells from its original


def fault(name: str) -> Callable[[Change], Change]:
    """Put a function into `DATA`."""

    def keep(change: Change) -> Change:
        DATA[name] = change
        return change

    return keep


# ---- labels


@fault("labels-shuffled")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _relabelled(splits, rng.permutation(splits.train.labels))


@fault("labels-20-percent-wrong")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    labels = splits.train.labels.copy()
    chosen = _some(len(labels), 0.2, rng)
    labels[chosen] = (labels[chosen] + rng.integers(1, splits.train.classes, len(chosen))) % splits.train.classes
    return _relabelled(splits, labels)


@fault("labels-off-by-one")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _relabelled(splits, (splits.train.labels + 1) % splits.train.classes)


@fault("two-classes-merged")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    one, other = rng.choice(splits.train.classes, 2, replace=False)
    return _relabelled(splits, np.where(splits.train.labels == one, other, splits.train.labels))


@fault("two-classes-swapped")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    one, other = rng.choice(splits.train.classes, 2, replace=False)
    labels = splits.train.labels.copy()
    labels[splits.train.labels == one], labels[splits.train.labels == other] = other, one
    return _relabelled(splits, labels)


# ---- which pictures there are


@fault("class-missing")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _kept(splits, splits.train.labels != rng.integers(splits.train.classes))


@fault("imbalance")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    largest = rng.integers(splits.train.classes)
    return _kept(splits, (splits.train.labels == largest) | (rng.random(len(splits.train)) < 1 / 20))


@fault("few-pictures")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    order = rng.permutation(len(splits.train))
    labels = splits.train.labels[order]
    rows = [order[labels == number][:2] for number in range(splits.train.classes)]
    return _kept(splits, np.sort(np.concatenate(rows)))


@fault("duplicates-across")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    test = _test(splits)
    return replace(splits, train=join(splits.train, test.subset(_some(len(test), 0.5, rng))))


@fault("near-duplicates-across")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    test = _test(splits)
    leaked = test.subset(_some(len(test), 0.5, rng))
    pixels = _pixels(leaked)
    noisy = pixels + rng.normal(0.0, _NOISE * _white(pixels) / 255, pixels.shape)
    return replace(splits, train=join(splits.train, _with_pixels(leaked, noisy)))


@fault("validation-in-training")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    if splits.valid is None:
        raise DataError("This fault puts the validation part into training; the recipe holds none out.")
    return replace(splits, train=join(splits.train, splits.valid))


@fault("duplicates-within")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    rows = np.arange(len(splits.train))
    chosen = _some(len(rows), 1 / 3, rng)
    rows[chosen] = rng.choice(rows, 5, replace=False)[np.arange(len(chosen)) % 5]
    return _kept(splits, rows)


@fault("one-picture-two-labels")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    again = splits.train.subset(_some(len(splits.train), 0.2, rng))
    other = (again.labels + rng.integers(1, again.classes, len(again))) % again.classes
    return replace(splits, train=join(splits.train, replace(again, labels=other)))


# ---- what the pictures look like


@fault("constant-pictures")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    pixels = _pixels(splits.train)
    chosen = _some(len(pixels), 1 / 3, rng)
    pixels[chosen] = pixels[chosen].mean(axis=(1, 2), keepdims=True)
    return replace(splits, train=_with_pixels(splits.train, pixels))


@fault("noise-for-pictures")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    pixels = _pixels(splits.train)
    chosen = _some(len(pixels), 0.4, rng)
    pixels[chosen] = rng.random(pixels[chosen].shape) * _white(pixels)
    return replace(splits, train=_with_pixels(splits.train, pixels))


@fault("class-in-a-corner")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    pixels = _pixels(splits.train)
    pixels[:, 0, 0] = (splits.train.labels[:, None] + 1) * _white(pixels) / splits.train.classes
    return replace(splits, train=_with_pixels(splits.train, pixels))


@fault("low-contrast")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _in_parts(splits, ("train", "valid", "test"), lambda pixels: np.floor(pixels / 100))


@fault("test-inverted")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _in_parts(splits, ("test",), lambda pixels: _white(pixels) - pixels)


@fault("test-range")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    return _in_parts(splits, ("test",), lambda pixels: pixels / 16)


@fault("validation-scrambled")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    order = rng.permutation(int(np.prod(splits.train.image_shape)))
    return _in_parts(
        splits, ("valid", "test"), lambda pixels: pixels.reshape(len(pixels), -1)[:, order].reshape(pixels.shape)
    )


@fault("test-turned")
def _(splits: Splits, rng: np.random.Generator) -> Splits:
    height, width, _ = splits.train.image_shape
    if height != width:
        raise DataError(f"This fault turns pictures, which must be square. Got {height}x{width} instead.")
    return _in_parts(splits, ("valid", "test"), lambda pixels: np.rot90(pixels, axes=(1, 2)))


# ---- what they have in common


def _some(n: int, share: float, rng: np.random.Generator) -> Array:
    """So many of n rows, sorted."""
    return np.sort(rng.choice(n, max(1, round(share * n)), replace=False))


def _relabelled(splits: Splits, labels: Array) -> Splits:
    return replace(splits, train=replace(splits.train, labels=labels))


def _kept(splits: Splits, rows: Array) -> Splits:
    return replace(splits, train=splits.train.subset(rows))


def _test(splits: Splits) -> Dataset:
    if splits.test is None:
        raise DataError("This fault puts test pictures into training; the recipe has no test part.")
    return splits.test


def _white(pixels: Array) -> float:
    """The value of white, for pixels in 0..1 or in 0..255."""
    return 255.0 if pixels.max() > 2.0 else 1.0


def _pixels(part: Dataset) -> Array:
    if isinstance(part.images, PictureFiles):
        raise DataError("This fault changes pixels, of pictures in memory; plant it in data that fit there.")
    return np.asarray(part.images, np.float64)


def _with_pixels(part: Dataset, pixels: Array) -> Dataset:
    whole = part.images.dtype == np.uint8
    images = np.clip(np.rint(pixels), 0, 255).astype(np.uint8) if whole else pixels.astype(np.float32)
    return replace(part, images=np.ascontiguousarray(images))


def _in_parts(splits: Splits, names: tuple[str, ...], change: Callable[[Array], Array]) -> Splits:
    """The parts of these names with other pixels."""
    parts = {name: getattr(splits, name) for name in names}
    return replace(
        splits, **{n: _with_pixels(part, change(_pixels(part))) for n, part in parts.items() if part is not None}
    )
