"""Fooling pictures: of one picture, of a set, from noise, one change for all; files, receipts and a page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import attack
from glassnet.actions.evaluate import choose_part, load_for
from glassnet.actions.events import Events
from glassnet.attack import Attack, Fooled, Victim, album
from glassnet.data import read_picture
from glassnet.errors import DataError, Fix, RecipeError, nearest
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
        All attempts.
    survived : (n,) bool array
        Whether the file, read again as any picture, is seen as was wanted; False where none was written.
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
    survived: NDArray[np.bool_]
    class_names: tuple[str, ...]
    files: tuple[Path, ...]
    how: str
    seconds: float

    @property
    def success(self) -> NDArray[np.bool_]:
        """(n,) which attempts count: right before, and fooling as the file that was read again."""
        return self.found.success & self.survived

    @property
    def success_rate(self) -> float:
        """Share of the attempts on pictures that were right; NaN without any."""
        return float(self.success.sum() / self.found.attempts) if self.found.attempts else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The figures, and of each attempt its classes and sizes where there are few."""
        found, success = self.found, self.success
        attempts, right = found.attempts, int(self.success.sum())
        values: dict[str, Any] = {
            "attempts": attempts,
            "fooled": right,
            "success_rate": self.success_rate,
            "success_interval": list(wilson_interval(right, attempts)) if attempts else None,
            "wrong_before": int(found.wrong_before.sum()),
            "lost_in_rounding": int((found.found & ~found.reached & ~found.wrong_before).sum()),
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
    """Pictures made from noise, and how sure the model is of each as a file that was read again."""

    target: str
    probabilities: NDArray[np.float64]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """The target and its probabilities."""
        return {"target": self.target, "probabilities": self.probabilities.tolist(), "files": self.files}


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
    norm : str
        "l2" or "linf": by which the change is to be small.
    eps : float, str or None
        The largest change allowed, such as 0.1 or "8/255"; None: as small as can be found.
    attack : str
        The attack in notation; "" chooses.
    seed : int
        Of the random numbers.
    """

    norm: str = "l2"
    eps: float | str | None = None
    attack: str = ""
    seed: int = 0

    def size(self) -> float | None:
        """eps as a number."""
        given = None if self.eps is None else attack.as_size(self.eps)
        if given is not None and given <= 0:
            raise RecipeError("The size of a change must be above 0.")
        return given

    def chosen(self) -> tuple[Attack | None, float | None]:
        """(the attack or None, eps or None); an eps in the attack's notation counts where none is given beside it."""
        attack.norm_of(self.norm)
        eps = self.size()
        if not self.attack:
            return None, eps
        found, own = attack.parse_attack(self.attack)
        eps = own if eps is None else eps
        if found.bounded and eps is None:
            raise RecipeError(f"The attack '{found.word}' needs a size, as in '{found.word} 8/255'.")
        return found, eps

    def words(self) -> str:
        """For pages and tables."""
        found, eps = self.chosen()
        name = "the smallest change found (FAB)" if found is None and eps is None else "FAB, then APGD"
        name = found.notation() if found is not None else name
        return f"{name}, {self.norm}" + (f" up to {attack.size_text(eps)}" if eps is not None else "")


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
        The folder to write into; None takes MODEL-fool.
    weights : path or None
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model, the picture or the target cannot be used.
    """
    loaded = open_model(model, weights)
    victim, manner = Victim.of(loaded), manner or Manner()
    stored = read_picture(picture, loaded.image_shape, loaded.reading)[None]
    scores = victim.scores(stored)[0]
    label = int(scores.argmax())
    others = [int(k) for k in np.argsort(-scores, kind="stable") if k != label][:9]
    wanted = others if target is None else [_class_of(loaded, target)]
    if wanted == [label]:
        raise RecipeError(f"The model sees {loaded.class_names[label]} in the picture already; name another target.")
    n = len(wanted)
    return _fool(
        loaded, victim, str(model), np.repeat(stored, n, axis=0), np.full(n, label), np.array(wanted), manner, out,
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
    """Fool a model on the first pictures of a set that it gets right.

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
        How many pictures; those that are wrong already are skipped and counted apart.
    part : str
        "test", "train", "valid" or "all"; "" takes test if there is one, else all.
    manner : Manner or None
        How.
    out : path or None
        The folder to write into; None takes MODEL-fool.
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
        raise RecipeError("Either one target or all of them. Got both.")
    if examples < 1:
        raise RecipeError(f"The number of examples must be at least 1. Got {examples}.")
    loaded = open_model(model, weights)
    victim = Victim.of(loaded)
    images, labels = labelled(loaded, data, part)
    right, wrong = _right(victim, images, labels, examples)
    if target is not None:
        right = right[labels[right] != _class_of(loaded, target)]
    if not len(right):
        raise DataError("The model gets none of the pictures right, so there is nothing to fool.")
    at, targets = right, None if target is None else np.full(len(right), _class_of(loaded, target))
    if all_targets:
        others = np.arange(len(loaded.class_names))
        pairs = [(i, k) for i in right for k in others if k != labels[i]]
        at, targets = np.array([i for i, _ in pairs]), np.array([k for _, k in pairs])
    stored = attack.as_bytes(np.asarray(images[at]))
    result = _fool(
        loaded, victim, str(model), stored, labels[at], targets, manner or Manner(), out, events or Events(),
        [f"{i:05d}" for i in at],
    )  # fmt: skip
    if wrong and events is not None:
        events.say(f"{wrong} pictures before the last of these were wrong already and left out")
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
        The folder to write into; None takes MODEL-fool.
    weights : path or None
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model or the class cannot be used.
    """
    loaded = open_model(model, weights)
    victim, wanted, folder = Victim.of(loaded), _class_of(loaded, target), _folder(str(model), out)
    pictures, _ = attack.from_noise(victim, wanted, count=count, seed=seed)
    name = loaded.class_names[wanted]
    paths = [folder / f"noise-{i + 1}-{album.slug(name)}.png" for i in range(count)]
    for path, picture in zip(paths, pictures, strict=True):
        attack.write_picture(path, picture, loaded.reading)
    probabilities = loaded.predict_files(paths)[:, wanted].astype(np.float64)
    page = write_noise_page(folder / "fool.html", Path(str(model)).name, pictures, name, probabilities)
    return FooledFromNoise(name, probabilities, (*page, *paths))


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

    It is made on the training part, and measured on another; of a set without parts each gets a half.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set, with the model's classes.
    eps : float or str
        The largest change of a pixel.
    target : str or None
        The class that all are to be taken for; None: any wrong one.
    examples : int
        How many pictures it is measured on.
    part : str
        As of `fool_set`, of the pictures that it is measured on.
    seed : int
        Of the order of the pictures.
    out : path or None
        The folder to write into; None takes MODEL-fool.
    weights : path or None
        A pretrained network's weights.
    events : Events or None
        Told how far it is.

    Raises
    ------
    GlassnetError
        Model and set cannot be read, or do not fit each other.
    """
    events = events or Events()
    loaded, size = open_model(model, weights), attack.as_size(eps)
    if size < 1 / 255:
        raise RecipeError(f"The change of a pixel must be at least 1/255. Got {eps}.")
    victim, wanted = Victim.of(loaded), None if target is None else _class_of(loaded, target)
    folder = _folder(str(model), out)
    made_on, measured_on = _two_parts(loaded, data, part, seed)
    epochs = 10
    steps = attack.universal(
        victim, *_some(made_on, _MADE_ON), size, target=wanted, epochs=epochs, seed=seed,
        progress=lambda done: events.progress("looking for one change", done, epochs),
    )  # fmt: skip
    stored, labels = _some(measured_on, examples)
    before = victim.scores(stored).argmax(axis=1)
    after = victim.scores(attack.add_steps(stored, steps)).argmax(axis=1)
    found = Universal(steps, stored, labels, before, after, wanted)
    picture = folder / "change.png"
    attack.write_picture(picture, np.clip(128 + steps, 0, 255).astype(np.uint8), loaded.reading)
    page = write_universal_page(folder / "fool.html", Path(str(model)).name, found, loaded.class_names, size)
    return FooledAll(found, size, (*page, picture))


# ---- steps


def _fool(
    model: Model, victim: Victim, name: str, stored: Bytes, labels: Any, targets: Any, manner: Manner,
    out: str | Path | None, events: Events, stems: Sequence[str],
) -> FooledPictures:  # fmt: skip
    began, folder = time.perf_counter(), _folder(name, out)
    chosen, eps = manner.chosen()
    found = attack.fool(
        victim, stored, labels, targets, norm=manner.norm, eps=eps, attack=chosen, seed=manner.seed,
        progress=lambda done: events.progress("changing pictures", done, len(stored)),
    )  # fmt: skip
    written = album.save(model, found, folder, stems, attack=manner.words(), seed=manner.seed)
    survived = album.read_again(
        model, found, written, lambda done: events.progress("reading the files again", done, len(written))
    )
    seconds = time.perf_counter() - began
    title = Path(name).name
    named = [(i, file.name) for i, file in written]
    pages = write_fooling_page(folder / "fool.html", title, model, found, named, manner.words(), folder / "figures")
    files = (*pages, *(file for _, file in written))
    return FooledPictures(found, survived, model.class_names, files, manner.words(), seconds)


def _folder(model: str, out: str | Path | None) -> Path:
    folder = Path(out) if out is not None else Path(f"{Path(model).stem or 'model'}-fool")
    attack.refuse_jpeg(folder)
    return folder


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


def labelled(model: Model, data: str | Path, part: str) -> tuple[Any, NDArray[np.int64]]:
    """(pictures, labels) of a part of a set with the model's classes. Raises `DataError`."""
    _, dataset = choose_part(load_for(model, data), part)
    if dataset.class_names != model.class_names:
        raise DataError(f"The classes of '{data}' are not those of the model; use the data it was trained for.")
    if tuple(dataset.image_shape) != tuple(model.image_shape):
        raise DataError(f"The pictures of '{data}' are {dataset.image_shape}; the model takes {model.image_shape}.")
    return dataset.images, np.asarray(dataset.labels, np.int64)


def _right(victim: Victim, images: Any, labels: NDArray[np.int64], wanted: int) -> tuple[NDArray[np.int64], int]:
    """(places of the first pictures that are right, how many before the last of them are wrong)."""
    found: list[int] = []
    seen = 0
    for start in range(0, len(labels), 500):
        at = np.arange(start, min(start + 500, len(labels)))
        stored = attack.as_bytes(np.asarray(images[at]))
        right = ~attack.Goal(labels[at]).reached(victim.scores(stored))
        found.extend(at[right].tolist())
        seen = int(at[-1]) + 1
        if len(found) >= wanted:
            found = found[:wanted]
            seen = found[-1] + 1
            break
    return np.array(found, np.int64), seen - len(found)


def _some(part: tuple[Any, NDArray[np.int64]], count: int) -> tuple[Bytes, NDArray[np.int64]]:
    images, labels = part
    at = np.arange(min(count, len(labels)))
    return attack.as_bytes(np.asarray(images[at])), labels[at]


def _two_parts(model: Model, data: str | Path, part: str, seed: int) -> tuple[Any, Any]:
    """(what one change is made on, what it is measured on)."""
    splits = load_for(model, data)
    if splits.test is not None or part not in ("", "all", "train"):
        return labelled(model, data, "train"), labelled(model, data, part)
    images, labels = labelled(model, data, part)
    order = np.random.default_rng((seed, 0x2A)).permutation(len(labels))
    if len(order) < 2:
        raise DataError(f"'{data}' has {len(order)} pictures; one change for all needs at least 2.", Fix.CHOOSE_PART)
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    first, second = ((images[at], labels[at]) for at in halves)
    return first, second
