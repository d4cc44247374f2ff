"""The two norms that a change of a picture is measured by: its largest pixel (linf), and its length (l2).

A pixel is a number in [0, 1]; so is a change. The box [0, 1] belongs to every operation here: no change ever leaves it.

Least changes. For a change d with a . d >= m within the box, let r_i be the room of coordinate i in the direction of
a_i: 1 - x_i where a_i > 0, else x_i. The least l2 norm has d_i = sign(a_i) min(k |a_i|, r_i), the least linf norm
d_i = sign(a_i) min(k, r_i), by the conditions of Karush, Kuhn and Tucker, for the least k >= 0 with a . d = m (see
`glassnet.nn.kernels.boundary`).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from glassnet.errors import RecipeError, nearest
from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels.boundary import least_change

__all__ = ["NORMS", "Norm", "norm_of"]

_NEWTON = 60  # steps; a dozen are usual


class Norm:
    """Base of the norms. Changes are (n, H, W, C), sizes (n,).

    Examples
    --------
    >>> from glassnet.attack import norm_of
    >>> change = np.full((1, 2, 2, 1), 0.5)
    >>> norm_of("l2").size(change), norm_of("linf").size(change)
    (array([1.]), array([0.5]))
    """

    word: ClassVar[str]
    squared: ClassVar[bool] = False  # whether a steeper coordinate is worth a larger change

    def size(self, change: Array) -> Array:
        """(n,) the norm of each change."""
        raise NotImplementedError

    def within(self, x: Array, start: Array, eps: Array) -> Array:
        """x (n, H, W, C) brought into the ball of radius eps (n,) around the pictures `start`, and into the box."""
        raise NotImplementedError

    def direction(self, gradient: Array) -> Array:
        """The change of norm 1 along which a linear function of this gradient rises most; 0 where the gradient is."""
        raise NotImplementedError

    def random(self, rng: np.random.Generator, shape: tuple[int, ...], eps: Array) -> Array:
        """Random changes (n, H, W, C) within the ball of radius eps (n,)."""
        raise NotImplementedError

    def least(self, start: Array, slope: Array, rise: Array) -> tuple[Array, Array]:
        """The least change by which a linear function rises so much within the box.

        Parameters
        ----------
        start : (n, H, W, C) array
            The pictures.
        slope : (n, H, W, C) array
            The gradient a of the function.
        rise : (n,) array
            m; nothing is changed where it is 0 or less.

        Returns
        -------
        change : (n, H, W, C) array
            The change; all that the box allows where that is not enough.
        possible : (n,) bool array
            Whether it is enough.
        """
        flat = [
            np.ascontiguousarray(array).reshape(len(array), int(np.prod(array.shape[1:]))) for array in (slope, start)
        ]
        change, possible = np.empty_like(flat[0]), np.empty(len(slope), np.bool_)
        rise = np.ascontiguousarray(rise, np.float64)
        least_change(flat[0], flat[1].astype(flat[0].dtype, copy=False), rise, self.squared, _NEWTON, change, possible)
        return change.reshape(start.shape), possible


class Linf(Norm):
    """The largest change of a pixel."""

    word = "linf"

    def size(self, change: Array) -> Array:
        found: Array = np.abs(change).max(axis=(1, 2, 3), initial=0)
        return found

    def within(self, x: Array, start: Array, eps: Array) -> Array:
        eps = eps.reshape(-1, 1, 1, 1).astype(x.dtype)
        # Both bounds lie in the box where the ball is cut by it first.
        found: Array = np.clip(x, start - eps, start + eps)
        return np.clip(found, 0, 1, out=found)

    def direction(self, gradient: Array) -> Array:
        return np.sign(gradient)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...], eps: Array) -> Array:
        return rng.uniform(-1, 1, shape) * eps.reshape(-1, 1, 1, 1)


class L2(Norm):
    """The length of the change: the root of the sum of its squares, over all pixels and channels."""

    word = "l2"
    squared = True

    def size(self, change: Array) -> Array:
        exact = change.astype(np.float64)
        found: Array = np.sqrt(np.einsum("nhwc,nhwc->n", exact, exact))
        return found

    def within(self, x: Array, start: Array, eps: Array) -> Array:
        change = x - start
        size = self.size(change)
        # Each pixel is rounded once more when the change is added: so much longer could it become.
        rounding = np.finfo(x.dtype).eps / 2 * np.sqrt(np.prod(x.shape[1:]))
        room = np.maximum(eps - rounding, 0)
        shrink = np.minimum(1, np.divide(room, size, out=np.ones_like(size), where=size > 0))
        # The box last: the pictures lie in it, so that clipping only brings x nearer to them.
        found: Array = np.clip(start + change * shrink.reshape(-1, 1, 1, 1).astype(x.dtype), 0, 1)
        return found

    def direction(self, gradient: Array) -> Array:
        # First by the largest entry: squares of small numbers underflow.
        largest = np.abs(gradient).max(axis=(1, 2, 3), initial=0).reshape(-1, 1, 1, 1)
        scaled = np.divide(gradient, largest, out=np.zeros_like(gradient), where=largest > 0)
        size = self.size(scaled).reshape(-1, 1, 1, 1).astype(gradient.dtype)
        found: Array = np.divide(scaled, size, out=scaled, where=size > 0)
        return found

    def random(self, rng: np.random.Generator, shape: tuple[int, ...], eps: Array) -> Array:
        found = rng.standard_normal(shape)
        share = rng.random(shape[0]) ** (1 / np.prod(shape[1:]))  # uniform within the ball
        scaled: Array = found * (eps * share / self.size(found)).reshape(-1, 1, 1, 1)
        return scaled


NORMS: dict[str, Norm] = {norm.word: norm for norm in (L2(), Linf())}


def norm_of(word: str) -> Norm:
    """The norm of this name. Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.attack import norm_of
    >>> norm_of("l2").word
    'l2'
    """
    if word not in NORMS:
        raise RecipeError(f"A norm is one of {', '.join(NORMS)}. Got '{word}' instead.{nearest(word, NORMS)}")
    return NORMS[word]
