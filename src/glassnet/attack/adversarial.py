"""Adversarial training: every batch is attacked first, and the step is made on what came of it.

min over weights of the mean over examples of max over |d| <= eps of the loss at x + d (Madry et al., ICLR 2018): the
inner maximum is approached by a few steps of PGD from a random point, or by one step. The examples of such a training
are pixels; this engine applies the preprocessing, since a change is bounded in pixels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassnet.attack.base import checked_size, size_text
from glassnet.attack.bounded import FGSM, PGD
from glassnet.attack.goals import Goal
from glassnet.attack.norms import norm_of
from glassnet.attack.notation import parse_attack
from glassnet.attack.victim import Victim
from glassnet.data import Preprocess
from glassnet.engines import Batch, Engine, StepResult
from glassnet.errors import RecipeError
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array

__all__ = ["AdversarialEngine", "Adversary"]

_STREAM = 0xADB  # keeps an attack's random numbers apart from all other streams of the seed


class Adversary:
    """What attacks the batches of a training: `fgsm 0.3`, `pgd 8/255, steps 7`, with `norm l2` at its end by that norm.

    Attributes
    ----------
    attack : FGSM or PGD
        The attack; PGD goes on after it has fooled, since the loss is to be as large as it can be.
    eps : float
        The size of the change.
    norm : str
        "linf" or "l2".

    Examples
    --------
    >>> from glassnet.attack import Adversary
    >>> Adversary.parse("pgd 8/255, steps 7").describe()
    'PGD of 7 steps, linf up to 8/255'
    """

    def __init__(self, attack: FGSM | PGD, eps: float, norm: str = "linf") -> None:
        norm_of(norm)
        self.attack, self.eps, self.norm = attack, eps, norm

    @classmethod
    def parse(cls, notation: str) -> Adversary:
        """The adversary that is written so. Raises `NotationError` or `RecipeError`."""
        text, norm = notation, "linf"
        for word in ("l2", "linf"):
            if notation.rstrip().endswith(f", norm {word}"):
                text, norm = notation.rstrip().removesuffix(f", norm {word}"), word
        attack, eps = parse_attack(text)
        if not isinstance(attack, FGSM | PGD):
            raise RecipeError(
                f"Training is attacked by 'fgsm EPS' or 'pgd EPS, steps N', with ', norm l2' at the end for that norm."
                f" Got '{notation}'."
            )
        if isinstance(attack, PGD) and attack.restarts != 1:
            raise RecipeError(f"Training makes one start for each batch; leave restarts out. Got '{notation}'.")
        if eps is None:
            raise RecipeError(f"Name the size of the change, as in 'pgd 8/255, steps 7'. Got '{notation}'.")
        return cls(attack, checked_size(eps, norm), norm)

    def notation(self) -> str:
        """The adversary in notation; `parse` of it gives the same."""
        return self.attack.notation(self.eps) + (", norm l2" if self.norm == "l2" else "")

    def describe(self) -> str:
        """In a few words: `PGD of 7 steps, linf up to 8/255`."""
        kind = f"PGD of {self.attack.steps} steps" if isinstance(self.attack, PGD) else "FGSM"
        return f"{kind}, {self.norm} up to {size_text(self.eps)}"

    def change(self, victim: Victim, x: Array, labels: Array, rng: np.random.Generator) -> Array:
        """The pictures x (n, H, W, C) in [0, 1], changed so that the loss rises."""
        goal, norm, eps = Goal(labels), norm_of(self.norm), np.full(len(x), self.eps)
        if isinstance(self.attack, PGD):
            return self.attack.climb(victim, x, goal, norm, eps, rng)
        return self.attack.run(victim, x, goal, norm, eps, rng)


class AdversarialEngine(Engine):
    """An engine whose training steps are made on attacked pictures; scores are those of the pictures as they are.

    Parameters
    ----------
    engine : Engine
        What computes.
    preprocess : Preprocess
        Applied to pixels here; fitted before the first step.
    adversary : Adversary
        The attack.
    seed : int
        Of its random numbers, where a batch carries no key.

    Examples
    --------
    >>> from glassnet import Network, Preprocess
    >>> from glassnet.attack import AdversarialEngine, Adversary
    >>> from glassnet.engines import Batch, NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> inner = NativeEngine(Network("linear 2", (2, 2, 1)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> engine = AdversarialEngine(inner, Preprocess.parse("scale"), Adversary.parse("fgsm 0.1"))
    >>> engine.step(Batch(np.full((3, 2, 2, 1), 0.5, np.float32), np.array([0, 1, 0])), lr=0.1).steps
    1
    """

    def __init__(self, engine: Engine, preprocess: Preprocess, adversary: Adversary, *, seed: int = 0) -> None:
        self.engine, self.preprocess, self.adversary, self.seed = engine, preprocess, adversary, seed
        self.network: Network = engine.network
        self.loss: Loss = engine.loss
        self.seconds = {"attack": 0.0, "step": 0.0}  # what either took so far

    @property
    def lr(self) -> float:
        return self.engine.lr

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        victim = Victim(self.engine, self.preprocess, batch.x.shape[1:], batch=len(batch.x))
        rng = np.random.default_rng((*(batch.key or (self.seed,)), _STREAM))
        began = time.perf_counter()
        attacked = self.adversary.change(victim, batch.x, batch.target, rng)
        changed = time.perf_counter()
        result = self.engine.step(batch._replace(x=self.preprocess.transform(attacked)), lr, norms=norms)
        self.seconds["attack"] += changed - began
        self.seconds["step"] += time.perf_counter() - changed
        return result

    @property
    def times_as_long(self) -> float:
        """How many times as long the steps took as without attacks; NaN before the first."""
        step = self.seconds["step"]
        return (self.seconds["attack"] + step) / step if step else math.nan

    def scores(self, x: Any) -> Array:
        return self.engine.scores(self.preprocess.transform(x))

    def state(self) -> dict[str, Array]:
        return self.engine.state()

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        self.engine.load_state(arrays)

    def input_gradient(self, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        scores, gradient = self.engine.input_gradient(self.preprocess.transform(x), dscores)
        return scores, self.preprocess.adjoint(gradient, x.shape[1:])

    def agreed(self, wish: bool) -> bool:
        return self.engine.agreed(wish)

    def reset(self) -> None:
        self.engine.reset()

    def weights(self) -> dict[str, Array]:
        return self.engine.weights()

    @property
    def least_batch(self) -> int:
        return self.engine.least_batch

    def identity(self) -> dict[str, Any]:
        return {**self.engine.identity(), "adversarial": self.adversary.notation()}

    def about(self) -> dict[str, Any]:
        return self.engine.about()
