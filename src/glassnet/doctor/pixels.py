"""Findings on pixels: blank, not finite, inverted, wrongly ranged, with mixed channels; and shortcuts of a class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from glassnet.data.pictures import picture_info
from glassnet.doctor.finding import Finding, Severity
from glassnet.doctor.sketches import Sketches
from glassnet.errors import DataError
from glassnet.text import counted

__all__ = ["blank", "channels", "frames", "inverted", "not_finite", "ranges", "sizes"]

_MOST, _LEAST = 0.9, 0.1  # shares of pictures: nearly all, hardly any
_DARK = 1.5 / 255  # the brightest pixel of pictures that were divided by 255 once too often
_OVER = 1.01  # of floats: interpolation overshoots a little
_POLAR = 0.3  # correlation with the main layout: above it a picture has it, below minus it the inverse
_SURE = 6.0  # standard errors
_HEADERS = 50  # files of a class whose size is looked at

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def not_finite(sketches: Sketches) -> Iterator[Finding]:
    """Pixels that are no numbers."""
    for word in sketches.names:
        bad = np.flatnonzero(sketches.of(word) & ~sketches.finite)
        if bad.size:
            yield Finding(
                "not-finite",
                "failure",
                f"{counted(bad.size, 'picture')} of the {word} part have pixels that are NaN or infinite:"
                f" {sketches.named(bad)}.",
                remedy="Repair these pictures or leave them out: one of them makes every weight NaN.",
                where=word,
            )


def blank(sketches: Sketches) -> Iterator[Finding]:
    """Pictures of one colour."""
    for word in sketches.names:
        mine = sketches.of(word)
        bad = np.flatnonzero(mine & sketches.finite & sketches.blank)
        if bad.size:
            share = bad.size / mine.sum()
            severity: Severity = "failure" if share > _LEAST else "warning"
            yield Finding(
                "blank-pictures",
                severity,
                f"{bad.size:,} of the {mine.sum():,} {word} pictures {'is' if bad.size == 1 else 'are'} of one colour:"
                f" {sketches.named(bad)}.",
                remedy="Look at these files; leave out what shows nothing.",
                where=word,
            )


def ranges(sketches: Sketches) -> Iterator[Finding]:
    """Pixels in another unit than 0..255 for bytes and 0..1 for floats."""
    high, low = sketches.highest, sketches.lowest
    dark, over, below = (high <= _DARK) & ~sketches.blank, high > _OVER, low < 1 - _OVER
    bytes_only = all(part.images.dtype == np.uint8 for part in sketches.parts.values())
    for word in sketches.names:
        mine = sketches.of(word) & sketches.finite
        total = int(mine.sum())
        for bad, what, remedy in (
            (
                dark,
                "hold nothing above 1/255 of white: divided by 255 twice, or 0..1 kept as bytes",
                "Multiply by 255.",
            ),
            (over, f"hold values above white, up to {_top(high, mine & over):.3g}", "Divide by what white is."),
            (
                below,
                f"hold values below black, down to {_bottom(low, mine & below):.3g}",
                "Bring black to 0, white to 1.",
            ),
        ):
            found = np.flatnonzero(bad & mine)
            if not found.size or sketches.parts[word].holds_rows:
                continue
            yield Finding(
                "value-range",
                "failure" if found.size < total and not (bytes_only and found.size < _LEAST * total) else "warning",
                f"{found.size:,} of the {total:,} {word} pictures {what} ({sketches.named(found, 3)}).",
                remedy=remedy,
                where=word,
            )
    yield from _between_parts(sketches)


def _between_parts(sketches: Sketches) -> Iterator[Finding]:
    """A part that is many times as bright as another."""
    means = {word: float(sketches.colours[sketches.of(word)].mean()) for word in sketches.names}
    for first, second in pairwise(means):
        ratio = means[second] / means[first] if means[first] > 0 else 1.0
        if (ratio > 50 or 0 < ratio < 1 / 50) and not next(iter(sketches.parts.values())).holds_rows:
            yield Finding(
                "value-range",
                "failure",
                f"The mean pixel is {means[first]:.3g} in the {first} part and {means[second]:.3g} in the {second}"
                " part: one of them is in another unit.",
                remedy="Give all parts in one unit: bytes 0..255, or floats 0..1.",
                where=second,
            )


def _top(high: npt.NDArray[np.float32], mine: Mask) -> float:
    return float(high[mine].max(initial=0.0))


def _bottom(low: npt.NDArray[np.float32], mine: Mask) -> float:
    return float(low[mine].min(initial=0.0))


def inverted(sketches: Sketches) -> Iterator[Finding]:
    """Pictures with black and white exchanged.

    Where all pictures share a layout, as ink on paper does, the main axis v of the sketches s has nearly all of them on
    one side: s . v is large, whatever its sign. Inverted ones are on the other side, and nothing lies between. In
    photographs much lies between, and nothing is said, unless the mean pictures of two parts are each other's inverse.
    """
    flat = sketches.shapes.reshape(len(sketches), -1)
    some = flat[:: max(1, len(flat) // 10_000)]
    _, vectors = np.linalg.eigh(some.T @ some)
    along = flat @ vectors[:, -1]
    if along.sum() < 0:
        along = -along
    with_it, against, between = along > _POLAR, along < -_POLAR, np.abs(along) <= _POLAR
    seen = ~sketches.blank
    if (with_it & seen).sum() and (between & seen).sum() < _LEAST * seen.sum():
        bad = np.flatnonzero(against)
        # Each side has a tail towards the other: what is inverted is more than the tail beyond the middle.
        tail = ((np.abs(along) <= _POLAR / 3) & seen).sum()
        if len(bad) > max(2, 3 * tail, 0.002 * seen.sum()):
            yield _about_inverted(sketches, bad)
            return
    (first, *others) = sketches.names
    mean = flat[sketches.of(first)].mean(axis=0)
    for word in others:
        theirs = flat[sketches.of(word)].mean(axis=0)
        lengths = np.linalg.norm(mean), np.linalg.norm(theirs)
        if min(lengths) < _SURE / np.sqrt(sketches.of(word).sum()):
            continue
        if mean @ theirs < -0.8 * lengths[0] * lengths[1]:
            yield _about_inverted(sketches, np.flatnonzero(sketches.of(word)))


def _about_inverted(sketches: Sketches, bad: Rows) -> Finding:
    parts = np.bincount(sketches.part[bad], minlength=len(sketches.names))
    word = sketches.names[int(parts.argmax())]
    mine = bad[sketches.part[bad] == parts.argmax()]
    labels = np.bincount(sketches.labels[mine], minlength=len(sketches.class_names))
    name = sketches.class_names[int(labels.argmax())]
    of_class = f", {labels.max():,} of them '{name}'" if labels.max() > _MOST * mine.size else ""
    total = int(sketches.of(word).sum())
    return Finding(
        "inverted",
        "failure" if bad.size > _LEAST * len(sketches) or mine.size > _LEAST * total else "warning",
        f"{mine.size:,} of the {total:,} {word} pictures are inverted{of_class}: they are dark where the others are"
        f" bright ({sketches.named(mine, 3)}).",
        remedy="Invert these pictures (255 less each pixel).",
        where=word,
    )


def channels(sketches: Sketches) -> Iterator[Finding]:
    """Red and blue exchanged between parts; grey pictures in one part and colour in another."""
    if sketches.colours.shape[1] != 3:
        return
    (first, *others) = sketches.names
    home = sketches.of(first)
    for word in others:
        mine = sketches.of(word)
        grey = [float(sketches.grey[which].mean()) for which in (home, mine)]
        if min(grey) < _LEAST and max(grey) > _MOST:
            plain, full = (first, word) if grey[0] > grey[1] else (word, first)
            yield Finding(
                "grey-part",
                "failure",
                f"{100 * max(grey):.0f} % of the {plain} pictures are grey, and {100 * min(grey):.0f} % of the {full}"
                " pictures.",
                remedy="Read both parts in colour, or both in grey.",
                where=word,
            )
            continue
        gaps = [sketches.colours[which][:, 0] - sketches.colours[which][:, 2] for which in (home, mine)]
        means, errors = zip(*((gap.mean(), gap.std() / np.sqrt(len(gap))) for gap in gaps), strict=True)
        error = max(float(np.hypot(*errors)), 1e-6)
        apart, exchanged = (means[1] - means[0]) / error, (means[1] + means[0]) / error
        if abs(apart) > _SURE and abs(exchanged) < abs(apart) / 3 and means[0] * means[1] < 0:
            yield Finding(
                "swapped-channels",
                "failure",
                f"Red less blue is {means[0]:+.3f} on average in the {first} part and {means[1]:+.3f} in the {word}"
                f" part, {abs(apart):.0f} standard errors apart: red and blue are exchanged.",
                remedy=f"Exchange the first and last channel of the {word} part: BGR was taken for RGB.",
                where=word,
            )


def frames(sketches: Sketches) -> Iterator[Finding]:
    """A frame of one colour about the pictures of some classes only: the network will learn the frame."""
    word = sketches.names[0]
    mine = sketches.of(word)
    labels, classes = sketches.labels[mine], len(sketches.class_names)
    counts = np.bincount(labels, minlength=classes)
    share = np.bincount(labels, sketches.frame[mine], minlength=classes) / np.maximum(counts, 1)
    framed = np.flatnonzero((share > _MOST) & (counts >= 5))
    others = np.flatnonzero((share < _LEAST) & (counts >= 5))
    if framed.size and others.size and framed.size + others.size == (counts >= 5).sum():
        few, them = (framed, "have") if framed.size <= others.size else (others, "have not")
        names = ", ".join(f"'{sketches.class_names[label]}'" for label in few[:3])
        yield Finding(
            "shortcut",
            "warning",
            f"The pictures of {names} {them} a frame of one colour, and those of the other classes"
            f" {'have not' if them == 'have' else 'have'}: it tells the class without what is in the picture.",
            remedy="Crop the frames off.",
            where=word,
        )


def sizes(sketches: Sketches) -> Iterator[Finding]:
    """Files of one class all of one size, which no other class has."""
    word = sketches.names[0]
    part = sketches.parts[word]
    if part.files is None:
        return
    found = []
    for label in range(part.classes):
        mine = np.flatnonzero(part.labels == label)
        shapes = []
        for row in mine[:: max(1, len(mine) // _HEADERS)].tolist():
            try:
                shapes.append(picture_info(part.files[row])[:2])
            except DataError:
                continue
        found.append(shapes)
    for label, shapes in enumerate(found):
        if len(shapes) < 5:
            continue
        usual = max(set(shapes), key=shapes.count)
        others = [shape for other, theirs in enumerate(found) if other != label for shape in theirs]
        if shapes.count(usual) > _MOST * len(shapes) and others.count(usual) < _LEAST * len(others):
            yield Finding(
                "shortcut",
                "warning",
                f"{shapes.count(usual)} of {len(shapes)} pictures of '{part.class_names[label]}' are of"
                f" {usual[0]}x{usual[1]} pixels, and {others.count(usual)} of {len(others)} of the other classes: their"
                " size or sharpness tells the class without what is in the picture.",
                remedy="Take the pictures of all classes from the same sources, at one size.",
                where=word,
            )
            return
