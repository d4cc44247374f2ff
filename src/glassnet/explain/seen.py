"""What a network says about one picture, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.attack import Victim
from glassnet.explain.explanation import ClassExplanation, explain
from glassnet.nn.functional.arrays import Array

__all__ = ["Seen", "see"]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture, the probability of every class, and explanations of some.

    Attributes
    ----------
    caption : str
        What the picture is called.
    pixels : (H, W, C) array
        The picture, uint8 or floats in [0, 1].
    true : int or None
        Its true class, where it is known.
    names : tuple of str
        The K classes.
    probabilities : (K,) array
        Of each class.
    explanations : tuple of ClassExplanation
        One of each class that is explained.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import see
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> seen = see(Victim.of(model), model.class_names, np.zeros((8, 8, 1)), "an empty picture", true=3)
    >>> seen.caption, seen.to_dict()["true"], seen.order.shape
    ('an empty picture', '3', (10,))
    """

    caption: str
    pixels: Array
    true: int | None
    names: tuple[str, ...]
    probabilities: Array
    explanations: tuple[ClassExplanation, ...]

    @property
    def order(self) -> Array:
        """The classes, the most probable first."""
        return np.argsort(-self.probabilities, kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """Caption, true class, every probability (the largest first), and what each method says."""
        return {
            "picture": self.caption,
            "true": None if self.true is None else self.names[self.true],
            "classes": [
                {"class": self.names[i], "probability": round(float(self.probabilities[i]), 6)} for i in self.order
            ],
            "explained": [
                {
                    "class": each.name,
                    "score": each.score,
                    "maps": [heat.to_dict() for heat in each.maps],
                    "added_up": None if each.added is None else each.added.to_dict(),
                }
                for each in self.explanations
            ],
        }


def see(
    victim: Victim,
    names: Sequence[str],
    pixels: Array,
    caption: str,
    *,
    true: int | None = None,
    chosen: int | None = None,
    smooth: int = 0,
) -> Seen:
    """Show a picture to a network and explain what it says.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    names : sequence of str
        The classes.
    pixels : (H, W, C) array
        The picture, uint8 or floats in [0, 1].
    caption : str
        What it is called.
    true : int, optional
        Its true class.
    chosen : int, optional
        The class that is explained; None: the most probable one and, where it is another, the true one.
    smooth : int
        As in `explain`.

    Returns
    -------
    Seen
        The picture with all that was found.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import see
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> seen = see(Victim.of(model), model.class_names, np.zeros((8, 8, 1)), "an empty picture", chosen=7)
    >>> [found.name for found in seen.explanations]
    ['7']
    """
    x = victim.pixels(pixels) if pixels.dtype == np.uint8 else pixels.astype(victim.dtype)
    probabilities = victim.engine.loss.probabilities(victim.scores(x[None]))[0]
    wanted = [chosen] if chosen is not None else [int(probabilities.argmax())]
    if chosen is None and true is not None and true not in wanted:
        wanted.append(true)
    explanations = tuple(explain(victim, x, each, names[each], smooth=smooth) for each in wanted)
    return Seen(caption, pixels, true, tuple(names), probabilities, explanations)
