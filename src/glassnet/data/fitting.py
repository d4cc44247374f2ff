"""A set brought to what a model takes: its picture shape, and its classes in their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glassnet.data.dataset import Dataset
from glassnet.data.names import listed
from glassnet.data.picture_files import PictureFiles
from glassnet.data.pictures import as_bytes, bring_pixels
from glassnet.data.reading import Reading
from glassnet.errors import DataError

__all__ = ["with_classes", "with_shape"]


def with_classes(dataset: Dataset, class_names: tuple[str, ...]) -> Dataset:
    """The set with its labels counted by other class names, of which it may have pictures of a few only.

    A note says which have none.

    Raises
    ------
    DataError
        It has pictures of a class that is not among them.

    Examples
    --------
    >>> from glassnet.data import dataset_of, with_classes
    >>> data = dataset_of(np.zeros((2, 8, 8), np.uint8), ["dog", "cat"])
    >>> with_classes(data, ("bird", "cat", "dog")).labels
    array([2, 1])
    """
    if dataset.class_names == class_names:
        return dataset
    present = np.flatnonzero(dataset.counts())
    unknown = [dataset.class_names[label] for label in present if dataset.class_names[label] not in class_names]
    if unknown:
        word = "a class" if len(unknown) == 1 else "classes"
        raise DataError(
            f"The data have pictures of {word} that the model does not know: {listed(unknown)}. Its classes are"
            f" {listed(class_names)}."
        )
    places = np.array([class_names.index(name) if name in class_names else 0 for name in dataset.class_names], np.int64)
    fitted = replace(dataset, labels=places[dataset.labels], class_names=class_names)
    absent = [name for name, count in zip(class_names, fitted.counts(), strict=True) if not count]
    if not absent:
        return fitted
    note = (
        f"{len(class_names) - len(absent):,} of the model's {len(class_names):,} classes have pictures here; none:"
        f" {listed(absent)}."
    )
    return replace(fitted, notes=(*fitted.notes, note))


def with_shape(dataset: Dataset, image_shape: tuple[int, int, int], reading: Reading) -> Dataset:
    """The set with pictures (H, W, C), resized as files are, and their colours brought to C channels. A note says so.

    Raises
    ------
    DataError
        Pictures with another number of channels than 1 or 3, or too long a strip.

    Examples
    --------
    >>> from glassnet.data import Reading, dataset_of, with_shape
    >>> with_shape(dataset_of(np.zeros((2, 8, 8), np.uint8), [0, 1]), (8, 8, 1), Reading()).image_shape
    (8, 8, 1)
    """
    before = dataset.image_shape
    if before == image_shape:
        return dataset
    if isinstance(dataset.images, PictureFiles):
        again = PictureFiles(dataset.images.paths, image_shape, reading, dataset.images.progress)
        return replace(dataset, images=again, reading=reading)
    if not {before[2], image_shape[2]} <= {1, 3}:
        raise DataError(f"The pictures of the data are {before}; the model takes {image_shape}.")
    images = np.empty((len(dataset), *image_shape), np.uint8)
    for out, pixels in zip(images, dataset.images, strict=True):
        out[:] = bring_pixels(as_bytes(pixels), image_shape, reading)
    note = f"The pictures were brought from {_size(before)} to {_size(image_shape)}, as the model takes them."
    return replace(dataset, images=images, reading=reading, notes=(*dataset.notes, note))


def _size(shape: tuple[int, int, int]) -> str:
    colours = {1: "grey", 3: "colour"}.get(shape[2], f"{shape[2]} channels")
    return f"{shape[0]}x{shape[1]} ({colours})"
