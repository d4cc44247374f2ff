"""How uncertain a difference of two sides is, and what of it is due to the pictures and what to the seeds.

A figure of picture i by the network of seed s on side g, its answer being right (1 or 0) or its PSNR, is taken to be

    y_gsi = mean_g + picture_i + (side x picture)_gi + seed_gs + rest_gsi

with pictures, seeds and the rest drawn by chance, independently. What the pictures are worth alone cancels in the
difference of the sides, since both see the same ones. With n pictures and S_g seeds it has the variance

    V(n, S) = c / n + sum_g (b_g + w_g / n) / S_g

where c is the variance of (side x picture), of both sides together, b_g that of seed, and w_g that of the rest.

With one network on each side and the question which of *these networks* is better, nothing but the pictures is drawn:
V = c / n, c being the variance of the differences, picture by picture.

Source: the crossed random-effects model as in S. R. Searle, G. Casella and C. E. McCulloch, Variance Components (1992),
chapter 4; degrees of freedom after F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110-114.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Seeds", "Spread", "student_quantile"]

_NORMAL = 1e9  # degrees of freedom of Student's distribution that is taken for the normal one


@dataclass(frozen=True)
class Seeds:
    """What the seeds of one side, or of two sides with one variance, add to the variance of a difference.

    Attributes
    ----------
    counts : tuple of int
        The number of seeds of each side that this is of.
    between : float
        Variance of the true figures of seeds.
    within : float
        Variance of the rest, per picture and seed.
    most : float
        The upper 90 % limit of `between`.
    overlap : float
        The part of `between` that no number of seeds takes away, because the runs have most of their training pictures
        in common.
    """

    counts: tuple[int, ...]
    between: float
    within: float
    most: float
    overlap: float = 0.0

    @classmethod
    def of(cls, counts: tuple[int, ...], seen: float, within: float, n: int, overlap: float = 0.0) -> Seeds:
        """From the variance of the seeds' figures on n pictures, which is `between` + `within` / n, and is known to f
        degrees of freedom: b = max(0, seen - w / n), and at most seen f / chi2_0.1(f) - w / n.
        """
        from scipy import special  # slow to import, and seldom needed

        freedom = sum(counts) - len(counts)
        most = seen * freedom / (2.0 * special.gammaincinv(freedom / 2.0, 0.1))
        return cls(counts, max(0.0, seen - within / n), within, max(0.0, float(most) - within / n), overlap)

    def variance(self, n: ArrayLike, more: ArrayLike = 0) -> NDArray[np.float64]:
        """Of the difference, with n pictures and so many seeds more on each side."""
        share = sum(1.0 / (count + np.asarray(more, dtype=np.float64)) for count in self.counts)
        pictures = np.asarray(n, dtype=np.float64)
        return np.asarray(self.between * (share + self.overlap) + share * self.within / pictures)

    def freedom(self, more: ArrayLike = 0) -> NDArray[np.float64]:
        """Degrees of freedom that the variance is known to; a side with one seed has none of its own."""
        return np.asarray(sum(np.asarray(more, dtype=np.float64) + count - 1 for count in self.counts))


@dataclass(frozen=True)
class Spread:
    """The variance of a difference as a function of how many pictures and seeds it is measured on.

    Attributes
    ----------
    contrast : float
        c of the formula above.
    seeds : tuple of Seeds
        What seeds add; empty where the networks are given and not drawn.
    truth : bool
        Whether the figures are truth values: then a mean of so many of them is as good as normal, and needs no degrees
        of freedom.
    """

    contrast: float
    seeds: tuple[Seeds, ...] = ()
    truth: bool = False

    def variance(self, n: ArrayLike, more: ArrayLike = 0) -> NDArray[np.float64]:
        """V(n, S), with so many seeds `more` on each side."""
        pictures = np.asarray(n, dtype=np.float64)
        return np.asarray(self.contrast / pictures + sum(side.variance(n, more) for side in self.seeds))

    def freedom(self, n: ArrayLike, more: ArrayLike = 0) -> NDArray[np.float64]:
        """Degrees of freedom of V: V^2 / sum_k V_k^2 / f_k over its estimated parts V_k (Satterthwaite)."""
        pictures = np.asarray(n, dtype=np.float64)
        whole = self.variance(n, more)
        parts = sum(side.variance(n, more) ** 2 / side.freedom(more) for side in self.seeds)
        if not self.truth:
            of_pictures = self.contrast / pictures + sum(
                sum(1.0 / (count + np.asarray(more)) for count in side.counts) * side.within / pictures
                for side in self.seeds
            )
            parts = parts + of_pictures**2 / np.maximum(pictures - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = whole**2 / parts
        return np.asarray(np.where(np.isfinite(found), np.clip(found, 1.0, _NORMAL), _NORMAL))

    def half(self, n: ArrayLike, more: ArrayLike = 0, level: float = 0.95) -> NDArray[np.float64]:
        """Half the length of an interval: t sqrt(V)."""
        return np.asarray(student_quantile(level, self.freedom(n, more)) * np.sqrt(self.variance(n, more)))


def student_quantile(level: float, freedom: ArrayLike) -> Any:
    """t with P(|T| <= t) = `level` for Student's T: 2.776 for 0.95 and 4 degrees of freedom."""
    from scipy import special  # slow to import, and seldom needed

    return special.stdtrit(freedom, 0.5 + level / 2.0)
