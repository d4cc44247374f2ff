"""Where a formula has no slope, and whether that is a minimum.

A quasi-Newton method goes down from a start, and Newton's method, w <- w - H^-1 g (or part of it, so that f does not
rise), settles where it ended. At a point
without slope its steps shrink to nothing. Where f falls for ever towards a value that it never reaches (exp(-x)), the
slope vanishes, too, but Newton's steps do not: there is no point.

With the eigenvalues of the Hessian H at the point, none of which is 0,

    all positive: a minimum        all negative: a maximum        of both signs: a saddle point

and where some are 0 (to 1e-6 of the largest curvature that was met), values near the point in their directions tell:
values above and below make a saddle point; values above make a minimum where no Hessian nearby has a negative
eigenvalue (the formula is convex there), and decide nothing otherwise. Of a formula with kinks (|x| - x^2), whose
Hessian at a kink tells nothing, that is asked in all directions, and convexity is f((a + b) / 2) <= (f(a) + f(b)) / 2.

Source: J. Nocedal and S. Wright, "Numerical optimization", 2nd ed., Springer 2006, sections 2.1, 3.3 and 6.1.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from glassnet.errors import FormulaError

__all__ = ["Function", "find", "kind_of"]

Floats = npt.NDArray[np.float64]

_NEWTON = 200  # steps at most: enough for x^6, where each goes a fifth of the way
_LAST = 3  # more steps, each of which doubles the digits
_HALVINGS = 60  # of such a step
_SETTLED = 1e-10  # of the way from the start: Newton's last step
_NO_SLOPE = 1e-6  # of the start's slope
_ROUNDING = 1e-12  # of |H| |w|: the slope that comes from the rounding of w
_FLAT = 1e-6  # of the largest curvature: an eigenvalue that counts as 0
_PROBES = (1e-3, 1e-2, 1e-1)  # how far nearby values are taken, of the size of the point or of the way to it
_AROUND = 32  # points at which nearby Hessians are taken


@dataclass(frozen=True)
class Function:
    """A function with its derivatives; each raises `FormulaError` where it has none. Is it smooth, without kinks?"""

    value: Callable[[Floats], float]
    gradient: Callable[[Floats], Floats]
    hessian: Callable[[Floats], Floats]
    smooth: bool = True


def find(f: Function, start: Floats) -> Floats | None:
    """The point without slope that descent from the start comes to; None where it comes to none."""
    slope = float(np.linalg.norm(f.gradient(start)))
    try:
        w = start if slope == 0 else _lower(f, start)
        noise = 1e-13 * max(abs(f.value(start)), abs(f.value(w)))
        for _ in range(_NEWTON):
            step = _newton(f, w)
            reach = max(float(np.linalg.norm(w - step - start)), float(np.linalg.norm(w - step)))
            if np.linalg.norm(step) <= _SETTLED * reach:
                break
            w = _no_higher(f, w, step, noise)
        else:
            return None
        for _ in range(_LAST):
            w = w - _newton(f, w)
        left, rounding = np.abs(f.gradient(w)), _ROUNDING * np.abs(f.hessian(w)) @ np.abs(w)
    except (FormulaError, np.linalg.LinAlgError):
        return None
    return w if (left <= np.maximum(_NO_SLOPE * slope, rounding)).all() else None


def _newton(f: Function, w: Floats) -> Floats:
    """H^-1 g, without the directions in which H is 0."""
    return np.asarray(np.linalg.lstsq(f.hessian(w), f.gradient(w), rcond=1e-13)[0], float)


def _no_higher(f: Function, w: Floats, step: Floats, noise: float) -> Floats:
    """w - step, or w less the largest of its halves, quarters, ... that goes no higher. Raises `FormulaError`."""
    height = f.value(w) + noise
    for _ in range(_HALVINGS):
        with contextlib.suppress(FormulaError):
            if f.value(w - step) <= height:
                return np.asarray(w - step, float)
        step = step / 2
    raise FormulaError("Newton's direction goes up.")


def _lower(f: Function, start: Floats) -> Floats:
    """Where a quasi-Newton method comes to; the start where that is no lower."""

    def value(w: Floats) -> float:
        try:
            return f.value(w)
        except FormulaError:
            return math.inf

    def gradient(w: Floats) -> Floats:
        try:
            return f.gradient(w)
        except FormulaError:
            return np.zeros_like(w)

    with np.errstate(all="ignore"):
        found = optimize.minimize(value, start, jac=gradient, method="BFGS", options={"gtol": 1e-12, "maxiter": 1000})
    w = np.asarray(found.x, float)
    return w if np.isfinite(w).all() and value(w) <= value(start) else start


def kind_of(f: Function, w: Floats, start: Floats, curvature: float) -> str:
    """`minimum`, `maximum`, `saddle point` or `undecided`, of a point w without slope.

    Parameters
    ----------
    curvature : float
        The largest eigenvalue of the Hessian, by size, that was met from the start to w.
    """
    size = max(float(np.linalg.norm(w - start)), float(np.linalg.norm(w))) or 1.0
    open_, above, below = np.eye(len(w)), False, False
    try:
        if f.smooth:
            values, vectors = np.linalg.eigh(f.hessian(w))
            near = _FLAT * curvature
            open_ = vectors[:, np.abs(values) <= near]
            above, below = bool((values > near).any()), bool((values < -near).any())
        if open_.shape[1]:
            rises = _rises(f, w, size, open_)
            above, below = above or rises.max() > 0, below or rises.min() < 0
        if above and below:
            return "saddle point"
        if open_.shape[1] and not (above and _convex(f, w, size)):
            return "undecided"
    except FormulaError:
        return "undecided"
    return "minimum" if above else "maximum"


def _convex(f: Function, w: Floats, size: float) -> bool:
    """Whether f is convex around w, as far as random points tell."""
    reach = _PROBES[-1] * size
    places = w + np.random.default_rng(1).uniform(-reach, reach, (2, _AROUND, len(w)))
    if f.smooth:
        values = np.array([np.linalg.eigvalsh(f.hessian(a)) for a in places[0]])
        return bool(values.min() >= -1e-9 * np.abs(values).max())
    ends = np.array([[f.value(a), f.value(b)] for a, b in zip(*places, strict=True)])
    middles = np.array([f.value(a) for a in places.mean(axis=0)])
    return bool((middles <= ends.mean(axis=1) + 1e-12 * np.abs(ends).max()).all())


def _rises(f: Function, w: Floats, size: float, directions: Floats) -> Floats:
    """How much f rises from w both ways along columns (D, n), and along mixtures of them; 0 where it is rounding."""
    height = f.value(w)
    mixed = directions @ np.random.default_rng(0).normal(size=(directions.shape[1], 8))
    directions = np.hstack([directions, mixed / np.linalg.norm(mixed, axis=0)])
    rises = []
    for direction in directions.T:
        for reach in (sign * share * size for share in _PROBES for sign in (1, -1)):
            rise = f.value(w + reach * direction) - height
            rises.append(rise if abs(rise) > 1e-14 * abs(height) else 0.0)
    return np.array(rises)
