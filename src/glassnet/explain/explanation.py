"""Every method on one picture and one class, as maps of the picture's size, each with what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glassnet.attack import Victim
from glassnet.explain.contributions import Contributions, contributions
from glassnet.explain.gradcam import grad_cam, resized
from glassnet.explain.occlusion import occlusion
from glassnet.explain.saliency import gradient_times_input, saliency, score_gradient, smooth_saliency
from glassnet.nn.functional.arrays import Array

__all__ = ["ClassExplanation", "HeatMap", "explain"]


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where one method finds evidence in a picture.

    Attributes
    ----------
    method : str
        "gradient", "smooth gradient", "gradient x input", "Grad-CAM" or "occlusion".
    values : (H, W) array
        For each pixel of the picture.
    speaking : "for", "either" or "size"
        What a value means: "for", how much speaks for the class, at least 0; "either", below 0 against it; "size", how
        much the score depends on the pixel, at least 0.
    said : str
        What the map says in one sentence, or why it says nothing.
    found : bool
        Whether anything in it speaks for the class.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import explain
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> explain(victim, np.zeros((8, 8, 1)), chosen=3).maps[0].values.shape
    (8, 8)
    """

    method: str
    values: Array
    speaking: Literal["for", "either", "size"]
    said: str
    found: bool

    @property
    def peak(self) -> tuple[int, int]:
        """Row and column of the largest value, the first of equal ones."""
        row, column = np.unravel_index(int(self.values.argmax()), self.values.shape)
        return int(row), int(column)

    def to_dict(self) -> dict[str, Any]:
        """Method, largest and smallest value, where the largest is, and the sentence."""
        return {
            "method": self.method,
            "highest": float(self.values.max()),
            "lowest": float(self.values.min()),
            "peak": list(self.peak) if self.found else None,
            "said": self.said,
        }


@dataclass(frozen=True, eq=False)
class ClassExplanation:
    """Why a picture gets the score that it gets for one class.

    Attributes
    ----------
    chosen : int
        The class, from 0.
    name : str
        Its name.
    probability : float
        Its probability.
    score : float
        Its score, before any softmax.
    maps : tuple of HeatMap
        One of each method that applies.
    added : Contributions or None
        What the last layer adds up; None where it is not linear.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import explain
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> found = explain(victim, np.zeros((8, 8, 1)), chosen=3)
    >>> found.chosen, found.name, len(found.maps)
    (3, 'class 3', 3)
    >>> bool(np.isclose(found.added.score, found.score))
    True
    """

    chosen: int
    name: str
    probability: float
    score: float
    maps: tuple[HeatMap, ...]
    added: Contributions | None


def explain(victim: Victim, picture: Array, chosen: int, name: str = "", *, smooth: int = 0) -> ClassExplanation:
    """Explain one class of one picture by every method that applies.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    picture : (H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.
    name : str
        What the class is called.
    smooth : int
        The saliency is the mean over so many noisy copies of the picture (SmoothGrad); 0: of the picture alone.

    Returns
    -------
    ClassExplanation
        The gradient, Grad-CAM or (for a network without maps) gradient x input, and occlusion.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import explain
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> [heat.method for heat in explain(victim, np.zeros((8, 8, 1)), chosen=3).maps]
    ['gradient', 'gradient x input', 'occlusion']
    """
    name = name or f"class {chosen}"
    scores = victim.scores(picture[None])
    gradient = score_gradient(victim, picture[None], chosen)[0]
    maps = (
        _saliency(victim, picture, chosen, name, gradient, smooth),
        _grad_cam(victim, picture, chosen, name) or _gradient_times_input(gradient, picture, name),
        _occlusion(victim, picture, chosen, name),
    )
    probability = float(victim.engine.loss.probabilities(scores)[0, chosen])
    added = contributions(victim, picture, chosen)
    return ClassExplanation(chosen, name, probability, float(scores[0, chosen]), maps, added)


def _no_gradient(name: str) -> str:
    return (
        f"The score of {name} has the gradient 0 at every pixel: no very small change of the picture changes it."
        " Units on the way are dead or saturated."
    )


def _saliency(victim: Victim, picture: Array, chosen: int, name: str, gradient: Array, smooth: int) -> HeatMap:
    heat = smooth_saliency(victim, picture, chosen, samples=smooth) if smooth else saliency(gradient)
    method = "smooth gradient" if smooth else "gradient"
    speaks = bool(heat.any())
    top = np.sort(heat, axis=None)[::-1]
    half = (int(np.searchsorted(np.cumsum(top), top.sum() / 2)) + 1) / heat.size
    said = f"Half of all that the score depends on lies in {100 * half:.0f} % of the pixels."
    return HeatMap(method, heat, "size", said if speaks else _no_gradient(name), speaks)


def _gradient_times_input(gradient: Array, picture: Array, name: str) -> HeatMap:
    heat = gradient_times_input(gradient, picture)
    speaks = bool((heat > 0).any())
    up, down = heat[heat > 0].sum(), heat[heat < 0].sum()
    said = f"The pixels add up to {up + down:+.3g} for {name}: {up:+.3g} and {down:+.3g}."
    if not heat.any():
        said = (
            _no_gradient(name) if not gradient.any() else f"Where the score of {name} depends on a pixel, it is black."
        )
    elif not speaks:
        said = f"Nothing speaks for {name}: no pixel's part is above 0."
    return HeatMap("gradient x input", heat, "either", said, speaks)


def _grad_cam(victim: Victim, picture: Array, chosen: int, name: str) -> HeatMap | None:
    found = grad_cam(victim, picture, chosen)
    if found is None:
        return None
    height, width = picture.shape[:2]
    speaks = bool((found.total > 0).any())
    size = "x".join(map(str, found.total.shape))
    said = f"The maps of {found.layer}, {size} places, weighted by what they do for {name}."
    if not found.active:
        said = f"All maps of {found.layer} are 0 for this picture: nothing in it speaks for {name} or against it."
    elif not found.alpha.any():
        said = f"The score of {name} does not depend on the maps of {found.layer}: nothing speaks for it."
    elif not speaks:
        said = (
            f"Finds nothing for {name}: the weighted maps of {found.layer} are nowhere above 0. A map that speaks for"
            " it at one place and against it at another cancels out."
        )
    return HeatMap("Grad-CAM", resized(found.heat, height, width), "for", said, speaks)


def _occlusion(victim: Victim, picture: Array, chosen: int, name: str) -> HeatMap:
    found = occlusion(victim, picture, chosen)
    largest, p = float(found.drops.max()), found.probability
    size = f"{found.patch}x{found.patch}"
    speaks = largest > found.noise
    if speaks:
        lowest = _share(p - largest)
        said = f"Hiding {size} pixels lowers the probability of {name} from {_share(p)} to as little as {lowest}."
    elif float(-found.drops.min()) > found.noise:
        said = (
            f"Nothing speaks for {name}: hiding {size} pixels nowhere lowers its probability of {_share(p)}, but raises"
            f" it to as much as {_share(p - found.drops.min())}."
        )
    else:
        said = (
            f"Hiding {size} pixels nowhere changes the probability of {name}, {_share(p)}, by more than noise of one"
            f" step in 255 does ({found.noise:.1g}): no single part decides."
        )
    return HeatMap("occlusion", found.heat, "either", said, speaks)


def _share(value: float) -> str:
    """A probability as a percentage that is 0 or 100 only where it is."""
    percentage = 100 * value
    if 0 < percentage < 0.1:
        return "under 0.1 %"
    if 99.9 < percentage < 100:
        return "over 99.9 %"
    return f"{percentage:.1f} %"
