"""From the gaps between the characters of a line to words.

Letters may be set wide, so it is the gaps themselves that say what is wide: those of a line fall into two groups or
into one, and where a line has too few gaps to tell, the page's decide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glassnet.reader.settings import DEFAULTS, SpacingSettings

__all__ = ["word_breaks"]

Floats = npt.NDArray[np.float64]


def word_breaks(
    gaps: list[Floats], heights: list[float], settings: SpacingSettings = DEFAULTS.group.spacing
) -> list[npt.NDArray[np.bool_]]:
    """For every line, which of its gaps part words, (n,) bool each.

    Parameters
    ----------
    gaps : list of array
        Of every line the pixels between neighbours, (n,) each.
    heights : list of float
        Of the characters of each line, in pixels.
    settings : SpacingSettings
        The thresholds.
    """
    relative = [g / h for g, h in zip(gaps, heights, strict=True)]
    everything = np.concatenate(relative) if relative else np.zeros(0)
    page = _threshold(everything, settings)
    result = []
    for line in relative:
        own = _threshold(line, settings) if len(line) >= 5 else None
        if own is None:
            own = page
        elif page is not None and not settings.alike[0] < own / page < settings.alike[1]:
            own = page if len(line) < settings.many else own
        if own is None:
            own = max(settings.usual, 2.5 * float(np.median(line)) if len(line) else settings.usual)
        result.append(line > own)
    return result


def _threshold(gaps: Floats, s: SpacingSettings) -> float | None:
    """Between the letters' gaps and the words', in heights; None where the gaps are of one kind."""
    if len(gaps) < 3:
        return None
    order = np.sort(np.clip(gaps, 0.0, 3.0))
    best, found = 0.0, None
    for k in range(1, len(order)):
        low, high = order[:k], order[k:]
        if high[0] < s.least or high.mean() < s.ratio * low.mean() + s.apart:
            continue
        between = k * (len(order) - k) * (high.mean() - low.mean()) ** 2
        within = len(order) * (((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum()) + 1e-9
        score = between / within * (1 + (high[0] - low[-1]))
        if score > best:
            best, found = score, (low[-1] + high[0]) / 2
    return float(found) if found is not None and best > s.clear else None
