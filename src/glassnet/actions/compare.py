"""Runs compared on the pictures that all of them were evaluated on, or models on one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.actions.evaluate import choose_part
from glassnet.actions.events import Events
from glassnet.errors import DataError, Fix, RecipeError
from glassnet.experiments.carry_out import predict
from glassnet.experiments.compare import Comparison
from glassnet.experiments.compare import compare as compare_groups
from glassnet.experiments.contestants import Contestant, Group, groups_of, open_runs
from glassnet.experiments.for_model import fitted, load_for
from glassnet.experiments.pairs import ACCURACY, PSNR
from glassnet.experiments.verdicts import meaning, sentence, verdict_of
from glassnet.files import exists
from glassnet.imagenet import open_model
from glassnet.model import Model
from glassnet.report.pages.compare import write_comparison_page

__all__ = ["Compared", "compare"]


@dataclass(frozen=True)
class Compared:
    """What was found, and the page that was written.

    Attributes
    ----------
    comparison : Comparison
        The figures.
    files : tuple of Path
        The page, where one was asked for.
    """

    comparison: Comparison
    files: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = self.comparison
        return {
            "verdict": verdict_of(found),
            "meaning": meaning(found),
            "measure": found.unit.name,
            "margin": found.margin,
            "groups": [_plain(group) for group in found.groups],
            "settings": [{"setting": name, "values": values} for name, values in found.settings.items()],
            "pairs": [{"verdict": sentence(pair, found.unit, found.margin), **pair.to_dict()} for pair in found.pairs],
            "notes": list(found.notes),
            "files": self.files,
        }


def _plain(group: Group) -> dict[str, Any]:
    figures = group.figures
    return {
        "name": group.name,
        "about": group.about,
        "runs": [str(one.run.folder) for one in group.members if one.run is not None],
        "seeds": [one.seed for one in group.members],
        "part": group.members[0].predictions.part,
        "pictures": len(group.members[0].predictions),
        "mean": float(np.mean(figures)),
        "deviation": float(np.std(figures, ddof=1)) if len(figures) > 1 else None,
        "each": figures,
    }


def compare(
    what: Sequence[str | Path],
    *,
    data: str | Path | None = None,
    part: str = "",
    margin: float | None = None,
    out: str | Path | None = None,
    events: Events | None = None,
) -> Compared:
    """Compare runs on the pictures that all of them were evaluated on, or models on one set.

    Parameters
    ----------
    what : sequence of str or path
        Run folders, and folders that hold runs, such as a sweep's. With `data` also model files and named networks.
    data : str or path, optional
        A labelled set on which all are evaluated anew. None takes what the runs themselves have kept.
    part : str
        Which part of `data`, see `glassnet.actions.evaluate.evaluate`.
    margin : float, optional
        Differences up to this one count as none, in points of accuracy (0.5) or dB of PSNR (0.1).
    out : path, optional
        Where a page is written to.
    events : Events, optional
        Told how far it is.

    Raises
    ------
    GlassnetError
        Something cannot be read, there are fewer than two networks, or they cannot be compared.
    """
    if part and data is None:
        raise RecipeError("A part is one of a set to compare on, and none was given.")
    if margin is not None and not 0 <= margin < float("inf"):
        raise RecipeError(f"The margin is a difference of 0 or more. Got {margin}.")
    if data is None:
        groups, notes = _of_runs(what)
    else:
        groups, notes = _on_data(what, data, part, events or Events())
    if len(groups) < 2:
        raise DataError(f"A comparison takes at least two networks. Got {len(groups)}.")
    unit = ACCURACY if groups[0].classifies else PSNR
    found = compare_groups(groups, margin=None if margin is None else margin / unit.scale, notes=notes)
    return Compared(found, () if out is None else (write_comparison_page(out, found),))


def _of_runs(what: Sequence[str | Path]) -> tuple[list[Group], list[str]]:
    for one in what:
        if exists(one) and Path(one).is_file():
            raise DataError(
                f"'{one}' is a file: runs are compared by their folders, models on a set.",
                Fix.GIVE_DATA,
                example="photos",
            )
    runs, notes = open_runs(what)
    groups, more = groups_of(runs)
    return groups, [*notes, *more]


def _on_data(what: Sequence[str | Path], data: str | Path, part: str, events: Events) -> tuple[list[Group], list[str]]:
    """All on one set: runs in the groups that their recipes make, each model by itself."""
    folders = [one for one in what if exists(one) and Path(one).is_dir()]
    runs, notes = open_runs(folders) if folders else ([], [])
    groups, more = groups_of(runs)
    singles = [_single(one) for one in what if one not in folders]
    notes += more
    tests = [
        replace(group, members=tuple(_on(one, one.run.model, data, part, notes) for one in group.members if one.run))
        for group in groups
    ]
    for name, model in singles:
        if name in [group.name for group in tests]:
            name = f"{name} ({len(tests) + 1})"
        empty: Any = None
        tests.append(Group(name, (_on(Contestant(name, empty, model.class_names), model, data, part, notes),)))
    return tests, notes


def _single(what: str | Path) -> tuple[str, Model]:
    """A model by its file's name; a run's `model.safetensors` by the folder's."""
    path = Path(what)
    name = path.name.removesuffix(".safetensors") if exists(what) else str(what)
    return path.resolve().parent.name if name == "model" and exists(what) else name, open_model(what)


def _on(one: Contestant, model: Model, data: str | Path, part: str, notes: list[str]) -> Contestant:
    """The contestant with its answers on a part of a set."""
    model.task.require_pictures("Figures of lines stand side by side in the page of a sweep.")
    name, dataset = choose_part(load_for(model, data), part)
    dataset = fitted(model, dataset)
    known = None if one.run is None else one.run.known
    if known is not None and (count := int(known.among(dataset)[0].sum())):
        notes.append(f"'{one.name}' was trained on {count:,} of the {len(dataset):,} pictures: its figures flatter")
    return replace(
        one, predictions=predict(model, name, dataset), class_names=dataset.class_names, dataset=dataset,
        identity=f"{data} {name}",
    )  # fmt: skip
