"""Augmentation: small random changes of the training images, new in every epoch and independent of the order of
work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.streams import AUGMENTATION, generator
from glassnet.data.warp import elastic_noise, warp, warp_alone
from glassnet.errors import DataError, NotationError, nearest
from glassnet.notation import Step as NotationStep
from glassnet.notation import parse

__all__ = ["Augmentation"]

_MOST_EXAMPLES = 100_000_000
_WORTH_SHARING = 1 << 15  # pixels; fewer are done before another thread has woken up


@dataclass(frozen=True)
class _Kind:
    """A step's numbers with their largest values, and how many random numbers it takes an example."""

    usage: str
    most: tuple[float, ...]
    draws: int
    whole: bool = False


_KINDS = {
    "flip": _Kind("flip", (), 1),
    "shift": _Kind("shift P", (1024.0,), 2),
    "rotate": _Kind("rotate DEG", (180.0,), 1),
    "scale": _Kind("scale PCT", (90.0,), 1),
    "crop": _Kind("crop P", (1024.0,), 2, whole=True),
    "elastic": _Kind("elastic ALPHA SIGMA", (10000.0, 64.0), 1),
}


@dataclass(frozen=True)
class _Step:
    word: str
    numbers: tuple[float, ...]

    def notation(self) -> str:
        return " ".join([self.word, *(f"{number!r}".removesuffix(".0") for number in self.numbers)])


class Augmentation:
    """Random changes of images, in the order written.

    - `flip`: mirror left and right, with probability 1/2
    - `shift P`: move by up to P pixels, uniform in [-P, P] along each axis, fractions included
    - `crop P`: widen by P pixels on every side and cut a window of the old size at a random whole-pixel place
    - `rotate DEG`: turn about the centre by an angle uniform in [-DEG, DEG]
    - `scale PCT`: magnify about the centre by a factor uniform in [1 - PCT/100, 1 + PCT/100]
    - `elastic ALPHA SIGMA`: displace every pixel by uniform noise in (-1, 1), smoothed by a Gaussian of SIGMA pixels
      that sums to 1, times ALPHA (Simard, Steinkraus and Platt, ICDAR 2003, section 2: ALPHA 34 and SIGMA 4 for
      digits of 29 pixels, a typical displacement of 1.4 pixels); it comes last

    All steps together are one bilinear interpolation. Beyond its edges an image continues with its edge pixels.

    The random numbers of an example depend on (seed, epoch, index of the example) and on nothing else: in whichever
    batch, order or thread it is augmented, the result has the same bits.
    """

    def __init__(self, steps: tuple[_Step, ...] = ()) -> None:
        words = [step.word for step in steps]
        if "elastic" in words[:-1]:
            raise NotationError("The augmentation step 'elastic' comes last, and once; move it to the end.")
        self.steps = steps
        self._rows: tuple[tuple[int, int], npt.NDArray[np.float64]] | None = None

    @classmethod
    def parse(cls, notation: str) -> Augmentation:
        """Steps from their arrow notation, such as `"flip -> shift 2 -> elastic 34 4"`; `""` changes nothing.

        Raises `NotationError` for an unknown word (the nearest known one is suggested) or wrong numbers.
        """
        if not notation.strip():
            return cls()
        return cls(tuple(_parse_step(step) for step in parse(notation, "augmentation")))

    def notation(self) -> str:
        """The steps in arrow notation; `parse` of it gives the same steps."""
        return " -> ".join(step.notation() for step in self.steps)

    def __repr__(self) -> str:
        return f"Augmentation('{self.notation()}')"

    def apply(self, images: npt.NDArray[Any], indices: npt.ArrayLike, epoch: int, seed: int) -> npt.NDArray[Any]:
        """Augmented copies of `images`.

        Parameters
        ----------
        images : (N, H, W, C) uint8 or float32; C may be anything
        indices : (N,) the examples' indices in the training set, the keys of their random numbers
        epoch, seed : whole numbers from 0

        Returns a new array of the same shape and type. Raises `DataError` when images and indices do not fit.
        """
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
                f"Indices for augmentation are from 0 to {_MOST_EXAMPLES - 1}. Got {keys.min()} to {keys.max()} "
                "instead."
            )
        if not self.steps or not len(images):
            return images.copy()
        rows = self._draws(int(keys.max()) + 1, epoch, seed)[keys]
        height, width = images.shape[1:3]
        out = np.empty(images.shape, images.dtype)
        half = 0.5 if images.dtype == np.uint8 else 0.0
        affine = self._affine(rows, height, width)
        kernel = warp if out.size >= _WORTH_SHARING else warp_alone
        kernel(np.ascontiguousarray(images), affine, self._field(rows, height, width), half, out)
        return out

    def _draws(self, count: int, epoch: int, seed: int) -> npt.NDArray[np.float64]:
        """At least `count` rows of uniform numbers in [0, 1), row i for example i.

        The generator fills row after row, so that a longer table begins with the shorter one; the last is kept.
        """
        kept = self._rows
        if kept is not None and kept[0] == (seed, epoch) and len(kept[1]) >= count:
            return kept[1]
        columns = sum(_KINDS[step.word].draws for step in self.steps)
        size = 1 << max(count - 1, 1023).bit_length()
        table = generator(seed, AUGMENTATION, epoch).random((size, columns))
        self._rows = ((seed, epoch), table)
        return table

    def _affine(self, rows: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
        """(N, 2, 3) the map from a place in the result to the place in the image that it shows."""
        maps = np.zeros((len(rows), 3, 3))
        maps[:] = np.eye(3)
        column = 0
        for step in self.steps:
            draws = _KINDS[step.word].draws
            if step.word != "elastic":
                # The last change is undone first: source = T1^-1 (T2^-1 (... place)).
                maps = maps @ _undone(step, rows[:, column : column + draws], height, width)
            column += draws
        return np.ascontiguousarray(maps[:, :2, :])

    def _field(self, rows: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float32]:
        if self.steps[-1].word != "elastic":
            return np.zeros((0, 2, 1, 1), np.float32)
        alpha, sigma = self.steps[-1].numbers
        reach = math.ceil(3.0 * sigma)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        # The 53 bits of a uniform number, spread over 64 by an odd factor.
        keys = (rows[:, -1] * 2.0**53).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        field = np.empty((len(rows), 2, height, width), np.float32)
        elastic_noise(keys, weights / weights.sum(), float(alpha), field)
        return field


def _undone(step: _Step, draws: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    """(N, 3, 3) the inverse of the step's map, in pixels."""
    inverse = np.zeros((len(draws), 3, 3))
    inverse[:] = np.eye(3)
    if step.word == "flip":
        mirrored = draws[:, 0] < 0.5
        inverse[mirrored, 0, 0] = -1.0
        inverse[mirrored, 0, 2] = width - 1.0
    elif step.word == "shift":
        inverse[:, :2, 2] = (2.0 * draws - 1.0) * step.numbers[0]
    elif step.word == "crop":
        reach = int(step.numbers[0])
        inverse[:, :2, 2] = np.floor(draws * (2 * reach + 1)) - reach
    elif step.word == "rotate":
        angle = np.deg2rad(step.numbers[0]) * (2.0 * draws[:, 0] - 1.0)
        inverse[:, 0, 0] = inverse[:, 1, 1] = np.cos(angle)
        inverse[:, 0, 1], inverse[:, 1, 0] = -np.sin(angle), np.sin(angle)
        _about_centre(inverse, height, width)
    else:  # scale
        factor = 1.0 / (1.0 + step.numbers[0] / 100.0 * (2.0 * draws[:, 0] - 1.0))
        inverse[:, 0, 0] = inverse[:, 1, 1] = factor
        _about_centre(inverse, height, width)
    return inverse


def _about_centre(maps: npt.NDArray[np.float64], height: int, width: int) -> None:
    centre = np.asarray([(width - 1) / 2.0, (height - 1) / 2.0])
    maps[:, :2, 2] = centre - maps[:, :2, :2] @ centre


def _parse_step(step: NotationStep) -> _Step:
    word = step.word
    if word not in _KINDS:
        raise NotationError(
            f"Unknown augmentation step '{word[:40]}'.{nearest(word, _KINDS)} Known: {', '.join(_KINDS)}."
        )
    kind = _KINDS[word]
    try:
        numbers = tuple(float(number) for number in step.split(())[0])
    except ValueError:
        numbers = (math.nan,) * max(1, len(kind.most))
    fits = len(numbers) == len(kind.most) and all(0.0 < n <= m for n, m in zip(numbers, kind.most, strict=True))
    if not fits or (kind.whole and numbers[0] != int(numbers[0])):
        limits = " and ".join(f"{m:g}" for m in kind.most) or "no numbers"
        raise NotationError(
            f"The augmentation step is written '{kind.usage}' (above 0, up to {limits}). Got "
            f"'{step.text[:60]}' instead."
        )
    return _Step(word, numbers)
