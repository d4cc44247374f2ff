"""How robust a model is: clean, under attack, corrupted; the exact answer where it can be had; doubts by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import attack
from glassnet.actions import stills
from glassnet.actions.evaluate import labelled
from glassnet.actions.events import Events
from glassnet.actions.places import beside_model, writable_folder
from glassnet.attack import APGD, FAB, FGSM, PGD, Attack, Checked, Goal, Victim
from glassnet.errors import DataError, RecipeError
from glassnet.experiments.for_model import load_for
from glassnet.files import exists
from glassnet.imagenet import open_model
from glassnet.model import Model
from glassnet.report.pages.audit import Audited, write_audit_page
from glassnet.report.panels.attacks import ExactRow

__all__ = ["AuditResult", "Verified", "audit", "verify"]

_EXACT_LINEAR, _EXACT_RELU = 100, 5  # pictures
_EXACT_SECONDS = {"quick": 20.0, "standard": 60.0, "thorough": 600.0}  # for all programmes together
_COMPARED: dict[str, Attack] = {"FAB": FAB(steps=30, restarts=2), "APGD": APGD(), "PGD": PGD(), "FGSM": FGSM()}


@dataclass(frozen=True, eq=False)
class AuditResult:
    """What an audit found, and the files that say so, the page first."""

    found: Audited
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.found.to_dict(), "files": self.files}


@dataclass(frozen=True)
class Verified:
    """What became of fooling pictures when they were looked at again."""

    checked: tuple[Checked, ...]

    @property
    def all_fool(self) -> bool:
        """Whether every receipt holds."""
        return all(found.fools for found in self.checked)

    def to_dict(self) -> dict[str, Any]:
        """Of each picture the verdict."""
        return {
            "pictures": len(self.checked),
            "fool": sum(found.fools for found in self.checked),
            "each": [{"file": found.file, "verdict": found.verdict} for found in self.checked],
        }


def audit(
    model: str | Path,
    data: str | Path,
    *,
    eps: Sequence[float | str] = (),
    norms: Sequence[str] = ("linf",),
    examples: int = 500,
    effort: str = "standard",
    corruptions: bool = True,
    part: str = "",
    video: str | Path | None = None,
    expect: str = "",
    seed: int = 0,
    out: str | Path | None = None,
    weights: str | Path | None = None,
    events: Events | None = None,
) -> AuditResult:
    """Measure how robust a model is, and write a page of it.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set, with the model's classes.
    eps : sequence of float or str
        The sizes of changes, such as 0.3 or "8/255", for a single norm; none takes 0.1, 0.2, 0.3 for grey pictures and
        2/255, 4/255, 8/255 for coloured ones, and by the norm l2 0.5, 1, 2.
    norms : sequence of str
        "linf", "l2", both, or none: then nothing is attacked.
    examples : int
        How many pictures, the first of a random order.
    effort : str
        "quick", "standard" or "thorough".
    corruptions : bool
        Whether corrupted pictures are predicted too.
    part : str
        "test", "train", "valid" or "all"; "" takes test if there is one, else all.
    video : str or path, optional
        A video: the pictures are set beside its frames, and corrupted until they are as bad. They are those of the
        expected classes, where the set has any.
    expect : str
        The classes that are right in the video, with commas between them; "" takes the one that its file is named
        after.
    seed : int
        Of the choice of pictures, the attacks and the corruptions.
    out : path or None
        The folder to write into; None takes MODEL-audit.
    weights : path or None
        A pretrained network's weights.
    events : Events or None
        Told how far it is.

    Raises
    ------
    GlassnetError
        Model and set cannot be read or do not fit each other, or a size or an effort is wrong.
    """
    began, events = time.perf_counter(), events or Events()
    if examples < 1:
        raise RecipeError(f"The number of examples must be at least 1. Got {examples}.")
    norms = list(dict.fromkeys(norms))
    for norm in norms:
        attack.norm_of(norm)
    if eps and len(norms) > 1:
        raise RecipeError("Sizes are given for one norm: by linf and by l2 they mean different things. Got both norms.")
    attack.rounds_of(effort)
    loaded, folder = open_model(model, weights), Path(out) if out is not None else beside_model(model, "audit")
    victim, folder = Victim.of(loaded), writable_folder(folder)
    sizes = {norm: _sizes(eps, norm, loaded) for norm in norms}
    name, dataset = labelled(loaded, load_for(loaded, data), part)
    whole = dataset
    if video is not None:
        expected = stills.expected_of(loaded, video, expect)
        dataset = stills.of_classes(dataset, expected)
    at = np.sort(np.random.default_rng((seed, 0xAD)).permutation(len(dataset))[:examples])
    stored, labels = attack.pictures_of(dataset, at)
    found = Audited(str(data), name, _evaluation(loaded, stored, labels), [], [])
    for norm in norms:
        found.robustness.append(
            attack.measure_robustness(
                victim,
                stored,
                labels,
                sizes[norm],
                norm=norm,
                effort=effort,
                seed=seed,
                progress=_telling(events, norm),
            )
        )
    if norms:
        events.progress("looking for reasons to doubt", 0, 1)
        found.flags = attack.flags_of(victim, stored, labels, found.robustness, seed=seed)
    if video is not None:
        found.stills = stills.beside(
            loaded, whole, dataset.subset(at), video, expected, what=str(data), seed=seed, events=events
        )
        found.corruptions = {kind: list(right) for kind, right in found.stills.curves.items()}
    elif corruptions:
        found.corruptions = _corrupted(victim, stored, labels, seed, events)
    _exact(loaded, stored, labels, at, norms, seed, _EXACT_SECONDS[effort], found, events)
    found.seconds = time.perf_counter() - began
    files = write_audit_page(folder / "audit.html", Path(str(model)).name, found, folder / "figures")
    return AuditResult(found, tuple(files))


def verify(folder: str | Path, model: str | Path | None = None, *, weights: str | Path | None = None) -> Verified:
    """Look again at fooling pictures that anybody made: does each hold what its receipt says?

    Parameters
    ----------
    folder : str or path
        PNG files with receipts; their originals lie beside them, or in the folder `originals`.
    model : str, path or None
        The model that they are said to fool; None takes the one that the receipts name, where it is still there.
    weights : path or None
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The folder or the model cannot be read, or no picture has a receipt.
    """
    path = Path(folder)
    if not exists(path) or not path.is_dir():
        raise DataError(f"There is no folder '{folder}'; name one with fooling pictures.")
    return Verified(
        tuple(attack.check_folder(path, open_model(_named_model(path) if model is None else model, weights)))
    )


def _named_model(folder: Path) -> str:
    """The one model that the receipts of a folder name. Raises `DataError` where they name none, or several."""
    names = sorted(attack.named_models(folder))
    if len(names) != 1 or not names[0]:
        said = f"several models: {', '.join(names)}" if len(names) > 1 else "no model"
        raise DataError(f"The receipts in '{folder}' name {said}; give the model as well.")
    return names[0]


# ---- steps


def _sizes(eps: Sequence[float | str], norm: str, model: Model) -> list[float]:
    if eps:
        return [attack.checked_size(size, norm) for size in eps]
    if norm == "l2":
        return [0.5, 1.0, 2.0]
    return [0.1, 0.2, 0.3] if model.image_shape[2] == 1 else [2 / 255, 4 / 255, 8 / 255]


def _evaluation(model: Model, stored: NDArray[np.uint8], labels: NDArray[np.int64]) -> Any:
    return model.task.evaluate(model.predict_proba(stored), labels, model.class_names)


def _telling(events: Events, norm: str) -> Callable[[str, int, int], None]:
    return lambda what, done, total: events.progress(f"{norm}: {what}" if what else norm, done, total)


def _corrupted(
    victim: Victim, stored: NDArray[np.uint8], labels: NDArray[np.int64], seed: int, events: Events
) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    kinds = list(attack.CORRUPTIONS)
    for place, kind in enumerate(kinds):
        events.progress(f"corruption: {kind}", place, len(kinds))
        found[kind] = [
            int((~Goal(labels).reached(victim.scores(attack.corrupt(stored, kind, severity, seed=seed)))).sum())
            for severity in attack.SEVERITIES
        ]
    return found


def _exact(
    model: Model, stored: NDArray[np.uint8], labels: NDArray[np.int64], numbers: NDArray[np.int64],
    norms: Sequence[str], seed: int, seconds: float, found: Audited, events: Events,
) -> None:  # fmt: skip
    """The exact answers for some pictures that are right, and what the attacks find of them."""
    victim = Victim.of(model, dtype=np.float64)
    kind = attack.exact_kind(victim)
    if not kind or not norms:
        return
    right = np.flatnonzero(~Goal(labels).reached(victim.scores(stored)))
    chosen = right[: _EXACT_LINEAR if kind == "linear" else _EXACT_RELU]
    if not len(chosen):
        return
    x, own = stored[chosen] / 255.0, labels[chosen]
    for norm in norms:
        if kind == "relu" and norm != "linf":
            continue
        events.progress(f"{norm}: the exact answer", 0, len(chosen))
        sizes = {name: attack.smallest_sizes(victim, x, own, norm, made, seed=seed) for name, made in _COMPARED.items()}
        if kind == "linear":
            exact = attack.exact_linear(victim, x, own, norm)
        else:

            def tell(done: int, norm: str = norm) -> None:
                events.progress(f"{norm}: the exact answer", done, len(chosen))

            upper = np.min(list(sizes.values()), axis=0)
            exact = attack.exact_relu(victim, x, own, upper, seconds=seconds / 4, total=seconds, progress=tell)
        names = model.class_names
        found.exact[norm] = [
            ExactRow(
                int(numbers[i]), names[labels[i]], float(exact.sizes[place]), bool(exact.proved[place]),
                {name: float(size[place]) for name, size in sizes.items()},
            )
            for place, i in enumerate(chosen)
            if not np.isnan(exact.sizes[place])
        ]  # fmt: skip
