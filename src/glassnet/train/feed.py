"""The examples of a training as the network takes them: preprocessed once where that fits, augmented where asked."""

from __future__ import annotations

import numpy as np

from glassnet import threads
from glassnet.data import Augmentation, Dataset, Preprocess
from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels import batch as kernels
from glassnet.nn.kernels.options import WORTH_SHARING

__all__ = ["Feed"]

# Preprocessed pictures above this size are made batch by batch instead of being kept.
_KEEP_BELOW = 3 * 2**30
_NOTHING = Augmentation()


class Feed:
    """Gives (x, target) of chosen examples.

    x is (n, *input_shape) float32 in a buffer that the next call overwrites. The target is the labels, or for a
    network that rebuilds its input the flattened picture before augmentation.

    Pictures of bytes that only move by whole pixels are gathered, moved and preprocessed in one pass: what the
    preprocessing makes of each of the 256 values of a channel is looked up. The bits are those of the long way, which
    augments first and preprocesses the result.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        *,
        rebuild: bool = False,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.dataset, self.preprocess, self.rebuild = dataset, preprocess, rebuild
        self.augmentation, self.seed = augmentation, seed
        self.labels = np.ascontiguousarray(dataset.labels, np.int64)
        self.shape = preprocess.output_shape(dataset.image_shape)
        size = len(dataset) * int(np.prod(self.shape)) * 4
        keep = (augmentation is None or rebuild) and size <= _KEEP_BELOW
        self.rows: Array | None = self._transform(dataset.images).reshape(len(dataset), -1) if keep else None
        self._images = dataset.images if self.rows is not None and augmentation is None else _contiguous(dataset.images)
        self._table, self._rest = preprocess.table(dataset.image_shape[2])
        self._colour = _mean_colour(dataset.images) if augmentation is not None and augmentation.covers else None
        self._buffers: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def _transform(self, images: Array) -> Array:
        return np.ascontiguousarray(self.preprocess.transform(images), np.float32)

    def take(self, indices: Array, epoch: int) -> tuple[Array, Array]:
        """The examples `indices` (n,) as they are in `epoch`."""
        if self.augmentation is None:
            rows = self._plain(indices)
            x = rows.reshape(len(indices), *self.shape)
            return x, rows if self.rebuild else self.labels[indices]
        x = self._made("x", self.augmentation, indices, epoch)
        return x, self._plain(indices) if self.rebuild else self.labels[indices]

    def _plain(self, indices: Array) -> Array:
        n = len(indices)
        if self.rows is None:
            return self._made("plain", _NOTHING, indices, 0).reshape(n, -1)
        out = self._buffer("plain", (n, self.rows.shape[1]))
        parts = threads.count()
        if parts > 1 and out.size >= WORTH_SHARING:
            kernels.gather_shared(self.rows, indices, out, parts)
        else:
            kernels.gather(self.rows, indices, out)
        return out

    def _made(self, name: str, moves: Augmentation, indices: Array, epoch: int) -> Array:
        """Pictures augmented and preprocessed for this call."""
        images, rows = self._images, indices
        if images.dtype != np.uint8 or not moves.whole_pixels:
            images = moves.apply(images[rows], rows, epoch, self.seed, colour=self._colour)
            rows, moves = np.arange(len(images)), _NOTHING
        if images.dtype != np.uint8:
            return self._transform(images)
        x = self._buffer(name, (len(rows), *self.dataset.image_shape))
        moves.gather(images, rows, epoch, self.seed, table=self._table, out=x, colour=self._colour)
        for step in self._rest:
            x = step.apply(x)
        return np.ascontiguousarray(x, np.float32)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        kept = self._buffers.get(name)
        if kept is None or len(kept) < shape[0]:
            kept = self._buffers[name] = np.empty(shape, np.float32)
        return kept[: shape[0]]


def _contiguous(images: Array) -> Array:
    return images if images.flags.c_contiguous else np.ascontiguousarray(images)


def _mean_colour(images: Array) -> Array:
    """(C,) the mean over all pixels, in the images' own values."""
    total = images.sum(axis=0, dtype=np.uint64 if images.dtype == np.uint8 else np.float64)
    colour: Array = total.sum(axis=(0, 1)) / (images.size // images.shape[3])
    return colour
