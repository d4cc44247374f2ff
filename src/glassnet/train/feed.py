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


class Feed:
    """Gives (x, target) of chosen examples.

    x is (n, *input_shape) float32 in a buffer that the next call overwrites. The target is the labels, or for a
    network that rebuilds its input the flattened picture before augmentation.
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
        self._buffer = np.empty((0, int(np.prod(self.shape))), np.float32)

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
        images = self.augmentation.apply(self.dataset.images[indices], indices, epoch, self.seed)
        return self._transform(images), self._plain(indices) if self.rebuild else self.labels[indices]

    def _plain(self, indices: Array) -> Array:
        if self.rows is None:
            return self._transform(self.dataset.images[indices]).reshape(len(indices), -1)
        n = len(indices)
        if len(self._buffer) < n:
            self._buffer = np.empty((n, self.rows.shape[1]), np.float32)
        out = self._buffer[:n]
        parts = threads.count()
        if parts > 1 and out.size >= WORTH_SHARING:
            kernels.gather_shared(self.rows, indices, out, parts)
        else:
            kernels.gather(self.rows, indices, out)
        return out
