"""Activations: ReLU, ReLU6, sigmoid, tanh."""

from __future__ import annotations

import math
from typing import ClassVar

from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer, Tail

__all__ = ["ReLU", "ReLU6", "Sigmoid", "Tanh"]


class _Activation(Layer):
    """Base of the smooth activations."""

    kind = "activation"
    _forward = staticmethod(F.sigmoid_forward)
    _backward = staticmethod(F.sigmoid_backward)
    _reference = staticmethod(F.sigmoid_forward_naive)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = self._forward(x, out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return self._reference(x)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        return self._backward(dy, self._cache, out=self._gradient(len(dy)))


class ReLU(Layer):
    """y = max(0, x). Notation: `relu`.

    Examples
    --------
    >>> from glassnet.nn import Network, ReLU
    >>> Network([ReLU()], (2,))(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    word = "relu"
    kind = "activation"
    recordable = True
    ceiling: ClassVar[float] = math.inf

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = F.relu_forward(x, ceiling=self.ceiling, out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return F.relu_forward_naive(x, self.ceiling)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        return F.relu_backward(dy, self._cache, ceiling=self.ceiling, out=self._gradient(len(dy)))

    def fused_as(self) -> Tail | None:
        # a layer derived from one of these may compute something else
        return Tail(relu=self.ceiling) if type(self) in (ReLU, ReLU6) else None

    def kink_signature(self) -> list[Array]:
        return F.relu_pieces(self._cache, self.ceiling)


class ReLU6(ReLU):
    """y = min(max(0, x), 6). Notation: `relu6`.

    Examples
    --------
    >>> from glassnet.nn import Network, ReLU6
    >>> Network([ReLU6()], (3,))(np.array([[-1.0, 2.0, 9.0]]))
    array([[0., 2., 6.]], dtype=float32)
    """

    word = "relu6"
    recordable = True
    ceiling = 6.0


class Sigmoid(_Activation):
    """y = 1 / (1 + exp(-x)). Notation: `sigmoid`.

    Examples
    --------
    >>> from glassnet.nn import Network, Sigmoid
    >>> Network([Sigmoid()], (1,))(np.array([[0.0]]))
    array([[0.5]], dtype=float32)
    """

    word = "sigmoid"
    recordable = True

    @property
    def flops(self) -> int:
        return 3 * super().flops


class Tanh(_Activation):
    """y = tanh(x). Notation: `tanh`.

    Examples
    --------
    >>> from glassnet.nn import Network, Tanh
    >>> Network([Tanh()], (1,))(np.array([[0.0]]))
    array([[0.]], dtype=float32)
    """

    word = "tanh"
    recordable = True
    _forward = staticmethod(F.tanh_forward)
    _backward = staticmethod(F.tanh_backward)
    _reference = staticmethod(F.tanh_forward_naive)

    @property
    def flops(self) -> int:
        return 3 * super().flops
