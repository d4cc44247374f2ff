"""Whether what was found is writing at all: how sure the network is, and how much the marks look like lines of letters.

The network is often unsure of real writing, joined or blurred, and sometimes sure of a leaf. So three more things
have a say: of marks that photographs, folds and rules leave, few are taken for letters or figures, they differ in
height far more than the letters of a line, and they are few. With the mean logarithm c of the characters' confidences,
the share a of letters, figures and signs among them, the mean standard deviation s of the logarithm of heights within a
line, and the number n of characters,

    evidence = 2.5 c + 3.7 a - 3.3 s + 1.1 ln n - 2.6

which is a logistic regression (the logarithm of the odds), fitted by `python -m benchmarks.gate`. Of many marks some
look like a line by chance: lines that hold few of a page's marks are none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.decoding import Decoded
from glassnet.reader.page import geometric_mean
from glassnet.reader.settings import DEFAULTS, SelectSettings

__all__ = ["evidence", "features", "lines_of_writing", "why_none"]

Floats = npt.NDArray[np.float64]

_SIGNS = "+=?&#@"  # marks that have a shape of their own, unlike a dot or a dash
_SHAPED = np.array([c.isalnum() or c in _SIGNS for c in ALPHABET])


def features(lines: Sequence[Sequence[Decoded]]) -> Floats:
    """c, a, s, ln n and 1, (5,), of lines with at least one character."""
    count = sum(map(len, lines))
    p = np.array([c.probabilities[:-1] for line in lines for c in line])
    confidence = np.log(np.maximum(p.max(axis=1), 1e-6)).mean()
    shaped = _SHAPED[p.argmax(axis=1)].mean()
    boxes = [np.array([c.candidate.box for c in line], float) for line in lines if line]
    spread = sum(len(b) * float(np.log(b[:, 3] - b[:, 1]).std()) for b in boxes) / count
    return np.array([confidence, shaped, spread, np.log(count), 1.0])


def evidence(lines: Sequence[Sequence[Decoded]], settings: SelectSettings = DEFAULTS.select) -> float:
    """The logarithm of the odds that these lines, together, are writing; minus infinity for none."""
    return float(np.array(settings.weights) @ features(lines)) if any(lines) else -np.inf


def lines_of_writing(lines: list[list[Decoded]], settings: SelectSettings = DEFAULTS.select) -> list[list[Decoded]]:
    """The lines that may be writing; none of them where all together are none."""
    kept = [line for line in lines if evidence([line], settings) > settings.line]
    page = evidence(kept, settings)
    if page <= settings.page or sum(map(len, kept)) < settings.part * sum(map(len, lines)):
        return []
    # Beside clear writing a line is rather writing.
    return [line for line in lines if evidence([line], settings) > settings.line - page]


def why_none(lines: Sequence[Sequence[Decoded]]) -> str:
    """Why these lines are not writing, for the user."""
    confidences = [c.confidence for line in lines for c in line]
    sure, count = geometric_mean(confidences), len(confidences)
    marks = "the one mark on it does" if count == 1 else f"the {count} marks on it do"
    return f"{marks} not look like writing (mean confidence {sure:.2f})"
