"""k-nearest neighbours on a data set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import threads as pool
from glassnet.actions.classic.source import load_limited
from glassnet.classic import KNNClassifier
from glassnet.data import Dataset
from glassnet.errors import DataError
from glassnet.metrics import wilson_interval
from glassnet.report.figures.classic import save_neighbours

__all__ = ["Neighbours", "knn"]

_SHOWN, _NEAR = 8, (5, 8)  # mistakes that are drawn, and how many of their neighbours


@dataclass(frozen=True)
class Neighbours:
    """How well the nearest neighbours say what a picture is.

    Attributes
    ----------
    name : str
        The set.
    k : int
        How many neighbours vote.
    among : int
        Training pictures.
    tested, mistakes : int
        Test pictures, and how many of them were read wrongly.
    seconds : float
        Time of the predictions.
    files : tuple of Path
        The picture of mistakes, if there are any.
    """

    name: str
    k: int
    among: int
    tested: int
    mistakes: int
    seconds: float
    files: tuple[Path, ...]

    @property
    def accuracy(self) -> float:
        """Share of the test pictures that are right."""
        return 1 - self.mistakes / self.tested

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        low, high = wilson_interval(self.tested - self.mistakes, self.tested)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "accuracy": self.accuracy,
            "interval": self.interval,
            "mistakes": self.mistakes,
            "seconds": self.seconds,
            "files": self.files,
        }


def knn(
    source: str,
    k: int = 3,
    out: str | Path = "runs/classic-knn",
    *,
    limit: int | None = None,
    threads: int | None = None,
) -> Neighbours:
    """Every test picture takes the class of most of its k nearest training pictures.

    Parameters
    ----------
    source : str
        A data set by name, or a folder of pictures.
    k : int
        How many neighbours vote.
    out : path
        Folder of the picture of mistakes.
    limit : int, optional
        Only the first so many training pictures, at least 2.
    threads : int, optional
        Threads to use; None takes every core.

    Raises
    ------
    GlassnetError
        The set cannot be read or has no test part, or k or the limit is out of range.
    """
    train, test = load_limited(source, limit)
    if test is None:
        raise DataError(
            f"Data set '{source}' has no test part to classify. Choose one that has (mnist, cifar10, digits)."
        )
    rows, queries = (part.images.reshape(len(part), -1) for part in (train, test))
    if not 1 <= k <= len(rows):
        raise DataError(f"k must lie in 1 ... {len(rows)}, the number of training pictures. Got {k}.")
    with pool.use(threads):
        model = KNNClassifier(k).fit(rows, train.labels)
        model.kneighbors(queries[:64])  # compiles
        start = time.perf_counter()
        found = model.predict(queries)
        seconds = time.perf_counter() - start
        wrong = np.flatnonzero(found != test.labels)
        files = []
        if len(wrong):
            some = wrong[np.linspace(0, len(wrong) - 1, min(_SHOWN, len(wrong))).astype(int)]
            files.append(save_neighbours(_mistakes(model, train, test, found, some), Path(out) / "mistakes.png"))
    return Neighbours(test.name, k, len(rows), len(queries), len(wrong), seconds, tuple(files))


def _mistakes(
    model: KNNClassifier, train: Dataset, test: Dataset, found: NDArray[np.int64], some: NDArray[np.int64]
) -> list[tuple[NDArray[Any], str, list[tuple[NDArray[Any], str, float]]]]:
    """Test pictures that were read wrongly, each with what it is and its nearest neighbours, with their distances."""
    least, most = _NEAR
    queries = test.images[some].reshape(len(some), -1)
    distances, numbers = model.kneighbors(queries, min(max(model.n_neighbors, least), most, len(train)))
    names = test.class_names
    return [
        (
            test.images[q],
            f"{names[test.labels[q]]}, taken for {names[found[q]]}",
            [(train.images[j], names[train.labels[j]], float(d)) for j, d in zip(near, away, strict=True)],
        )
        for q, near, away in zip(some, numbers, distances, strict=True)
    ]
