"""Where a character stands in its line: what size and height above the baseline say about what it is.

A framed character has lost its size: o and O, a full stop and a bullet, a comma and an apostrophe look alike. In its
line they differ. With b and t the bottom and top of a character above the baseline, in heights of a capital, and b_k,
t_k those of class k as a pen writes it (`glyphs.extents`; the nearest where it is written high or low),

    P(k | picture, place)  ~  P(k | picture) (exp(-((b - b_k)^2 + (t - t_k)^2) / (2 s^2)) + floor)

A line's baseline and its capitals' height are those under which the network's own opinions fit best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.reader.glyphs import ALPHABET, extents

__all__ = ["Measure", "fit_line", "place_factors"]

_SPREAD = 0.15  # standard deviation of a hand's sizes, in heights of a capital
_FLOOR = 0.02  # the network's opinion is never overruled altogether
_LIKELY = 10  # classes of a character that have a say in where its line runs
_PAGE_SPREAD = 0.22  # of the logarithm of capitals' heights among the lines of a page

_WAYS = max(len(extents(c)) for c in ALPHABET)
# (classes, ways) where each character ends and begins; the first again where there are fewer ways.
_BOTTOM, _TOP = np.moveaxis(
    np.array([extents(c) + extents(c)[:1] * (_WAYS - len(extents(c))) for c in ALPHABET]), -1, 0
)

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Measure:
    """A line's baseline, y = slope x + offset (y downwards), and its capitals' height, in pixels of the ink."""

    slope: float
    offset: float
    capital: float

    def place(self, boxes: Floats) -> tuple[Floats, Floats]:
        """Bottom and top above the baseline, in heights of a capital, of boxes (n, 4): left, top, right, bottom."""
        base = self.slope * (boxes[:, 0] + boxes[:, 2]) / 2 + self.offset
        return (base - boxes[:, 3]) / self.capital, (base - boxes[:, 1]) / self.capital


def place_factors(boxes: Floats, measure: Measure, k: Classes | None = None) -> Floats:
    """(n, classes) the factor by which each character's place multiplies each class's probability; of classes k (n, m)
    alone, where they are given."""
    bottom, top = measure.place(boxes)
    lowest, highest = (_BOTTOM, _TOP) if k is None else (_BOTTOM[k], _TOP[k])
    square = (bottom[:, None, None] - lowest) ** 2 + (top[:, None, None] - highest) ** 2
    factors: Floats = np.exp(-square.min(axis=-1) / (2 * _SPREAD**2)) + _FLOOR
    return factors


def fit_line(boxes: Floats, p: Floats, page: float | None = None) -> Measure:
    """The measure of a line from its characters' boxes (n, 4) and class probabilities (n, classes).

    page: the usual height of capitals on the page, if it is known; it decides where a line has nothing to tell.
    """
    heights = boxes[:, 3] - boxes[:, 1]
    tall = float(np.percentile(heights, 75))
    k = np.argpartition(p, -_LIKELY, axis=1)[:, -_LIKELY:]
    p = np.take_along_axis(p, k, axis=1)

    def rated(capital: float) -> tuple[float, Measure]:
        measure = _baseline(boxes, p, k, capital)
        likelihood = float(np.log((p * place_factors(boxes, measure, k)).sum(axis=1) + 1e-9).sum())
        prior = -0.5 * (np.log(capital / page) / _PAGE_SPREAD) ** 2 * 2 if page else -0.5 * np.log(capital / tall) ** 2
        return likelihood + prior, measure

    step = (1.9 / 0.75) ** (1 / 8)
    coarse = [rated(tall * 0.75 * step**number) for number in range(9)]
    best = max(coarse, key=lambda found: found[0])
    fine = [rated(best[1].capital * step**half) for half in (-0.5, 0.5)]
    return max([best, *fine], key=lambda found: found[0])[1]


def _baseline(boxes: Floats, p: Floats, k: Classes, capital: float) -> Measure:
    """A straight baseline: each character says where it must be if it is what it most probably is."""
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    bottom, top = boxes[:, 3], boxes[:, 1]
    # The class and way that fit both the picture and the height; then the baseline that its bottom and top ask for.
    misfit = ((bottom - top)[:, None, None] / capital - (_TOP - _BOTTOM)[k]) ** 2
    best = (np.log(p + 1e-4)[:, :, None] - misfit / (2 * _SPREAD**2)).reshape(len(k), -1).argmax(axis=1)
    number = np.arange(len(k))
    best_class, way = k[number, best // _WAYS], best % _WAYS
    y = (bottom + top + (_BOTTOM + _TOP)[best_class, way] * capital) / 2
    slope, offset = 0.0, float(np.median(y))
    if len(x) >= 4 and np.ptp(x) > 3 * capital:
        for _ in range(3):
            weight = 1 / (1 + (np.abs(y - slope * x - offset) / (0.1 * capital)) ** 2)
            slope, offset = _line(x, y, weight)
    return Measure(slope, offset, capital)


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and offset of the line with the least weighted squares."""
    total = weight.sum()
    middle, level = (weight * x).sum() / total, (weight * y).sum() / total
    spread = (weight * (x - middle) ** 2).sum()
    slope = float((weight * (x - middle) * (y - level)).sum() / max(spread, 1e-9))
    return slope, float(level - slope * middle)
