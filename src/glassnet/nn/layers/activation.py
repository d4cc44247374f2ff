"""Activations: ReLU, sigmoid, tanh."""

from __future__ import annotations

from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import FusedAs, Layer

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class _Activation(Layer):
    """Base of the element-wise activations."""

    kind = "activation"
    _forward = staticmethod(F.relu_forward)
    _backward = staticmethod(F.relu_backward)
    _reference = staticmethod(F.relu_forward_naive)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = self._forward(x, out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return self._reference(x)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        return self._backward(dy, self._cache, out=self._gradient(len(dy)))


class ReLU(_Activation):
    """y = max(0, x). Notation: `relu`."""

    word = "relu"

    def fused_as(self) -> FusedAs | None:
        return "relu" if type(self) is ReLU else None  # a layer derived from it may compute something else

    def kink_signature(self) -> list[Array]:
        return [self._cache > 0]


class Sigmoid(_Activation):
    """y = 1 / (1 + exp(-x)). Notation: `sigmoid`."""

    word = "sigmoid"
    _forward = staticmethod(F.sigmoid_forward)
    _backward = staticmethod(F.sigmoid_backward)
    _reference = staticmethod(F.sigmoid_forward_naive)

    @property
    def flops(self) -> int:
        return 3 * super().flops


class Tanh(_Activation):
    """y = tanh(x). Notation: `tanh`."""

    word = "tanh"
    _forward = staticmethod(F.tanh_forward)
    _backward = staticmethod(F.tanh_backward)
    _reference = staticmethod(F.tanh_forward_naive)

    @property
    def flops(self) -> int:
        return 3 * super().flops
