"""Punctuation by any pen: points, commas, dashes and the like, which people write much alike.

Few writers left any, and no two words of a sentence go without for long. Lengths are in heights of a capital, x to the
right, y down from the baseline.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["AFTER", "AROUND", "mark"]

Floats = npt.NDArray[np.float32]

AFTER = ".,:;!?-"  # what stands behind a word
AROUND = ('""', "''", "()", "[]")  # what stands on both sides

# Strokes as (x, y) through which the pen goes; a point is a short dash.
_POINT = ((0.0, -0.04), (0.03, 0.0))
_COMMA = ((0.05, -0.06), (0.06, 0.04), (-0.03, 0.2))
_TALL = ((0.0, -0.95), (0.0, -0.7))
_FORMS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    ".": (_POINT,),
    ",": (_COMMA,),
    ":": (_POINT, ((0.0, -0.44), (0.03, -0.4))),
    ";": (_COMMA, ((0.02, -0.44), (0.05, -0.4))),
    "!": (((0.08, -1.0), (0.0, -0.25)), _POINT),
    "?": (
        ((0.0, -0.8), (0.1, -0.97), (0.3, -0.95), (0.34, -0.75), (0.2, -0.55), (0.13, -0.4), (0.13, -0.25)),
        ((0.12, -0.04), (0.15, 0.0)),
    ),
    "-": (((0.0, -0.38), (0.32, -0.4)),),
    "'": (_TALL,),
    '"': (_TALL, ((0.15, -0.96), (0.14, -0.7))),
    "(": (((0.2, -1.05), (0.04, -0.8), (0.0, -0.45), (0.06, -0.1), (0.2, 0.15)),),
    ")": (((0.0, -1.05), (0.16, -0.8), (0.2, -0.45), (0.14, -0.1), (0.0, 0.15)),),
    "[": (((0.2, -1.05), (0.0, -1.05), (0.0, 0.1), (0.2, 0.1)),),
    "]": (((0.0, -1.05), (0.2, -1.05), (0.2, 0.1), (0.0, 0.1)),),
}


def mark(character: str, rng: np.random.Generator) -> list[Floats]:
    """The strokes of one of the marks in `AFTER` and `AROUND`, a little different each time."""
    size = np.exp(rng.normal(0, [0.25, 0.15]))
    lean, shift = rng.normal(0, 0.12), rng.normal(0, 0.03)
    strokes = []
    for form in _FORMS[character]:
        points = np.array(form) * size + rng.normal(0, 0.025, (len(form), 2))
        if len(form) > 2:  # corners are cut: every edge keeps its middle half
            a, b = points[:-1], points[1:]
            cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
            points = np.concatenate([points[:1], cut, points[-1:]])
        points[:, 0] -= lean * points[:, 1]
        points[:, 1] += shift
        strokes.append(points.astype(np.float32))
    return strokes
