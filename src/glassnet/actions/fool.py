"""Fooling pictures: of one picture, of a set, from noise, one change for all; files, receipts and a page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import attack
from glassnet.actions.evaluate import choose_part, load_for
from glassnet.actions.events import Events
from glassnet.actions.places import beside_model, new_folder
from glassnet.attack import Attack, Fooled, Victim, album
from glassnet.data import Splits, read_picture
from glassnet.errors import DataError, RecipeError, nearest
from glassnet.imagenet import open_model
from glassnet.metrics import wilson_interval
from glassnet.model import Model
from glassnet.report.pages.fool import Universal, write_fooling_page, write_noise_page, write_universal_page

__all__ = [
    "FooledAll",
    "FooledFromNoise",
    "FooledPictures",
    "Manner",
    "fool_all",
    "fool_from_noise",
    "fool_picture",
    "fool_set",
    "labelled",
]

_MADE_ON = 2000  # pictures that one change for all is made on
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


@dataclass(frozen=True, eq=False)
class FooledAll:
    """One change for all pictures, measured on pictures that it was not made on."""

    found: Universal
    eps: float
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """How many were right before, and how many of these it fools."""
        right, fooled = int(self.found.right_before.sum()), int(self.found.fooled.sum())
        return {
            "pictures": len(self.found.labels),
            "right_before": right,
            "fooled": fooled,
            "success_rate": fooled / right if right else None,
            "success_interval": list(wilson_interval(fooled, right)) if right else None,
            "eps": self.eps,
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
    victim, manner, folder = Victim.of(loaded), manner or Manner(), _folder(model, out)
    stored = read_picture(picture, loaded.image_shape, loaded.reading)[None]
    scores = victim.scores(stored)[0]
    label = int(scores.argmax())
    others = [int(k) for k in np.argsort(-scores, kind="stable") if k != label][:9]
    wanted = others if target is None else [_class_of(loaded, target)]
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
    loaded, folder = open_model(model, weights), _folder(model, out)
    victim = Victim.of(loaded)
    wanted = None if target is None else _class_of(loaded, target)
    _, images, labels = labelled(loaded, data, part)
    order = np.random.default_rng((manner.seed, 0xF0)).permutation(len(labels))
    order = order if wanted is None else order[labels[order] != wanted]
    if not len(order):
        raise DataError(f"All pictures of '{data}' are of the class {target} already; name another target.")
    right, skipped = _right(victim, images, labels, order, examples)
    if not len(right):
        raise DataError(f"The model gets none of {len(order)} pictures right, so there is nothing to fool.")
    at, targets = right, None if wanted is None else np.full(len(right), wanted)
    if all_targets:
        pairs = [(i, k) for i in right for k in range(len(loaded.class_names)) if k != labels[i]]
        at, targets = np.array([i for i, _ in pairs]), np.array([k for _, k in pairs])
    stored = attack.as_bytes(np.asarray(images[at]))
    result = _fool(
        loaded, victim, str(model), stored, labels[at], targets, manner, folder, events, [f"{i:05d}" for i in at],
        skipped,
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
    victim, wanted, folder = Victim.of(loaded), _class_of(loaded, target), _folder(model, out)
    if count < 1:
        raise RecipeError(f"The number of pictures must be at least 1. Got {count}.")
    pictures, _ = attack.from_noise(victim, wanted, count=count, seed=seed)
    name = loaded.class_names[wanted]
    paths = [folder / f"noise-{i + 1}.png" for i in range(count)]
    for path, picture in zip(paths, pictures, strict=True):
        attack.write_picture(path, picture, loaded.reading)
    seen = loaded.predict_files(paths)
    probabilities, reached = seen[:, wanted].astype(np.float64), seen.argmax(axis=1) == wanted
    page = write_noise_page(folder / "fool.html", Path(str(model)).name, pictures, name, probabilities)
    return FooledFromNoise(name, probabilities, reached, (*page, *paths))


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
    loaded, folder = open_model(model, weights), _folder(model, out)
    victim, wanted = Victim.of(loaded), None if target is None else _class_of(loaded, target)
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
    fooled = changed.success & album.read_again(loaded, changed, written)
    right = (~attack.Goal(labels).reached(victim.scores(p)) for p in (stored, changed.pictures))
    before, after = (float(part.mean()) for part in right)
    found = Universal(steps, stored, labels, changed.answers, ~changed.wrong_before, fooled, (before, after), wanted)
    picture = folder / "change.png"
    attack.write_picture(picture, np.clip(128 + steps, 0, 255).astype(np.uint8), loaded.reading)
    page = write_universal_page(folder / "fool.html", Path(str(model)).name, found, loaded.class_names, size)
    return FooledAll(found, size, (*page, picture, *(file for _, file in written)))


def _changed(victim: Victim, stored: Bytes, labels: Any, steps: Any, wanted: int | None) -> Fooled:
    """What one change makes of pictures; those of the wanted class are not counted."""
    pictures = attack.add_steps(stored, steps)
    scores = victim.scores(pictures)
    targets = None if wanted is None else np.full(len(labels), wanted)
    left_out = attack.Goal(labels).reached(victim.scores(stored)) | (labels == (-1 if wanted is None else wanted))
    reached = attack.Goal(labels, targets).reached(scores, by=attack.SURE)
    change = pictures.astype(np.int64) - stored
    return Fooled(
        stored, pictures, labels, targets, scores.argmax(axis=1), left_out, reached, reached,
        np.abs(change).max(axis=(1, 2, 3)), np.sqrt((change**2).sum(axis=(1, 2, 3))) / 255,
    )  # fmt: skip


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


def _folder(model: str | Path, out: str | Path | None) -> Path:
    folder = None if out is None else Path(out)
    if folder is not None:
        attack.refuse_jpeg(folder)
    return new_folder(folder, beside_model(model, "fool"))


def _class_of(model: Model, name: str) -> int:
    """The class of this name, or of this number where no class is called so. Raises `RecipeError`."""
    names = model.class_names
    if name in names:
        return names.index(name)
    folded = [n.casefold() for n in names]
    if folded.count(name.casefold()) == 1:
        return folded.index(name.casefold())
    if name.isascii() and name.isdigit() and int(name) < len(names) and not any(n.isdigit() for n in names):
        return int(name)
    known = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    raise RecipeError(f"The model has no class '{name}'.{nearest(name, names)} It has {known}.")


def labelled(model: Model, data: str | Path, part: str) -> tuple[str, Any, NDArray[np.int64]]:
    """(which part, pictures, labels) of a set with the model's classes. Raises `DataError`."""
    return _part_of(model, load_for(model, data), data, part)


def _part_of(model: Model, splits: Splits, data: str | Path, part: str) -> tuple[str, Any, NDArray[np.int64]]:
    name, dataset = choose_part(splits, part)
    if dataset.class_names != model.class_names:
        raise DataError(f"The classes of '{data}' are not those of the model; use the data it was trained for.")
    if tuple(dataset.image_shape) != tuple(model.image_shape):
        raise DataError(f"The pictures of '{data}' are {dataset.image_shape}; the model takes {model.image_shape}.")
    return name, dataset.images, np.asarray(dataset.labels, np.int64)


def _right(victim: Victim, images: Any, labels: Any, order: Any, wanted: int) -> tuple[NDArray[np.int64], int]:
    """(places of the first pictures, in this order, that are right, how many before the last of them are wrong)."""
    found: list[int] = []
    seen = 0
    for start in range(0, len(order), 500):
        at = np.sort(order[start : start + 500])
        right = ~attack.Goal(labels[at]).reached(victim.scores(attack.as_bytes(np.asarray(images[at]))))
        missing = wanted - len(found)
        enough = np.flatnonzero(right)[:missing]
        found.extend(at[enough].tolist())
        seen += int(enough[-1]) + 1 if len(enough) == missing else len(at)
        if len(found) == wanted:
            break
    return np.array(found, np.int64), seen - len(found)


def _some(part: tuple[Any, NDArray[np.int64]], count: int, seed: int) -> tuple[Bytes, NDArray[np.int64]]:
    images, labels = part
    at = np.sort(np.random.default_rng((seed, 0x50)).permutation(len(labels))[:count])
    return attack.as_bytes(np.asarray(images[at])), labels[at]


def _two_parts(model: Model, data: str | Path, part: str, seed: int) -> tuple[Any, Any]:
    """(what one change is made on, what it is measured on)."""
    splits = load_for(model, data)
    if part in ("train", "all"):
        raise RecipeError(f"The change is made on the training part, and measured on another. Got '{part}'.")
    if part or splits.test is not None:
        return _part_of(model, splits, data, "train")[1:], _part_of(model, splits, data, part)[1:]
    _, images, labels = _part_of(model, splits, data, "all")
    order = np.random.default_rng((seed, 0x2A)).permutation(len(labels))
    if len(order) < 2:
        raise DataError(f"'{data}' has {len(order)} picture; one change for all needs at least 2.")
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    first, second = ((images[at], labels[at]) for at in halves)
    return first, second
