"""Pictures that stay on the disk: an array of images whose rows are decoded when they are asked for.

Decoding is done by threads: Pillow lets other threads run while it decodes, resizes and converts, threads hand pixels
over without a copy, and a program need not be importable for them as it must be for processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.data.options import OnPictures
from glassnet.data.pictures import beside_other_threads, read_picture
from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError

__all__ = ["Images", "PictureFiles", "ReadAhead", "concatenate", "pieces", "select"]

Rows = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

_TASK = 8  # pictures that a thread decodes at a time
_AHEAD = 2  # batches that are decoded before they are asked for
_PIECE_VALUES = 1 << 22


class PictureFiles:
    """(N, H, W, C) uint8 images that are decoded from their files whenever they are asked for.

    It is indexed like an array, by a whole number, a slice, or an array of whole numbers or truth values, and then
    gives an array. A pass over all of it goes through `pieces`; what needs all pictures in memory at once is refused.

    Parameters
    ----------
    paths : sequence of Path
        The picture files.
    image_shape : (int, int, int)
        (H, W, C) that each is brought to.
    reading : Reading
        How it is brought to H x W.
    progress : Progress, optional
        Told how far a pass over all pictures is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from glassnet.data import PictureFiles
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (16, 16), 100).save(f"{folder}/a.png")
    ...     pictures = PictureFiles([Path(folder, "a.png")], (8, 8, 1))
    ...     pictures.shape, int(pictures[0].max())
    ((1, 8, 8, 1), 100)
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        paths: Sequence[Path],
        image_shape: tuple[int, int, int],
        reading: Reading = STRETCHED,
        progress: OnPictures | None = None,
    ) -> None:
        self.paths, self.image_shape, self.reading, self.progress = list(paths), image_shape, reading, progress

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"PictureFiles({len(self)} of {'x'.join(map(str, self.image_shape))})"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return (len(self), *self.image_shape)

    @property
    def size(self) -> int:
        """The number of values, N H W C."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, chosen: Any) -> Pixels:
        rows = np.arange(len(self))[chosen]
        if rows.ndim == 0:
            return read_picture(self.paths[int(rows)], self.image_shape, self.reading)
        return ReadAhead(self, [rows]).take(rows)

    def select(self, rows: npt.ArrayLike) -> PictureFiles:
        """The pictures at `rows` (whole numbers), in that order; none is decoded."""
        chosen = [self.paths[row] for row in np.asarray(rows).tolist()]
        return PictureFiles(chosen, self.image_shape, self.reading, self.progress)

    def joined(self, other: PictureFiles) -> PictureFiles:
        """These pictures and then those of `other`. Raises `DataError` where it has another shape or reading."""
        if (other.image_shape, other.reading) != (self.image_shape, self.reading):
            raise DataError("Pictures of different shapes or readings cannot be joined; read them at one size.")
        return PictureFiles([*self.paths, *other.paths], self.image_shape, self.reading, self.progress)

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        self._refuse()

    def reshape(self, *shape: Any) -> NoReturn:
        """Refused: it needs all pictures in memory."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise DataError(
            f"The {len(self):,} pictures are decoded when they are needed, as together they would take "
            f"{self.size / 2**30:.1f} GiB, and this works on all of them at once; choose a smaller image size, fewer "
            "pictures or a larger share of memory."
        )


Images = npt.NDArray[Any] | PictureFiles


class ReadAhead:
    """Batches of pictures in a known order, the next ones decoded while the last one is worked on.

    Parameters
    ----------
    images : PictureFiles
        The pictures.
    batches : iterable of Rows
        The rows of each batch, in the order in which they will be taken.
    """

    def __init__(self, images: PictureFiles, batches: Iterable[Rows]) -> None:
        self._images, self._batches = images, iter(batches)
        self._waiting: deque[tuple[Rows, Pixels, list[Future[None]]]] = deque()
        self._fill()

    def expects(self, rows: Rows) -> bool:
        """Whether these are the rows of the next batch."""
        return bool(self._waiting) and np.array_equal(self._waiting[0][0], rows)

    def take(self, rows: Rows) -> Pixels:
        """(n, H, W, C) the next batch, which `rows` must be. Raises `DataError` for a picture that cannot be read."""
        assert self.expects(rows)
        _, pixels, tasks = self._waiting.popleft()
        self._fill()
        for task in tasks:
            task.result()
        return pixels

    def close(self) -> None:
        """Drop what is not taken yet."""
        self._batches = iter(())
        for _, _, tasks in self._waiting:
            for task in tasks:
                task.cancel()
        self._waiting.clear()

    def _fill(self) -> None:
        for rows in islice(self._batches, max(0, _AHEAD + 1 - len(self._waiting))):
            pixels = np.empty((len(rows), *self._images.image_shape), np.uint8)
            tasks = [
                _decoders(threads.count()).submit(_decode, self._images, rows[start : start + _TASK], pixels[start:])
                for start in range(0, len(rows), _TASK)
            ]
            self._waiting.append((rows, pixels, tasks))


@cache
def _decoders(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(number, "glassnet-decoder", initializer=beside_other_threads)


def _decode(images: PictureFiles, rows: Rows, out: Pixels) -> None:
    for place, row in enumerate(rows.tolist()):
        out[place] = read_picture(images.paths[row], images.image_shape, images.reading)


def pieces(images: Images, rows: int | None = None, what: str = "looking at pictures") -> Iterator[npt.NDArray[Any]]:
    """The images in order, as arrays of up to `rows` of them.

    Parameters
    ----------
    images : (N, H, W, C)
    rows : int, optional
        Images in a piece; None for as many as have about 4 million values.
    what : str
        What is being done, for the progress that files tell.

    Examples
    --------
    >>> from glassnet.data import pieces
    >>> [len(piece) for piece in pieces(np.zeros((10, 8, 8, 1), np.uint8), 4)]
    [4, 4, 2]
    """
    count = rows or max(1, _PIECE_VALUES // int(np.prod(images.shape[1:])))
    if not isinstance(images, PictureFiles):
        yield from (images[start : start + count] for start in range(0, len(images), count))
        return
    order, done = np.arange(len(images)), 0
    ahead = ReadAhead(images, (order[start : start + count] for start in range(0, len(order), count)))
    try:
        for start in range(0, len(order), count):
            piece = ahead.take(order[start : start + count])
            done += len(piece)
            if images.progress is not None:
                images.progress(what, done, len(images))
            yield piece
    finally:
        ahead.close()


def select(images: Images, rows: Rows) -> Images:
    """The images at `rows`, in that order."""
    return images.select(rows) if isinstance(images, PictureFiles) else images[rows]


def concatenate(first: Images, second: Images) -> Images:
    """The images of both; where only one is on the disk, all of them in memory."""
    if isinstance(first, PictureFiles) and isinstance(second, PictureFiles):
        return first.joined(second)
    return np.concatenate([images if isinstance(images, np.ndarray) else images[:] for images in (first, second)])
