"""What a classifier says of a data set, and how much its accuracy owes to the one split it was measured on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset, split

__all__ = ["over_splits", "probabilities_of"]


def over_splits(
    make: Callable[[int], Any],
    whole: Dataset,
    test: int,
    count: int,
    seed: int = 0,
    *,
    told: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """Accuracies of a classifier on random splits that keep the share of every class.

    Parameters
    ----------
    make : callable
        From a seed to a classifier, not yet fitted, for pictures (N, H, W, C) and numbers of classes.
    whole : Dataset
        What is divided.
    test : int
        Pictures in each test part.
    count : int
        How many splits, of seeds `seed`, `seed + 1`, ...
    seed : int
        Of the first split and its classifier.
    told : callable
        Told how many are done.
    """
    accuracies = []
    for number in range(count):
        parts = split(whole, (len(whole) - test, test), seed + number)
        assert parts.test is not None
        fitted = make(seed + number).fit(parts.train.images, parts.train.labels)
        accuracies.append(float((fitted.predict(parts.test.images) == parts.test.labels).mean()))
        told(number + 1)
    return accuracies


def probabilities_of(fitted: Any, part: Dataset) -> npt.NDArray[np.float64]:
    """(N, classes of the set) probabilities of pictures; classes that were not trained on have none."""
    found = np.zeros((len(part), len(part.class_names)))
    found[:, fitted.classes_] = fitted.predict_proba(part.images)
    return found
