"""What reading a page calls, for a process that compiles it ahead (`glassnet.nn.kernels.ahead`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glassnet.nn.kernels.needed import Calls
from glassnet.reader.lines.alphabet import BLANK
from glassnet.reader.lines.packaged import line_reader
from glassnet.reader.lines.recogniser import LineRecogniser
from glassnet.reader.recogniser import Recogniser

__all__ = ["reading"]

_SIDE = 32  # of a character's picture
_WIDTH = 480  # of a line's
_COLUMNS = 20  # of a line's scores


def reading() -> Calls:
    """The calls that a page leads to once its ink is found, with the models that come with the package.

    Single characters are always asked, and first; whole lines where these are not sure.
    """
    return _calls


def _calls() -> Sequence[Callable[[], object]]:
    lines = line_reader()
    assert isinstance(lines.recogniser, LineRecogniser)
    return [
        lambda: Recogniser().probabilities(np.zeros((64, _SIDE, _SIDE, 1), np.uint8)),
        lambda: lines.decode(*np.random.default_rng(0).random((2, _COLUMNS, BLANK + 1))),
        lambda: lines.recogniser.scores([np.zeros((_SIDE, _WIDTH), np.uint8)]),
    ]
