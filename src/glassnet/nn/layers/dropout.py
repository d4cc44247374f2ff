"""Dropout of single numbers and of whole channels."""

from __future__ import annotations

import copy

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.notation import Step, as_real, real_text

__all__ = ["Dropout"]


class Dropout(Layer):
    """Inverted dropout: in training each number is 0 with probability p, the rest are scaled by 1 / (1 - p).

    Notation: `dropout P` with p in [0, 1), by default 0.5; `dropout P, channels` drops whole channels of pictures
    (n, H, W, C) instead of single numbers (Tompson et al. 2015). The mask comes from `key`, a tuple of integers, where
    one is set (so that a resumed run draws the same), else from a generator of the layer's own.

    Examples
    --------
    >>> from glassnet.nn import Dropout, Network
    >>> network = Network([Dropout(0.5)], (100,))
    >>> np.unique(network.forward(np.ones((9, 100)), train=True)), np.unique(network(np.ones((9, 100))))
    (array([0., 2.], dtype=float32), array([1.], dtype=float32))
    """

    word = "dropout"
    kind = "dropout"
    recordable = True
    draws = True
    options = ("channels",)
    kernel = ("one pass", "a product with the mask; nothing in evaluation")

    def __init__(self, p: float = 0.5, channels: bool = False) -> None:
        super().__init__()
        self.p, self.channels = as_real(p), channels
        if not 0 <= self.p < 1:
            raise NotationError(f"The probability of 'dropout' must lie in 0 ... 1 (1 excluded). Got {p} instead.")
        self.key: tuple[int, ...] | None = None
        self._rng = np.random.default_rng(0)

    @classmethod
    def from_step(cls, step: Step) -> Dropout:
        positional, named = step.split(cls.options)
        try:
            if named.get("channels"):
                raise ValueError
            (p,) = positional or ["0.5"]
            return cls(as_real(p), "channels" in named)
        except ValueError:
            raise NotationError(
                f"'dropout' takes one probability, as in 'dropout 0.5', and 'channels'. Got '{step.text}'."
            ) from None

    def notation(self) -> str:
        return f"dropout {real_text(self.p)}" + (", channels" if self.channels else "")

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if self.channels and len(input_shape) != 3:
            raise NotationError(f"'{self.notation()}' needs pictures (H, W, C). Its input is {input_shape}.")
        if rng is not None:
            self._rng = np.random.default_rng(int(rng.integers(2**63)))

    def set_key(self, key: tuple[int, ...] | None) -> None:
        self.key = key

    def mask(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The mask that a generator gives for an input of this shape, or one that spreads to it."""
        if self.channels:
            return F.channel_dropout_mask(shape[0], shape[-1], self.p, rng, self.dtype)
        return F.dropout_mask(shape, self.p, rng, self.dtype)

    def next_mask(self, n: int) -> Array:
        """The mask of the next training pass, on n examples."""
        rng = self._rng if self.key is None else np.random.default_rng(self.key)
        return self.mask((n, *self.input_shape), rng)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if not train or self.p == 0:
            self._cache = None
            return x
        y, self._cache = F.dropout_forward(x, self.next_mask(len(x)), out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        if not train:
            return np.array(x, np.float64)
        rng = copy.deepcopy(self._rng) if self.key is None else np.random.default_rng(self.key)
        return F.dropout_forward_naive(x, self.mask(x.shape, rng))

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        if self._cache is None:
            return dy
        return F.dropout_backward(dy, self._cache, out=self._gradient(len(dy)))
