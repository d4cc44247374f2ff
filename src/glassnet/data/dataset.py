"""What every format becomes: images with their labels and class names, checked once, when they are put together."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glassnet.data.names import checked_names
from glassnet.data.overlap import absent_classes, equal_pictures
from glassnet.data.picture_files import Images, PictureFiles, concatenate, pieces, select
from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError

__all__ = ["Dataset", "Splits", "are_rows", "checked_floats", "join", "with_notes"]

# Floats are meant to lie in [0, 1]; interpolated ones overshoot a little. Anything outside is in another unit.
_LOWEST, _HIGHEST = -1.0, 2.0


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, labels and class names that fit each other.

    Where examples are no pictures with a class each, as lines of writing (`glassnet.data.lines`), a subclass has them.

    Parameters
    ----------
    images : (N, H, W, C) array or PictureFiles
        uint8 in 0..255, or float32 in about 0..1 (float64 is rounded to float32). Picture files are decoded when they
        are needed. Pictures of one pixel, (N, 1, 1, d), are rows of d features: floats of any size.
    labels : (N,) integer array
        From 0 to classes - 1; kept as int64.
    class_names : tuple of str
        One name per class, at least two; kept in their composed spelling (Unicode NFC).
    name : str
        What the set is called in reports.
    notes : tuple of str
        What a reader of the result should know, such as "pictures of different sizes were brought to 32x32".
    reading : Reading
        How picture files were brought to H x W; a model trained on them reads new ones so.
    columns : tuple of str
        The names of the features, where there are rows of features and their names are known.
    label_kind : str
        What the labels were before they became names: "whole numbers", "truth values" or "text".
    files : sequence of Path, or None
        The file of each picture, where they come from files of their own.

    Raises
    ------
    DataError
        No example; shapes, lengths, types or label range that do not fit; pixels that are not finite; one class only;
        class names that are equal, look alike or cannot be printed.

    Warns
    -----
    UserWarning
        The images look like (N, C, H, W).

    Examples
    --------
    >>> from glassnet.data import Dataset
    >>> data = Dataset(np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 1]), ("cat", "dog"))
    >>> len(data), data.image_shape
    (2, (8, 8, 1))
    """

    holds_lines: ClassVar[bool] = False
    """Whether its examples are lines of writing with their texts, see `glassnet.data.LineSet`."""

    images: Images
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    name: str = "data"
    notes: tuple[str, ...] = ()
    reading: Reading = STRETCHED
    columns: tuple[str, ...] = ()
    label_kind: str = "text"
    files: Sequence[Path] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", checked_names(self.class_names, f"Data set '{self.name}'"))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "images", _checked_images(self.images, self.name))
        remark = _channels_first(self.image_shape, self.name)
        if remark and remark not in self.notes:  # a part of the set has the remark already
            warnings.warn(remark, stacklevel=3)
            object.__setattr__(self, "notes", (*self.notes, remark))
        object.__setattr__(self, "labels", _checked_labels(self.labels, len(self.class_names), self.name))
        if len(self.images) != len(self.labels):
            raise DataError(
                f"Data set '{self.name}' has {len(self.images)} images but {len(self.labels)} labels; "
                "there must be one label per image."
            )
        if self.files is not None and len(self.files) != len(self.labels):
            raise DataError(f"Data set '{self.name}' has {len(self.labels)} images but {len(self.files)} files.")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        h, w, c = self.image_shape
        return f"Dataset('{self.name}', {len(self)} images {h}x{w}x{c} {self.images.dtype}, {self.classes} classes)"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        _, h, w, c = self.images.shape
        return int(h), int(w), int(c)

    @property
    def holds_rows(self) -> bool:
        """Whether its pictures are rows of features: they have one pixel."""
        return are_rows(self.image_shape)

    @property
    def pixel_type(self) -> str:
        """What its pixels are stored as."""
        return str(self.images.dtype)

    @property
    def classes(self) -> int:
        """The number of classes, those without an example here included."""
        return len(self.class_names)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of shapes, types, pixels, labels and class names: two sets with the same digest train alike."""
        return self._digests[0]

    @cached_property
    def picture_digests(self) -> list[bytes]:
        """SHA-256 of each picture's pixels, as they are in memory after decoding and resizing, N of 32 bytes.

        The pixels are compared and not the files: a picture that was saved again without loss is the same picture.
        """
        return self._digests[1]

    @cached_property
    def _digests(self) -> tuple[str, list[bytes]]:
        """`sha256` and `picture_digests`, from one pass over the pictures."""
        digest, each = hashlib.sha256(), []
        digest.update(_description(self.images))
        for piece in pieces(self.images, what="comparing pictures"):
            # The bytes are those of a little-endian machine whatever this one is.
            little = np.ascontiguousarray(piece, dtype=piece.dtype.newbyteorder("<")).reshape(len(piece), -1)
            digest.update(little.reshape(-1).view(np.uint8).data)
            each += [hashlib.sha256(row.data).digest() for row in little]
        digest.update(_description(self.labels))
        digest.update(np.ascontiguousarray(self.labels, "<i8").view(np.uint8).data)
        digest.update("\n".join(self.class_names).encode("utf-8"))
        return digest.hexdigest(), each

    def counts(self) -> npt.NDArray[np.int64]:
        """(classes,) how many examples each class has here."""
        return np.bincount(self.labels, minlength=self.classes).astype(np.int64)

    def with_notes(self, notes: Sequence[str]) -> Dataset:
        """The same set, with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def subset(self, indices: npt.ArrayLike | slice) -> Dataset:
        """The examples at `indices` (whole numbers, a mask of N truth values or a slice), in that order.

        Raises `DataError` when an index lies outside the set or nothing is left.
        """
        if isinstance(indices, slice):
            picked = np.arange(len(self))[indices]
        else:
            picked = np.asarray(indices)
            if picked.dtype == np.bool_ and picked.shape == (len(self),):
                picked = np.flatnonzero(picked)
        if picked.ndim != 1 or (picked.size and not np.issubdtype(picked.dtype, np.integer)):
            raise DataError(
                f"A subset of '{self.name}' is chosen by a list of whole numbers or a mask of {len(self)} truth "
                "values. "
                f"Got an array of {picked.dtype} with shape {picked.shape} instead."
            )
        if picked.size == 0:
            raise DataError(f"The subset of '{self.name}' is empty; choose at least one example.")
        if picked.min() < 0 or picked.max() >= len(self):
            raise DataError(
                f"Data set '{self.name}' has examples 0 to {len(self) - 1}. "
                f"Got indices from {picked.min()} to {picked.max()} instead."
            )
        files = None if self.files is None else [self.files[row] for row in picked.tolist()]
        return replace(self, images=select(self.images, picked), labels=self.labels[picked], files=files)


@dataclass(frozen=True, eq=False)
class Splits:
    """The parts of a data set: `train`, and where they exist `valid` (to choose by) and `test` (to report on).

    Raises `DataError` when the parts differ in image shape, pixel type, class names or reading.

    Examples
    --------
    >>> from glassnet.data import Splits, dataset_of
    >>> splits = Splits(dataset_of(np.zeros((4, 8, 8), np.uint8), [0, 1, 1, 0]))
    >>> len(splits.train), splits.test
    (4, None)
    """

    train: Dataset
    valid: Dataset | None = None
    test: Dataset | None = None

    def __post_init__(self) -> None:
        for word, part in (("validation", self.valid), ("test", self.test)):
            if part is None:
                continue
            if part.image_shape != self.train.image_shape or part.pixel_type != self.train.pixel_type:
                raise DataError(
                    f"The {word} images of '{self.train.name}' are {_kind(part)}, those for training "
                    f"{_kind(self.train)}; "
                    "all parts must have one shape and one pixel type."
                )
            if part.class_names != self.train.class_names:
                raise DataError(f"The {word} part of '{self.train.name}' has other class names than the training part.")
            if part.reading != self.train.reading:
                raise DataError(
                    f"The {word} pictures of '{self.train.name}' were read by '{part.reading.notation()}', those for "
                    f"training by '{self.train.reading.notation()}'; all parts must be read alike."
                )

    def __repr__(self) -> str:
        valid = len(self.valid) if self.valid is not None else 0
        test = len(self.test) if self.test is not None else 0
        return f"Splits({self.train!r}, {valid} for validation, {test} for test)"

    @property
    def name(self) -> str:
        """The name of the set."""
        return self.train.name

    def whole(self) -> Dataset:
        """All examples as one set: training, validation, test."""
        whole = self.train
        for part in (self.valid, self.test):
            whole = whole if part is None else join(whole, part)
        return whole

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """The notes of all parts, each once; then which classes a part lacks, and which pictures are in two parts or
        under two labels.
        """
        every = {"training": self.train, "validation": self.valid, "test": self.test}
        parts = {word: part for word, part in every.items() if part is not None}
        own = (note for part in parts.values() for note in part.notes)
        if self.train.holds_lines:  # which have no class that could be absent
            return tuple(dict.fromkeys(own))
        return tuple(dict.fromkeys((*own, *absent_classes(parts), *equal_pictures(parts))))


def with_notes(splits: Splits, notes: Sequence[str]) -> Splits:
    """The same data, with more notes on every part."""
    parts = (splits.train, splits.valid, splits.test)
    train, valid, test = (part and part.with_notes(notes) for part in parts)
    assert train is not None
    return Splits(train, valid, test)


def join(first: Dataset, second: Dataset) -> Dataset:
    """One data set with the examples of both, those of `first` first. Raises `DataError` when they do not fit.

    Examples
    --------
    >>> from glassnet.data import dataset_of, join
    >>> data = dataset_of(np.zeros((4, 8, 8), np.uint8), [0, 1, 1, 0])
    >>> len(join(data, data))
    8
    """
    Splits(first, second)
    return replace(
        first,
        images=concatenate(first.images, second.images),
        labels=np.concatenate([first.labels, second.labels]),
        notes=tuple(dict.fromkeys((*first.notes, *second.notes))),
        files=None if first.files is None or second.files is None else [*first.files, *second.files],
    )


def _description(array: Images) -> bytes:
    return f"{array.shape} {array.dtype.newbyteorder('<').str}\n".encode()


def _kind(part: Dataset) -> str:
    h, w, c = part.image_shape
    return f"{h}x{w}x{c} {part.pixel_type}"


def _channels_first(shape: tuple[int, int, int], name: str) -> str:
    h, w, c = shape
    if h not in (1, 3) or min(w, c) <= 4:
        return ""
    return (
        f"The images of '{name}' are taken as {c} channels of {h}x{w} pixels; if they are (N, C, H, W), give "
        "images.transpose(0, 2, 3, 1)."
    )


def are_rows(image_shape: tuple[int, ...]) -> bool:
    """Whether pictures (H, W, C) of this shape are rows of C features: they have one pixel."""
    return tuple(image_shape[:2]) == (1, 1)


def checked_floats(array: npt.NDArray[Any], owner: str) -> None:
    """Raise `DataError` where floating-point pictures (N, H, W, C) of `owner` are not finite or not in about 0..1."""
    if array.dtype.kind != "f":
        raise DataError(f"{owner} must hold numbers, uint8 in 0..255 or floats in 0..1. Got {array.dtype} instead.")
    if not array.size:
        return
    low, high = float(array.min()), float(array.max())  # both are NaN when a single pixel is
    if not (np.isfinite(low) and np.isfinite(high)):
        count = int(array.size - np.isfinite(array).sum())
        raise DataError(f"{owner} has {count} pixels that are NaN or infinite; repair or leave out those images.")
    if (low < _LOWEST or high > _HIGHEST) and not are_rows(array.shape[1:]):
        raise DataError(
            f"{owner} has float images, which must lie in about 0..1. Got {low:.4g} to {high:.4g} instead; divide by"
            " 255, or by whatever white is, or give uint8."
        )


def _checked_images(images: Any, name: str) -> Images:
    if isinstance(images, PictureFiles):
        return images
    try:
        array = np.asarray(images)
    except ValueError as error:  # NumPy refuses a list of arrays of unequal shapes
        raise DataError(f"The images of '{name}' have unequal shapes; bring them to one size first.") from error
    if array.dtype == object:
        raise DataError(f"The images of '{name}' have unequal shapes or are not numbers; bring them to one size first.")
    if array.ndim != 4 or 0 in array.shape:
        raise DataError(
            f"The images of '{name}' must be an array (N, H, W, C) with at least one pixel. Got shape "
            f"{array.shape} instead."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype not in (np.float32, np.float64):
        raise DataError(
            f"The images of '{name}' must be uint8 in 0..255 or float32 in 0..1. Got {array.dtype} instead; "
            "convert them with .astype(numpy.uint8)."
        )
    checked_floats(array, f"Data set '{name}'")
    return np.asarray(array, dtype=np.float32)


def _checked_labels(labels: Any, classes: int, name: str) -> npt.NDArray[np.int64]:
    array = np.asarray(labels)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"The labels of '{name}' must be whole numbers, one per image: shape (N,). "
            f"Got {array.dtype} with shape {array.shape} instead."
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) >= classes):
        wrong = array[(array < 0) | (array >= classes)][0]
        raise DataError(
            f"The labels of '{name}' must be from 0 to {classes - 1} ({classes} classes). Got {wrong} instead."
        )
    return array.astype(np.int64, copy=False)
