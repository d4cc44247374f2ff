"""What was seen in a video: the classes of each frame, and how many frames are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.metrics import SeriesMean, series_mean

__all__ = ["Thumbnail", "Timeline", "Watched"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Timeline:
    """The classes of N frames.

    Attributes
    ----------
    times : (N,) float64 array
        Seconds from the beginning, by the frames' own time stamps; never decreasing.
    classes : (N, k) int32 array
        The k most probable classes of each frame, the most probable first.
    probabilities : (N, k) float32 array
        Theirs.
    smoothed : (N,) int32 array
        The most probable class after smoothing.
    smoothed_probability : (N,) float32 array
        Its probability.
    expected, smoothed_expected : (N,) float32 array or None
        The probability of the expected classes together, as it is and smoothed; None where nothing is expected.

    Examples
    --------
    >>> from glassnet.watch import Timeline
    >>> times, classes = np.array([0.0, 0.1]), np.array([[3, 8], [8, 3]], np.int32)
    >>> p = np.array([[0.6, 0.4], [0.7, 0.3]], np.float32)
    >>> Timeline(times, classes, p, classes[:, 0], p[:, 0]).labels
    array([3, 8], dtype=int32)
    """

    times: NDArray[np.float64]
    classes: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    smoothed: NDArray[np.int32]
    smoothed_probability: NDArray[np.float32]
    expected: NDArray[np.float32] | None = None
    smoothed_expected: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The most probable class of each frame (N,)."""
        labels: NDArray[np.int32] = self.classes[:, 0]
        return labels


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame that a page shows: its number and small pixels (H, W, 3).

    Examples
    --------
    >>> from glassnet.watch import Thumbnail
    >>> Thumbnail(30, np.zeros((9, 16, 3), np.uint8)).number
    30
    """

    number: int
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen in a video.

    Attributes
    ----------
    path : Path
        The video.
    size : (int, int)
        Width and height of its frames, upright.
    timeline : Timeline
        The classes of each frame.
    class_names : tuple of str
        Of the model.
    expect : tuple of int
        The classes that are right; empty where nothing is expected.
    window : float
        Seconds that were smoothed over.
    damage, notes : tuple of str
        What could not be read of it, and what else to know.
    thumbnails : sequence of Thumbnail
        Some frames, evenly spread.

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.watch import Timeline, Watched
    >>> classes = np.array([[3, 8], [8, 3]], np.int32)
    >>> p = np.array([[0.6, 0.4], [0.7, 0.3]], np.float32)
    >>> timeline = Timeline(np.array([0.0, 0.1]), classes, p, classes[:, 0], p[:, 0])
    >>> watched = Watched(Path("film.mp4"), (640, 480), timeline, tuple("0123456789"), expect=(3,))
    >>> watched.right, watched.changes
    (array([ True, False]), 1)
    """

    path: Path
    size: tuple[int, int]
    timeline: Timeline
    class_names: tuple[str, ...]
    expect: tuple[int, ...] = ()
    window: float = 0.0
    damage: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    thumbnails: Sequence[Thumbnail] = field(default=(), repr=False)

    @property
    def expected_names(self) -> str:
        """The classes that are right, as text."""
        return " or ".join(self.class_names[i] for i in self.expect)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which frames (N,) are right."""
        return np.isin(self.timeline.labels, self.expect)

    @property
    def smoothed_right(self) -> NDArray[np.bool_]:
        """Which frames (N,) are right after smoothing."""
        return np.isin(self.timeline.smoothed, self.expect)

    @cached_property
    def raw(self) -> SeriesMean | None:
        """The share of frames that are right; None where nothing is expected."""
        return series_mean(self.right, self.timeline.expected) if self.expect else None

    @cached_property
    def after(self) -> SeriesMean | None:
        """The share after smoothing."""
        return series_mean(self.smoothed_right, self.timeline.smoothed_expected) if self.expect else None

    @cached_property
    def gain(self) -> SeriesMean | None:
        """What smoothing adds to the share: the mean of the frames' differences, -1, 0 or 1 each."""
        difference = self.smoothed_right.astype(np.int8) - self.right.astype(np.int8)
        return series_mean(difference) if self.expect else None

    @property
    def changes(self) -> int:
        """How often the label changes from one frame to the next."""
        return int(np.count_nonzero(np.diff(self.timeline.labels)))

    @property
    def smoothed_changes(self) -> int:
        """How often it does after smoothing."""
        return int(np.count_nonzero(np.diff(self.timeline.smoothed)))

    @property
    def seconds(self) -> float:
        """From the first frame to the last, and as long as a frame is shown."""
        times = self.timeline.times
        return float(times[-1] - times[0]) * (len(times) / (len(times) - 1) if len(times) > 1 else 1.0)

    def block_seconds(self, mean: SeriesMean) -> float:
        """How long the blocks of an interval are."""
        return mean.block * self.seconds / len(self.timeline)

    def counts(self) -> list[tuple[int, int, float]]:
        """(class, frames, mean probability in them) of every label, the most frequent first."""
        labels, first = self.timeline.labels, self.timeline.probabilities[:, 0]
        return [
            (label, count, float(first[labels == label].mean()))
            for label, count in Counter(labels.tolist()).most_common()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The figures with plain keys; the frames themselves are in the table of the video."""
        found: dict[str, Any] = {
            "video": self.path,
            "frames": len(self.timeline),
            "seconds": round(self.seconds, 6),
            "size": list(self.size),
            "window": self.window,
            "labels": [
                {"class": self.class_names[label], "frames": count, "mean_probability": round(mean, 6)}
                for label, count, mean in self.counts()
            ],
            "changes": self.changes,
            "smoothed_changes": self.smoothed_changes,
            "damage": list(self.damage),
            "notes": list(self.notes),
        }
        for name, mean in (("share_right", self.raw), ("smoothed_share_right", self.after), ("gain", self.gain)):
            if mean is not None:
                found[name] = {**mean.to_dict(), "block_seconds": round(self.block_seconds(mean), 6)}
        return found | {"expected": [self.class_names[i] for i in self.expect]}
