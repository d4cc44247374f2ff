"""Class probabilities over time, smoothed while they arrive: only the rows within a window are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["MovingMean"]

_SLACK = 1e-6  # seconds: times are rounded to this
_MOST = 2000  # rows in a window, whatever the times are: a file's stamps may be anything


class MovingMean:
    """The mean of all rows within half a window before and after each row, by their times.

    Of row i at time t_i it is the mean over all j with |t_j - t_i| <= seconds / 2; at both ends of a video there are
    fewer. A mean of probabilities is one again. Rows come in one by one and go out in the same order, each as soon as
    all that belong to it are there.

    Parameters
    ----------
    seconds : float
        The window; 0 leaves the rows as they are.

    Examples
    --------
    >>> from glassnet.watch import MovingMean
    >>> mean = MovingMean(1.0)
    >>> found = [row for time in (0.0, 0.5, 1.0) for row in mean.push(time, np.array([time], np.float32))]
    >>> [row.tolist() for row in (*found, *mean.close())]
    [[0.25], [0.5], [0.75]]
    """

    def __init__(self, seconds: float) -> None:
        self.half = seconds / 2 + _SLACK if seconds else -1.0
        self._rows: deque[tuple[float, NDArray[np.float32]]] = deque()
        self._done = 0  # of the rows kept, so many have gone out

    def push(self, time: float, row: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Take a row (K,) that is not before the one before; gives the means that it completes."""
        if self.half < 0:
            yield row
            return
        self._rows.append((time, row))
        while self._done < len(self._rows) and (
            time - self._rows[self._done][0] > self.half or len(self._rows) - self._done > _MOST // 2
        ):
            yield self._next()

    def close(self) -> Iterator[NDArray[np.float32]]:
        """The means that are still to come, when there are no more rows."""
        while self._done < len(self._rows):
            yield self._next()

    def _next(self) -> NDArray[np.float32]:
        time = self._rows[self._done][0]
        while time - self._rows[0][0] > self.half or self._done > _MOST // 2:
            self._rows.popleft()
            self._done -= 1
        self._done += 1
        near = [row for other, row in self._rows if other - time <= self.half]
        return np.asarray(np.stack(near).mean(axis=0, dtype=np.float64), np.float32)
