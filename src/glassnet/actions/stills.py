"""The photographs that an audit sets beside a video: which they are, and what is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.actions.events import Events
from glassnet.attack import pictures_of
from glassnet.data import Dataset
from glassnet.data.pictures import picture_info
from glassnet.data.video import pyav
from glassnet.errors import ModelError, RecipeError
from glassnet.model import Model
from glassnet.text import counted
from glassnet.watch import StillsBesideVideo, compare_stills, expected_classes, watch_video

__all__ = ["beside", "expected_of", "of_classes"]

_FEW = 100  # photographs: with fewer, one is a point of a hundred and more


def expected_of(model: Model, video: str | Path, expect: str) -> tuple[int, ...]:
    """The classes that are right in a video: those named, or the one that its file is named after.

    Raises
    ------
    GlassnetError
        PyAV is not installed; a name is no class; nothing is named, and the file after no class.
    """
    pyav()
    model.task.require_classes("A video is set beside photographs of classes.")
    if expect.strip():
        return expected_classes(model, expect)
    name = Path(video).stem.replace("_", " ").replace("-", " ")
    try:
        return expected_classes(model, name)
    except ModelError as error:
        raise RecipeError(
            f"Say which class the video '{video}' shows: its file is named after none of the model's. {error}"
        ) from error


def of_classes(dataset: Dataset, expected: tuple[int, ...]) -> Dataset:
    """The pictures of these classes; all, where there are none."""
    own = np.flatnonzero(np.isin(dataset.labels, expected))
    return dataset.subset(own) if len(own) else dataset


def beside(
    model: Model, whole: Dataset, chosen: Dataset, video: str | Path, expected: tuple[int, ...], *, what: str,
    seed: int, events: Events,
) -> StillsBesideVideo:  # fmt: skip
    """Photographs beside a video.

    Parameters
    ----------
    model : Model
        A recogniser.
    whole, chosen : Dataset
        The set, and the photographs that are taken of it.
    video : path
        The video.
    expected : tuple of int
        The classes that are right in it.
    what : str
        What the set is called.
    seed : int
        Of the corruptions.
    events : Events
        Told how far it is.

    Raises
    ------
    DataError
        The video cannot be read.
    """

    def tell(frames: int, seconds: float, total: float | None) -> None:
        events.progress(
            f"{frames:,} frames of {Path(video).name}", min(seconds, total) if total else seconds, total, "s"
        )

    watched = watch_video(model, video, expect=expected, window=0.0, progress=tell)
    stored, labels = pictures_of(chosen, np.arange(len(chosen)))
    count, notes = counted(len(chosen), "photograph"), []
    if np.isin(labels, expected).all():
        name = f"{count} of {what} of {watched.expected_names}"
    else:
        classes = f"{sum(1 for number in whole.counts() if number):,} classes"
        name = f"{count} of {what} of {classes}"
        notes.append(
            f"{what} has no photographs of {watched.expected_names}: those of its {classes} stand beside the video, so"
            " part of the difference is that of the classes"
        )
    if len(chosen) < _FEW:
        notes.append(f"one of {count} is {100 / len(chosen):.1f} points")
    sizes = None if chosen.files is None else [picture_info(file)[:2] for file in chosen.files]
    notes += [*watched.notes, *(f"the video is damaged: {damage}" for damage in watched.damage)]
    return compare_stills(
        model, stored, labels, watched, name=name, sizes=sizes, notes=tuple(notes), seed=seed, progress=events.progress
    )
