"""Bag of visual words: a picture as the counts of the patches that it is made of.

1. Patches are described (`descriptors`), at places on a grid, at Harris corners or at random, in several sizes.
2. The descriptors of some training patches are clustered by k-means; the K centres are the visual words.
3. Every patch of a picture takes the word that is nearest to its descriptor.
4. The words are counted in the regions of a pyramid: level l = 0 ... L - 1 divides the picture into 2^l x 2^l regions
   by the patches' middles. With P patches and h_r[w] of word w in region r, a picture becomes

       x[r, w] = a_l h_r[w] / P,    a_0 = 2^(1 - L),    a_l = 2^(l - L)  for l > 0.

   The a_l add up to 1, and so do the entries of x.

Where a word stands is told the more exactly the deeper the level, and matters the more.

Sources: J. Sivic and A. Zisserman, "Video Google", ICCV 2003; G. Csurka et al., "Visual categorization with bags of
keypoints", 2004; S. Lazebnik, C. Schmid and J. Ponce, "Beyond bags of features: spatial pyramid matching for
recognizing natural scene categories", CVPR 2006.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from glassnet import threads
from glassnet.classic.descriptors import describe, reach
from glassnet.classic.harris import LUMA, harris
from glassnet.notation import is_whole

__all__ = ["PLACES", "BagOfWords", "Told", "pyramid_weights", "silent"]

PLACES = ("dense", "harris", "random")
_FORTIETH = 40  # of the shorter side is a cell, where none is given
_BLOCK = 64  # pictures at a time
_BATCH, _EPOCHS = 2048, 6  # of k-means; a fixed number of steps, so that nothing depends on when a sum stops falling

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]
Told = Callable[[str, int, int], None]
"""Told what is done, how many pictures so far, and of how many."""


def silent(what: str, done: int, of: int) -> None:
    """What hears how far the work is, and keeps it to itself."""


class BagOfWords(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Pictures as counts of visual words in a spatial pyramid.

    Parameters
    ----------
    n_words : int, default 400
        K, how many visual words.
    points : str, default "dense"
        Where patches lie: "dense" (a grid), "harris" (the strongest corners) or "random" (the same places in every
        picture).
    step : int or None, default None
        Pixels between patches of the grid; None takes twice the smallest cell.
    n_points : int, default 500
        How many corners at most, or random places, of each size of patch.
    cells : tuple of int or None, default None
        Sizes of patches: the side of a cell in pixels; a patch is 5 cells wide, see `descriptors`. None takes a
        fortieth of the pictures' shorter side and half as much again, 4 and 6 for sides of 160.
    levels : int, default 3
        L, the levels of the pyramid; 1 counts the words of the whole picture alone.
    sample : int, default 40_000
        Descriptors that the words are made from, drawn from all training pictures alike.
    random_state : int, default 0
        Seed of the sample, the random places and k-means; equal seeds give equal bits, on any number of threads.

    Attributes
    ----------
    words_ : (K, 128) float32 array
    patches_ : (K, S, S, C) float32 array
        The mean of the sampled patches of each word, in 0 ... 1; larger patches are brought to the size of the
        smallest.
    examples_ : (K, S, S, C) float32 array
        The sampled patch nearest to each word.
    frequencies_ : (K,) int64 array
        How many of the sampled patches take each word.
    cells_ : tuple of int
    step_ : int
        As given or chosen.
    pyramid_ : (regions,) array
        The weight of each region.

    Notes
    -----
    Pictures are arrays (N, H, W) or (N, H, W, C), uint8 or floats in 0 ... 1. Those smaller than a patch are continued
    by their last pixels.

    Examples
    --------
    >>> from glassnet.classic import BagOfWords
    >>> pictures = np.random.default_rng(0).random((10, 32, 32), dtype=np.float32)
    >>> BagOfWords(20, levels=1, sample=500).fit(pictures).transform(pictures).shape
    (10, 20)
    """

    def __init__(
        self,
        n_words: int = 400,
        *,
        points: str = "dense",
        step: int | None = None,
        n_points: int = 500,
        cells: tuple[int, ...] | None = None,
        levels: int = 3,
        sample: int = 40_000,
        random_state: int = 0,
    ) -> None:
        self.n_words = n_words
        self.points = points
        self.step = step
        self.n_points = n_points
        self.cells = cells
        self.levels = levels
        self.sample = sample
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def fit(self, X: Any, y: Any = None, *, told: Told = silent) -> BagOfWords:
        """Make the words from pictures; `told` hears how far the work is.

        Raises
        ------
        ValueError
            X holds no pictures, a setting is out of range, or there are fewer different patches than words.
        """
        self._check()
        pictures = _pictures(X)
        smallest = max(1, min(pictures.shape[1:3]) // _FORTIETH)
        self.cells_ = tuple(map(int, (smallest, smallest + (smallest + 1) // 2) if self.cells is None else self.cells))
        self.step_ = int(2 * min(self.cells_) if self.step is None else self.step)
        self.pyramid_ = pyramid_weights(self.levels)
        rng = np.random.default_rng([self.random_state, 0])
        each = -(-self.sample // len(pictures))
        some = np.sort(rng.permutation(len(pictures))[: self.sample])
        drawn: list[tuple[Floats, Bytes]] = []
        for start in range(0, len(some), _BLOCK):
            block = pictures[some[start : start + _BLOCK]]
            drawn += self._drawn(block, each, rng)
            told("patches drawn", min(start + _BLOCK, len(some)), len(some))
        descriptors, patches = (np.concatenate([pair[k] for pair in drawn]) for k in (0, 1))
        different = len(np.unique((descriptors @ rng.random(descriptors.shape[1])).round(6)))
        if different < self.n_words:
            raise ValueError(
                f"n_words is {self.n_words}, but the {len(descriptors):,} patches drawn from {len(pictures):,} pictures"
                f" show only {different:,} different things: ask for fewer words, or give larger or more pictures."
            )
        self.words_ = _clustered(descriptors, self.n_words, self.random_state)
        nearest, distances = _nearest(descriptors, self.words_)
        self.frequencies_ = np.bincount(nearest, minlength=self.n_words)
        self.patches_ = np.zeros((self.n_words, *patches.shape[1:]), np.float32)
        self.examples_ = np.zeros_like(self.patches_)
        for word in np.flatnonzero(self.frequencies_):
            own = np.flatnonzero(nearest == word)
            self.patches_[word] = patches[own].mean(axis=0) / 255
            self.examples_[word] = patches[own[distances[own].argmin()]] / 255
        return self

    def transform(self, X: Any, *, told: Told = silent) -> Floats:
        """(N, regions K) float32 counts of the words; the entries of a picture add up to 1."""
        check_is_fitted(self)
        pictures = _pictures(X)
        out = np.empty((len(pictures), self._n_features_out), np.float32)
        for start in range(0, len(pictures), _BLOCK):
            rows = slice(start, start + _BLOCK)
            out[rows] = self._counted(pictures[rows])
            told("words counted", min(start + _BLOCK, len(pictures)), len(pictures))
        return out

    @property
    def _n_features_out(self) -> int:
        return len(pyramid_weights(self.levels)) * int(self.n_words)

    def _check(self) -> None:
        for name in ("n_words", "step", "n_points", "levels", "sample"):
            value = getattr(self, name)
            if not (name == "step" and value is None) and (not is_whole(value) or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1. Got {value!r}.")
        if self.levels > 6:
            raise ValueError(f"levels must be at most 6, which are 1,365 regions. Got {self.levels!r}.")
        if not is_whole(self.random_state) or self.random_state < 0:
            raise ValueError(f"random_state must be a whole number from 0. Got {self.random_state!r}.")
        if self.points not in PLACES:
            raise ValueError(f"points must be one of {', '.join(map(repr, PLACES))}. Got {self.points!r}.")
        cells = self.cells
        if cells is not None and not (len(cells) and all(is_whole(cell) and 1 <= cell <= 64 for cell in cells)):
            raise ValueError(f"cells must be whole numbers from 1 to 64, the sides of cells. Got {cells!r}.")

    def _described(self, grey: Floats) -> Iterator[tuple[int, Whole, Whole, Floats]]:
        """For each size of cell: (cell, points (M, 2), starts (N + 1,), descriptors (M, 128)) of grey pictures."""
        for cell in self.cells_:
            points, starts = self._placed(grey, cell)
            yield cell, points, starts, describe(grey, points, starts, cell)

    def _placed(self, grey: Floats, cell: int) -> tuple[Whole, Whole]:
        """First pixels of the patches (M, 2), and where those of each picture begin (N + 1,)."""
        room = np.array(grey.shape[1:]) - reach(cell)
        if self.points == "harris":
            found = [harris(picture).peaks(self.n_points)[:, ::-1] for picture in grey]
            corners = [np.clip(at - reach(cell) // 2, 0, room) if len(at) else room[None] // 2 for at in found]
            return np.concatenate(corners), np.cumsum([0, *map(len, corners)])
        if self.points == "random":
            own = np.random.default_rng([self.random_state, 1, cell]).integers(0, room + 1, (self.n_points, 2))
        else:
            down, across = (np.arange(r % self.step_ // 2, r + 1, self.step_) for r in room.tolist())
            own = np.stack(np.meshgrid(down, across, indexing="ij"), axis=-1).reshape(-1, 2)
        return np.tile(own, (len(grey), 1)), np.arange(len(grey) + 1) * len(own)

    def _ready(self, block: Array) -> Floats:
        """Pictures (n, H, W, C) as float32 in 0 ... 1, at least as large as a patch."""
        return _continued(_unit(block), max(map(reach, self.cells_)))

    def _drawn(self, block: Array, each: int, rng: np.random.Generator) -> Iterator[tuple[Floats, Bytes]]:
        """So many descriptors of every picture, with their patches as bytes."""
        colour = self._ready(block)
        found = list(self._described(_brightness(colour)))
        counts = np.array([np.diff(starts) for _, _, starts, _ in found])
        side = min(map(reach, self.cells_))
        for picture, ends in enumerate(np.cumsum(counts, axis=0).T):
            chosen = np.sort(rng.permutation(ends[-1])[:each])
            for (cell, points, starts, descriptors), end, count in zip(found, ends, counts[:, picture], strict=True):
                rows = chosen[(chosen >= end - count) & (chosen < end)] - (end - count) + starts[picture]
                at = np.arange(side) * reach(cell) // side
                down, across = (points[rows, axis, None] + at for axis in (0, 1))
                patches = colour[picture][down[:, :, None], across[:, None, :]]
                yield descriptors[rows], np.rint(255 * np.clip(patches, 0, 1)).astype(np.uint8)

    def _counted(self, block: Array) -> Floats:
        """(n, regions K) of pictures."""
        grey = _brightness(self._ready(block))
        size, width = np.array(grey.shape[1:]), self._n_features_out
        counts = np.zeros(len(grey) * width)
        for cell, points, starts, descriptors in self._described(grey):
            words = _words_of(descriptors, starts, self.words_)
            first = np.repeat(np.arange(len(grey)) * width, np.diff(starts))  # of each patch's picture
            for level in range(self.levels):
                down, across = (((points + reach(cell) / 2) * 2**level) // size).astype(np.int64).T
                counts += np.bincount(first + (down * 2**level + across) * self.n_words + words, minlength=len(counts))
                first = first + 4**level * self.n_words
        found = counts.reshape(len(grey), -1, self.n_words)
        patches = found[:, :1].sum(axis=2, keepdims=True)  # all of them lie in the one region of level 0
        shares = found / patches * self.pyramid_[:, None]
        return np.asarray(shares.reshape(len(grey), width), np.float32)


def pyramid_weights(levels: int) -> npt.NDArray[np.float64]:
    """(regions,) the weight of each region: level after level, row by row."""
    weights = [2.0 ** (1 - levels), *(2.0 ** (level - levels) for level in range(1, levels))]
    return np.repeat(weights, [4**level for level in range(levels)])


def _pictures(X: Any) -> Array:
    """X as pictures, in memory or on the disk. Raises `ValueError` where it is no stack of pictures."""
    images = X if hasattr(X, "paths") else np.asarray(X)
    if len(images.shape) not in (3, 4) or min(images.shape, default=0) < 1 or images.dtype.kind not in "uif":
        raise ValueError(f"X must hold pictures (N, H, W) or (N, H, W, C). Got an array {images.shape}.")
    return images  # type: ignore[no-any-return]


def _unit(block: Array) -> Floats:
    """(n, H, W, C) float32 in 0 ... 1."""
    array = block if block.ndim == 4 else block[..., None]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("X has pixels that are not finite (NaN or infinity).")
    return array.astype(np.float32) / np.float32(255 if array.dtype.kind in "ui" else 1)


def _brightness(pictures: Floats) -> Floats:
    """(n, H, W) of (n, H, W, C); written out, so that no pixel's rounding depends on where it stands."""
    if pictures.shape[3] != 3:
        return np.ascontiguousarray(pictures.mean(axis=3))
    red, green, blue = LUMA.astype(np.float32)
    return np.asarray(red * pictures[..., 0] + green * pictures[..., 1] + blue * pictures[..., 2], np.float32)


def _continued(pictures: Floats, side: int) -> Floats:
    """Pictures of at least `side` rows and columns, by their last pixels."""
    height, width = pictures.shape[1:3]
    more = ((0, 0), (0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
    return np.pad(pictures, more, mode="edge") if side > min(height, width) else pictures


def _clustered(descriptors: Floats, count: int, seed: int) -> Floats:
    """(count, D) centres by k-means, in a fixed number of steps of random descriptors."""
    means = MiniBatchKMeans(
        count, random_state=seed, batch_size=_BATCH, max_iter=_EPOCHS, max_no_improvement=None, n_init=1
    )
    with threadpool_limits(1):  # sums of several threads would come in another order
        return np.asarray(means.fit(descriptors).cluster_centers_, np.float32)


def _words_of(descriptors: Floats, starts: Whole, words: Floats) -> Whole:
    """(M,) the word of each descriptor, picture by picture, so that none depends on which others are there."""
    rows = [slice(*ends) for ends in itertools.pairwise(starts.tolist())]
    with threads.single_blas_thread(), ThreadPoolExecutor(threads.count()) as pool:
        return np.concatenate(list(pool.map(lambda own: _nearest(descriptors[own], words)[0], rows)))


def _nearest(descriptors: Floats, words: Floats) -> tuple[Whole, Floats]:
    """For each descriptor its nearest word, of equal ones the first, and |w|^2 - 2 d . w, which is smallest there."""
    scores = (words**2).sum(axis=1) - 2 * (descriptors @ words.T)
    nearest = scores.argmin(axis=1)
    return nearest, scores[np.arange(len(nearest)), nearest]
