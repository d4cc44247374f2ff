"""What reading a page calls, for a process that compiles it ahead (`glassnet.nn.kernels.ahead`), with the models that
come with the package: what was trained further has the same layers.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.needed import Listed
from glassnet.reader.lines.alphabet import BLANK
from glassnet.reader.lines.packaged import line_reader
from glassnet.reader.recogniser import Recogniser

__all__ = ["by_both", "by_pieces", "by_whole_lines"]

_SIDE = 32  # of a character's picture, and the height of a line's
_WIDTH = 480  # of a line's picture
_COLUMNS = 20  # of a line's scores


def by_pieces() -> Listed:
    """Character by character."""
    return [lambda: Recogniser().probabilities(np.zeros((64, _SIDE, _SIDE, 1), np.uint8))]


def by_whole_lines() -> Listed:
    """Line by line. What comes last is the text of the scores."""
    lines = line_reader()
    return [
        lambda: lines.decode(*np.random.default_rng(0).random((2, _COLUMNS, BLANK + 1))),
        lambda: lines.recogniser.scores([np.zeros((_SIDE, _WIDTH), np.uint8)]),
    ]


def by_both() -> Listed:
    """Characters are always asked, and first; whole lines where these are not sure."""
    return [*by_pieces(), *by_whole_lines()]
