"""Photographs beside the frames of a video: what is lost between them, and how much of it corruptions account for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.metrics import Interval, SeriesMean, difference_interval, paired_difference, wilson_interval
from glassnet.watch.timeline import Watched

__all__ = ["Gap", "Match", "StillsBesideVideo"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Gap:
    """A difference of two accuracies with its 95 % interval; both ends are `nan` where it has none.

    Examples
    --------
    >>> from glassnet.metrics import Interval
    >>> from glassnet.watch import Gap
    >>> gap = Gap(0.1, Interval(0.04, 0.16))
    >>> gap.sure, gap.to_dict()
    (True, {'value': 0.1, 'interval': [0.04, 0.16]})
    """

    value: float
    interval: Interval

    @property
    def sure(self) -> bool:
        """Whether the interval lies above 0."""
        return self.interval.low > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, `null` where there is no interval."""
        return {"value": self.value, "interval": None if math.isnan(self.interval.low) else list(self.interval)}


_NOTHING = Gap(0.0, Interval(0.0, 0.0))  # where nothing was done


@dataclass(frozen=True, eq=False)
class Match:
    """A corruption at the strength at which the photographs have the video's value of what it changes.

    Attributes
    ----------
    kind : str
        One of `CORRUPTIONS`.
    quantity : str
        What was measured, in a few words; "" where nothing measures it.
    stills, frames : float
        Its median over the photographs as they are, and over frames; `nan` where it was not measured.
    severity : float
        0 where the video is not worse in this; `nan` where it cannot be matched.
    reached : float
        The median of the photographs at that severity.
    right : (n,) bool array or None
        Which photographs are right at that severity; None where it cannot be matched.
    reason : str
        Why it cannot be matched, or why nothing is to be done.

    Examples
    --------
    >>> from glassnet.watch import Match
    >>> match = Match("blur", "width of an edge", stills=1.0, frames=2.5, severity=3.2, reached=2.5)
    >>> match.applies, Match("crop", "", reason="nothing measures it").applies
    (True, False)
    """

    kind: str
    quantity: str
    stills: float = math.nan
    frames: float = math.nan
    severity: float = math.nan
    reached: float = math.nan
    right: Bools | None = None
    reason: str = ""

    @property
    def applies(self) -> bool:
        """Whether the photographs were corrupted by it."""
        return self.severity > 0


@dataclass(frozen=True, eq=False)
class StillsBesideVideo:
    """Photographs and the frames of a video, and the photographs corrupted to be like these.

    Attributes
    ----------
    stills : str
        Which photographs, in words.
    watched : Watched
        The frames, with the classes that are right.
    right : (n,) bool array
        Which photographs are right as they are.
    curves : mapping of str to list of int
        How many of them are right at severities 1 to 5, by corruption.
    matches : tuple of Match
        Each corruption by itself.
    together : (n,) bool array
        Which are right with all that could be matched, one after the other.
    after : mapping of str to float
        The quantities of these, by corruption, where they were measured again.
    notes : tuple of str
        What a reader must know.

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.watch import Match, StillsBesideVideo, Timeline, Watched
    >>> classes, p = np.full((60, 1), 3, np.int32), np.ones((60, 1), np.float32)
    >>> timeline = Timeline(np.arange(60) / 30, classes, p, classes[:, 0], p[:, 0])
    >>> watched = Watched(Path("film.mp4"), (640, 480), timeline, tuple("0123456789"), expect=(3,))
    >>> right = np.repeat([True, False], [8, 2])
    >>> both = StillsBesideVideo("ten photographs", watched, right, {}, (Match("crop", ""),), right)
    >>> both.accuracy, round(both.loss.value, 3)  # the video is easier
    (0.8, -0.2)
    """

    stills: str
    watched: Watched
    right: Bools
    curves: Mapping[str, list[int]]
    matches: tuple[Match, ...]
    together: Bools
    after: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> SeriesMean:
        """The share of frames that are right."""
        raw = self.watched.raw
        assert raw is not None  # something is expected of them
        return raw

    @property
    def accuracy(self) -> float:
        """Of the photographs as they are."""
        return float(self.right.mean())

    @property
    def loss(self) -> Gap:
        """What is lost from the photographs to the video; negative where the video is easier."""
        return self._to_frames(self.right)

    def lost(self, match: Match) -> Gap:
        """What the photographs lose by a corruption that could be matched."""
        assert match.right is not None
        return self._paired(match.right) if match.applies else _NOTHING

    @property
    def lost_together(self) -> Gap:
        """What they lose by all together."""
        return self._paired(self.together) if any(match.applies for match in self.matches) else _NOTHING

    @property
    def remainder(self) -> Gap:
        """What is lost from the photographs with all together to the video: no corruption explains it."""
        return self._to_frames(self.together)

    def share(self, part: Gap) -> float:
        """A part as a share of the loss; `nan` where the loss may be chance."""
        return part.value / self.loss.value if self.loss.sure else math.nan

    def _paired(self, right: Bools) -> Gap:
        found = paired_difference(self.right, right, "networks")
        return Gap(found.value, found.interval())

    def _to_frames(self, right: Bools) -> Gap:
        value, frames = float(right.mean()), self.frames
        own = wilson_interval(int(right.sum()), len(right))
        return Gap(value - frames.value, difference_interval(value, own, frames.value, frames.interval))

    def verdict(self) -> str:
        """What was found, in a sentence."""
        points, loss = 100 * abs(self.loss.value), self.loss
        if self.loss.value <= 0:
            found = f"The video is no harder than the photographs ({points:.1f} points easier): nothing is lost"
            return f"{found} that a corruption could account for."
        if math.isnan(loss.interval.low):
            return f"{points:.1f} points are lost; whether by chance cannot be said: {self.frames.reason}."
        if not loss.sure:
            return f"{points:.1f} points are lost, which may be chance."
        done = [match.kind for match in self.matches if match.applies]
        if not done:
            return f"{points:.1f} points are lost, and none of the corruptions could be matched to account for them."
        most, rest = 100 * self.lost_together.value, 100 * self.remainder.value
        return (
            f"{points:.1f} points are lost. {', '.join(done)}, matched in strength, together account for {most:.1f};"
            f" {rest:.1f} are left that none of them explains."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "stills": self.stills,
            "pictures": len(self.right),
            "accuracy": self.accuracy,
            "accuracy_interval": list(wilson_interval(int(self.right.sum()), len(self.right))),
            "video": self.watched.to_dict(),
            "loss": self.loss.to_dict(),
            "corruptions": [self._match_dict(match) for match in self.matches],
            "together": {
                "accuracy": float(self.together.mean()),
                "lost": self.lost_together.to_dict(),
                "share_of_loss": _known(self.share(self.lost_together)),
                "quantities": dict(self.after),
            },
            "remainder": self.remainder.to_dict(),
            "verdict": self.verdict(),
            "notes": list(self.notes),
        }

    def _match_dict(self, match: Match) -> dict[str, Any]:
        found: dict[str, Any] = {
            "corruption": match.kind,
            "quantity": match.quantity or None,
            "stills": _known(match.stills),
            "frames": _known(match.frames),
            "severity": _known(match.severity),
            "reached": _known(match.reached),
            "reason": match.reason or None,
        }
        if match.right is None:
            return {**found, "accuracy": None, "lost": None, "share_of_loss": None}
        lost = self.lost(match)
        accuracy, share = float(match.right.mean()), _known(self.share(lost))
        return {**found, "accuracy": accuracy, "lost": lost.to_dict(), "share_of_loss": share}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
