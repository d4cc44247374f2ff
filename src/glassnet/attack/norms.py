"""The two norms that a change of a picture is measured by: its largest pixel (linf), and its length (l2).

A pixel is a number in [0, 1]; so is a change. The box [0, 1] belongs to every operation here: no change ever leaves it.

Least changes. For a change d with a . d >= m within the box, let r_i be the room of coordinate i in the direction of
a_i: 1 - x_i where a_i > 0, else x_i. The least l2 norm has d_i = sign(a_i) min(k |a_i|, r_i), the least linf norm
d_i = sign(a_i) min(k, r_i), by the conditions of Karush, Kuhn and Tucker, for the least k >= 0 with

    g(k) = sum_i s_i min(k, c_i) >= m          s_i = a_i^2, c_i = r_i / |a_i|  (l2);   s_i = |a_i|, c_i = r_i  (linf)

g is concave, so Newton's method from k = 0 never passes the root, and since g has straight pieces it ends in finitely
many steps.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from glassnet.errors import RecipeError, nearest
from glassnet.nn.functional.arrays import Array

__all__ = ["NORMS", "Norm", "norm_of"]

_NEWTON = 60  # steps; a dozen are usual


class Norm:
    """Base of the norms. Changes are (n, H, W, C), sizes (n,)."""

    word: ClassVar[str]

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
        a = slope.reshape(len(slope), -1)
        x = start.reshape(len(start), -1)
        room = np.where(a > 0, 1 - x, x)
        weight, most = self._pieces(np.abs(a), room)
        k, possible = _root(weight, most, rise)
        change = np.sign(a) * self._change(np.abs(a), k[:, None], room)
        return change.reshape(start.shape), possible

    def _pieces(self, steep: Array, room: Array) -> tuple[Array, Array]:
        """(s, c) of g."""
        raise NotImplementedError

    def _change(self, steep: Array, k: Array, room: Array) -> Array:
        """|d|."""
        raise NotImplementedError


def _root(weight: Array, most: Array, rise: Array) -> tuple[Array, Array]:
    """(k (n,) with g(k) = rise, whether there is one)."""
    k = np.zeros(len(weight), weight.dtype)
    usable = np.isfinite(most)
    reach = np.where(usable, weight * np.where(usable, most, 0), 0).sum(axis=1)
    possible = reach >= rise
    todo = np.flatnonzero((rise > 0) & possible)
    for _ in range(_NEWTON):
        if not len(todo):
            break
        s, c, at = weight[todo], most[todo], k[todo, None]
        below = c > at
        missing = rise[todo] - (s * np.minimum(c, at)).sum(axis=1)
        slope = (s * below).sum(axis=1)
        step = np.divide(missing, slope, out=np.zeros_like(missing), where=slope > 0)
        k[todo] += np.maximum(step, 0)
        todo = todo[(step > 0) & (missing > 4 * np.finfo(weight.dtype).eps * rise[todo])]
    k[~possible] = np.inf
    return k, possible


class Linf(Norm):
    """The largest change of a pixel."""

    word = "linf"

    def size(self, change: Array) -> Array:
        found: Array = np.abs(change).reshape(len(change), -1).max(axis=1, initial=0)
        return found

    def within(self, x: Array, start: Array, eps: Array) -> Array:
        eps = eps.reshape(-1, 1, 1, 1).astype(x.dtype)
        return np.clip(x, np.maximum(start - eps, 0), np.minimum(start + eps, 1))

    def direction(self, gradient: Array) -> Array:
        return np.sign(gradient)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...], eps: Array) -> Array:
        return rng.uniform(-1, 1, shape) * eps.reshape(-1, 1, 1, 1)

    def _pieces(self, steep: Array, room: Array) -> tuple[Array, Array]:
        return steep, room

    def _change(self, steep: Array, k: Array, room: Array) -> Array:
        return np.minimum(k, room)


class L2(Norm):
    """The length of the change: the root of the sum of its squares, over all pixels and channels."""

    word = "l2"

    def size(self, change: Array) -> Array:
        flat = change.reshape(len(change), -1).astype(np.float64)
        found: Array = np.sqrt(np.einsum("nd,nd->n", flat, flat))
        return found

    def within(self, x: Array, start: Array, eps: Array) -> Array:
        change = x - start
        size = self.size(change)
        shrink = np.minimum(1, np.divide(eps, size, out=np.ones_like(size), where=size > 0))
        # The box last: the pictures lie in it, so that clipping only brings x nearer to them.
        found: Array = np.clip(start + change * shrink.reshape(-1, 1, 1, 1).astype(x.dtype), 0, 1)
        return found

    def direction(self, gradient: Array) -> Array:
        # First by the largest entry: squares of small numbers underflow.
        largest = np.abs(gradient).reshape(len(gradient), -1).max(axis=1, initial=0).reshape(-1, 1, 1, 1)
        scaled = np.divide(gradient, largest, out=np.zeros_like(gradient), where=largest > 0)
        size = self.size(scaled).reshape(-1, 1, 1, 1).astype(gradient.dtype)
        found: Array = np.divide(scaled, size, out=scaled, where=size > 0)
        return found

    def random(self, rng: np.random.Generator, shape: tuple[int, ...], eps: Array) -> Array:
        found = rng.standard_normal(shape)
        share = rng.random(shape[0]) ** (1 / np.prod(shape[1:]))  # uniform within the ball
        scaled: Array = found * (eps * share / self.size(found)).reshape(-1, 1, 1, 1)
        return scaled

    def _pieces(self, steep: Array, room: Array) -> tuple[Array, Array]:
        most = np.divide(room, steep, out=np.full_like(room, np.inf), where=steep > 0)
        return steep * steep, most

    def _change(self, steep: Array, k: Array, room: Array) -> Array:
        with np.errstate(invalid="ignore"):  # inf * 0: nothing is changed where nothing helps
            found: Array = np.minimum(np.nan_to_num(k * steep, nan=0.0, posinf=np.inf), room)
        return found


NORMS: dict[str, Norm] = {norm.word: norm for norm in (L2(), Linf())}


def norm_of(word: str) -> Norm:
    """The norm of this name. Raises `RecipeError`."""
    if word not in NORMS:
        raise RecipeError(f"A norm is one of {', '.join(NORMS)}. Got '{word}' instead.{nearest(word, NORMS)}")
    return NORMS[word]
