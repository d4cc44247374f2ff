"""The pages of fooling pictures: of one picture, of a set, from noise, one change for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.attack import Fooled, add_steps, size_text
from glassnet.metrics import wilson_interval
from glassnet.model import Model
from glassnet.report.page import Heading, write_page
from glassnet.report.panels.attacks import (
    boundary_panel,
    change_picture,
    changes_panel,
    pictures_panel,
    receipts_panel,
    turning_panel,
    universal_panel,
)
from glassnet.report.tables import interval_text, number, percent

__all__ = ["Universal", "write_fooling_page", "write_noise_page", "write_universal_page"]

_SHOWN = 12
_WAYS = 9
_FURTHER = 1.5  # how far the way goes, the fooling picture being at 1


@dataclass(frozen=True, eq=False)
class Universal:
    """One change for all pictures, and what it does to others than those that it was made on.

    Attributes
    ----------
    steps : (H, W, C) int16 array
        The change, in steps of 1/255.
    found : Fooled
        What it makes of the pictures that it was measured on; those of the wanted class do not count. `reached` says of
        the files, read again, whether they are seen as was wanted.
    accuracies : (float, float)
        Accuracy without and with the change.
    target : int or None
        The class that all were to be taken for.
    """

    steps: NDArray[np.int16]
    found: Fooled
    accuracies: tuple[float, float]
    target: int | None


def write_fooling_page(
    path: Path, name: str, model: Model, found: Fooled, files: Sequence[tuple[int, str]], how: str, skipped: int,
    figures: Path | None,
) -> list[Path]:  # fmt: skip
    """The page of fooling pictures.

    Parameters
    ----------
    path : Path
        The HTML file.
    name : str
        What the model is called.
    model : Model
        The model.
    found : Fooled
        The attempts.
    files : sequence of (int, str)
        Which attempt is in which file.
    how : str
        The attack, in words.
    skipped : int
        Pictures that were wrong before and not even tried.
    figures : Path or None
        Where the figures go.
    """
    names, success = model.class_names, np.flatnonzero(found.success)
    single = bool((found.originals == found.originals[:1]).all())
    nearest = success[np.argsort(found.l2[success], kind="stable")]
    shown = nearest[: len(nearest) if single else _SHOWN]
    probabilities = model.predict_proba(found.pictures[shown]).max(axis=1) if len(shown) else []
    panels = [changes_panel(found, shown.tolist(), names, list(map(float, probabilities)))] if len(shown) else []
    turning = None if single else turning_panel(found, names)
    ways = boundary_panel([_way(model, found, int(i)) for i in shown[:_WAYS]])
    listed = [
        (file, names[found.labels[i]], names[found.answers[i]], int(found.steps[i]), float(found.l2[i]))
        for i, file in files[:500]
    ]
    panels += [panel for panel in (turning, ways) if panel is not None]
    panels += [receipts_panel(listed)] if listed else []
    return write_page(path, _heading(name, found, names, single, how, skipped), panels, figures_folder=figures)


def _heading(name: str, found: Fooled, names: Sequence[str], single: bool, how: str, skipped: int) -> Heading:
    right, attempts = int(found.success.sum()), found.attempts
    lengths = found.l2[found.success]
    cards = []
    if attempts:
        low, high = wilson_interval(right, attempts)
        note = f"{number(right)} of {number(attempts)}; 95 % interval {interval_text(low, high)}"
        cards.append(("fooled", percent(right / attempts), note))
    if len(lengths):
        cards += [
            ("median length", f"{np.median(lengths):.3f}", "of the change (l2), pixels from 0 to 1"),
            ("median largest change", f"{np.median(found.steps[found.success]):g}/255", "of a pixel"),
        ]
    wrong = int(found.wrong_before.sum()) + skipped
    if wrong:
        cards.append(("left out", number(wrong), "that were misclassified before"))
    what = f"a picture of {names[found.labels[0]]}" if single else f"{number(len(found))} attempts"
    sentence = f"{what[:1].upper()}{what[1:]}, changed so that the model sees something else: {how}."
    return Heading(f"Fooling {name}", sentence, cards)


def _way(
    model: Model, found: Fooled, i: int
) -> tuple[str, str, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    places = np.linspace(0, _FURTHER, 61)
    before, after = found.originals[i] / 255.0, found.pictures[i] / 255.0
    pictures = np.clip(before + places[:, None, None, None] * (after - before), 0, 1).astype(np.float32)
    probabilities = model.predict_proba(pictures).astype(np.float64)
    label, answer = int(found.labels[i]), int(found.answers[i])
    names = model.class_names
    return names[label], names[answer], places, probabilities[:, label], probabilities[:, answer]


def write_noise_page(
    path: Path, name: str, pictures: NDArray[np.uint8], target: str, probabilities: NDArray[np.float64]
) -> list[Path]:
    """The page of pictures made from noise."""
    shown = [
        (picture, target, f"{percent(float(p), 1)} sure") for picture, p in zip(pictures, probabilities, strict=True)
    ]
    lead = "Each began as random pixels and was changed until the model was certain. To a person it is still noise."
    heading = Heading(
        f"Noise that {name} takes for {target}",
        "A model that must name a class names one for anything, often with great confidence.",
        [("least probability", percent(float(probabilities.min())), f"of {target}, as a saved picture")],
    )
    return write_page(path, heading, [pictures_panel("pictures", "Made from noise", lead, shown)])


def write_universal_page(path: Path, name: str, found: Universal, names: Sequence[str], eps: float) -> list[Path]:
    """The page of one change for all pictures."""
    pictures, success = found.found, found.found.success
    right, fooled = pictures.attempts, int(success.sum())
    low, high = wilson_interval(fooled, right) if right else (0.0, 1.0)
    grey = np.full(found.steps.shape, 128, np.uint8)
    picture, times = change_picture(grey, add_steps(grey[None], found.steps)[0])
    chosen = np.flatnonzero(success)[:_SHOWN]
    texts = [(names[pictures.labels[i]], names[pictures.answers[i]]) for i in chosen]
    lead = f"Grey is unchanged. The change, {times} times as large as it is."
    panels = [pictures_panel("change", "The change", lead, [(picture, f"× {times}", f"at most {size_text(eps)}")])]
    if len(chosen):
        panels.append(universal_panel(pictures.originals[chosen], found.steps, texts))
    aim = "something else" if found.target is None else names[found.target]
    heading = Heading(
        f"One change that fools {name}",
        f"Added to any picture, at most {size_text(eps)} in any pixel, it makes the model see {aim}. It was made on"
        " other pictures than those it is measured on.",
        [
            ("fooled", percent(fooled / right) if right else "–",
             f"{number(fooled)} of {number(right)} pictures that were right; 95 % interval {100 * low:.1f} –"
             f" {percent(high)}"),
            ("accuracy before", percent(found.accuracies[0]), f"on {number(len(pictures))} pictures"),
            ("accuracy after", percent(found.accuracies[1]), "with the change added"),
        ],
    )  # fmt: skip
    return write_page(path, heading, panels)
