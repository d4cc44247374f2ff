"""What the steps of a training are given: the right pictures, with their own labels, in a new order every epoch.

Each of these is exact or a test: the batches of an epoch are taken once more and compared with the data set.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassnet.data import Dataset, Preprocess, Splits, epoch_order
from glassnet.doctor import Finding
from glassnet.nn.functional.arrays import Array
from glassnet.train import Trainer, Training

__all__ = ["look_at_batches"]

_LOOKED_AT = 100  # batches of an epoch
_ROUNDING = 1e-4  # of the largest number: two ways to one float32 result
_SURPRISING = 10.0  # standard deviations by which the mixture of classes may be off by chance
_REPEATED = 0.5  # of the batches that may be the same as others
_PICTURES = 64  # that are compared number by number


@dataclass(frozen=True, eq=False)
class _Taken:
    """The batches of an epoch: the examples that were asked for, and what came."""

    asked: list[Array]
    targets: list[Array]
    sums: list[int]
    first: Array

    @classmethod
    def of(cls, training: Training, epoch: int) -> _Taken:
        order = epoch_order(len(training.train), training.settings.seed, epoch)[: training.used]
        pieces = [order[start : start + training.batch] for start in range(0, len(order), training.batch)]
        asked, targets, sums, first = pieces[:_LOOKED_AT], [], [], np.empty(0)
        for number, indices in enumerate(asked):
            x, target, *_ = training.train.take(indices, epoch)
            targets.append(np.array(target))
            sums.append(zlib.crc32(np.ascontiguousarray(x).tobytes()))
            if not number:
                first = np.array(x[:_PICTURES])
        return cls(asked, targets, sums, first)


def look_at_batches(trainer: Trainer, splits: Splits) -> Iterator[Finding]:
    """What is wrong with the batches that a trainer has trained on, and with the pictures that it compares epochs on.

    Parameters
    ----------
    trainer : Trainer
        After its training.
    splits : Splits
        The data that it was given.
    """
    training = trainer.training
    if training is None or trainer.task.feed is not None or trainer.adversary is not None:
        return
    once = _Taken.of(training, 0)
    if not trainer.task.rebuilds:
        yield from _labels(once, splits.train)
        yield from _order(once, _Taken.of(training, 1) if training.settings.epochs > 1 else None, splits.train)
    yield from _repeated(once)
    if splits.valid is not None and training.valid is not None and len(training.valid):
        yield from _validation(training, splits.valid, trainer.preprocess)
    for examples in (training.train, training.valid):
        if close := getattr(examples, "close", None):
            close()


def _labels(once: _Taken, train: Dataset) -> Iterator[Finding]:
    """Labels that are those of other pictures of the batch."""
    pairs = [(target, train.labels[asked]) for asked, target in zip(once.asked, once.targets, strict=True)]
    wrong = sum(int((target != right).sum()) for target, right in pairs)
    same = all(np.array_equal(np.sort(target), np.sort(right)) for target, right in pairs)
    if wrong and same:
        total = sum(map(len, once.asked))
        yield Finding(
            "labels-out-of-step",
            "failure",
            f"{wrong:,} of the first {total:,} pictures that are trained on come with another picture's label.",
            remedy="Look where a batch is put together: pictures and labels must be taken by the same numbers.",
            where="training",
        )


def _order(once: _Taken, again: _Taken | None, train: Dataset) -> Iterator[Finding]:
    """Classes one after the other, or the same order in every epoch."""
    counts = train.counts()
    share = counts[counts > 0] / counts.sum()
    seen = [np.bincount(target, minlength=len(counts))[counts > 0] for target in once.targets if len(target) > 1]
    sizes = [int(found.sum()) for found in seen]
    if seen and len(share) > 1 and len(train) > 2 * max(sizes):
        surprise = sum(
            float(((found - n * share) ** 2 / (n * share)).sum()) for found, n in zip(seen, sizes, strict=True)
        )
        freedom = len(seen) * (len(share) - 1)
        if (surprise - freedom) / math.sqrt(2.0 * freedom) > _SURPRISING and surprise > 1.5 * freedom:
            of = np.mean([(found > 0).sum() for found in seen])
            yield Finding(
                "not-shuffled",
                "failure",
                f"The pictures are not shuffled: a batch has pictures of {of:.1f} of the {len(share)} classes, and the"
                f" mixture is off by {surprise / freedom:,.0f} times what chance does.",
                remedy="Draw a new order of all pictures for every epoch.",
                where="training",
            )
            return
    if again is not None and len(once.targets) > 2 and _same(once.targets, again.targets) and len(share) > 1:
        yield Finding(
            "not-shuffled",
            "warning",
            "The pictures come in the same order in the first two epochs.",
            remedy="Draw a new order of all pictures for every epoch.",
            where="training",
        )


def _repeated(once: _Taken) -> Iterator[Finding]:
    """Batches that come again within an epoch."""
    full = once.sums[:-1]  # the last may be smaller
    again = len(full) - len(set(full))
    if len(full) > 2 and again > _REPEATED * len(full):
        yield Finding(
            "batches-repeat",
            "failure",
            f"{again} of {len(full)} batches of the first epoch are the same as another: the other pictures are never"
            " seen.",
            remedy="Go on to the next pictures after each step.",
            where="training",
        )


def _validation(training: Training, valid: Dataset, preprocess: Preprocess) -> Iterator[Finding]:
    """Validation pictures that are changed on the way to the network, in one way or in another one each time."""
    assert training.valid is not None
    rows = np.arange(min(_PICTURES, len(valid)))
    once, again = (np.array(training.valid.take(rows, 0)[0]) for _ in range(2))
    wanted = np.asarray(preprocess.transform(valid.images[rows]), np.float32)
    if once.size != wanted.size:
        return  # an engine may keep something else of a picture
    if not _near(once, again):
        yield Finding(
            "augmented-evaluation",
            "failure",
            "The same validation pictures are others each time they are looked at.",
            remedy="Augment training pictures alone.",
            where="validation",
        )
    elif not _near(once, wanted.reshape(once.shape)):
        off = float(np.abs(once - wanted.reshape(once.shape)).max())
        yield Finding(
            "preprocess-differs",
            "failure",
            f"Validation pictures are not prepared as training pictures are: numbers differ by up to {off:.3g}.",
            remedy="Use one preprocessing, fitted on training pictures, everywhere.",
            where="validation",
        )


def _same(one: list[Array], other: list[Array]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _near(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max() <= _ROUNDING * max(1.0, float(np.abs(other).max())))
