"""The examples of a training as the network takes them: preprocessed once where that fits, augmented where asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from glassnet import threads
from glassnet.data import Augmentation, Dataset, PictureFiles, Preprocess, batches, epoch_order, pieces
from glassnet.data.picture_files import Images, ReadAhead
from glassnet.nn import model_file
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
    network that reconstructs its input the flattened picture before augmentation.

    Pictures of bytes that only move by whole pixels are gathered, moved and preprocessed in one pass: what the
    preprocessing makes of each of the 256 values of a channel is looked up. The bits are those of the long way, which
    augments first and preprocesses the result.

    Pictures that stay on the disk are decoded while the network works on the batch before, and give the same bits. The
    order in which they will be asked for is that of the epoch, or of the set; no one need tell it.

    `weights` (n,) are factors of the examples' gradients, see `Batch`.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        *,
        rebuild: bool = False,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        weights: Array | None = None,
    ) -> None:
        self.dataset, self.preprocess, self.rebuild = dataset, preprocess, rebuild
        self.augmentation, self.seed = augmentation, seed
        self.weights = weights
        self.labels = np.ascontiguousarray(dataset.labels, np.int64)
        self.shape = preprocess.output_shape(dataset.image_shape)
        size = len(dataset) * int(np.prod(self.shape)) * 4
        images = dataset.images
        keep = (augmentation is None or rebuild) and size <= _KEEP_BELOW
        self.rows: Array | None = None
        if keep and not isinstance(images, PictureFiles):
            self.rows = self._transform(images).reshape(len(dataset), -1)
        self._images = images if self.rows is not None and augmentation is None else _contiguous(images)
        self._ahead: ReadAhead | None = None
        self._table, self._rest = preprocess.table(dataset.image_shape[2])
        self._colour = _mean_colour(dataset.images) if augmentation is not None and augmentation.covers else None
        self._buffers: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def _transform(self, images: Array) -> Array:
        return np.ascontiguousarray(self.preprocess.transform(images), np.float32)

    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        """The examples `indices` (n,) as they are in `epoch`, with their weights where there are any.

        Raises `DataError`, which names the file, where one of them is a picture that cannot be read any more.
        """
        weights = () if self.weights is None else (self.weights[indices],)
        images, rows = self._pictures(indices, epoch)
        if self.augmentation is None:
            plain = self._plain(images, rows)
            x = plain.reshape(len(indices), *self.shape)
            return x, plain if self.rebuild else self.labels[indices], *weights
        x = self._made("x", self.augmentation, images, rows, indices, epoch)
        return x, self._plain(images, rows) if self.rebuild else self.labels[indices], *weights

    def plain(self, indices: Array) -> Array:
        """The pictures `indices` (n,) without augmentation, (n, *input_shape), in a buffer that is used again."""
        return self._plain(*self._pictures(indices, 0)).reshape(len(indices), *self.shape)

    @property
    def digest(self) -> str:
        """The SHA-256 of all that `plain` follows from: the set, the preprocessing and its arrays."""
        about = {"data": self.dataset.sha256, "preprocess": self.preprocess.notation()}
        return model_file.digest(about, self.preprocess.arrays())

    def targets(self, indices: Array) -> tuple[Array, ...]:
        """What `take` gives besides the pictures, of a network that does not reconstruct its input."""
        return self.labels[indices], *(() if self.weights is None else (self.weights[indices],))

    def close(self) -> None:
        """Stop decoding pictures in advance; another `take` begins again."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _pictures(self, indices: Array, epoch: int) -> tuple[Array, Array]:
        """(images, where in them the examples are): those of the whole set, or the decoded ones alone."""
        images = self._images
        if not isinstance(images, PictureFiles):
            return images, indices
        if self._ahead is None or not self._ahead.expects(indices):
            self.close()
            self._ahead = ReadAhead(images, self._expected(indices, epoch))
        return self._ahead.take(indices), np.arange(len(indices))

    def _expected(self, indices: Array, epoch: int) -> Iterator[Array]:
        """These indices and the batches that will follow: of the epoch's order, or of the set's, from there on."""
        count, size = len(self), len(indices)
        order = epoch_order(count, self.seed, epoch)
        start = int(np.flatnonzero(order == indices[0])[0]) if size else 0
        if size and np.array_equal(order[start : start + size], indices):
            rest = order[start + size :]
            return chain([indices], batches(rest, size), self._next_epoch(epoch + 1, size))
        if size and np.array_equal(np.arange(indices[0], indices[0] + size), indices):
            return chain([indices], batches(np.arange(indices[0] + size, count), size))
        return iter([indices])

    def _next_epoch(self, epoch: int, size: int) -> Iterator[Array]:
        yield from batches(epoch_order(len(self), self.seed, epoch), size)

    def _plain(self, images: Array, rows: Array) -> Array:
        """(n, D) the pictures `rows` of `images` as they are, preprocessed."""
        if self.rows is None:
            return self._made("plain", _NOTHING, images, rows, rows, 0).reshape(len(rows), -1)
        out = self._buffer("plain", (len(rows), self.rows.shape[1]))
        parts = threads.count()
        if parts > 1 and out.size >= WORTH_SHARING:
            kernels.gather_shared(self.rows, rows, out, parts)
        else:
            kernels.gather(self.rows, rows, out)
        return out

    def _made(self, name: str, moves: Augmentation, images: Array, rows: Array, keys: Array, epoch: int) -> Array:
        """The pictures `rows` of `images`, which are the examples `keys`, augmented and preprocessed for this call."""
        if images.dtype != np.uint8 or not moves.whole_pixels:
            images = moves.apply(images[rows], keys, epoch, self.seed, colour=self._colour)
            rows, moves = np.arange(len(images)), _NOTHING
            keys = rows
        if images.dtype != np.uint8:
            return self._transform(images)
        x = self._buffer(name, (len(rows), *self.dataset.image_shape))
        moves.gather(images, rows, epoch, self.seed, table=self._table, out=x, colour=self._colour, keys=keys)
        for step in self._rest:
            x = step.apply(x)
        return np.ascontiguousarray(x, np.float32)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        kept = self._buffers.get(name)
        if kept is None or len(kept) < shape[0]:
            kept = self._buffers[name] = np.empty(shape, np.float32)
        return kept[: shape[0]]


def _contiguous(images: Images) -> Images:
    return images if isinstance(images, PictureFiles) or images.flags.c_contiguous else np.ascontiguousarray(images)


def _mean_colour(images: Images) -> Array:
    """(C,) the mean over all pixels, in the images' own values."""
    kind = np.uint64 if images.dtype == np.uint8 else np.float64
    if isinstance(images, PictureFiles):  # sums of whole numbers are the same in pieces
        total = sum(piece.sum(axis=0, dtype=kind) for piece in pieces(images, what="averaging the colour"))
    else:
        total = images.sum(axis=0, dtype=kind)
    colour: Array = total.sum(axis=(0, 1)) / (images.size // images.shape[3])
    return colour
