"""Fooling pictures: changed so little, in whole steps of a byte, that a person sees the same and the model does not.

Three kinds: the least change of each picture into another class; a picture made from noise that is taken for a class
with certainty; one change that turns the answer to most pictures of a set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.bounded import APGD, ascent
from glassnet.attack.goals import Goal
from glassnet.attack.lattice import SURE, to_bytes
from glassnet.attack.minimal import FAB
from glassnet.attack.norms import Norm, norm_of
from glassnet.attack.pieces import each_piece, piece_size
from glassnet.attack.victim import Victim
from glassnet.data import Dataset
from glassnet.errors import DataError
from glassnet.nn.functional import softmax_forward
from glassnet.nn.functional.arrays import Array

__all__ = ["Fooled", "add_steps", "as_bytes", "every_target", "fool", "from_noise", "pictures_of", "universal"]

_CERTAIN = 0.99


@dataclass(frozen=True, eq=False)
class Fooled:
    """What came of n attempts.

    Attributes
    ----------
    originals : (n, H, W, C) uint8 array
        The pictures as they are stored.
    pictures : (n, H, W, C) uint8 array
        What was made of them.
    labels : (n,) int64 array
        The right classes.
    targets : (n,) int64 array or None
        The wanted classes; None where any wrong one was.
    answers : (n,) int64 array
        The classes that the model sees in the pictures made.
    wrong_before : (n,) bool array
        Whether the original has another answer than its label already: these count neither as success nor as failure.
    reached : (n,) bool array
        Whether the picture made, of 8-bit pixels, reaches the goal.
    found : (n,) bool array
        Whether an attack found a change in real numbers, before it was rounded.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, fool
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> test = run.splits.test
    >>> fool(Victim.of(run.model), test.images[:5], test.labels[:5]).pictures.dtype.name
    'uint8'
    """

    originals: Array
    pictures: Array
    labels: Array
    targets: Array | None
    answers: Array
    wrong_before: Array
    reached: Array
    found: Array

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def steps(self) -> Array:
        """(n,) int64, the largest change of a pixel, in steps of 1/255."""
        largest: Array = np.abs(self._change).max(axis=(1, 2, 3), initial=0)
        return largest

    @cached_property
    def l2(self) -> Array:
        """(n,) float64, the length of the change, of pixels in [0, 1]."""
        length: Array = np.sqrt((self._change**2).sum(axis=(1, 2, 3))) / 255
        return length

    @property
    def _change(self) -> Array:
        change: Array = self.pictures.astype(np.int64) - self.originals
        return change

    @property
    def success(self) -> Array:
        """(n,) whether the picture was right before and is fooling now."""
        success: Array = self.reached & ~self.wrong_before
        return success

    @property
    def attempts(self) -> int:
        """How many were right before."""
        return int((~self.wrong_before).sum())

    @property
    def success_rate(self) -> float:
        """Share of the attempts; NaN without any."""
        return float(self.success.sum() / self.attempts) if self.attempts else float("nan")


def as_bytes(images: Array) -> Array:
    """Pictures (N, H, W, C) as they are stored: bytes as they are, floats in [0, 1] rounded to steps of 1/255.

    Examples
    --------
    >>> from glassnet.attack import as_bytes
    >>> as_bytes(np.array([0.0, 0.5, 1.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    if images.dtype == np.uint8:
        return images
    rounded: Array = np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)
    return rounded


def pictures_of(dataset: Dataset, at: Array) -> tuple[Array, Array]:
    """(pictures (n, H, W, C) uint8, labels (n,) int64) of a set at the places `at`.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import pictures_of
    >>> pictures, labels = pictures_of(glassnet.load_data("digits").test, np.array([0, 5]))
    >>> pictures.shape, labels.shape
    ((2, 8, 8, 1), (2,))
    """
    return as_bytes(np.asarray(dataset.images[at])), np.asarray(dataset.labels[at], np.int64)


def every_target(at: Array, labels: Array, classes: int) -> tuple[Array, Array]:
    """(places, targets) of an attempt for each of the pictures `at` into each class but its own label.

    Examples
    --------
    >>> from glassnet.attack import every_target
    >>> which, targets = every_target(np.array([0, 1]), np.array([2, 0]), 3)
    >>> which, targets
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]))
    """
    places = np.repeat(at, classes)
    targets = np.tile(np.arange(classes), len(at))
    others = targets != labels[places]
    return places[others], targets[others]


def fool(
    victim: Victim,
    stored: Array,
    labels: Array,
    targets: Array | None = None,
    *,
    norm: str = "l2",
    eps: float | None = None,
    attack: Attack | None = None,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Fooled:
    """Change pictures into others that fool.

    Parameters
    ----------
    victim : Victim
        What is to be fooled.
    stored : (n, H, W, C) uint8 array
        The pictures.
    labels : (n,) int array
        Their classes.
    targets : (n,) int array or None
        The class that each is to be taken for; None: any wrong one.
    norm : str
        By which the change is to be small: "l2" or "linf".
    eps : float or None
        The largest change allowed; None: as small as can be found.
    attack : Attack or None
        None: FAB, and APGD, anywhere in the box or within eps, for what it did not turn.
    seed : int
        Of the random numbers.
    progress : callable
        Told how many are done.

    Raises
    ------
    DataError
        The arrays do not fit each other or the model.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, fool
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> victim, test = Victim.of(run.model), run.splits.test
    >>> right = np.flatnonzero(victim.scores(test.images).argmax(axis=1) == test.labels)[:5]
    >>> int(fool(victim, test.images[right], test.labels[right]).reached.sum())
    5
    """
    labels, targets = _checked(victim, stored, labels, targets)
    measure = norm_of(norm)

    size = piece_size(victim)

    def piece(own: Victim, start: int) -> tuple[Array, ...]:
        part = slice(start, start + size)
        goal = Goal(labels[part], None if targets is None else targets[part])
        return _fool_piece(own, stored[part], goal, measure, eps, attack, np.random.default_rng((seed, start)))

    parts: list[tuple[Array, ...]] = []
    for part in each_piece(victim, range(0, len(stored), size), piece):
        parts.append(part)
        progress(min(len(parts) * size, len(stored)))
    pictures, *rest = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Fooled(stored, pictures, labels, targets, *rest)


def _fool_piece(
    victim: Victim, stored: Array, goal: Goal, norm: Norm, eps: float | None, attack: Attack | None,
    rng: np.random.Generator,
) -> tuple[Array, ...]:  # fmt: skip
    start = victim.pixels(stored)
    wrong_before = Goal(goal.labels).reached(victim.scores(stored))
    limit = np.full(len(stored), 1.0 if norm.word == "linf" else np.sqrt(start[0].size))
    allowed = None if eps is None else np.full(len(stored), eps)
    tries = [attack] if attack is not None else [FAB(steps=12, narrow=6), APGD(), APGD(loss="dlr")]
    pictures, reached, found = stored.copy(), np.zeros(len(stored), bool), np.zeros(len(stored), bool)
    for trial in tries:
        at = np.flatnonzero(~reached & ~wrong_before)
        if not len(at):
            break
        sizes = (limit if allowed is None else allowed)[at]
        x = trial.run(victim, start[at], goal.take(at), norm, sizes, rng)
        within = np.ones(len(at), bool) if allowed is None else norm.size(x - start[at]) <= allowed[at] * (1 + 1e-6)
        found[at] |= goal.take(at).reached(victim.scores(x)) & within
        room = None if allowed is None else allowed[at]
        pictures[at], reached[at] = to_bytes(victim, stored[at], x, goal.take(at), norm, room)
    scores = victim.scores(pictures)
    reached &= goal.reached(scores, by=SURE)  # of the pictures that are handed out
    return pictures, scores.argmax(axis=1), wrong_before, reached, found


def _checked(victim: Victim, stored: Array, labels: Array, targets: Array | None) -> tuple[Array, Array | None]:
    if stored.dtype != np.uint8 or stored.ndim != 4 or stored.shape[1:] != tuple(victim.image_shape) or not len(stored):
        shape = ", ".join(map(str, victim.image_shape))
        raise DataError(f"Pictures to fool are uint8 of shape (n, {shape}). Got {stored.dtype} of {stored.shape}.")
    wanted = [np.asarray(labels, np.int64)] + ([] if targets is None else [np.asarray(targets, np.int64)])
    for values in wanted:
        if values.shape != (len(stored),) or values.min() < 0 or values.max() >= victim.classes:
            raise DataError(f"Each picture has a class from 0 to {victim.classes - 1}. Got {values.shape} of them.")
    if targets is not None and (wanted[0] == wanted[1]).any():
        raise DataError(
            f"A target must be another class than the label. {(wanted[0] == wanted[1]).sum()} are the same."
        )
    return wanted[0], wanted[1] if targets is not None else None


def from_noise(victim: Victim, target: int, *, count: int = 1, steps: int = 200, seed: int = 0) -> tuple[Array, Array]:
    """Pictures made from noise that are taken for a class with certainty.

    Ascent on the target's log-probability from uniform noise, in steps of linf size 1/100 that shrink to a tenth, until
    the rounded picture has a probability of 0.99.

    Returns
    -------
    pictures : (count, H, W, C) uint8 array
        What was made.
    probabilities : (count,) array
        Of the target.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, from_noise
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> pictures, probabilities = from_noise(victim, 3, count=2, steps=20)
    >>> pictures.shape
    (2, 8, 8, 1)
    """
    rng = np.random.default_rng((seed, target))
    x: Array = rng.random((count, *victim.image_shape)).astype(victim.dtype)
    goal = Goal(np.full(count, (target + 1) % victim.classes), np.full(count, target))
    best, certain = np.rint(255 * x).astype(np.uint8), np.zeros(count)
    for step in range(steps):
        _, _, gradient = ascent(victim, x, goal, "cross-entropy")
        rate = 0.01 * (1 - 0.9 * step / steps)
        x = np.clip(x + rate * np.sign(gradient), 0, 1).astype(victim.dtype)
        rounded = np.rint(255 * x).astype(np.uint8)
        found = softmax_forward(victim.scores(rounded).astype(np.float64))[0][:, target]
        better = found > certain
        best[better], certain[better] = rounded[better], found[better]
        if certain.min() >= _CERTAIN:
            break
    return best, certain


def universal(
    victim: Victim,
    stored: Array,
    labels: Array,
    eps: float,
    *,
    target: int | None = None,
    epochs: int = 10,
    batch: int = 100,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Array:
    """One change, at most eps in any pixel, that turns the answers to as many pictures as can be.

    Ascent by the sign of the mean gradient of the margin, batch by batch, projected onto the ball and onto whole steps
    of a byte at the end (Moosavi-Dezfooli et al., CVPR 2017; by gradient descent: Shafahi et al., AAAI 2020).

    Returns
    -------
    (H, W, C) int16 array
        The change in steps of 1/255; it is added to a picture and cut to 0..255.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, universal
    >>> run = glassnet.fit("digits", "linear", epochs=3, verbose=False)
    >>> universal(Victim.of(run.model), run.splits.test.images[:50], run.splits.test.labels[:50], 0.2, epochs=1).shape
    (8, 8, 1)
    """
    labels, _ = _checked(victim, stored, labels, None)
    if target is not None:
        others = labels != target
        stored, labels = stored[others], labels[others]
        if not len(labels):
            raise DataError("All pictures are of the target's class already; there is nothing to turn.")
    rng = np.random.default_rng((seed, 0x0A11))
    change = np.zeros(victim.image_shape)
    targets = None if target is None else np.full(len(stored), target)
    goal = Goal(labels, targets)
    best, most = change, -1.0
    for epoch in range(epochs):
        order = rng.permutation(len(stored))
        rate = eps / 4 * (1 - epoch / epochs)
        for at in np.array_split(order, max(1, len(order) // batch)):
            x: Array = np.clip(stored[at] / 255.0 + change, 0, 1).astype(victim.dtype)
            scores, _, gradient = ascent(victim, x, goal.take(at), "cross-entropy")
            # Cut at a margin of 0: a picture that is fooled need not be fooled more.
            values = goal.take(at).margin(scores)
            pull = gradient[values < 0].sum(axis=0) if (values < 0).any() else gradient.sum(axis=0)
            change = np.clip(change + rate * np.sign(pull), -eps, eps)
        share = goal.reached(victim.scores(add_steps(stored, _whole(change, eps)))).mean()
        if share > most:
            best, most = change, share
        progress(epoch + 1)
    return _whole(best, eps)


def _whole(change: Array, eps: float) -> Array:
    limit = np.floor(255 * eps + 1e-6)
    whole: Array = np.clip(np.rint(255 * change), -limit, limit).astype(np.int16)
    return whole


def add_steps(stored: Array, steps: Array) -> Array:
    """Pictures (n, H, W, C) of bytes with a change in whole steps added, cut to 0..255.

    Examples
    --------
    >>> from glassnet.attack import add_steps
    >>> add_steps(np.array([250, 10], np.uint8), np.array([10, -3]))
    array([255,   7], dtype=uint8)
    """
    added: Array = np.clip(stored.astype(np.int16) + steps, 0, 255).astype(np.uint8)
    return added
