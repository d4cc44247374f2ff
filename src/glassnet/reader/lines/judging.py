"""What the recogniser of lines says beyond the text: whether a line is writing, and which way up the page is.

By the picture alone: what is expected of a text makes writing of anything.

On writing it is sure of its characters, and finds many of them for a line's length. Of leaves, cloth and writing that
stands on its head it makes few characters and is unsure of them. With the mean logarithm c of the characters'
confidences, their number n, and their number d for each height of the strip along its length,

    evidence = w1 c + w2 ln n + w3 ln d + w4

is the logarithm of the odds that a line is writing. A line beside clear writing is rather writing: the evidence of the
page, of all its likely lines together, is in its favour.

A picture is taken as it was shot (its EXIF orientation is applied when it is opened), so that upright is by far the
most likely way up: another must be read clearly better. A line turned by half a turn is its strip turned, so that
upright and upside down are compared at no cost but that of reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glassnet.reader.lines.line_reader import ReadLine
from glassnet.reader.lines.strips import HEIGHT, Strip
from glassnet.reader.page import geometric_mean
from glassnet.reader.settings import DEFAULTS, LineSelectSettings, LineTurnSettings

__all__ = ["best_turn", "evidence", "legibility", "sample", "why_no_lines", "writing"]


def evidence(lines: Sequence[ReadLine], settings: LineSelectSettings = DEFAULTS.lines.select) -> float:
    """The logarithm of the odds that these lines, together, are writing; minus infinity where they read nothing.

    Parameters
    ----------
    lines : sequence of ReadLine
        Of a page.
    settings : LineSelectSettings
        The weights.
    """
    confidences = [p for line in lines for p in line.confidences]
    if not confidences:
        return -np.inf
    length = sum(line.strip.length for line in lines) / HEIGHT
    features = (np.log(geometric_mean(confidences)), np.log(len(confidences)), np.log(len(confidences) / length), 1.0)
    return float(np.dot(settings.weights, features))


def writing(lines: Sequence[ReadLine], settings: LineSelectSettings = DEFAULTS.lines.select) -> list[bool]:
    """Which of a page's lines are writing; none of them where all together are none.

    Parameters
    ----------
    lines : sequence of ReadLine
        In any order.
    settings : LineSelectSettings
        The thresholds.
    """
    each = [evidence([line], settings) for line in lines]
    page = evidence([line for line, e in zip(lines, each, strict=True) if e > settings.line], settings)
    if page <= settings.page:
        return [False] * len(lines)
    return [e > settings.line - min(page, settings.support) for e in each]


def why_no_lines(lines: Sequence[ReadLine]) -> str:
    """Why none of these lines is writing, for the user."""
    confidences = [p for line in lines for p in line.confidences]
    if not confidences:
        return "its marks read as no characters"
    what = "the one line" if len(lines) == 1 else f"the {len(lines)} lines"
    does = "does" if len(lines) == 1 else "do"
    return f"{what} of marks on it {does} not look like writing (mean confidence {geometric_mean(confidences):.2f})"


# ---- which way up ----------------------------------------------------------------------------------------------------


def sample(strips: Sequence[Strip], settings: LineTurnSettings = DEFAULTS.lines.turn) -> list[Strip]:
    """The longest strips, by which a page is judged.

    Parameters
    ----------
    strips : sequence of Strip
        Of a page.
    settings : LineTurnSettings
        How many, and of how many pixels together.
    """
    longest: list[Strip] = []
    for strip in sorted(strips, key=lambda s: -s.length)[: settings.lines]:
        if longest and sum(s.width for s in longest) + strip.width > settings.pixels:
            break
        longest.append(strip)
    return longest


def legibility(lines: Sequence[ReadLine], settings: LineTurnSettings = DEFAULTS.lines.turn) -> float:
    """How well lines read, in [0, 1]: the mean confidence of their characters, less where these are few.

    Parameters
    ----------
    lines : sequence of ReadLine
        Of a page, seen one way.
    settings : LineTurnSettings
        The thresholds.
    """
    confidences = [p for line in lines for p in line.confidences]
    return float(sum(confidences)) / (len(confidences) + settings.few)


def best_turn(
    strips: Sequence[Strip],
    beside: Callable[[], Sequence[Strip]],
    read: Callable[[Sequence[Strip]], list[ReadLine]],
    settings: LineTurnSettings = DEFAULTS.lines.turn,
) -> int:
    """By how many quarter turns anticlockwise, 0 to 3, the page stands upright.

    Parameters
    ----------
    strips : sequence of Strip
        Of the page as it is.
    beside : callable
        Gives those of the page turned by one quarter turn; asked for only where the page reads badly as it is.
    read : callable
        Reads strips.
    settings : LineTurnSettings
        The thresholds.
    """
    chosen = sample(strips, settings)
    upright = legibility(read(chosen), settings)
    if upright > 1 - settings.upright:
        return 0  # none can be read so much better
    scores = {0: upright + settings.upright, 2: legibility(read([s.upside_down() for s in chosen]), settings)}
    if max(upright, scores[2]) < settings.sure:
        chosen = sample(beside(), settings)
        scores[1] = legibility(read(chosen), settings)
        scores[3] = legibility(read([s.upside_down() for s in chosen]), settings)
    return max(scores, key=lambda k: scores[k])
