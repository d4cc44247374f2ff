"""Fooling pictures: of one picture, of a set, from noise; files, receipts and a page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import attack
from glassnet.actions.evaluate import labelled
from glassnet.actions.events import Events
from glassnet.actions.places import beside_model, new_folder
from glassnet.attack import Attack, Fooled, Victim, album
from glassnet.data import Dataset, read_picture
from glassnet.errors import DataError, RecipeError
from glassnet.experiments.for_model import load_for
from glassnet.imagenet import open_model
from glassnet.metrics import wilson_interval
from glassnet.model import Model
from glassnet.report.pages.fool import write_fooling_page, write_noise_page

__all__ = [
    "FooledFromNoise",
    "FooledPictures",
    "Manner",
    "fool_from_noise",
    "fool_picture",
    "fool_set",
    "fooling_folder",
]

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class FooledPictures:
    """Fooling pictures, as files.

    Attributes
    ----------
    found : Fooled
        All attempts; `reached` says of the files, read again as any picture is, whether they are seen as was wanted.
    lost : int
        Attempts that fooled before their pixels were rounded to bytes, and not after.
    skipped : int
        Pictures that were wrong before and not tried.
    class_names : tuple of str
        The classes.
    files : tuple of Path
        The page first, then the pictures.
    how : str
        The attack, in words.
    seconds : float
        What the attack and the check of the files took.
    """

    found: Fooled
    lost: int
    skipped: int
    class_names: tuple[str, ...]
    files: tuple[Path, ...]
    how: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The figures, and of each attempt its classes and sizes where there are few."""
        found, success = self.found, self.found.success
        attempts, right = found.attempts, int(success.sum())
        values: dict[str, Any] = {
            "attempts": attempts,
            "fooled": right,
            "success_rate": found.success_rate,
            "success_interval": list(wilson_interval(right, attempts)) if attempts else None,
            "wrong_before": int(found.wrong_before.sum()) + self.skipped,
            "lost_in_rounding": self.lost,
            "median_l2": float(np.median(found.l2[success])) if right else None,
            "median_steps": float(np.median(found.steps[success])) if right else None,
            "attack": self.how,
            "seconds": round(self.seconds, 2),
        }
        if len(found) <= 100:
            names = self.class_names
            values["each"] = [
                {
                    "is": names[found.labels[i]],
                    "target": None if found.targets is None else names[found.targets[i]],
                    "seen_as": names[found.answers[i]],
                    "fooled": bool(success[i]),
                    "steps": int(found.steps[i]),
                    "l2": float(found.l2[i]),
                }
                for i in range(len(found))
            ]
        return values | {"files": self.files}


@dataclass(frozen=True, eq=False)
class FooledFromNoise:
    """Pictures made from noise, as files that were read again.

    Attributes
    ----------
    target : str
        The class.
    probabilities : (n,) float array
        Of the class, for each.
    reached : (n,) bool array
        Whether the model takes each for it.
    files : tuple of Path
        The page, then the pictures.
    """

    target: str
    probabilities: NDArray[np.float64]
    reached: NDArray[np.bool_]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """The target and its probabilities."""
        return {
            "target": self.target,
            "probabilities": self.probabilities.tolist(),
            "taken_for_it": int(self.reached.sum()),
            "files": self.files,
        }


@dataclass(frozen=True)
class Manner:
    """How pictures are to be changed.

    Attributes
    ----------
    norm : str or None
        "l2" or "linf": by which the change is to be small. None: linf for an attack within a size, else l2.
    eps : float, str or None
        The largest change allowed, such as 0.1 or "8/255"; None: as small as can be found.
    attack : str
        The attack in notation; "" chooses.
    seed : int
        Of the random numbers, and of the choice of pictures.
    """

    norm: str | None = None
    eps: float | str | None = None
    attack: str = ""
    seed: int = 0

    def chosen(self) -> tuple[Attack | None, str, float | None]:
        """(the attack or None, the norm, eps or None). Raises `RecipeError` or `NotationError` for what is wrong.

        An eps in the attack's notation counts where none is given beside it.
        """
        found, own = attack.parse_attack(self.attack) if self.attack else (None, None)
        norm = self.norm or ("linf" if found is not None and found.bounded else "l2")
        attack.norm_of(norm)
        given = own if self.eps is None else self.eps
        eps = None if given is None else attack.checked_size(given, norm)
        if found is not None and found.bounded and eps is None:
            raise RecipeError(f"The attack '{found.word}' needs a size, as in '{found.word} 8/255'.")
        return found, norm, eps

    def words(self) -> str:
        """For pages, tables and receipts."""
        found, norm, eps = self.chosen()
        name = "FAB, or APGD where it found nothing" if found is None else found.notation()
        return f"{name}, {norm}" + (f" up to {attack.size_text(eps)}" if eps is not None else "")


def fool_picture(
    model: str | Path,
    picture: str | Path,
    *,
    target: str | None = None,
    manner: Manner | None = None,
    out: str | Path | None = None,
    weights: str | Path | None = None,
) -> FooledPictures:
    """Change one picture so little that a person sees the same and the model does not.

    What the model sees in the picture as it is counts as right.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    picture : str or path
        A picture file.
    target : str or None
        The class that it is to be taken for; None: each of the other classes, of many the nine most probable ones.
    manner : Manner or None
        How.
    out : path or None
        The folder to write into, new or empty; None takes MODEL-fool, or MODEL-fool-2 and so on.
    weights : path or None
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model, the picture or the target cannot be used.
    """
    loaded = open_model(model, weights)
    victim, manner, folder = Victim.of(loaded), manner or Manner(), fooling_folder(model, out)
    stored = read_picture(picture, loaded.image_shape, loaded.reading)[None]
    scores = victim.scores(stored)[0]
    label = int(scores.argmax())
    others = [int(k) for k in np.argsort(-scores, kind="stable") if k != label][:9]
    wanted = others if target is None else [loaded.class_number(target)]
    if wanted == [label]:
        raise RecipeError(f"The model sees {loaded.class_names[label]} in the picture already; name another target.")
    n = len(wanted)
    return _fool(
        loaded, victim, str(model), np.repeat(stored, n, axis=0), np.full(n, label), np.array(wanted), manner, folder,
        Events(), [Path(picture).stem] * n,
    )  # fmt: skip


def fool_set(
    model: str | Path,
    data: str | Path,
    *,
    target: str | None = None,
    all_targets: bool = False,
    examples: int = 100,
    part: str = "",
    manner: Manner | None = None,
    out: str | Path | None = None,
    weights: str | Path | None = None,
    events: Events | None = None,
) -> FooledPictures:
    """Fool a model on pictures of a set, in a random order, that it gets right.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set, with the model's classes.
    target : str or None
        The class that all are to be taken for; None: whichever is nearest.
    all_targets : bool
        Each into every other class.
    examples : int
        How many pictures; those that are wrong before are skipped and counted apart.
    part : str
        "test", "train", "valid" or "all"; "" takes test if there is one, else all.
    manner : Manner or None
        How.
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
    if all_targets and target is not None:
        raise RecipeError("Give one target or ask for all of them. Got both.")
    if examples < 1:
        raise RecipeError(f"The number of examples must be at least 1. Got {examples}.")
    events, manner = events or Events(), manner or Manner()
    manner.chosen()
    loaded, folder = open_model(model, weights), fooling_folder(model, out)
    victim = Victim.of(loaded)
    wanted = None if target is None else loaded.class_number(target)
    _, dataset = labelled(loaded, load_for(loaded, data), part)
    labels = np.asarray(dataset.labels, np.int64)
    order = np.random.default_rng((manner.seed, 0xF0)).permutation(len(labels))
    order = order if wanted is None else order[labels[order] != wanted]
    if not len(order):
        raise DataError(f"All pictures of '{data}' are of the class {target} already; name another target.")
    right, skipped = _right(victim, dataset, order, examples)
    if not len(right):
        raise DataError(f"The model gets none of {len(order)} pictures right, so there is nothing to fool.")
    at, targets = right, None if wanted is None else np.full(len(right), wanted)
    if all_targets:
        at, targets = attack.every_target(right, labels, victim.classes)
    result = _fool(
        loaded, victim, str(model), *attack.pictures_of(dataset, at), targets, manner, folder, events,
        [f"{i:05d}" for i in at], skipped,
    )  # fmt: skip
    if skipped:
        events.say(f"{skipped} pictures were misclassified before and skipped")
    return result


def fool_from_noise(
    model: str | Path,
    target: str,
    *,
    count: int = 6,
    seed: int = 0,
    out: str | Path | None = None,
    weights: str | Path | None = None,
) -> FooledFromNoise:
    """Make pictures from noise that the model takes for a class with certainty.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    target : str
        The class.
    count : int
        How many.
    seed : int
        Of the noise.
    out : path or None
        The folder to write into, new or empty; None takes MODEL-fool, or MODEL-fool-2 and so on.
    weights : path or None
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model or the class cannot be used.
    """
    loaded = open_model(model, weights)
    victim, wanted, folder = Victim.of(loaded), loaded.class_number(target), fooling_folder(model, out)
    if count < 1:
        raise RecipeError(f"The number of pictures must be at least 1. Got {count}.")
    pictures, _ = attack.from_noise(victim, wanted, count=count, seed=seed)
    name = loaded.class_names[wanted]
    paths = [folder / f"noise-{i + 1}.png" for i in range(count)]
    for path, picture in zip(paths, pictures, strict=True):
        attack.write_picture(path, picture, loaded.reading)
    seen = loaded.predict_files(paths, as_is=True)
    probabilities, reached = seen[:, wanted].astype(np.float64), seen.argmax(axis=1) == wanted
    page = write_noise_page(folder / "fool.html", Path(str(model)).name, pictures, name, probabilities)
    return FooledFromNoise(name, probabilities, reached, (*page, *paths))


# ---- steps


def _fool(
    model: Model, victim: Victim, name: str, stored: Bytes, labels: Any, targets: Any, manner: Manner, folder: Path,
    events: Events, stems: Sequence[str], skipped: int = 0,
) -> FooledPictures:  # fmt: skip
    began = time.perf_counter()
    chosen, norm, eps = manner.chosen()
    found = attack.fool(
        victim, stored, labels, targets, norm=norm, eps=eps, attack=chosen, seed=manner.seed,
        progress=lambda done: events.progress("changing pictures", done, len(stored)),
    )  # fmt: skip
    lost = int((found.found & ~found.reached & ~found.wrong_before).sum())
    written = album.save(model, found, folder, stems, name=name, attack=manner.words(), seed=manner.seed)
    survived = album.read_again(
        model, found, written, lambda done: events.progress("reading the files again", done, len(written))
    )
    found = replace(found, reached=found.reached & survived)
    seconds = time.perf_counter() - began
    pages = write_fooling_page(
        folder / "fool.html", Path(name).name, model, found, [(i, file.name) for i, file in written], manner.words(),
        skipped, folder / "figures",
    )  # fmt: skip
    files = (*pages, *(file for _, file in written))
    return FooledPictures(found, lost, skipped, model.class_names, files, manner.words(), seconds)


def fooling_folder(model: str | Path, out: str | Path | None) -> Path:
    """The folder to write into: `out`, which must be new or empty, or one beside the model. Raises `DataError`."""
    folder = None if out is None else Path(out)
    if folder is not None:
        attack.refuse_jpeg(folder)
    return new_folder(folder, beside_model(model, "fool"))


def _right(victim: Victim, dataset: Dataset, order: Any, wanted: int) -> tuple[NDArray[np.int64], int]:
    """(places of the first right pictures in this order, how many wrong ones come before the last of them)."""
    found: list[int] = []
    seen = 0
    for start in range(0, len(order), 500):
        at = np.sort(order[start : start + 500])
        stored, labels = attack.pictures_of(dataset, at)
        right = ~attack.Goal(labels).reached(victim.scores(stored))
        missing = wanted - len(found)
        enough = np.flatnonzero(right)[:missing]
        found.extend(at[enough].tolist())
        seen += int(enough[-1]) + 1 if len(enough) == missing else len(at)
        if len(found) == wanted:
            break
    return np.array(found, np.int64), seen - len(found)
