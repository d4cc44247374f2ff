"""Ruled and squared paper: long thin smooth lines are taken away, the strokes that cross them stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.nn.kernels.strokes import follow_lines
from glassnet.reader.settings import DEFAULTS, RulesSettings

__all__ = ["taller", "without_print", "without_rules"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def without_rules(mask: Mask, height: float, stroke: float, settings: RulesSettings = DEFAULTS.segment.rules) -> Mask:
    """The mask without long thin lines, straight or bent a little; the strokes that cross them stay.

    Rules run in one direction, whichever that is, or square to it. They are followed from column to column where they
    are no steeper than one to one, the others from row to row.

    How long a rule is at least is measured by the page's longer side, whichever way it runs: the page may be a strip
    that was cut out around one line, in which every upright stroke runs from edge to edge.

    Parameters
    ----------
    mask : Mask
        (h, w) where there is ink.
    height : float
        Of a character, or 0 where that is not known yet: then only what runs over a third of the page is a rule, and
        shorter lines beside several of these.
    stroke : float
        Width of a stroke.
    settings : RulesSettings
        The thresholds.
    """
    longer = max(mask.shape)
    least = 1 + int(max(settings.length * height, settings.page * longer) if height else settings.first * longer)
    thick = max(3, round(settings.thick * stroke))
    sense = np.zeros(2)
    left, lines = mask, np.zeros(mask.shape, np.uint8)  # what is left; how many lines pass there
    for turned in (False, True) if height else (False, True, False):
        seen = left.T if turned else left
        length, alone, passed = _followed(seen, least, thick, stroke, settings, sense)
        if length:
            lines += passed.T if turned else passed
            left = left & ~((alone.T if turned else alone) | (lines > 1))  # where lines cross, ink is of neither alone
        if not height and length >= settings.few * least:  # ruled paper: shorter lines are rules too
            least = 1 + int(settings.page * longer)
    return left


def _followed(
    mask: Mask, least: int, thick: int, stroke: float, s: RulesSettings, sense: npt.NDArray[np.float64]
) -> tuple[float, Mask, npt.NDArray[np.uint8]]:
    """The length of all lines that run across rather than down, the ink that is theirs alone, and how many of them pass
    each pixel. `sense` says in what directions those of a page run, and is kept from pass to pass."""
    turned = np.ascontiguousarray(mask.T)
    alone, passed = np.zeros_like(turned), np.zeros(turned.shape, np.uint8)
    gap, clear = int(2 + 2 * stroke), int(s.clear * least)
    length = follow_lines(turned, least, thick, gap, s.share, clear, s.bend, sense, alone, passed)
    sense[1] = -sense[1]  # the next pass sees the page turned over its diagonal
    return length, alone.T, passed.T


def without_print(
    mask: Mask, ink: Floats, height: float, stroke: float, settings: RulesSettings = DEFAULTS.segment.rules
) -> Mask:
    """The mask without what shows of printed rules paler than the writing: scraps, and dots where two cross.

    Such rules are whole only in far fainter ink. In the bands along which they run, ink has to be darker; what then is
    left within the bands, and no darker than crossings are, belongs to the rules. Parameters as of `without_rules`.
    """
    least = 1 + int(max(settings.length * height, settings.page * max(mask.shape)))
    thick = max(3, round(settings.thick * stroke))
    bands, sense = np.zeros_like(mask), np.zeros(2)
    for turned in (False, True):
        faint = (ink.T if turned else ink) > settings.faint
        length, _, passed = _followed(faint, least, thick, stroke, settings, sense)
        if length >= settings.few * least:
            near = taller(passed > 0, max(1, thick // 2))
            bands |= near.T if turned else near
    if not bands.any():
        return mask
    left = mask & ~(bands & (ink < settings.ink))
    labels, count = ndimage.label(left, structure=np.ones((3, 3), bool))
    numbers = np.arange(count + 1)
    outside = ndimage.sum_labels(~bands, labels, numbers)
    darkness = ndimage.mean(ink, labels, numbers)
    gone: Mask = (outside == 0) & (darkness < settings.remains)
    gone[0] = False
    result: Mask = left & ~gone[labels]
    return result


def taller(mask: Mask, by: int) -> Mask:
    """The mask, every pixel with `by` more above and below it."""
    result = mask.copy()
    for _ in range(by):
        grown = result.copy()
        grown[1:] |= result[:-1]
        grown[:-1] |= result[1:]
        result = grown
    return result
