"""Ruled and squared paper: long thin straight lines are taken away, the strokes that cross them stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.nn.kernels.strokes import long_runs
from glassnet.reader.settings import DEFAULTS, RulesSettings

__all__ = ["taller", "without_print", "without_rules"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def without_rules(mask: Mask, height: float, stroke: float, settings: RulesSettings = DEFAULTS.segment.rules) -> Mask:
    """The mask without long thin straight lines; the strokes that cross them stay.

    How long a rule is at least is measured by the page's longer side, whichever way it runs: the page may be a strip
    that was cut out around one line, in which every upright stroke runs from edge to edge.

    Parameters
    ----------
    mask : Mask
        (h, w) where there is ink.
    height : float
        Of a character, or 0 where that is not known yet: then only what runs over a third of the page is a rule.
    stroke : float
        Width of a stroke.
    settings : RulesSettings
        The thresholds.
    """
    longer = max(mask.shape)
    least = int(max(settings.length * height, settings.page * longer) if height else settings.first * longer)
    thick = max(3, round(settings.thick * stroke))
    turned = np.ascontiguousarray(mask.T)
    level, upright = _bands(mask, least, thick, stroke, settings), _bands(turned, least, thick, stroke, settings)
    long = int(settings.clear * least)
    across, thin_across = _of_rules(mask, *level, upright[1].T, long, settings)
    down, thin_down = _of_rules(turned, *upright, level[1].T, long, settings)
    gone = thin_across | thin_down.T | (across & down.T)  # where rules cross, neither is thin
    return mask & ~gone if gone.any() else mask


def _bands(mask: Mask, least: int, thick: int, stroke: float, s: RulesSettings) -> tuple[Mask, Mask, Mask]:
    """Pixels in long level runs (small gaps filled), the bands in which these lie, and the ink there that is no taller
    than a rule. A page seen askew has rules of every small slope."""
    runs = _runs(mask, least, stroke, s.slope)
    if not runs.any():
        return runs, runs, runs
    near = taller(runs, max(1, thick // 2))
    return runs & mask, near, near & mask & ~_taller_than(mask, thick)


def _of_rules(
    mask: Mask, runs: Mask, near: Mask, thin: Mask, crossing: Mask, long: int, s: RulesSettings
) -> tuple[Mask, Mask]:
    """The bands that are rules, and the ink in them that is no taller than each rule is where nothing else is near.

    Most of the runs in a rule's band is thin, or it has a `long` stretch where nothing crosses it. A run through a word
    in heavy letters mostly crosses strokes, and is thin for the width of a letter at most.
    """
    if not near.any():
        return near, near
    labels, count = ndimage.label(near, structure=np.ones((3, 3), bool))
    height = np.zeros(count + 1, int)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        own = (labels[box] == number) & runs[box] & ~crossing[box]
        along, across = own & thin[box], own & ~thin[box]
        clear = along.any(axis=0) & ~across.any(axis=0)
        longest = np.diff(np.flatnonzero(~np.pad(clear, 1))).max()
        if along.sum() >= s.share * (along.sum() + across.sum()) or longest > long:
            height[number] = 1 + round(1.35 * float(np.median(along[:, clear].sum(axis=0)))) if clear.any() else 99
    rules, gone = (height > 0)[labels], np.zeros_like(mask)
    for tall in np.unique(height[height > 0]):
        gone |= thin & (height == tall)[labels] & ~_taller_than(mask, int(tall))
    return rules, gone


def _runs(mask: Mask, least: int, stroke: float, steepest: float) -> Mask:
    """Pixels in long runs along lines of any slope up to the steepest."""
    runs = np.zeros_like(mask)
    grown = taller(mask, 1)
    # So many slopes that every rule runs along one of them, within its own width, for long enough.
    step = (stroke + 2) / least
    for slope in step * np.arange(-int(steepest / step), int(steepest / step) + 1):
        long_runs(grown, least, int(2 + stroke), slope, runs)
    return runs


def _taller_than(mask: Mask, thick: int) -> Mask:
    """Pixels that are part of something taller than a rule."""
    tall = np.zeros(mask.shape[::-1], bool)
    long_runs(np.ascontiguousarray(mask.T), thick + 2, 0, 0.0, tall)
    return tall.T


def without_print(
    mask: Mask, ink: Floats, height: float, stroke: float, settings: RulesSettings = DEFAULTS.segment.rules
) -> Mask:
    """The mask without what shows of printed rules paler than the writing: scraps, and dots where two cross.

    Such rules are whole only in far fainter ink. In the bands along which they run, ink has to be darker; what then is
    left within the bands, and no darker than crossings are, belongs to the rules. Parameters as of `without_rules`.
    """
    least = int(max(settings.length * height, settings.page * max(mask.shape)))
    thick = max(3, round(settings.thick * stroke))
    bands = np.zeros_like(mask)
    for turned in (False, True):
        faint = np.ascontiguousarray((ink.T if turned else ink) > settings.faint)
        runs = _runs(faint & ~_taller_than(faint, thick), least, stroke, settings.slope)
        if runs.sum() >= settings.few * least:
            near = taller(runs, max(1, thick // 2))
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
