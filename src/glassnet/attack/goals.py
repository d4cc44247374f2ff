"""What an attack wants: any wrong answer, or a certain one; when it has it, and which losses lead there.

A loss is a function of the scores z (n, K) that the attack makes larger, with its gradient written out. With y the
label, t the wanted class, and p the softmax of z:

| loss          | untargeted                                  | targeted                                       |
|---------------|---------------------------------------------|------------------------------------------------|
| cross-entropy | -log p_y                                    | log p_t                                        |
| margin        | max_{j != y} z_j - z_y                      | z_t - max_{j != t} z_j                         |
| rival         | (untargeted only as margin)                 | z_t - z_y                                      |
| dlr           | (max_{j != y} z_j - z_y) / (z_1 - z_3)      | (z_t - z_y) / (z_1 - (z_3 + z_4) / 2)          |

z_1 >= z_2 >= ... are the scores in order. The difference of logits ratio (DLR) does not change when the scores are
shifted or multiplied, so that large scores, whose softmax is 0 or 1 in floating point, cannot hide its gradient (Croce
and Hein, ICML 2020, equations 6 and 7). With fewer classes than its denominator needs, the margin takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glassnet.nn.functional.arrays import Array

__all__ = ["LOSSES", "Goal", "highest_other", "ranked_rivals"]


@dataclass(frozen=True)
class Goal:
    """What is wanted of each of n pictures.

    Attributes
    ----------
    labels : (n,) int64 array
        The right answers.
    targets : (n,) int64 array or None
        The wanted answers; None: any wrong one.

    Examples
    --------
    >>> from glassnet.attack import Goal
    >>> Goal(np.array([3, 5]), targets=np.array([8, 8])).targets
    array([8, 8])
    """

    labels: Array
    targets: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Array | slice) -> Goal:
        """The goals of some of the pictures."""
        return Goal(self.labels[which], None if self.targets is None else self.targets[which])

    def margin(self, scores: Array) -> Array:
        """(n,) how far each picture is beyond the boundary, in scores; below 0: not yet there."""
        aim = self.labels if self.targets is None else self.targets
        rows = np.arange(len(scores))
        difference: Array = highest_other(scores, aim)[0] - scores[rows, aim]
        return difference if self.targets is None else -difference

    def reached(self, scores: Array, *, by: float = 0.0) -> Array:
        """(n,) whether each picture has the answer that is wanted.

        A tie between the label and another class counts as wrong, so untargeted goals are reached by it; a target must
        be ahead of all others. `by`, a share of the largest score, asks for so much more: what rounding could undo.
        """
        margin = self.margin(scores)
        if by:
            margin = margin - by * (1 + np.abs(scores).max(axis=1))
        reached: Array = ~(margin < 0) if self.targets is None else margin > 0
        return reached

    def loss(self, name: str, scores: Array) -> tuple[Array, Array]:
        """(values (n,), gradients (n, K)) of one of `LOSSES` at the scores (n, K)."""
        return LOSSES[name](scores, self.labels, self.targets)


def ranked_rivals(scores: Array, labels: Array) -> Array:
    """(n, K - 1) the other classes of each picture, those with the highest scores first."""
    ranked = np.argsort(-scores, axis=1, kind="stable")
    rivals: Array = ranked[ranked != labels[:, None]].reshape(len(scores), scores.shape[1] - 1)
    return rivals


Loss = Callable[[Array, Array, Array | None], tuple[Array, Array]]


def highest_other(scores: Array, aim: Array) -> tuple[Array, Array]:
    """(the highest score (n,) of all classes but `aim` (n,), its class (n,))."""
    others = scores.copy()
    others[np.arange(len(scores)), aim] = -np.inf
    best = others.argmax(axis=1)
    return others[np.arange(len(scores)), best], best


def _cross_entropy(scores: Array, labels: Array, targets: Array | None) -> tuple[Array, Array]:
    """-log p_y, its gradient p - e_y; log p_t, its gradient e_t - p."""
    rows = np.arange(len(scores))
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    gradient = powers / total
    aim = labels if targets is None else targets
    values = np.log(total[:, 0]) - shifted[rows, aim]
    gradient[rows, aim] -= 1
    return (values, gradient) if targets is None else (-values, -gradient)


def _margin(scores: Array, labels: Array, targets: Array | None) -> tuple[Array, Array]:
    """max_{j != a} z_j - z_a, its gradient e_j - e_a; with a the target, the negative of both."""
    aim = labels if targets is None else targets
    other, best = highest_other(scores, aim)
    sign = 1 if targets is None else -1
    return _between(scores, best, aim, sign * (other - scores[np.arange(len(scores)), aim]), sign)


def _rival(scores: Array, labels: Array, targets: Array | None) -> tuple[Array, Array]:
    """z_t - z_y, its gradient e_t - e_y: the target need only be ahead of the label."""
    if targets is None:
        return _margin(scores, labels, None)
    rows = np.arange(len(scores))
    return _between(scores, targets, labels, scores[rows, targets] - scores[rows, labels], 1)


def _between(scores: Array, up: Array, down: Array, values: Array, sign: int) -> tuple[Array, Array]:
    gradient = np.zeros_like(scores)
    rows = np.arange(len(scores))
    gradient[rows, up] += sign
    gradient[rows, down] -= sign
    return values, gradient


def _dlr(scores: Array, labels: Array, targets: Array | None) -> tuple[Array, Array]:
    """The margin a = z_u - z_y over the denominator b; by the quotient rule da / b - a db / b^2."""
    if scores.shape[1] < (3 if targets is None else 4):
        return _rival(scores, labels, targets)
    values, gradient = _rival(scores, labels, targets)
    rows, order = np.arange(len(scores)), np.argsort(-scores, axis=1, kind="stable")
    below = order[:, 2:3] if targets is None else order[:, 2:4]
    weight = 1.0 / below.shape[1]
    first = order[:, 0]
    denominator = scores[rows, first] - weight * scores[rows[:, None], below].sum(axis=1)
    flat = ~(denominator > 1e-12)  # all scores of the ratio are equal: the margin alone says where to go
    denominator = np.where(flat, 1, denominator)
    ratio = np.where(flat, 0, values / denominator)
    gradient = gradient / denominator[:, None]
    pull = ratio / denominator
    gradient[rows, first] -= pull
    np.add.at(gradient, (rows[:, None], below), (weight * pull)[:, None])
    return values / denominator, gradient.astype(scores.dtype, copy=False)


LOSSES: dict[str, Loss] = {"cross-entropy": _cross_entropy, "margin": _margin, "rival": _rival, "dlr": _dlr}
