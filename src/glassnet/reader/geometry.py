"""Where a character stands in its line: what size and height above the baseline say about what it is.

A framed character has lost its size: o and O, a full stop and a bullet, a comma and an apostrophe look alike. In its
line they differ. With b and t the bottom and top of a character above the baseline, in heights of a capital, and b_k,
t_k those of class k as a pen writes it (`glyphs.extents`; the nearest where it is written high or low),

    P(k | picture, place)  ~  P(k | picture) (exp(-((b - b_k)^2 + (t - t_k)^2) / (2 s^2)) + floor)

A line's baseline and its capitals' height are those under which the network's own opinions fit best.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.glyphs import extents
from glassnet.reader.settings import DEFAULTS, PlaceSettings

__all__ = ["Measure", "fit_line", "place_factors"]

_WAYS = max(len(extents(c)) for c in ALPHABET)
# (classes, ways) where each character ends and begins; the first again where there are fewer ways.
_BOTTOM, _TOP = np.moveaxis(
    np.array([extents(c) + extents(c)[:1] * (_WAYS - len(extents(c))) for c in ALPHABET]), -1, 0
)

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Measure:
    """A line's baseline, y = slope x + offset (y downwards), and its capitals' height, in pixels of the ink.

    Or several for one line, compared: then each is an array (measures, 1).
    """

    slope: float | Floats
    offset: float | Floats
    capital: float | Floats

    def place(self, boxes: Floats) -> tuple[Floats, Floats]:
        """Bottom and top above the baseline, in heights of a capital, of boxes (n, 4): left, top, right, bottom."""
        base = self.slope * (boxes[:, 0] + boxes[:, 2]) / 2 + self.offset
        return (base - boxes[:, 3]) / self.capital, (base - boxes[:, 1]) / self.capital


def place_factors(
    boxes: Floats,
    measure: Measure,
    k: Classes | slice = slice(None),
    settings: PlaceSettings = DEFAULTS.recognise.place,
) -> Floats:
    """The factor by which each character's place multiplies each class's probability, (n, classes).

    Parameters
    ----------
    boxes : (n, 4) array
        Left, top, right, bottom.
    measure : Measure
        Of the line; for several measures at once the result is (measures, n, classes).
    k : Classes or slice
        (n, m) classes that are wanted; the result is (n, m) then.
    settings : PlaceSettings
        The thresholds.
    """
    bottom, top = measure.place(boxes)
    square = (bottom[..., None, None] - _BOTTOM[k]) ** 2 + (top[..., None, None] - _TOP[k]) ** 2
    factors: Floats = np.exp(-square.min(axis=-1) / (2 * settings.spread**2)) + settings.floor
    return factors


def fit_line(
    boxes: Floats, p: Floats, page: float | None = None, settings: PlaceSettings = DEFAULTS.recognise.place
) -> Measure:
    """The baseline of a line and the height of its capitals.

    Parameters
    ----------
    boxes : (n, 4) array
        Of its characters: left, top, right, bottom.
    p : (n, classes) array
        Their probabilities.
    page : float, optional
        The usual height of capitals on the page, if it is known; it decides where a line has nothing to tell.
    settings : PlaceSettings
        The thresholds.
    """
    heights = boxes[:, 3] - boxes[:, 1]
    tall = float(np.percentile(heights, 75))
    k = np.argpartition(p, -settings.likely, axis=1)[:, -settings.likely :]
    p = np.take_along_axis(p, k, axis=1)

    def best_of(capitals: Floats) -> tuple[float, Measure]:
        measures = _baselines(boxes, p, k, capitals, settings.spread)
        rated = np.log((p * place_factors(boxes, measures, k, settings)).sum(axis=2) + 1e-9).sum(axis=1)
        spread = settings.page_spread
        rated += -((np.log(capitals / page) / spread) ** 2) if page else -0.5 * np.log(capitals / tall) ** 2
        first = int(rated.argmax())
        return float(rated[first]), Measure(*(float(np.ravel(v)[first]) for v in astuple(measures)))

    step = (1.9 / 0.75) ** (1 / 8)
    coarse = best_of(tall * 0.75 * step ** np.arange(9.0))
    fine = best_of(coarse[1].capital * step ** np.array([-0.5, 0.5]))
    return max(coarse, fine, key=lambda found: found[0])[1]


def _baselines(boxes: Floats, p: Floats, k: Classes, capitals: Floats, spread: float) -> Measure:
    """A straight baseline for each of these heights of capitals (measures,): each character says where the baseline
    must be if it is what it most probably is."""
    capital = capitals[:, None]
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    bottom, top = boxes[:, 3], boxes[:, 1]
    # The class and way that fit both the picture and the height; then the baseline that its bottom and top ask for.
    misfit = (((bottom - top) / capital)[:, :, None, None] - (_TOP - _BOTTOM)[k]) ** 2
    fit = np.log(p + 1e-4)[:, :, None] - misfit / (2 * spread**2)
    best = fit.reshape(*fit.shape[:2], -1).argmax(axis=2)
    chosen, way = k[np.arange(len(k)), best // _WAYS], best % _WAYS
    y = (bottom + top + (_BOTTOM + _TOP)[chosen, way] * capital) / 2
    level = np.median(y, axis=1, keepdims=True)
    slope, offset = np.zeros_like(capital), level
    if len(x) < 4:
        return Measure(slope, offset, capital)
    for _ in range(3):
        weight = 1 / (1 + (np.abs(y - slope * x - offset) / (0.1 * capital)) ** 2)
        slope, offset = _lines(x, y, weight)
    long = np.ptp(x) > 3 * capital
    return Measure(np.where(long, slope, 0.0), np.where(long, offset, level), capital)


def _lines(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Slopes and offsets (measures, 1) of the lines with the least weighted squares."""
    total = weight.sum(axis=1, keepdims=True)
    middle, level = ((weight * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    spread = (weight * (x - middle) ** 2).sum(axis=1, keepdims=True)
    slope = (weight * (x - middle) * (y - level)).sum(axis=1, keepdims=True) / np.maximum(spread, 1e-9)
    return slope, level - slope * middle
