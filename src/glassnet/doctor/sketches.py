"""One pass over the pictures of all parts: a small sketch of each, on which the checks of pictures and labels work.

A sketch is the picture in grey at up to 16 x 16, each of its values a weighted mean of the pixels about it, with the
mean taken off and brought to length 1: brightness and contrast are gone. Two sketches a and b with correlation r are
|a - b| = sqrt(2 (1 - r)) apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset, pieces
from glassnet.data.options import OnPictures

__all__ = ["SIDE", "Sketches", "grey", "normalised", "shrunk", "sketch"]

SIDE = 16  # of a sketch
_CELLS, _DIRECTIONS = 4, 8  # of the histograms of gradients
_FLAT = 1e-4  # of the range 0..1: a standard deviation of pixels below it is none

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sketches:
    """What is kept of N pictures, those of all parts one after the other.

    Attributes
    ----------
    parts : dict of str to Dataset
        The parts, in order.
    part : (N,) integer array
        Which part each is of, by its place.
    row : (N,) integer array
        Its number in that part.
    labels : (N,) integer array
        Its class.
    shapes : (N, h, w) array
        The sketches, of length 1, or 0 where a picture is blank.
    features : (N, d) array
        Grey values, directions of edges and colours, from which a class can be told.
    lowest, highest : (N,) array
        Of its pixels, bytes as 0..1.
    colours : (N, C) array
        The mean of each channel.
    grey : (N,) array of bool
        Whether its channels are all the same.
    frame : (N,) array of bool
        Whether its outermost pixels are all the same, and others are not.
    """

    parts: dict[str, Dataset]
    part: Rows
    row: Rows
    labels: Rows
    shapes: Floats
    features: Floats
    lowest: Floats
    highest: Floats
    colours: Floats
    grey: npt.NDArray[np.bool_]
    frame: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return list(self.parts)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes."""
        return next(iter(self.parts.values())).class_names

    @property
    def blank(self) -> npt.NDArray[np.bool_]:
        """(N,) whether all pixels of a picture are the same."""
        return np.asarray(self.highest - self.lowest <= _FLAT)

    @property
    def finite(self) -> npt.NDArray[np.bool_]:
        """(N,) whether all pixels are numbers."""
        return np.isfinite(self.lowest) & np.isfinite(self.highest)

    def of(self, word: str) -> npt.NDArray[np.bool_]:
        """(N,) which pictures are of a part."""
        return np.asarray(self.part == self.names.index(word))

    def picture(self, number: int) -> npt.NDArray[Any]:
        """(H, W, C) a picture itself."""
        part = self.parts[self.names[self.part[number]]]
        return np.asarray(part.images[int(self.row[number])])

    def name(self, number: int) -> str:
        """What a picture is called: its file, or its part and number."""
        word = self.names[self.part[number]]
        files = self.parts[word].files
        row = int(self.row[number])
        return f"{word} {row:,}" if files is None else _short(files[row])

    def named(self, numbers: npt.ArrayLike, most: int = 5) -> str:
        """The first few pictures, and how many more there are."""
        found = np.asarray(numbers).tolist()
        more = f" and {len(found) - most:,} more" if len(found) > most else ""
        return ", ".join(self.name(number) for number in found[:most]) + more


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def sketch(parts: Mapping[str, Dataset], progress: OnPictures | None = None) -> Sketches:
    """Go through all pictures once. `progress` is called as `progress(what is done, pictures so far, in all)`."""
    total, done = sum(map(len, parts.values())), 0
    found: list[tuple[Any, ...]] = []
    for part in parts.values():
        for piece in _small_pieces(part):
            found.append(_sketched(piece))
            done += len(piece)
            if progress is not None:
                progress("looking at pictures", done, total)
    kept = [np.concatenate(column) for column in zip(*found, strict=True)]
    place = np.concatenate([np.full(len(part), number) for number, part in enumerate(parts.values())])
    row = np.concatenate([np.arange(len(part)) for part in parts.values()])
    labels = np.concatenate([part.labels for part in parts.values()])
    return Sketches(dict(parts), place, row, labels, *kept)


def _small_pieces(part: Dataset) -> Iterator[npt.NDArray[Any]]:
    return pieces(part.images, max(1, (1 << 18) // int(np.prod(part.image_shape))), "looking at pictures")


def grey(images: npt.NDArray[Any]) -> Floats:
    """(N, H, W) in 0..1 of pictures (N, H, W, C), bytes or floats: the mean of the channels."""
    mean = images[..., 0] if images.shape[-1] == 1 else images.mean(axis=-1, dtype=np.float32)
    return np.asarray(mean, np.float32) / np.float32(255.0 if images.dtype == np.uint8 else 1.0)


def shrunk(pictures: Floats, side: int, smoothed: float = 0.6) -> Floats:
    """(N, h, w), no side above `side`: means weighted by a Gaussian of deviation `smoothed` of the new pixels."""
    down, across = (_weights(size, side, smoothed) for size in pictures.shape[1:])
    return np.asarray(np.matmul(np.matmul(down, pictures), across.T), np.float32)


def _weights(size: int, side: int, smoothed: float) -> Floats:
    out = min(size, side)
    centres = (np.arange(out) + 0.5) * (size / out) - 0.5
    away = (np.arange(size) - centres[:, None]) / (smoothed * size / out)
    weights = np.exp(-0.5 * away**2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def normalised(pictures: Floats) -> Floats:
    """Pictures (N, h, w) with the mean taken off and of length 1; blank ones are 0."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("nd,nd->n", flat, flat))
    good = length > _FLAT * np.sqrt(flat.shape[1])
    return np.asarray((flat / np.where(good, length, np.inf)[:, None]).reshape(pictures.shape), np.float32)


def _sketched(images: npt.NDArray[Any]) -> tuple[Any, ...]:
    n, channels = len(images), images.shape[-1]
    flat = images.reshape(n, -1)
    unit = np.float32(255.0 if images.dtype == np.uint8 else 1.0)
    lowest, highest = flat.min(axis=1) / unit, flat.max(axis=1) / unit
    if images.dtype != np.uint8:
        images = np.nan_to_num(images, nan=0.0, posinf=1.0, neginf=0.0)
    plain = grey(images)
    small = shrunk(plain, SIDE)
    colours = images.mean(axis=(1, 2), dtype=np.float32) / unit
    same = (images == images[..., :1]).reshape(n, -1).all(axis=1)
    ring = _ring(images)
    frame = (ring == ring[:, :1]).reshape(n, -1).all(axis=1) & (highest - lowest > _FLAT)
    features = [small.reshape(n, -1), _directions(plain)]
    if channels > 1:
        features += [
            shrunk(np.asarray(images[..., c] / unit, np.float32), _CELLS, 0.4).reshape(n, -1) for c in range(channels)
        ]
    return (normalised(small), np.concatenate(features, axis=1), lowest, highest, colours, same, frame)


def _ring(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(N, pixels, C) the outermost pixels."""
    n, _, _, c = images.shape
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.concatenate([side.reshape(n, -1, c) for side in sides], axis=1)


def _directions(plain: Floats) -> Floats:
    """(N, directions x cells^2) how strong edges of each direction are in each cell, much as in Dalal and Triggs 2005.

    An edge counts for a direction by the part of its gradient that points there. A picture's histograms have sum 1
    before the square root is taken of each entry.
    """
    if min(plain.shape[1:]) < 2 * _CELLS:
        return np.zeros((len(plain), 0), np.float32)
    small = shrunk(plain, 2 * SIDE) if max(plain.shape[1:]) > 2 * SIDE else plain
    dy, dx = small[:, 2:, 1:-1] - small[:, :-2, 1:-1], small[:, 1:-1, 2:] - small[:, 1:-1, :-2]
    down, across = (_weights(size, _CELLS, 0.5) for size in dy.shape[1:])
    maps = []
    for angle in np.arange(_DIRECTIONS // 2) * (2 * np.pi / _DIRECTIONS):
        along = np.float32(np.cos(angle)) * dx + np.float32(np.sin(angle)) * dy
        ahead = np.matmul(np.matmul(down, np.maximum(along, 0)), across.T)
        either = np.matmul(np.matmul(down, along), across.T)
        maps += [ahead, np.maximum(ahead - either, 0)]  # what points the other way is what is left
    found = np.stack(maps, axis=1).reshape(len(small), -1)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(found / np.where(total > 0, total, 1.0)), np.float32)
