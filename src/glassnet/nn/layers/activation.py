"""Activations: ReLU, sigmoid, tanh."""

from __future__ import annotations

from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class _Activation(Layer):
    """Base of the element-wise activations."""

    elementwise = True
    _forward = staticmethod(F.relu_forward)
    _backward = staticmethod(F.relu_backward)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = self._forward(x, out=self._output(len(x)))
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        return self._backward(dy, self._cache, out=self._gradient(len(dy)))


class ReLU(_Activation):
    """y = max(0, x). Notation: `relu`."""

    word = "relu"

    def pattern(self) -> list[Array]:
        return [self._cache > 0]


class Sigmoid(_Activation):
    """y = 1 / (1 + exp(-x)). Notation: `sigmoid`."""

    word = "sigmoid"
    _forward = staticmethod(F.sigmoid_forward)
    _backward = staticmethod(F.sigmoid_backward)

    @property
    def flops(self) -> int:
        return 3 * super().flops


class Tanh(_Activation):
    """y = tanh(x). Notation: `tanh`."""

    word = "tanh"
    _forward = staticmethod(F.tanh_forward)
    _backward = staticmethod(F.tanh_backward)

    @property
    def flops(self) -> int:
        return 3 * super().flops
