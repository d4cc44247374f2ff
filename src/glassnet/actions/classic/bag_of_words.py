"""Pictures told apart by their visual words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads as pool
from glassnet.actions.events import Events
from glassnet.classic import BagOfWords, BagOfWordsClassifier
from glassnet.classic.scoring import over_splits, probabilities_of
from glassnet.data import Dataset, holds_picture_files, join, load
from glassnet.data.split import arrange
from glassnet.errors import DataError
from glassnet.experiments.predictions import Predictions
from glassnet.metrics import Evaluation, evaluate
from glassnet.report.pages.bag_of_words import write_bag_of_words_page

__all__ = ["SIDE", "Bagged", "bag_of_words"]

SIDE = 160
"""Pixels a side that photographs are brought to."""

_HELD_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Bagged:
    """How well visual words tell the pictures of a set apart.

    Attributes
    ----------
    name : str
        The set.
    fitted : BagOfWordsClassifier
        The words and the machine.
    trained : int
        Training pictures.
    evaluation : Evaluation
        On the test pictures.
    splits : tuple of float
        Accuracies on other, random splits.
    seconds : float
        From the pictures in memory to the last of the test predictions, without the other splits.
    notes : tuple of str
        What a reader should know.
    files : tuple of Path
        Page, figures, and the prediction for every test picture.
    """

    name: str
    fitted: BagOfWordsClassifier
    trained: int
    evaluation: Evaluation
    splits: tuple[float, ...]
    seconds: float
    notes: tuple[str, ...]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        words = self.fitted.words_
        return {
            "pictures": self.trained,
            **self.evaluation.to_dict(),
            "words": words.n_words,
            "cells": words.cells_,
            "step": words.step_,
            "temperature": self.fitted.temperature_,
            "splits": self.splits,
            "mean_of_splits": float(np.mean(self.splits)) if self.splits else None,
            "seconds": self.seconds,
            "notes": self.notes,
            "files": self.files,
        }


def bag_of_words(
    source: str,
    out: str | Path = "runs/classic-bag-of-words",
    *,
    words: int = 400,
    points: str = "dense",
    step: int | None = None,
    count: int = 500,
    cells: Sequence[int] | None = None,
    levels: int = 3,
    sample: int = 40_000,
    counts_map: str = "hellinger",
    C: float = 1.0,
    size: tuple[int, int] | None = None,
    splits: int = 0,
    seed: int = 0,
    limit: int | None = None,
    threads: int | None = None,
    events: Events | None = None,
) -> Bagged:
    """Fit a bag of visual words to the training pictures of a set, and see what it says of the test pictures.

    Parameters
    ----------
    source : str
        A data set by name, or a folder of pictures. Without a test part a fifth of the pictures is held out.
    out : path
        Folder of the page, the figures and the predictions.
    words, count : int
        `n_words` and `n_points` of `BagOfWords`.
    points : str
        As there.
    step : int, optional
        As there.
    cells : sequence of int, optional
        As there.
    levels, sample : int
        As there.
    counts_map : str
        As of `BagOfWordsClassifier`.
    C : float
        As there.
    size : (int, int), optional
        Height and width that photographs are brought to; None takes `SIDE` for both.
    splits : int
        How many random splits of all pictures it is fitted to anew.
    seed : int
        Of all that is drawn.
    limit : int, optional
        Only so many training pictures, drawn at random.
    threads : int, optional
        Threads to use; None takes every core.
    events : Events, optional
        Told how far the work is.

    Raises
    ------
    GlassnetError
        The set cannot be read, or a setting is out of range.
    """
    events = events or Events()
    if limit is not None and limit < 2:
        raise DataError(f"limit must be at least 2. Got {limit}.")
    if splits < 0:
        raise DataError(f"The number of splits must be at least 0. Got {splits}.")
    train, test = _parts(source, size, limit, seed)

    def made(seed: int) -> BagOfWordsClassifier:
        bag = BagOfWords(
            words, points=points, step=step, n_points=count, cells=None if cells is None else tuple(cells),
            levels=levels, sample=sample, random_state=seed,
        )  # fmt: skip
        return BagOfWordsClassifier(bag, counts_map=counts_map, C=C, random_state=seed)

    try:
        with pool.use(threads):
            start = time.perf_counter()
            fitted = made(seed).fit(train.images, train.labels, told=events.progress)
            found = probabilities_of(fitted, test)
            seconds = time.perf_counter() - start
            others = over_splits(
                made, join(train, test), len(test), splits, seed,
                told=lambda done: events.progress("random splits", done, splits),
            ) if splits else []  # fmt: skip
    except ValueError as error:
        raise DataError(str(error)) from error
    evaluation = evaluate(found, test.labels, test.class_names)
    out = Path(out)
    files = write_bag_of_words_page(out, fitted, evaluation, test, len(train), others)
    kept = out / "predictions.npz"
    Predictions("test", np.arange(len(test)), test.labels, found).save(kept)
    notes = tuple(dict.fromkeys((*train.notes, *test.notes)))
    return Bagged(
        test.name, fitted, len(train), evaluation, tuple(others), seconds, notes, (files[0], kept, *files[1:])
    )


def _parts(source: str, size: tuple[int, int] | None, limit: int | None, seed: int) -> tuple[Dataset, Dataset]:
    """Training and test pictures."""
    if size is None and holds_picture_files(source):
        size = (SIDE, SIDE)
    loaded = load(source, image_size=size, validation=0, seed=seed)
    parts = arrange(loaded, test=_HELD_OUT, train_limit=limit, seed=seed)
    assert parts.test is not None
    if parts.train.holds_rows:
        raise DataError(f"Data set '{source}' holds rows of features; visual words are made of pictures.")
    return parts.train, parts.test
