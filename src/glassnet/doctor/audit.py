"""The gradients of a training against differences, while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from glassnet.attack.adversarial import AdversarialEngine
from glassnet.data import epoch_order
from glassnet.doctor.finding import Finding
from glassnet.doctor.gradients import Slope
from glassnet.engines import StepResult
from glassnet.engines.fine_tune import Features, FineTuneEngine
from glassnet.errors import RecipeError
from glassnet.nn import BatchNorm, Network
from glassnet.nn.functional.arrays import Array
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["AuditGradients"]

_STREAM = 0xA0D17  # keeps what it draws apart from all other streams of the seed


class AuditGradients(Callback):
    """Compares a few elements of the network's gradient with central differences, every so many steps.

    The network is copied in float64 with the weights it has, and a few examples of the latest batch go through the
    copy, in training mode. Nothing of the training is touched: neither its random numbers nor its running statistics,
    so its bits are the same with and without the audit.

    Parameters
    ----------
    say : callable
        Is given each `Finding`.
    every : int
        Steps from one look to the next; the first is after the first step.
    elements : int
        How many elements are looked at each time.
    examples : int
        How many examples, at most.

    Attributes
    ----------
    found : list of Finding
        What it has told: each tensor once.
    looks : int
        How often it has looked.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.doctor import AuditGradients
    >>> from glassnet.train import Trainer
    >>> audit, data = AuditGradients(every=4), dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=2, batch=5, callbacks=[audit]).fit(data)
    >>> audit.looks, audit.found
    (2, [])
    """

    every_step: ClassVar[bool] = False  # many steps in one call stay what they are

    def __init__(
        self,
        say: Callable[[Finding], None] = lambda finding: None,
        *,
        every: int = 100,
        elements: int = 8,
        examples: int = 4,
    ) -> None:
        self.say, self.every, self.elements, self.examples = say, max(1, every), elements, examples
        self.found: list[Finding] = []
        self.looks = self._next = 0

    def start(self, training: Training, saved: Saved) -> None:
        """Begin, or go on from the step that a training is resumed at.

        Raises `RecipeError` where another engine than our own computes: its gradients are not written by hand.
        """
        if training.engine.about().get("name") != "native":
            raise RecipeError("Gradients are audited on our own engine alone. Train on that, or leave the audit out.")
        self.found, self.looks = [], 0
        self._next = training.state.step + 1

    def step(self, training: Training, result: StepResult) -> None:
        """Look, where it is time."""
        step = training.state.step
        if step < self._next:
            return
        self._next = step + self.every
        self.looks += 1
        network, x, y = self._examples(training)
        if len(x) < 2 and any(isinstance(layer, BatchNorm) for _, layer in network.walk()):
            return
        rng = np.random.default_rng((training.settings.seed, _STREAM, step))
        slope = Slope(network, training.engine.loss, x, y, train=True, rng=rng, key=step)
        known = {finding.where for finding in self.found}
        for finding in slope.wrong(self.elements):
            if finding.where not in known:
                told = replace(finding, evidence=f"At step {step}: {finding.evidence}")
                self.found.append(told)
                self.say(told)

    def _examples(self, training: Training) -> tuple[Network, Array, Any]:
        """The network, and a few examples of the latest batch as it takes them; or its head and their features."""
        state, engine = training.state, training.engine
        order = epoch_order(len(training.train), training.settings.seed, state.epoch)
        indices = order[max(0, state.position - self.examples) : state.position]
        x, y, *_ = training.train.take(indices, state.epoch)
        network = engine.network
        if isinstance(engine, FineTuneEngine) and isinstance(x, Features):
            return network.part(engine.position), x.values, y
        if isinstance(engine, AdversarialEngine):  # it is given pixels
            x = engine.preprocess.transform(x)
        return network, x.reshape(len(x), *network.input_shape), y
