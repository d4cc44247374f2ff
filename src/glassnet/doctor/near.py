"""Pictures that are nearly the same: shifted a little, brightened, saved again with loss.

How near is too near depends on the set: any two pictures of a "1" are closer than any two photographs. Distances are
therefore measured in units of the set's own. Of n pictures about which the k-th nearest of the same class is r_k away,
in a neighbourhood of d dimensions, the number within r is on average

    k (r / r_k)^d

(E. Levina, P. Bickel, "Maximum likelihood estimation of intrinsic dimension", NIPS 2004: neighbours are a Poisson
process). The ratio u of the first distance to the k-th then has P(u < x) = 1 - (1 - x^d)^(k - 1), whose median gives d.
Two pictures are nearly the same where they are so close that fewer than one such pair by chance is expected in 20 sets
of that size. Half of the pictures may have a copy before the median notices.

Pairs are looked for among the sizes of the sketches' Fourier coefficients, which a shift leaves as they are, and which
are never further apart than the sketches are (Parseval, and ||a| - |b|| <= |a - b|). A pair that is found is laid over
one another at every small shift and compared at up to 32 x 32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.doctor.sketches import SIDE, Sketches, grey, normalised, shrunk

__all__ = ["Near", "near_pairs"]

_K = 10
_REFERENCES = 1000  # pictures of a class among which neighbours are looked for
_CHANCE = 0.05  # pairs by chance that are expected in a set
_FEWEST = 30  # pictures of a class, to know its dimension by
_FARTHEST = 0.3  # whatever the set: a correlation of 0.955
_BLOCK = 1024
_COMPONENTS = 32
_MOST = 20_000  # pairs that are looked at more closely
_FEWEST_VALUES = 36  # of a sketch: rows of features, and pictures so small, have no near copies to speak of
_FINE = 2 * SIDE

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """Pairs of pictures that are nearly the same.

    Attributes
    ----------
    pairs : (M, 2) integer array
        The numbers of the two, the lower one first; the nearest pair first.
    distances : (M,) array
        How far apart they are, laid over one another as they fit best.
    radius : (N,) array
        Below which distance a picture is nearly the same as another.
    """

    pairs: Rows
    distances: Floats
    radius: Floats


def near_pairs(sketches: Sketches, numbers: Rows) -> Near:
    """The pairs among the pictures of these numbers, of which no two should be equal, none blank or not finite."""
    h, w = sketches.shapes.shape[1:]
    if len(numbers) < 2 or h * w < _FEWEST_VALUES:
        return Near(np.empty((0, 2), np.int64), np.empty(0, np.float32), np.zeros(len(sketches), np.float32))
    shapes = sketches.shapes[numbers].reshape(len(numbers), -1)
    radius = _radii(shapes, sketches.labels[numbers])
    found, close = _candidates(_spectra(sketches.shapes[numbers]), radius)
    order = np.argsort(close, kind="stable")[:_MOST]
    found = found[order]
    distances = _laid_over(sketches, numbers[found])
    near = distances < np.minimum(radius[found[:, 0]], radius[found[:, 1]])
    order = np.flatnonzero(near)[np.argsort(distances[near], kind="stable")]
    pairs = np.sort(numbers[found[order]], axis=1)
    whole = np.zeros(len(sketches), np.float32)
    whole[numbers] = radius
    return Near(pairs, distances[order], whole)


def _radii(shapes: Floats, labels: Rows) -> Floats:
    """(N,) the distance below which another picture is too near to be another one."""
    radius = np.zeros(len(shapes), np.float32)
    counts = np.bincount(labels)
    small = np.flatnonzero(counts[labels] < _FEWEST)  # classes too small are one group
    groups = [np.flatnonzero(labels == label) for label in np.flatnonzero(counts >= _FEWEST)]
    for group in [*groups, small]:
        if len(group) < _FEWEST:
            continue
        first, kth, size = _neighbours(shapes[group])
        median = float(np.median(first / np.maximum(kth, 1e-9)))
        dimension = np.log(1 - 0.5 ** (1 / (_K - 1))) / np.log(min(max(median, 1e-3), 0.999))
        expected = len(shapes) * _K * len(group) / size  # pairs within r_k of one another
        radius[group] = np.minimum(_FARTHEST, kth * (_CHANCE / expected) ** (1 / dimension))
    return radius


def _neighbours(shapes: Floats) -> tuple[Floats, Floats, int]:
    """(distance to the nearest, distance to the k-th nearest, number of references), among some of the pictures."""
    step = max(1, len(shapes) // _REFERENCES)
    chosen = np.arange(0, len(shapes), step)[:_REFERENCES]
    references = shapes[chosen]
    first, kth = np.empty(len(shapes), np.float32), np.empty(len(shapes), np.float32)
    for start in range(0, len(shapes), _BLOCK):
        similar = shapes[start : start + _BLOCK] @ references.T
        own = np.flatnonzero((chosen >= start) & (chosen < start + len(similar)))
        similar[chosen[own] - start, own] = -1.0
        best = np.partition(similar, (len(chosen) - _K, len(chosen) - 1), axis=1)
        rows = slice(start, start + len(similar))
        first[rows] = _distance(best[:, -1])
        kth[rows] = _distance(best[:, len(chosen) - _K])
    return first, kth, len(chosen)


def _distance(correlation: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(2.0 - 2.0 * correlation, 0.0)), np.float32)


def _spectra(shapes: Floats) -> Floats:
    """(N, d) sizes of the Fourier coefficients, as far apart at most as the sketches are; their main components."""
    columns = shapes.shape[2]
    sizes = np.abs(np.fft.rfft2(shapes, norm="ortho")).astype(np.float32)
    sizes[:, :, 1 : (columns + 1) // 2] *= np.float32(np.sqrt(2.0))  # each stands for its conjugate, too
    flat = sizes.reshape(len(shapes), -1)
    middle = flat.mean(axis=0)
    some = flat[:: max(1, len(flat) // 5000)] - middle
    _, vectors = np.linalg.eigh(some.T @ some)
    return np.ascontiguousarray((flat - middle) @ vectors[:, ::-1][:, :_COMPONENTS])


def _candidates(points: Floats, radius: Floats) -> tuple[Rows, Floats]:
    """(pairs (M, 2) that are nearer than their radii, their distances). Blocks that are too far apart are left out.

    With r^2 the mean of the two squared radii, |a - b|^2 < r^2 is one product: of (a, (r_a^2 / 2 - |a|^2) / 2, 1) and
    (b, 1, (r_b^2 / 2 - |b|^2) / 2), which must be above 0.
    """
    order = np.argsort(points[:, 0], kind="stable")
    points, radius = points[order], radius[order]
    own = (radius**2 / 2 - np.einsum("nd,nd->n", points, points)) / 2
    left = np.column_stack([points, own, np.ones_like(own)])
    right = np.ascontiguousarray(np.column_stack([points, np.ones_like(own), own]).T)
    widest = float(radius.max(initial=0.0))
    firsts, seconds, distances = [], [], []
    for start in range(0, len(points), _BLOCK):
        block = left[start : start + _BLOCK]
        for other in range(start, len(points), _BLOCK):
            if points[other, 0] - points[start + len(block) - 1, 0] > widest:
                break
            product = block @ right[:, other : other + _BLOCK]
            if not product.max() > 0.0:
                continue
            a, b = np.nonzero(product > 0.0)
            a, b = a + start, b + other
            a, b = a[a < b], b[a < b]
            firsts.append(a)
            seconds.append(b)
            distances.append(np.sqrt(((points[a] - points[b]) ** 2).sum(axis=1)))
    if not firsts:
        return np.empty((0, 2), np.int64), np.empty(0, np.float32)
    pairs = np.column_stack([order[np.concatenate(firsts)], order[np.concatenate(seconds)]])
    return pairs, np.concatenate(distances)


def _laid_over(sketches: Sketches, pairs: Rows) -> Floats:
    """(M,) the distances of pairs where they fit best: shifted by up to a fourteenth of their side, and by a little."""
    distances = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BLOCK):
        some = pairs[start : start + _BLOCK]
        each, places = np.unique(some, return_inverse=True)
        fine = _fine(sketches, each)
        places = places.reshape(some.shape)
        distances[start : start + len(some)] = _fit(fine[places[:, 0]], fine[places[:, 1]])
    return distances


def _fine(sketches: Sketches, numbers: Rows) -> Floats:
    """(n, h, w) the pictures in grey at up to 32 x 32, read again from their parts."""
    found: list[Floats] = [np.empty(0, np.float32)] * len(numbers)
    for place, part in enumerate(sketches.parts.values()):
        mine = np.flatnonzero(sketches.part[numbers] == place)
        if mine.size:
            small = shrunk(grey(part.images[sketches.row[numbers[mine]]]), _FINE, 0.7)
            for number, picture in zip(mine.tolist(), small, strict=True):
                found[number] = picture
    return np.stack(found)


def _fit(a: Floats, b: Floats) -> Floats:
    """(n,) distances of pictures (n, h, w), at the best of all small shifts."""
    reach = tuple(size // 14 for size in a.shape[1:])
    best = np.full(len(a), 2.0, np.float32)
    for first, second in _shifted(a, b, reach):
        best = np.minimum(best, _beside(first, second))
    return best


def _shifted(a: Floats, b: Floats, reach: tuple[int, ...]) -> Iterator[tuple[Floats, Floats]]:
    """The middle of `a`, and that of `b` at every shift."""
    (up, left), (h, w) = reach, a.shape[1:]
    middle = normalised(a[:, up : h - up, left : w - left])
    for dy in range(2 * up + 1):
        for dx in range(2 * left + 1):
            yield middle, normalised(b[:, dy : dy + h - 2 * up, dx : dx + w - 2 * left])


def _beside(a: Floats, b: Floats) -> Floats:
    """(n,) |a - b| of normalised pictures (n, h, w), b moved by the part of a pixel that fits best.

    For a small shift b changes by s b_y + t b_x: a least squares problem of two unknowns.
    """
    h, w = a.shape[1:]
    gap = a - b
    if min(h, w) < 12:  # a part of a pixel is too large a part of such a picture
        return np.asarray(np.sqrt((gap**2).sum(axis=(1, 2))), np.float32)
    by, bx = np.gradient(b, axis=(1, 2))
    yy, xx, xy = ((first * second).sum(axis=(1, 2)) for first, second in ((by, by), (bx, bx), (by, bx)))
    gy, gx = (by * gap).sum(axis=(1, 2)), (bx * gap).sum(axis=(1, 2))
    determinant = yy * xx - xy**2
    sure = determinant > 1e-6 * yy * xx
    determinant = np.where(sure, determinant, 1.0)
    s = np.clip(np.where(sure, (gy * xx - gx * xy) / determinant, 0.0), -0.5, 0.5)[:, None, None]
    t = np.clip(np.where(sure, (gx * yy - gy * xy) / determinant, 0.0), -0.5, 0.5)[:, None, None]
    return np.asarray(np.sqrt(((gap - s * by - t * bx) ** 2).sum(axis=(1, 2))), np.float32)
