"""The runs of an opened folder side by side: a table of all, and any two compared picture by picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.compare import compare
from glassnet.actions.open import Entry, Opened
from glassnet.data.picture_files import select
from glassnet.errors import DataError, GlassnetError
from glassnet.experiments import Run

__all__ = ["ComparedRuns", "OnlyOne", "RunRow", "compare_runs", "list_runs"]

_SHOWN = 12  # pictures of each kind


@dataclass(frozen=True, eq=False)
class RunRow:
    """A run in the table.

    Attributes
    ----------
    entry : Entry
        Its id and name.
    run : Run or None
        The run; None where it cannot be read.
    error : str
        Why it cannot.
    """

    entry: Entry
    run: Run | None
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Name, data, network, figures, and the verdict in a sentence."""
        found: dict[str, Any] = {"id": self.entry.id, "name": self.entry.name, "unread": self.error}
        run = self.run
        if run is None:
            return found
        said = run.verdict
        return found | {
            "data": run.recipe.data.source,
            "network": run.model.network.notation(),
            "weights": run.model.network.size,
            "epochs": len(run.history.epochs),
            "part": run.evaluated_on,
            "verdict": None if said is None else {"severity": said.severity, "sentence": said.sentence},
            **run.figures(),
        }


@dataclass(frozen=True, eq=False)
class OnlyOne:
    """A picture that one of two runs has right: pixels (H, W, C), its class, what each says, and which is right."""

    pixels: NDArray[Any]
    true: str
    first: str
    second: str
    first_right: bool


@dataclass(frozen=True, eq=False)
class ComparedRuns:
    """Two runs.

    Attributes
    ----------
    verdict : str
        Which is better, or that it cannot be told, in a sentence.
    notes : tuple of str
        What to know about the comparison.
    only_first, only_second : int or None
        How many pictures only the one has right; None where they have no answers to compare.
    pictures : tuple of OnlyOne
        Some of these, of each kind twelve at most.
    remark : str
        Why there are no pictures, where there are none.
    """

    verdict: str
    notes: tuple[str, ...] = ()
    only_first: int | None = None
    only_second: int | None = None
    pictures: tuple[OnlyOne, ...] = ()
    remark: str = ""


def list_runs(opened: Opened) -> tuple[RunRow, ...]:
    """All finished runs of the folder; one that cannot be read is there with its error."""
    return tuple(_row(opened, entry) for entry in opened.runs)


def _row(opened: Opened, entry: Entry) -> RunRow:
    try:
        return RunRow(entry, opened.run(entry.id))
    except GlassnetError as error:
        return RunRow(entry, None, str(error))


def compare_runs(opened: Opened, first: str, second: str) -> ComparedRuns:
    """Compare two runs by their ids, as `glassnet.actions.compare.compare` does.

    Raises
    ------
    GlassnetError
        A run cannot be read, or the two cannot be compared.
    """
    if first == second:
        raise DataError("Choose two different runs to compare.")
    found = compare([opened.entry(first).place, opened.entry(second).place])  # refuses the same run twice
    verdict = str(found.to_dict()["verdict"])
    runs = opened.run(first), opened.run(second)
    if len(found.comparison.groups) != 2 or any(run.predictions.probabilities is None for run in runs):
        return ComparedRuns(verdict, found.comparison.notes)
    pair = found.comparison.pairs[0]
    rows = pair.rows if _is_first(found.comparison.groups[0].members[0].run, runs[0]) else pair.rows[::-1]
    answers = [_answers(run)[row] for run, row in zip(runs, rows, strict=True)]
    labels = runs[0].predictions.labels[rows[0]]
    right = [answer == labels for answer in answers]
    kinds = [np.flatnonzero(right[0] & ~right[1]), np.flatnonzero(right[1] & ~right[0])]
    try:
        pictures, remark = _pictures(runs, rows[0], answers, [kind[:_SHOWN] for kind in kinds]), ""
    except GlassnetError as error:
        pictures, remark = (), str(error)
    return ComparedRuns(verdict, found.comparison.notes, len(kinds[0]), len(kinds[1]), pictures, remark)


def _is_first(member: Run | None, run: Run) -> bool:
    return member is not None and member.folder == run.folder


def _answers(run: Run) -> NDArray[Any]:
    assert run.predictions.probabilities is not None
    return np.asarray(run.predictions.probabilities.argmax(axis=1))


def _pictures(
    runs: tuple[Run, Run], rows: NDArray[Any], answers: list[NDArray[Any]], kinds: list[NDArray[Any]]
) -> tuple[OnlyOne, ...]:
    names = [run.model.class_names for run in runs]
    first, made = runs[0], []
    for which, chosen in enumerate(kinds):
        pixels = select(first.evaluated.images, first.predictions.indices[rows[chosen]])[:]
        for picture, at in zip(pixels, chosen, strict=True):
            true = names[0][first.predictions.labels[rows[at]]]
            said = [name[answer[at]] for name, answer in zip(names, answers, strict=True)]
            made.append(OnlyOne(picture, true, said[0], said[1], which == 0))
    return tuple(made)
