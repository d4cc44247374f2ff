"""Splits that keep the share of every class and depend on nothing but the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, Splits, join
from glassnet.data.streams import LIMITING, SPLITTING, generator
from glassnet.errors import DataError
from glassnet.notation import is_real, is_whole

__all__ = ["HELD_OUT", "arrange", "hold_out", "split"]

HELD_OUT = "The set has no test part of its own: the test figure is of pictures held out of its training part."


def split(dataset: Dataset, sizes: Sequence[float | int], seed: int = 0) -> Splits:
    """Cut a data set into training, validation and test parts, stratified by class.

    Parameters
    ----------
    sizes : sequence of float or int
        Three numbers (train, validation, test), or two (train, test). A float from 0 to 1 is a fraction of the set, a
        whole number is a count. A part of size 0 does not exist. What is not asked for is left out.
    seed : int
        The same seed gives the same split on every machine.

    Returns
    -------
    Splits
        In every part each class has its share of the whole set, to within one example; within a part the order of the
        set is kept.

    Raises
    ------
    DataError
        The sizes do not fit the set.

    Examples
    --------
    >>> from glassnet.data import dataset_of, split
    >>> parts = split(dataset_of(np.zeros((100, 8, 8), np.uint8), np.arange(100) % 2), [0.7, 0.1, 0.2])
    >>> len(parts.train), len(parts.valid), len(parts.test)
    (70, 10, 20)
    """
    if len(sizes) not in (2, 3):
        raise DataError(
            f"A split takes 3 sizes (train, validation, test) or 2 (train, test). Got {len(sizes)} instead."
        )
    counts = [_count(size, len(dataset), dataset.name) for size in sizes]
    if all(isinstance(size, float) for size in sizes) and abs(sum(sizes) - 1.0) < 1e-9:
        counts[0] = len(dataset) - sum(counts[1:])  # fractions that make up 1 lose nothing to rounding
    if sum(counts) > len(dataset) or counts[0] < 1:
        raise DataError(
            f"A split of '{dataset.name}' into {list(sizes)} needs {max(counts[0], 1)} + {sum(counts[1:])} examples; "
            f"there are {len(dataset)}. Ask for less, and at least 1 to train on."
        )
    train, valid, test = counts[0], counts[1] if len(counts) == 3 else 0, counts[-1]
    rest = np.arange(len(dataset), dtype=np.int64)
    rng = generator(seed, SPLITTING)
    rest, test_rows = _draw(dataset.labels, rest, test, rng)
    rest, valid_rows = _draw(dataset.labels, rest, valid, rng)
    if train < len(rest):
        _, rest = _draw(dataset.labels, rest, train, rng)
    return Splits(
        dataset.subset(rest),
        dataset.subset(valid_rows) if valid else None,
        dataset.subset(test_rows) if test else None,
    )


def hold_out(dataset: Dataset, size: float | int, seed: int = 0) -> tuple[Dataset, Dataset]:
    """(rest, held out): `size` examples (a count, or a fraction from 0 to 1) held out, stratified by class.

    Raises `DataError` when nothing would be held out or nothing would be left.

    Examples
    --------
    >>> from glassnet.data import dataset_of, hold_out
    >>> rest, held = hold_out(dataset_of(np.zeros((100, 8, 8), np.uint8), np.arange(100) % 2), 0.1)
    >>> len(rest), len(held)
    (90, 10)
    """
    count = _count(size, len(dataset), dataset.name)
    if not 1 <= count < len(dataset):
        raise DataError(
            f"Cannot hold out {size} of the {len(dataset)} examples of '{dataset.name}'; at least 1 must be held "
            "out and 1 left."
        )
    rest, held = _draw(dataset.labels, np.arange(len(dataset), dtype=np.int64), count, generator(seed, SPLITTING))
    return dataset.subset(rest), dataset.subset(held)


def arrange(
    splits: Splits,
    *,
    validation: float | int | None = None,
    test: float | int | None = None,
    train_limit: int | None = None,
    test_limit: int | None = None,
    seed: int = 0,
) -> Splits:
    """The parts of a set as an experiment asks for them; whatever is not asked for stays as it comes.

    Parameters
    ----------
    validation : float or int, optional
        How much of the training part to hold out for validation: a fraction, a count, or 0 for none. A validation part
        of the set's own goes back into training first.
    test : float or int, optional
        How much of the training part to hold out for test, where the set has no test part of its own.
    train_limit : int, optional
        The largest number of training examples, drawn before validation is held out.
    test_limit : int, optional
        The largest number of test examples.
    seed : int
        Of whatever is drawn.

    Returns
    -------
    Splits
        Stratified where examples are held out, in the order of the set.

    Raises
    ------
    DataError
        Nothing would be held out, or nothing left.

    Examples
    --------
    >>> from glassnet.data import Splits, arrange, dataset_of
    >>> whole = Splits(dataset_of(np.zeros((100, 8, 8), np.uint8), np.arange(100) % 2))
    >>> parts = arrange(whole, validation=0.1, test=20)
    >>> len(parts.train), len(parts.valid), len(parts.test)
    (72, 8, 20)
    """
    train, valid, own = splits.train, splits.valid, splits.test
    if validation is not None and valid is not None:
        train, valid = join(train, valid), None
    if own is None and test is not None and not _is_none(test):
        train, held = hold_out(train, test, seed)
        own = replace(held, notes=(*held.notes, HELD_OUT))
    train = _limited(train, train_limit, seed)
    own = own and _limited(own, test_limit, seed)
    if validation is not None and not _is_none(validation):
        train, valid = hold_out(train, validation, seed)
    return Splits(train, valid, own)


def _is_none(size: float | int) -> bool:
    """Whether the size means that there is no such part; False is not a size, which the check of sizes says."""
    return not isinstance(size, bool) and size == 0


def _limited(dataset: Dataset, limit: int | None, seed: int) -> Dataset:
    """The first `limit` examples of a seeded permutation, in the order of the set."""
    if limit is None or limit >= len(dataset):
        return dataset
    order = generator(seed, LIMITING).permutation(len(dataset))
    return dataset.subset(np.sort(order[:limit]))


def _count(size: float | int, total: int, name: str) -> int:
    if not is_real(size):
        raise DataError(f"A part of '{name}' is a count or a fraction from 0 to 1. Got {size!r} instead.")
    if is_whole(size):
        if size < 0:
            raise DataError(f"A part of '{name}' cannot have {size} examples; give a count from 0 or a fraction.")
        return int(size)
    if not 0.0 <= size <= 1.0:  # also refuses NaN
        raise DataError(
            f"A fraction of '{name}' must be from 0 to 1. Got {size} instead; a count has no decimal point."
        )
    return round(float(size) * total)


def _draw(
    labels: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(rows left, rows drawn), both ascending; `count` rows, shared among the classes by largest remainder."""
    classes, of_class = np.unique(labels[rows], return_inverse=True)
    sizes = np.bincount(of_class, minlength=len(classes))
    exact = count * sizes / max(len(rows), 1)
    quota = np.floor(exact).astype(np.int64)
    # A stable sort: among equal remainders the lower class comes first, on every machine.
    order = np.argsort(-(exact - quota), kind="stable")
    quota[order[: count - int(quota.sum())]] += 1
    drawn = np.zeros(len(rows), dtype=bool)
    for index in range(len(classes)):
        members = np.flatnonzero(of_class == index)
        drawn[rng.permutation(members)[: quota[index]]] = True
    return rows[~drawn], rows[drawn]
