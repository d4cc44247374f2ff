"""One change that fools a model on most pictures of a set; files, receipts and a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import attack
from glassnet.actions.evaluate import labelled
from glassnet.actions.events import Events
from glassnet.actions.fool import fooling_folder
from glassnet.attack import Fooled, Victim, album
from glassnet.data import Dataset
from glassnet.errors import DataError, RecipeError
from glassnet.experiments.for_model import load_for
from glassnet.imagenet import open_model
from glassnet.metrics import wilson_interval
from glassnet.model import Model
from glassnet.report.pages.fool import Universal, write_universal_page

__all__ = ["FooledAll", "fool_all"]

_MADE_ON = 2000  # pictures that one change for all is made on


@dataclass(frozen=True, eq=False)
class FooledAll:
    """One change for all pictures, measured on pictures that it was not made on."""

    found: Universal
    eps: float
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """How many were right before, and how many of these it fools."""
        found = self.found.found
        right, fooled = found.attempts, int(found.success.sum())
        return {
            "pictures": len(found),
            "right_before": right,
            "fooled": fooled,
            "success_rate": found.success_rate if right else None,
            "success_interval": list(wilson_interval(fooled, right)) if right else None,
            "eps": self.eps,
            "files": self.files,
        }


def fool_all(
    model: str | Path,
    data: str | Path,
    *,
    eps: float | str = "10/255",
    target: str | None = None,
    examples: int = 1000,
    part: str = "",
    seed: int = 0,
    out: str | Path | None = None,
    weights: str | Path | None = None,
    events: Events | None = None,
) -> FooledAll:
    """Find one change that fools the model on most pictures of a set.

    It is made on up to 2,000 pictures of the training part, and measured on those of another part; of a set without
    parts each gets a half. With a target, pictures of that class do not count.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set, with the model's classes.
    eps : float or str
        The largest change of a pixel, up to 127/255.
    target : str or None
        The class that all are to be taken for; None: any wrong one.
    examples : int
        How many pictures it is measured on.
    part : str
        "test" or "valid", of the pictures that it is measured on; "" takes test if there is one.
    seed : int
        Of the choice and the order of the pictures.
    out : path or None
        The folder to write into, new or empty; None takes MODEL-fool, or MODEL-fool-2 and so on.
    weights : path or None
        A pretrained network's weights.
    events : Events or None
        Told how far it is.

    Raises
    ------
    GlassnetError
        Model and set cannot be read, or do not fit each other.
    """
    events, size = events or Events(), attack.checked_size(eps, "linf")
    if not 1 / 255 <= size < 128 / 255:
        raise RecipeError(
            f"The change of a pixel must be from 1/255 to 127/255, so that a picture can show it. Got {eps}."
        )
    loaded, folder = open_model(model, weights), fooling_folder(model, out)
    victim, wanted = Victim.of(loaded), None if target is None else loaded.class_number(target)
    made_on, measured_on = _two_parts(loaded, data, part, seed)
    epochs = 10
    steps = attack.universal(
        victim, *_some(made_on, _MADE_ON, seed), size, target=wanted, epochs=epochs, seed=seed,
        progress=lambda done: events.progress("looking for one change", done, epochs),
    )  # fmt: skip
    stored, labels = _some(measured_on, examples, seed)
    changed = _changed(victim, stored, labels, steps, wanted)
    written = album.save(
        loaded, changed, folder, [f"{i:05d}" for i in range(len(labels))], name=str(model),
        attack=f"one change for all, up to {eps}", seed=seed,
    )  # fmt: skip
    changed = replace(changed, reached=changed.reached & album.read_again(loaded, changed, written))
    right = (~attack.Goal(labels).reached(victim.scores(p)) for p in (stored, changed.pictures))
    before, after = (float(part.mean()) for part in right)
    found = Universal(steps, changed, (before, after), wanted)
    picture = folder / "change.png"
    attack.write_picture(picture, np.clip(128 + steps, 0, 255).astype(np.uint8), loaded.reading)
    page = write_universal_page(folder / "fool.html", Path(str(model)).name, found, loaded.class_names, size)
    return FooledAll(found, size, (*page, picture, *(file for _, file in written)))


def _changed(victim: Victim, stored: Any, labels: Any, steps: Any, wanted: int | None) -> Fooled:
    """What one change makes of pictures; those of the wanted class are not counted."""
    pictures = attack.add_steps(stored, steps)
    scores = victim.scores(pictures)
    targets = None if wanted is None else np.full(len(labels), wanted)
    left_out = attack.Goal(labels).reached(victim.scores(stored)) | (labels == (-1 if wanted is None else wanted))
    reached = attack.Goal(labels, targets).reached(scores, by=attack.SURE)
    return Fooled(stored, pictures, labels, targets, scores.argmax(axis=1), left_out, reached, reached)


def _some(part: Dataset, count: int, seed: int) -> tuple[Any, Any]:
    """(pictures, labels) of so many examples, in the order of the set."""
    return attack.pictures_of(part, np.sort(np.random.default_rng((seed, 0x50)).permutation(len(part))[:count]))


def _two_parts(model: Model, data: str | Path, part: str, seed: int) -> tuple[Dataset, Dataset]:
    """(what one change is made on, what it is measured on)."""
    splits = load_for(model, data)
    if part in ("train", "all"):
        raise RecipeError(f"The change is made on the training part, and measured on another. Got '{part}'.")
    if part or splits.test is not None:
        return labelled(model, splits, "train")[1], labelled(model, splits, part)[1]
    _, whole = labelled(model, splits, "all")
    order = np.random.default_rng((seed, 0x2A)).permutation(len(whole))
    if len(order) < 2:
        raise DataError(f"'{data}' has {len(order)} picture; one change for all needs at least 2.")
    return whole.subset(np.sort(order[: len(order) // 2])), whole.subset(np.sort(order[len(order) // 2 :]))
