"""The steps of augmentation as they are written: their words, numbers and manners, and what each does to a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.errors import NotationError, nearest
from glassnet.notation import Step as NotationStep
from glassnet.notation import as_real, real_text

__all__ = ["KINDS", "AugmentStep", "undone"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A step's usage, the largest values of its numbers, and how many random numbers it takes an example.

    `manners` are the words that may follow the numbers; none of them is the default.
    """

    usage: str
    most: tuple[float, ...]
    draws: int
    whole: bool = False
    manners: tuple[str, ...] = ()


KINDS = {
    "flip": Kind("flip [alternate]", (), 1, manners=("alternate",)),
    "shift": Kind("shift P", (1024.0,), 2),
    "rotate": Kind("rotate DEG", (180.0,), 1),
    "scale": Kind("scale PCT", (90.0,), 1),
    "crop": Kind("crop P[, zero | reflect]", (1024.0,), 2, whole=True, manners=("zero", "reflect")),
    "elastic": Kind("elastic ALPHA SIGMA", (10000.0, 64.0), 1),
    "cutout": Kind("cutout P", (1024.0,), 2, whole=True),
}


@dataclass(frozen=True)
class AugmentStep:
    """One step: its word, numbers and manner ('' for the default)."""

    word: str
    numbers: tuple[float, ...] = ()
    manner: str = ""

    @property
    def draws(self) -> int:
        """Random numbers per example."""
        return KINDS[self.word].draws

    def notation(self) -> str:
        """The step as it is written."""
        numbers = [real_text(number) for number in self.numbers]
        text = " ".join([self.word, *numbers])
        return text + ((", " if numbers else " ") + self.manner if self.manner else "")

    @classmethod
    def parse(cls, step: NotationStep) -> AugmentStep:
        """The step of a notation. Raises `NotationError`."""
        word = step.word
        if word not in KINDS:
            raise NotationError(
                f"Unknown augmentation step '{word[:40]}'.{nearest(word, KINDS)} Known: {', '.join(KINDS)}."
            )
        kind = KINDS[word]
        values = step.split(())[0]
        manner = values.pop() if values and values[-1] in kind.manners else ""
        numbers = tuple(as_real(value) for value in values)
        fits = len(numbers) == len(kind.most) and all(0.0 < n <= m for n, m in zip(numbers, kind.most, strict=True))
        if not fits or (kind.whole and numbers[0] != int(numbers[0])):
            limits = " and ".join(f"{m:g}" for m in kind.most) or "no numbers"
            raise NotationError(
                f"The augmentation step is written '{kind.usage}' (above 0, up to {limits}). Got "
                f"'{step.text[:60]}' instead."
            )
        return cls(word, numbers, manner)


def undone(step: AugmentStep, draws: Floats, height: int, width: int) -> Floats:
    """(N, 3, 3) the inverse of the step's map, in pixels: from a place in the result to the place it shows."""
    inverse = np.zeros((len(draws), 3, 3))
    inverse[:] = np.eye(3)
    if step.word == "flip":
        mirrored = draws[:, 0] < 0.5
        inverse[mirrored, 0, 0] = -1.0
        inverse[mirrored, 0, 2] = width - 1.0
    elif step.word == "shift":
        inverse[:, :2, 2] = (2.0 * draws - 1.0) * step.numbers[0]
    elif step.word == "crop":
        reach = int(step.numbers[0])
        inverse[:, :2, 2] = np.floor(draws * (2 * reach + 1)) - reach
    elif step.word == "rotate":
        angle = np.deg2rad(step.numbers[0]) * (2.0 * draws[:, 0] - 1.0)
        inverse[:, 0, 0] = inverse[:, 1, 1] = np.cos(angle)
        inverse[:, 0, 1], inverse[:, 1, 0] = -np.sin(angle), np.sin(angle)
        _about_centre(inverse, height, width)
    elif step.word == "scale":
        factor = 1.0 / (1.0 + step.numbers[0] / 100.0 * (2.0 * draws[:, 0] - 1.0))
        inverse[:, 0, 0] = inverse[:, 1, 1] = factor
        _about_centre(inverse, height, width)
    return inverse  # of elastic and cutout, which no such map describes, the identity


def _about_centre(maps: Floats, height: int, width: int) -> None:
    centre = np.asarray([(width - 1) / 2.0, (height - 1) / 2.0])
    maps[:, :2, 2] = centre - maps[:, :2, :2] @ centre
