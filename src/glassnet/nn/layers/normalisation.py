"""Batch normalisation of features and of channels."""

from __future__ import annotations

import math

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.fusion import ALONE, Fusing
from glassnet.nn.layer import Tail
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step, as_real, real_text

__all__ = ["BatchNorm"]


class BatchNorm(Fusing):
    """Batch normalisation of features (n, d), or of the channels of pictures (n, H, W, C), over everything else.

    Notation: `batchnorm, momentum M, eps E`; by default momentum 0.1 (the share of the newest batch) and eps 1e-5.
    Running moments are kept for evaluation. `forward` can take the ReLU that follows into the same pass.

    Examples
    --------
    >>> from glassnet.nn import BatchNorm, Network
    >>> y = Network([BatchNorm()], (1,)).forward(np.array([[1.0], [3.0]]), train=True)
    >>> y.ravel().round(3)
    array([-1.,  1.], dtype=float32)
    """

    word = "batchnorm"
    kind = "normalisation"
    recordable = True
    options = ("momentum", "eps")
    output_is_free = True

    def __init__(self, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = as_real(momentum), as_real(eps)
        if not 0 < self.momentum <= 1 or not 0 < self.eps < 1:
            raise NotationError(f"'batchnorm' needs 0 < momentum <= 1 and 0 < eps < 1. Got {momentum} and {eps}.")

    @classmethod
    def from_step(cls, step: Step) -> BatchNorm:
        positional, named = step.split(cls.options)
        try:
            if positional:
                raise ValueError
            return cls(**{name: as_real(value) for name, (value,) in named.items()})
        except ValueError:
            raise NotationError(f"'batchnorm' takes the options momentum and eps alone. Got '{step.text}'.") from None

    def notation(self) -> str:
        momentum = "" if self.momentum == 0.1 else f", momentum {real_text(self.momentum)}"
        return "batchnorm" + momentum + ("" if self.eps == 1e-5 else f", eps {real_text(self.eps)}")

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        size = input_shape[-1]
        self.parameters = {
            "scale": Parameter.of(np.ones(size, dtype), "scale"),
            "shift": Parameter.of(np.zeros(size, dtype), "shift"),
        }
        self.state = {"mean": np.zeros(size), "variance": np.ones(size)}

    @property
    def flops(self) -> int:
        return 4 * super().flops

    def explain(self, n: int, tail: Tail = ALONE) -> tuple[str, str]:
        taken = "; the ReLU is applied as y is written" if tail.relu else ""
        return "moments, then one pass", f"statistics in float64{taken}"

    def forward(self, x: Array, *, train: bool = False, tail: Tail = ALONE) -> Array:
        running = (self.state["mean"], self.state["variance"])
        y, self._cache = F.batchnorm_forward(
            x,
            self.parameters["scale"].value,
            self.parameters["shift"].value,
            moments=None if train else running,
            eps=self.eps,
            relu=tail.relu,
            out=self._output(len(x)),
        )
        self._kink, self._ceiling = y if tail.relu else None, tail.relu
        if train:
            count = len(x) * math.prod(self.input_shape[:-1])
            F.update_running_moments(running, self._cache.moments, count, self.momentum)
        return y

    def fused_as(self) -> Tail | None:
        return Tail(norm=self.line) if type(self) is BatchNorm else None

    def line(self, bias: Array | None) -> tuple[Array, Array]:
        """(slope, offset) of each channel in evaluation: that of x + bias is slope x + offset."""
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value
        return F.batchnorm_line(scale, shift, (self.state["mean"], self.state["variance"]), bias, eps=self.eps)

    def reference(self, x: Array, *, train: bool = False) -> Array:
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value
        moments = None if train else (self.state["mean"], self.state["variance"])
        return F.batchnorm_forward_naive(x, scale, shift, moments, self.eps)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        scale, shift = self.parameters["scale"], self.parameters["shift"]
        out = (self._gradient(len(dy)), scale.grad, shift.grad)
        dx = F.batchnorm_backward(dy, self._cache, out=out)[0]
        if input_gradient:
            return dx
        self.arena.release(dx)
        return None
