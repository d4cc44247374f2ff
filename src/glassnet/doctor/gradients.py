"""The gradient of a whole network on a few examples against central differences, in a float64 copy.

A difference costs two forward passes, so elements are chosen: some at random, some where the gradient is large. A
random direction through all parameters at once comes first: its derivative <dL/dw, v> is wrong where any element is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import double
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array

__all__ = ["Slope"]

# Steps of the differences, the first where no kink is crossed: truncation is far below what is allowed.
_STEPS = (1e-6, 1e-7, 1e-8)
_WRONG = 1e-5  # of the derivative's size
_OF_THE_LARGEST = 1e-7  # and of the largest element of its tensor
# Rounding errors of a difference of two losses, in units of float64's eps at the size of loss and scores (`check` too).
_NOISE = 40
_ROUNDING = 1e-9


class Slope:
    """A network's loss at its weights: the gradient by the backward pass, and derivatives by differences.

    Parameters
    ----------
    network : Network
        It is copied in float64 and stays as it is.
    loss : Loss
        Its loss.
    x : (n, *input_shape) array
        A few examples.
    y : (n,) or (n, k) array
        What the loss takes for them.
    train : bool
        The mode.
    l2 : float
        Of the penalty that a step of plain gradient descent takes along.
    key : int
        Of the dropout masks, the same in all passes.
    rng : Generator
        Chooses elements and directions.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        x: Any,
        y: Any,
        *,
        train: bool,
        rng: np.random.Generator,
        l2: float = 0.0,
        key: int = 0,
    ) -> None:
        self.network, self.loss, self.train, self.rng = double(network, key=key), loss, train, rng
        self.x, self.y, self.l2, self.key = np.array(x, np.float64), np.array(y), l2, key
        self.parameters = self.network.parameters()
        with np.errstate(all="ignore"):
            scores = self.network.forward(self.x, train=train)
            self.value, self.dscores = loss.loss(scores, self.y)
            self.first = self._backward()
            self.gradients = self._backward()
        size = max(1.0, abs(self.value), float(np.abs(scores).max()))
        self.noise = _NOISE * float(np.finfo(np.float64).eps) * size

    @property
    def finite(self) -> bool:
        """Whether there is a gradient to look at."""
        return bool(np.isfinite(self.value)) and bool(np.isfinite(self.dscores).all())

    def _backward(self) -> dict[str, Array]:
        self.network.backward(self.dscores.copy())
        return {name: parameter.grad.copy() for name, parameter in self.parameters.items()}

    def wrong(self, elements: int) -> Iterator[Finding]:
        """What is wrong with the gradient, by so many single elements; of several the one nearest to the loss."""
        if not self.finite or not self.parameters:
            return
        added = list(self._added_up())
        if added:
            yield from added
            return
        largest = {name: float(np.abs(g).max()) for name, g in self.gradients.items()}
        if not all(np.isfinite(size) for size in largest.values()):
            name = next(name for name, size in largest.items() if not np.isfinite(size))
            yield self._finding(name, f"The gradient of {name} is not finite, and the loss is {self.value:.6g}.")
            return
        sizes = {name: float(np.sqrt((p.value**2).mean())) or 0.01 for name, p in self.parameters.items()}
        along = {name: sizes[name] * self.rng.standard_normal(g.shape) for name, g in self.gradients.items()}
        scale = float(np.sqrt(sum((sizes[name] * np.linalg.norm(g)) ** 2 for name, g in self.gradients.items())))
        suspect = self._disagrees(along, scale) is not None
        worst: tuple[int, Finding] | None = None
        names = list(self.parameters)
        for name, flat in self._chosen(4 * elements if suspect else elements):
            place = np.unravel_index(flat, self.gradients[name].shape)
            one = np.zeros_like(self.gradients[name])
            one[place] = 1.0
            found = self._disagrees({name: one}, _OF_THE_LARGEST / _WRONG * largest[name])
            if found is not None and (worst is None or names.index(name) > worst[0]):
                analytic, numerical = found
                element = ", ".join(str(int(i)) for i in place)
                text = (
                    f"The gradient of {name} is wrong in {self._mode} mode: at [{element}] the backward pass gives"
                    f" {analytic:.6g}, and differences of the loss give {numerical:.6g}."
                )
                worst = names.index(name), self._finding(name, text)
        if worst is not None:
            yield worst[1]
        elif suspect:
            text = f"The gradient is wrong in {self._mode} mode: the loss falls otherwise along a random direction."
            yield self._finding("network", text)
        else:
            yield from self._descent()

    @property
    def _mode(self) -> str:
        return "training" if self.train else "evaluation"

    def _chosen(self, count: int) -> Iterator[tuple[str, int]]:
        """(tensor, flat place) of so many elements: the tensors in turn, at random and where the gradient is large."""
        names = list(self.parameters)
        order = self.rng.permutation(len(names))
        for number in range(count):
            name = names[order[number % len(names)]]
            sizes = np.abs(self.gradients[name]).reshape(-1)
            if number // len(names) % 2:
                yield name, int(self.rng.integers(sizes.size))
            else:
                few = self.rng.integers(sizes.size, size=8)
                yield name, int(few[np.argmax(sizes[few])])

    def _disagrees(self, direction: Mapping[str, Array], scale: float) -> tuple[float, float] | None:
        """(derivative by the gradient, by differences) along a direction, where the two differ; else None."""
        analytic = sum(float((self.gradients[name] * v).sum()) for name, v in direction.items())
        for step in _STEPS:
            (up, one), (down, other) = self._moved(direction, step), self._moved(direction, -step)
            if all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)):
                break
        else:
            return None  # a kink at every step
        numerical = (up - down) / (2 * step)
        allowed = _WRONG * max(abs(analytic), abs(numerical), scale) + self.noise / step
        return None if abs(analytic - numerical) <= allowed else (analytic, numerical)

    def _moved(self, direction: Mapping[str, Array], step: float) -> tuple[float, list[Array]]:
        """The loss with the weights moved, and which smooth piece of every layer was used."""
        before = {name: self.parameters[name].value.copy() for name in direction}
        for name, v in direction.items():
            self.parameters[name].value += step * v
        value, _ = self.loss.loss(self.network.forward(self.x, train=self.train), self.y)
        for name, array in before.items():
            self.parameters[name].value[...] = array
        return value, [signature for unit in self.network.chain.units for signature in unit.kink_signature()]

    def _added_up(self) -> Iterator[Finding]:
        """A second backward pass writes the same gradient again."""
        for name, gradient in self.gradients.items():
            off = np.abs(gradient - self.first[name])
            if np.isfinite(off).all() and off.max() > _ROUNDING * max(1e-9, float(np.abs(self.first[name]).max())):
                text = f"A second backward pass gives {name} another gradient: the first one is still in it."
                remedy = "Write gradients, and add nothing to those of the step before."
                yield Finding("gradient-accumulates", "failure", text, remedy=remedy, where=name)
                return

    def _descent(self) -> Iterator[Finding]:
        """A step of plain gradient descent at rate 1 takes away the gradient and l2 times the weights, no more."""
        twin = double(self.network, key=self.key)
        twin.run(self.x, train=self.train)
        before = {name: p.value.copy() for name, p in twin.parameters().items()}
        twin.run_descent(self.dscores.copy(), 1.0, self.l2)
        for name, parameter in twin.parameters().items():
            right = self.gradients[name] + (self.l2 * before[name] if parameter.decays else 0.0)
            moved = before[name] - parameter.value
            slack = _ROUNDING * float(np.abs(right).max()) + 1e-13 * max(1.0, float(np.abs(before[name]).max()))
            if not np.abs(moved - right).max() <= slack:
                text = f"A step of plain gradient descent does not move {name} by its gradient and penalty alone."
                yield self._finding(name, text)
                return

    def _finding(self, where: str, evidence: str) -> Finding:
        remedy = "Derive the backward passes from there on again, and compare them with differences."
        return Finding("gradient-wrong", "failure", evidence, remedy=remedy, where=where)
