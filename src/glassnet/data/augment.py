"""Augmentation: small random changes of the training images, new in every epoch and independent of the order of
work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.data.augment_steps import AugmentStep, undone
from glassnet.data.moves import BORDERS, cover, look_up
from glassnet.data.streams import AUGMENTATION, MIRRORING, generator
from glassnet.data.warp import elastic_noise, warp
from glassnet.errors import DataError, NotationError
from glassnet.notation import parse

__all__ = ["Augmentation"]

_MOST_EXAMPLES = 100_000_000
_WORTH_SHARING = 1 << 15  # pixels; fewer are done before another thread has woken up
_WHOLE_PIXELS = ("flip", "crop", "cutout")

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Augmentation:
    """Random changes of images, in the order written.

    - `flip`: mirror left and right, with probability 1/2; `flip alternate`: mirror at random in the first epoch and
      then in every other one, so that each pair of epochs shows both sides of every example (Jordan,
      arXiv:2404.00498, section 3.6)
    - `shift P`: move by up to P pixels, uniform in [-P, P] along each axis, fractions included
    - `crop P`: widen by P pixels on every side and cut a window of the old size at a random whole-pixel place
    - `rotate DEG`: turn about the centre by an angle uniform in [-DEG, DEG]
    - `scale PCT`: magnify about the centre by a factor uniform in [1 - PCT/100, 1 + PCT/100]
    - `elastic ALPHA SIGMA`: displace every pixel by uniform noise in (-1, 1), smoothed by a Gaussian of SIGMA pixels
      that sums to 1, times ALPHA (Simard, Steinkraus and Platt, ICDAR 2003, section 2: ALPHA 34 and SIGMA 4 for
      digits of 29 pixels, a typical displacement of 1.4 pixels); it comes after the steps above
    - `cutout P`: cover a square of P x P pixels whose centre is a pixel chosen at random, so that part of the square
      may lie outside, with the mean colour of the training pictures (DeVries and Taylor, arXiv:1708.04552); it comes
      last

    All steps but the last together are one bilinear interpolation, or a plain copy where they move by whole pixels.
    Beyond its edges an image continues with its edge pixels; `crop P, zero` has pixels of value 0 as they are stored
    there (black, before any preprocessing: the usual padding for CIFAR), `crop P, reflect` mirrors the image about
    its edge pixels. Either holds for all steps.

    The random numbers of an example depend on (seed, epoch, index of the example) and on nothing else: in whichever
    batch, order or thread it is augmented, the result has the same bits.

    Examples
    --------
    >>> from glassnet.data import Augmentation
    >>> str(Augmentation.parse("flip -> crop 4"))
    "Augmentation('flip -> crop 4')"
    """

    def __init__(self, steps: tuple[AugmentStep, ...] = ()) -> None:
        words = [step.word for step in steps]
        if "cutout" in words[:-1]:
            raise NotationError("The augmentation step 'cutout' comes last, and once; move it to the end.")
        self._cutout = steps[-1] if "cutout" in words else None
        moving = steps[:-1] if self._cutout else steps
        if "elastic" in words[: len(moving) - 1]:
            raise NotationError(
                "The augmentation step 'elastic' comes last (only 'cutout' may follow), and once; move it to the end."
            )
        self._elastic = moving[-1] if "elastic" in words else None
        borders = {step.manner or "edge" for step in steps if step.word == "crop"} or {"edge"}
        if len(borders) > 1:
            raise NotationError(
                "An image goes on beyond its edges in one way for all steps; write every 'crop' with the same word."
            )
        self._border = BORDERS[borders.pop()]
        self.steps = steps
        self._rows: tuple[tuple[int, int], Floats] | None = None
        self._places: tuple[tuple[int, ...], tuple[Array, Array]] | None = None

    @classmethod
    def parse(cls, notation: str) -> Augmentation:
        """Steps from their arrow notation, such as `"flip -> shift 2 -> elastic 34 4"`; `""` changes nothing.

        Raises `NotationError` for an unknown word (the nearest known one is suggested) or wrong numbers.
        """
        if not notation.strip():
            return cls()
        return cls(tuple(AugmentStep.parse(step) for step in parse(notation, "augmentation")))

    def notation(self) -> str:
        """The steps in arrow notation; `parse` of it gives the same steps."""
        return " -> ".join(step.notation() for step in self.steps)

    def __repr__(self) -> str:
        return f"Augmentation('{self.notation()}')"

    @property
    def whole_pixels(self) -> bool:
        """Whether every step moves or covers whole pixels, so that no value of a pixel is new (see `gather`)."""
        return all(step.word in _WHOLE_PIXELS for step in self.steps)

    @property
    def covers(self) -> bool:
        """Whether a step covers part of the image with a colour."""
        return self._cutout is not None

    def apply(
        self, images: Array, indices: npt.ArrayLike, epoch: int, seed: int, *, colour: npt.ArrayLike | None = None
    ) -> Array:
        """Augmented copies of `images`.

        Parameters
        ----------
        images : (N, H, W, C) uint8 or float32
            C may be anything.
        indices : (N,) array
            The examples' indices in the training set, the keys of their random numbers.
        epoch, seed : int
            Whole numbers from 0.
        colour : (C,) array, optional
            What `cutout` covers with, as the images have it (0 where none is given; a training gives the mean colour of
            its pictures).

        Returns
        -------
        array
            A new one, of the same shape and type.

        Raises
        ------
        DataError
            Images and indices do not fit.
        """
        keys = _checked(images, indices)
        if not self.steps or not len(images):
            return images.copy()
        images, shade = np.ascontiguousarray(images), _shade(colour, images)
        out = np.empty(images.shape, images.dtype)
        if self.whole_pixels:
            # A float is four bytes, and bytes that move together are a pixel of more channels.
            source, target, shade = images.view(np.uint8), out.view(np.uint8), shade.view(np.uint8)
            same = np.tile(np.arange(256, dtype=np.uint8), (source.shape[3], 1))
            self._gather(source, np.arange(len(images)), keys, epoch, seed, shade, same, target)
            return out
        height, width = images.shape[1:3]
        rows = self._draws(int(keys.max()) + 1, epoch, seed)[keys]
        half = 0.5 if images.dtype == np.uint8 else 0.0
        field = self._field(rows, height, width)
        warp(images, self._affine(rows, height, width), field, self._border, half, out, _parts(out))
        if self._cutout is not None:
            cover(out, self._corners(rows, height, width), int(self._cutout.numbers[0]), shade)
        return out

    def gather(
        self,
        images: Array,
        indices: Array,
        epoch: int,
        seed: int,
        *,
        table: npt.NDArray[np.float32],
        out: npt.NDArray[np.float32],
        colour: npt.ArrayLike | None = None,
        keys: Array | None = None,
    ) -> None:
        """out[i] = table of (image indices[i], augmented): `apply` and a preprocessing of single values in one pass.

        For whole-pixel steps alone. images (N, H, W, C) uint8 and C-contiguous; table (C, 256) what every value of a
        channel becomes; out (n, H, W, C); keys (n,) the examples' indices in the training set, where they are not those
        in `images`. Only `colour` is checked.
        """
        shade = table[np.arange(len(table)), _shade(colour, images)]
        self._gather(images, indices, indices if keys is None else keys, epoch, seed, shade, table, out)

    def _gather(
        self, images: Array, rows: Array, keys: Array, epoch: int, seed: int, shade: Array, table: Array, out: Array
    ) -> None:
        moves, corners = self._placed(int(keys.max()) + 1, epoch, seed, *images.shape[1:3])
        side = int(self._cutout.numbers[0]) if self._cutout is not None else 0
        arguments = (images, rows, moves[keys], self._border, corners[keys], side, shade, table, out)
        look_up(*arguments, _parts(out))

    # ---- random numbers and what they mean

    def _draws(self, count: int, epoch: int, seed: int) -> Floats:
        """At least `count` rows of uniform numbers in [0, 1), row i for example i.

        The generator fills row after row, so that a longer table begins with the shorter one; the last is kept.
        """
        kept = self._rows
        if kept is not None and kept[0] == (seed, epoch) and len(kept[1]) >= count:
            return kept[1]
        columns = sum(step.draws for step in self.steps)
        size = 1 << max(count - 1, 1023).bit_length()
        table = generator(seed, AUGMENTATION, epoch).random((size, columns))
        for step, draws in self._divided(table):
            if step.manner == "alternate":
                # A side of its own for every example, changed every epoch; below 1/2 means mirrored.
                first = generator(seed, MIRRORING).random(size) < 0.5
                draws[:, 0] = np.where(first ^ bool(epoch % 2), 0.0, 0.75)
        self._rows = ((seed, epoch), table)
        return table

    def _divided(self, rows: Floats) -> Iterator[tuple[AugmentStep, Floats]]:
        """The steps, each with its columns (views)."""
        column = 0
        for step in self.steps:
            yield step, rows[:, column : column + step.draws]
            column += step.draws

    def _placed(self, count: int, epoch: int, seed: int, height: int, width: int) -> tuple[Array, Array]:
        """For at least `count` examples their moves (sign, right, down) and the corners of their squares.

        One whole-pixel map after another, x -> s (s' x + o') + o, first the last: see `_affine`. The last are kept.
        """
        rows = self._draws(count, epoch, seed)
        key = (seed, epoch, height, width, len(rows))
        if self._places is not None and self._places[0] == key:
            return self._places[1]
        moves = np.zeros((len(rows), 3), np.int32)
        moves[:, 0] = 1
        for step, draws in self._divided(rows):
            if step.word != "cutout":
                inverse = undone(step, draws, height, width).astype(np.int32)
                moves[:, 1] += moves[:, 0] * inverse[:, 0, 2]
                moves[:, 2] += inverse[:, 1, 2]
                moves[:, 0] *= inverse[:, 0, 0]
        corners = self._corners(rows, height, width)
        self._places = (key, (moves, corners))
        return moves, corners

    def _corners(self, rows: Floats, height: int, width: int) -> Array:
        """(N, 2) the upper left corner (top, left) of every example's square."""
        if self._cutout is None:
            return np.zeros((len(rows), 2), np.int32)
        centres = np.floor(rows[:, -2:] * (height, width)).astype(np.int32)
        return centres - np.int32(int(self._cutout.numbers[0]) // 2)

    def _affine(self, rows: Floats, height: int, width: int) -> Floats:
        """(N, 2, 3) the map from a place in the result to the place in the image that it shows."""
        maps = np.zeros((len(rows), 3, 3))
        maps[:] = np.eye(3)
        for step, draws in self._divided(rows):
            if step.word not in ("elastic", "cutout"):
                # The last change is undone first: source = T1^-1 (T2^-1 (... place)).
                maps = maps @ undone(step, draws, height, width)
        return np.ascontiguousarray(maps[:, :2, :])

    def _field(self, rows: Floats, height: int, width: int) -> npt.NDArray[np.float32]:
        if self._elastic is None:
            return np.zeros((0, 2, 1, 1), np.float32)
        alpha, sigma = self._elastic.numbers
        draws = next(draws for step, draws in self._divided(rows) if step.word == "elastic")
        reach = math.ceil(3.0 * sigma)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        # The 53 bits of a uniform number, spread over 64 by an odd factor.
        keys = (draws[:, 0] * 2.0**53).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        field = np.empty((len(rows), 2, height, width), np.float32)
        elastic_noise(keys, weights / weights.sum(), float(alpha), field, _parts(field))
        return field


def _parts(out: Array) -> int:
    """Shares of the work of filling `out`; another thread takes longer to wake up than a small batch takes."""
    return threads.count() if out.size >= _WORTH_SHARING else 1


def _checked(images: Array, indices: npt.ArrayLike) -> Array:
    """The indices as an array, after both were found to fit."""
    if not isinstance(images, np.ndarray) or images.ndim != 4 or 0 in images.shape[1:]:
        raise DataError(f"Augmentation takes images (N, H, W, C). Got shape {np.shape(images)} instead.")
    if images.dtype not in (np.uint8, np.float32):
        raise DataError(f"Augmentation takes uint8 or float32 images. Got {images.dtype} instead.")
    keys = np.asarray(indices)
    if keys.shape != (len(images),) or (keys.size and not np.issubdtype(keys.dtype, np.integer)):
        raise DataError(
            f"Augmentation takes one whole-number index an image ({len(images)}). Got shape {keys.shape} instead."
        )
    if keys.size and (keys.min() < 0 or keys.max() >= _MOST_EXAMPLES):
        raise DataError(
            f"Indices for augmentation are from 0 to {_MOST_EXAMPLES - 1}. Got {keys.min()} to {keys.max()} instead."
        )
    return keys


def _shade(colour: npt.ArrayLike | None, images: Array) -> Array:
    """A colour in the type of the images, whole numbers for uint8."""
    channels = images.shape[3]
    values = np.zeros(channels) if colour is None else np.asarray(colour, np.float64)
    if values.shape != (channels,) or not np.isfinite(values).all():
        raise DataError(f"A colour for these images is {channels} finite numbers. Got {colour!r:.60} instead.")
    if images.dtype == np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    return values.astype(images.dtype)
