"""When the answer of an attack is not to be believed: what hides a model's weakness instead of mending it.

Croce and Hein's AutoAttack flags randomness, zero gradients, and random search that beats attacks with gradients; here
are these and more. Every flag states what was counted and what to think of it. Thresholds are the least that noise does
not reach; each stands with its reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glassnet.attack.bounded import ascent
from glassnet.attack.ensemble import Robustness
from glassnet.attack.goals import Goal
from glassnet.attack.norms import norm_of
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["Flag", "flags_of", "probe"]

_PROBED = 500  # pictures
_FEW = 0.02  # of the pictures; a unit that is off for some of them gives a zero gradient now and then
_OVERFITTED = 0.10  # of the pictures; 0 to 3 % in networks trained on clean pictures or by PGD
_LUCKY = 0.005  # of the pictures: a lucky square now and then proves nothing
# The median cosine is 0.4 to 0.8 in MNIST networks trained on clean pictures, and below 0.3 where FGSM training failed;
# a low one alone proves nothing, as the share of the pictures that only several steps fool does not.
_ALIGNED, _HIDDEN = 0.3, 0.3
_FALLING = 0.01  # of the pictures, found by the last attack of the effort alone
_FRACTIONS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Flag:
    """Something that makes a figure doubtful.

    Attributes
    ----------
    rule : str
        Its name.
    title : str
        What is wrong, in a few words.
    evidence : str
        What was counted.
    meaning : str
        What to think of it, and what to do.
    figures : dict of str to number
        The numbers of the evidence.

    Examples
    --------
    >>> from glassnet.attack import Flag
    >>> flag = Flag("late", "the attack was still winning", "9 of 50", "Give it more steps.", {"pictures": 9})
    >>> flag.rule, flag.to_dict()["figures"]
    ('late', {'pictures': 9})
    """

    rule: str
    title: str
    evidence: str
    meaning: str
    figures: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def flags_of(victim: Victim, stored: Array, labels: Array, results: list[Robustness], *, seed: int = 0) -> list[Flag]:
    """All flags: of the model by itself, and of what the ensemble found.

    Parameters
    ----------
    victim : Victim
        The model.
    stored : (n, H, W, C) uint8 array
        The pictures that it was attacked on.
    labels : (n,) int64 array
        Their classes.
    results : list of Robustness
        What was found.
    seed : int
        Which of many pictures are probed.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, flags_of, measure_robustness
    >>> run = glassnet.fit("digits", "linear", epochs=2, verbose=False)
    >>> victim, test = Victim.of(run.model), run.splits.test
    >>> pictures, labels = test.images[:10], test.labels[:10]
    >>> robust = measure_robustness(victim, pictures, labels, [0.1], effort="quick")
    >>> all(flag.evidence for flag in flags_of(victim, pictures, labels, [robust]))
    True
    """
    found = probe(victim, stored, labels, seed=seed)
    for result in results:
        found += _of_a_search(result)
        if result.norm == "linf":
            found += _overfitted(victim, stored, labels, result, seed)
    return found


def probe(victim: Victim, stored: Array, labels: Array, *, seed: int = 0) -> list[Flag]:
    """The flags that need no attack: answers and gradients at the pictures themselves and near them.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, probe
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> probe(Victim.of(run.model), run.splits.test.images[:20], run.splits.test.labels[:20])
    []
    """
    x, labels = _sample(victim, stored, labels, seed)
    rng = np.random.default_rng((seed, 0xF1A6))
    nearby: Array = np.clip(x + rng.uniform(-0.02, 0.02, x.shape), 0, 1).astype(victim.dtype)
    scores, again = victim.scores(x), victim.scores(x)
    flags = [_random(scores, again), _not_finite(scores), _constant(scores, victim.scores(nearby), labels)]
    flags.append(_zero_gradients(victim, x, nearby, labels, scores))
    return [flag for flag in flags if flag is not None]


def _sample(victim: Victim, stored: Array, labels: Array, seed: int) -> tuple[Array, Array]:
    at = np.sort(np.random.default_rng((seed, 0x5A)).permutation(len(stored))[:_PROBED])
    return victim.pixels(stored[at]), labels[at]


def _random(scores: Array, again: Array) -> Flag | None:
    differ = int((~np.isclose(scores, again, rtol=1e-4, atol=1e-5, equal_nan=True)).any(axis=1).sum())
    if not differ:
        return None
    changed = int((scores.argmax(axis=1) != again.argmax(axis=1)).sum())
    return Flag(
        "randomness",
        "The answers are random",
        f"Asked twice, the model gave {differ} of {len(scores)} pictures other scores, and {changed} another class.",
        "An attack sees one draw and the picture is judged by another. Measure with the randomness averaged out.",
        {"pictures": differ, "of": len(scores), "other_class": changed},
    )


def _not_finite(scores: Array) -> Flag | None:
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if not bad:
        return None
    return Flag(
        "non-finite",
        "Scores are not numbers",
        f"{bad} of {len(scores)} pictures have scores that are infinite or not a number.",
        "Neither a loss nor a gradient can be computed there, so attacks with gradients stand still.",
        {"pictures": bad, "of": len(scores)},
    )


def _constant(scores: Array, nearby: Array, labels: Array) -> Flag | None:
    answers = np.concatenate([scores, nearby]).argmax(axis=1)
    if len(np.unique(labels)) < 2 or (answers != answers[0]).any():
        return None
    return Flag(
        "constant",
        "The model gives one answer to everything",
        f"All {len(scores)} pictures, of {len(np.unique(labels))} classes, are taken for class {int(answers[0])}.",
        "It cannot be fooled because it sees nothing: its robust accuracy is the share of that class.",
        {"class": int(answers[0]), "of": len(scores)},
    )


def _zero_gradients(victim: Victim, x: Array, nearby: Array, labels: Array, scores: Array) -> Flag | None:
    """Gradients that are 0, or that say nothing of how the scores really change."""
    right = np.flatnonzero(~Goal(labels).reached(scores))
    if not len(right):
        return None
    x, nearby, goal = x[right], nearby[right], Goal(labels[right])
    _, _, cross = ascent(victim, x, goal, "cross-entropy")
    found, _, margin = ascent(victim, x, goal, "margin")
    no_cross, no_margin = (_is_zero(gradient, victim) for gradient in (cross, margin))
    silent, hidden, n = int(no_cross.sum()), int(no_margin.sum()), len(right)
    if max(silent, hidden) <= max(1, _FEW * n):
        return None
    moves = int((np.abs(victim.scores(nearby) - found).max(axis=1) > 0)[no_margin].sum())
    figures: dict[str, float] = {"cross_entropy": silent, "margin": hidden, "of": n}
    if hidden <= max(1, _FEW * n):
        return Flag(
            "zero-gradient",
            "The gradient of the cross-entropy vanishes",
            f"It is 0 on {silent} of {n} pictures that the model gets right; that of the margin is 0 on {hidden}.",
            "The scores are so large that softmax gives 1 and 0 exactly. Attacks on the cross-entropy stand still, and"
            " say that the model is robust; the DLR loss, FAB and Square decide here.",
            figures,
        )
    return Flag(
        "zero-gradient",
        "The model's gradient vanishes",
        f"It is 0 on {hidden} of {n} pictures that the model gets right, though on {moves} of these a small random"
        f" change moves the scores.",
        "Something flat stands in the way: rounding, a saturated activation, units that are off. Attacks with"
        " gradients stand still there and prove nothing; Square, which needs none, decides.",
        {**figures, "moved": moves},
    )


def _is_zero(gradient: Array, victim: Victim) -> Array:
    """(n,) whether the gradient is 0, or so small that it is rounding: a step of the whole box changes nothing."""
    flat = np.abs(gradient.reshape(len(gradient), -1))
    tiny: Array = flat.sum(axis=1) < 1e-10 if victim.dtype == np.float32 else flat.sum(axis=1) < 1e-14
    return tiny | ~np.isfinite(flat).all(axis=1)


def _of_a_search(result: Robustness) -> list[Flag]:
    flags = []
    n = len(result.sizes)
    eps, by_search = max(((eps, _by_search_alone(result, eps)) for eps in result.eps), key=lambda found: found[1])
    if by_search > max(1, _LUCKY * n):
        flags.append(
            Flag(
                "random-search-wins",
                "Random search finds what gradients do not",
                f"Square fooled {by_search} of {n} pictures ({result.norm} up to {eps:.4g}) that the attacks with"
                " gradients before it had not fooled.",
                "The gradients mislead. The true robust accuracy may be far lower: try the effort 'thorough'.",
                {"pictures": by_search, "of": n, "eps": eps},
            )
        )
    last, largest = result.stages[-1], result.eps[-1]
    alone = result.found_by(largest)[last.name]
    if alone > max(1, _FALLING * n):
        flags.append(
            Flag(
                "budget",
                "The budget was too small",
                f"The last attack alone fooled {alone} of {n} pictures ({result.norm} up to {largest:.4g}): the"
                " accuracy was still falling when the search ended.",
                "Take a larger effort; the figures here are too high.",
                {"pictures": alone, "of": n},
            )
        )
    if result.unlike:
        flags.append(
            Flag(
                "not-repeated",
                "Pictures that fooled once did not fool again",
                f"{result.unlike} of {n} pictures; they are counted as not fooled.",
                "The model's answers change from call to call.",
                {"pictures": result.unlike, "of": n},
            )
        )
    return flags


def _by_search_alone(result: Robustness, eps: float) -> int:
    """Pictures that random search turned within a size, after attacks with gradients had failed there."""
    without = [not stage.attack.uses_gradients for stage in result.stages]
    tried = np.logical_or.accumulate([stage.attack.uses_gradients for stage in result.stages])
    first = result.first[eps]
    smaller = [e for e in result.eps if e < eps]
    resolved = result.first[smaller[-1]] >= 0 if smaller else np.zeros(len(first), bool)  # at a smaller size already
    counts = (first >= 0) & ~resolved & np.array(without)[first] & tried[first]
    return int(counts.sum())


def _overfitted(victim: Victim, stored: Array, labels: Array, result: Robustness, seed: int) -> list[Flag]:
    """Catastrophic overfitting: FGSM fails where several steps do not, since the gradient points anywhere.

    Training on one whole step alone bends the network along it (Wong, Rice and Kolter, ICLR 2020). Then a part of the
    step may fool where the whole does not (Kim, Lee and Lee, AAAI 2021), and gradients at a picture and at a random
    point of its ball have no direction in common (Andriushchenko and Flammarion, NeurIPS 2020).
    """
    x, labels = _sample(victim, stored, labels, seed)
    goal = Goal(labels)
    scores, _, gradient = ascent(victim, x, goal, "cross-entropy")
    right = ~goal.reached(scores)
    if not right.any():
        return []
    step, n = norm_of("linf").direction(gradient), int(right.sum())

    def fooled(size: float) -> Array:
        return right & goal.reached(victim.scores(np.clip(x + size * step, 0, 1).astype(victim.dtype)))

    for eps in reversed(result.eps):
        whole = fooled(eps)
        passed = int((np.logical_or.reduce([fooled(fraction * eps) for fraction in _FRACTIONS]) & ~whole).sum())
        common = _alignment(victim, x[right], goal.take(right), eps, seed)
        left = (n - int(whole.sum())) / len(x)
        hidden = left - result.accuracy(eps)
        if passed > _OVERFITTED * n or (common < _ALIGNED and hidden > _HIDDEN):
            return [
                Flag(
                    "catastrophic-overfitting",
                    "The model has overfitted to a single step",
                    f"At {eps:.4g} FGSM alone leaves {left:.1%} of {len(x)} pictures right, all attacks"
                    f" together {result.accuracy(eps):.1%}; {passed} pictures are fooled by a part of its step and not"
                    f" by the whole. Gradients at a picture and beside it have a median cosine of {common:.2f}.",
                    "It was trained on FGSM alone, it seems, and has learned that step. Train with several smaller"
                    " steps (PGD).",
                    {"pictures": passed, "of": n, "eps": eps, "hidden": hidden, "cosine": common},
                )
            ]
    return []


def _alignment(victim: Victim, x: Array, goal: Goal, eps: float, seed: int) -> float:
    """The median cosine of the margin's gradients at pictures and at random points of their linf balls."""
    noise = np.random.default_rng((seed, 0xA1)).uniform(-eps, eps, x.shape)
    nearby: Array = np.clip(x + noise, 0, 1).astype(victim.dtype)
    here, there = (ascent(victim, at, goal, "margin")[2].reshape(len(x), -1) for at in (x, nearby))
    sizes = np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=1)
    return float(np.median(np.einsum("nd,nd->n", here, there) / np.maximum(sizes, 1e-30)))
