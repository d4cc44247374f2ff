"""Where the characters of a text stand in a line: the most probable path that reads so (Viterbi's algorithm).

With the states of CTC (a blank around every label; `glassnet.nn.functional.ctc`) and

    v_t(s) = y_t[l'_s] max(v_{t-1}(s), v_{t-1}(s-1), v_{t-1}(s-2) where that skip is allowed)

the best last state leads back to the best path; a label has the columns in which that path is in its state. Networks
that are trained with CTC show a character in one or two of the columns that it covers and a blank in the others, so the
columns found say where it is, not how wide.

Source: L. R. Rabiner, "A Tutorial on Hidden Markov Models and Selected Applications in Speech Recognition", Proceedings
of the IEEE, 1989, section III.B.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.errors import ReaderError
from glassnet.nn.functional.ctc import columns_needed
from glassnet.nn.kernels import alignment as kernels

__all__ = ["align"]


def align(logs: npt.NDArray[np.float64], labels: Sequence[int]) -> npt.NDArray[np.int64]:
    """The columns (m, 2) that each of m labels covers, as [start, stop), in order and apart.

    Parameters
    ----------
    logs : (columns, k) float64 array
        Log-probabilities; the blank is the last class.
    labels : sequence of int
        In 0 ... k - 2.

    Raises
    ------
    ReaderError
        The line has too few columns for the labels.
    """
    needed = columns_needed(labels) if len(labels) else 0
    if needed > len(logs):
        raise ReaderError(f"A text of {len(labels)} characters needs {needed} columns. The line has {len(logs)}.")
    own = np.asarray(labels, np.int64)
    starts, stops = np.empty(len(own), np.int64), np.empty(len(own), np.int64)
    kernels.best_path(np.ascontiguousarray(logs), own, starts, stops)
    return np.stack([starts, stops], axis=1)
