"""The page of an audit: clean and robust accuracy, what makes them doubtful, corruptions, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassnet.attack import Flag, Robustness, size_text
from glassnet.metrics import Evaluation
from glassnet.report.page import Heading, write_page
from glassnet.report.panels.attacks import ExactRow, corruptions_panel, exact_panel, flags_panel, robustness_panel
from glassnet.report.panels.results import reliability_panel
from glassnet.report.panels.stills import points, points_interval, stills_panel
from glassnet.report.tables import interval_text, number, percent
from glassnet.watch import StillsBesideVideo

__all__ = ["Audited", "ExactRow", "write_audit_page"]


@dataclass(eq=False)
class Audited:
    """What an audit found.

    Attributes
    ----------
    data, part : str
        What was looked at.
    evaluation : Evaluation
        On the pictures as they are.
    robustness : list of Robustness
        Under attack, one for each norm.
    flags : list of Flag
        Reasons to doubt it.
    corruptions : dict of str to list of int
        How many pictures are right at each severity.
    exact : dict of str to list of ExactRow
        The exact answers by norm, where they can be had.
    stills : StillsBesideVideo or None
        The pictures beside a video; the corruptions are then those that were matched to it.
    seconds : float
        What it took.
    """

    data: str
    part: str
    evaluation: Evaluation
    robustness: list[Robustness]
    flags: list[Flag]
    corruptions: dict[str, list[int]] = field(default_factory=dict)
    exact: dict[str, list[ExactRow]] = field(default_factory=dict)
    stills: StillsBesideVideo | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = self.evaluation
        return {
            "data": self.data,
            "part": self.part,
            "pictures": found.n,
            "accuracy": found.accuracy,
            "accuracy_interval": list(found.accuracy_interval),
            "calibration_error": found.calibration.error,
            "robustness": [result.to_dict() for result in self.robustness],
            "corruptions": {kind: [right / found.n for right in rights] for kind, rights in self.corruptions.items()},
            "exact": {
                norm: [
                    {"picture": row.picture, "class": row.label, "exact": row.exact, "proved": row.proved, **row.found}
                    for row in rows
                ]
                for norm, rows in self.exact.items()
            },
            "stills_beside_video": None if self.stills is None else self.stills.to_dict(),
            "flags": [flag.to_dict() for flag in self.flags],
            "seconds": round(self.seconds, 1),
        }


def write_audit_page(path: Path, name: str, found: Audited, figures: Path | None = None) -> list[Path]:
    """Write the page of an audit of the model called `name`."""
    panels = [] if found.stills is None else [stills_panel(found.stills)]
    if found.robustness:
        panels += [robustness_panel(found.robustness), flags_panel(found.flags, found.robustness)]
    panels += [exact_panel(norm, rows) for norm, rows in found.exact.items() if rows]
    if found.corruptions:
        right = round((found.stills or found.evaluation).accuracy * found.evaluation.n)
        panels.append(corruptions_panel(found.corruptions, right, found.evaluation.n, _matched(found.stills)))
    panels.append(reliability_panel(found.evaluation))
    return write_page(path, _heading(name, found), panels, figures_folder=figures)


def _heading(name: str, found: Audited) -> Heading:
    low, high = found.evaluation.accuracy_interval
    cards: list[tuple[str, str, str]] = [
        ("accuracy", percent(found.evaluation.accuracy), f"95 % interval {interval_text(low, high)}")
    ]
    for result in found.robustness:
        eps = result.eps[-1]
        low, high = result.interval(eps)
        note = f"changes up to {size_text(eps)} ({result.norm}); {interval_text(low, high)}"
        cards.append(("robust accuracy", percent(result.accuracy(eps)), note))
    if found.robustness:
        cards.append(("doubts", number(len(found.flags)), _titles(found.flags)))
    if found.stills is not None:
        cards += _video_cards(found.stills)
    ways = [
        "as they are",
        *(["under attack"] if found.robustness else []),
        *(["corrupted"] if found.corruptions else []),
    ]
    more = "" if found.stills is None else f", beside {found.stills.watched.path.name}"
    count, said = number(found.evaluation.n), f"{', '.join(ways[:-1])} and {ways[-1]}" if len(ways) > 1 else ways[0]
    sentence = f"{count} pictures of {found.data} ({found.part}): {said}{more}."
    return Heading(f"How robust is {name}?", sentence, cards)


def _video_cards(found: StillsBesideVideo) -> list[tuple[str, str, str]]:
    frames, loss = found.frames, found.loss
    expected = f"of {number(frames.n)} seen as {found.watched.expected_names}"
    ends = f"no interval: {frames.reason}" if frames.reason else f"95 % interval {interval_text(*frames.interval)}"
    lost = "the video is easier" if loss.value < 0 else "no interval" if frames.reason else points_interval(loss)
    return [
        ("frames right", percent(frames.value), f"{expected}; {ends}"),
        ("points lost to the video", points(loss), lost),
    ]


def _matched(found: StillsBesideVideo | None) -> dict[str, tuple[float, float]]:
    """By corruption the severity of the video, and the accuracy there."""
    if found is None:
        return {}
    return {m.kind: (m.severity, float(m.right.mean())) for m in found.matches if m.applies and m.right is not None}


def _titles(flags: Sequence[Flag]) -> str:
    return "; ".join(flag.title for flag in flags) or "no reason found to doubt the figures"
