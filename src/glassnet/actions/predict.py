"""What a model sees in pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.events import Events
from glassnet.data.ink import Manner
from glassnet.data.pictures import pictures_below
from glassnet.data.unread import unread
from glassnet.errors import DataError, GlassnetError, RecipeError, one_line
from glassnet.files import write_json, write_text
from glassnet.imagenet import open_model
from glassnet.model import Model

__all__ = ["Predicted", "Prediction", "find_pictures", "predict"]

_MANY = 100  # classes
_FORMS = (".csv", ".html", ".json")


@dataclass(frozen=True)
class Prediction:
    """A picture, its most probable classes with their probabilities in order, and how it was changed."""

    picture: Path
    classes: tuple[tuple[str, float], ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model sees in pictures.

    Attributes
    ----------
    each : tuple of Prediction
        A picture each.
    probabilities : (N, K) float array
        Of every class.
    class_names : tuple of str
        The K classes.
    unread : tuple of (Path, GlassnetError)
        What could not be read, and why.
    notes : tuple of str
        What was passed over in folders.
    files : tuple of Path
        What was written.
    dark_ground : bool or None
        Whether the training pictures are light on dark; None where that is not known, or they have no plain ground.
    """

    each: tuple[Prediction, ...]
    probabilities: NDArray[Any]
    class_names: tuple[str, ...]
    unread: tuple[tuple[Path, GlassnetError], ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    dark_ground: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """The most probable classes of each picture, what could not be read, and the files."""
        return {
            "predictions": [
                {
                    "picture": found.picture,
                    "classes": [{"class": name, "probability": round(p, 6)} for name, p in found.classes],
                    "changes": list(found.changes),
                }
                for found in self.each
            ],
            "unread": [{"picture": path, "reason": str(error)} for path, error in self.unread],
            "notes": list(self.notes),
            "files": list(self.files),
        }


def predict(
    model: str | Path,
    pictures: Sequence[str | Path],
    *,
    top: int | None = None,
    weights: str | Path | None = None,
    invert: bool = True,
    centre: bool = True,
    out: str | Path | None = None,
    events: Events | None = None,
) -> Predicted:
    """The most probable classes of each picture; one that cannot be read is kept with its error.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    pictures : sequence of paths
        Picture files, or folders of them, with all folders in them.
    top : int, optional
        How many classes; None: all, of many classes 5.
    weights : path, optional
        A pretrained network's weights.
    invert, centre : bool
        Whether ink may be brought to the manner of the training pictures; see `glassnet.data.ink`.
    out : path, optional
        A file for the answers: .csv, .html (pictures with their answers) or .json.
    events : Events, optional
        Told the progress.

    Raises
    ------
    GlassnetError
        A model that cannot be read or names no classes; pictures of which none can be read; answers that cannot be
        written.
    """
    target = None if out is None else _checked(Path(out))
    loaded = open_model(model, weights)
    loaded.task.require_classes("'predict' needs a recogniser.")
    files, failed, notes = find_pictures([Path(path) for path in pictures])
    read, changes, probabilities = _answers(loaded, files, failed, events or Events(), invert=invert, centre=centre)
    unread_ = tuple(failed.items())
    if len(unread_) == 1 and not read:
        raise unread_[0][1]
    if not read:
        raise DataError(f"None of {len(unread_)} pictures can be read. The first: {unread_[0][1]}")
    names = tuple(loaded.class_names)
    count = top or (len(names) if len(names) <= _MANY else 5)
    each = tuple(
        Prediction(path, tuple((names[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:count]), changed)
        for path, changed, row in zip(read, changes, probabilities, strict=True)
    )
    manner = Manner.of_card(loaded.card)
    dark = None if manner is None else manner.dark_ground
    found = Predicted(each, probabilities, names, unread_, notes, () if target is None else (target,), dark)
    if target is not None:
        _write(found, target, str(model))
    return found


def find_pictures(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, GlassnetError], tuple[str, ...]]:
    """Picture files, each once, from files and folders of folders.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders.

    Returns
    -------
    files : list of Path
        The files, those of folders in alphabetical order.
    failed : dict of Path to GlassnetError
        The folders that hold none or cannot be read.
    notes : tuple of str
        The pictures in folders that are of formats which are not read.
    """
    files: dict[Path, None] = {}
    failed: dict[Path, GlassnetError] = {}
    notes: list[str] = []
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        try:
            inside = pictures_below(path)
        except DataError as error:
            failed[path] = error
            continue
        notes += [f"{path}: {note}" for note in unread(path, inside)]
        if inside:
            files.update(dict.fromkeys(inside))
        else:
            failed[path] = DataError(f"Folder '{path}' holds no pictures, nor do the folders in it.")
    return list(files), failed, tuple(notes)


def _answers(
    model: Model, files: list[Path], failed: dict[Path, GlassnetError], events: Events, **manner: bool
) -> tuple[list[Path], list[tuple[str, ...]], NDArray[Any]]:
    """(the files that could be read, their changes, their probabilities); the others are added to `failed`."""
    read: list[Path] = []
    changes: list[tuple[str, ...]] = []
    parts = [model.predict_proba(np.empty((0, *model.image_shape), np.uint8))]
    for start in range(0, len(files), model.batch):
        pixels = []
        for path in files[start : start + model.batch]:
            try:
                picture, changed = model.read(path, **manner)
            except DataError as error:
                failed[path] = error
                continue
            pixels.append(picture)
            read.append(path)
            changes.append(changed)
        if pixels:
            parts.append(model.predict_proba(np.stack(pixels)))
        if len(files) > model.batch:
            events.progress("looking at pictures", min(start + model.batch, len(files)), len(files))
    return read, changes, np.concatenate(parts)


def _checked(target: Path) -> Path:
    if target.suffix.lower() not in _FORMS:
        raise RecipeError(f"Answers are written to a file that ends in .csv, .html or .json. Got '{target}' instead.")
    return target


def _write(found: Predicted, target: Path, model: str) -> None:
    kind = target.suffix.lower()
    if kind == ".csv":
        write_text(target, _csv(found))
    elif kind == ".json":
        write_json(target, _plain(found.to_dict()))
    else:
        from glassnet.report.pages.answers import Answer, write_answers_page  # Matplotlib takes its time

        answers = [Answer(each.picture, each.classes, each.changes) for each in found.each]
        write_answers_page(target, Path(model).name, answers, [(path, str(error)) for path, error in found.unread])


def _csv(found: Predicted) -> str:
    """A row for each file; one that was not read has no class, and the reason in its last column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "class", "probability", "runner_up", "runner_up_probability", "remark"))
    for each in found.each:
        cells = [cell for name, probability in each.classes[:2] for cell in (name, f"{probability:.6f}")]
        writer.writerow((each.picture, *cells, *[""] * (4 - len(cells)), ", ".join(each.changes)))
    for path, error in found.unread:
        writer.writerow((path, "", "", "", "", f"not read: {one_line(str(error))}"))
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value
