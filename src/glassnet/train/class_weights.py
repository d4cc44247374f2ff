"""Factors of the classes in the loss, for data with many pictures of one class and few of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.data import Dataset
from glassnet.errors import RecipeError, nearest
from glassnet.nn.functional.arrays import Array
from glassnet.notation import as_real, real_text

__all__ = ["ClassWeights"]

_BALANCED = "balanced"
_USAGE = "Write 'balanced', or a factor above 0 for some classes, as in 'dog = 2, cat = 0.5'"


@dataclass(frozen=True)
class ClassWeights:
    """A factor for the loss of every example, by its class.

    - `balanced`: n / (K n_c) for class c, with n training examples in all, n_c of the class, and K classes that have
      any; every class then weighs the same (King and Zeng, Political Analysis 9, 2001, section 4; scikit-learn's
      `class_weight="balanced"`)
    - `NAME = FACTOR, ...`: these factors, and 1 for the other classes

    Attributes
    ----------
    factors : tuple of (str, float)
        The factors by name of class; empty for `balanced`.

    Examples
    --------
    >>> from glassnet.train import ClassWeights
    >>> ClassWeights((("cat", 2.0),)).factors
    (('cat', 2.0),)
    """

    factors: tuple[tuple[str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ClassWeights:
        """The factors that are written so. Raises `RecipeError`."""
        if text.strip().lower() == _BALANCED:
            return cls()
        pairs = []
        for part in text.split(","):
            name, equals, number = part.rpartition("=")
            factor = as_real(number)
            if not equals or not name.strip() or not 0 < factor < 1e6:  # also refuses NaN
                raise RecipeError(f"Cannot understand '{part.strip()[:60]}' as the weight of a class. {_USAGE}.")
            pairs.append((name.strip(), factor))
        return cls(tuple(pairs))

    def notation(self) -> str:
        """The factors as they are written; `parse` of it gives the same."""
        return ", ".join(f"{name} = {real_text(factor)}" for name, factor in self.factors) or _BALANCED

    def of(self, dataset: Dataset) -> Array:
        """(n,) float32 the factor of every example. Raises `RecipeError` for a class that the data do not have."""
        counts = np.bincount(dataset.labels, minlength=dataset.classes)
        by_class = np.ones(dataset.classes)
        if not self.factors:
            present = counts > 0
            by_class[present] = len(dataset) / (present.sum() * counts[present])
        for name, factor in self.factors:
            if name not in dataset.class_names:
                raise RecipeError(
                    f"There is no class '{name}' to weigh.{nearest(name, dataset.class_names)}"
                    f" '{dataset.name}' has {', '.join(dataset.class_names[:20])}."
                )
            by_class[dataset.class_names.index(name)] = factor
        weights: Array = by_class[dataset.labels].astype(np.float32)
        return weights
