"""An affine map by gradient descent, beside its closed form."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from glassnet.classic import AffineFit
from glassnet.errors import DataError
from glassnet.files import open_plain
from glassnet.report.figures.classic import save_affine
from glassnet.reproduce.classical import affine_pairs

__all__ = ["Affine", "fit_affine", "read_pairs"]


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine map y = x S + t.

    Attributes
    ----------
    fit : AffineFit
        What descent came to, and the closed form.
    pairs : int
        How many pairs of points were fitted.
    notes : tuple of str
        What is left open.
    files : tuple of Path
        The picture that was written.
    """

    fit: AffineFit
    pairs: int
    notes: tuple[str, ...]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        fit = self.fit
        best, offset = fit.closed_form_
        return {
            "S": fit.coef_.tolist(),
            "t": fit.intercept_.tolist(),
            "closed_form": {"S": best.tolist(), "t": offset.tolist()},
            "difference": fit.difference_,
            "steps": fit.n_iter_,
            "rate": fit.rate_,
            "momentum": fit.momentum_,
            "notes": self.notes,
            "files": self.files,
        }


def fit_affine(
    points: str | Path | None = None,
    out: str | Path = "runs/classic-fit-affine",
    *,
    rate: float | None = None,
    steps: int = 10_000,
) -> Affine:
    """Fit y = x S + t to pairs of points by gradient descent.

    Parameters
    ----------
    points : path, optional
        See `read_pairs`; None makes pairs up.
    out : path
        Folder of the picture.
    rate : float, optional
        Length of a step; None takes the best, with its momentum.
    steps : int
        Steps at most.

    Raises
    ------
    DataError
        The points cannot be read or fitted, or a setting is out of range.
    """
    source, target = affine_pairs() if points is None else read_pairs(points)
    try:
        with warnings.catch_warnings(record=True, action="always", category=ConvergenceWarning) as caught:
            fit = AffineFit(rate=rate, max_iter=steps).fit(source, target)
    except ValueError as error:
        raise DataError(str(error)) from error
    notes = [str(warning.message) for warning in caught]
    if fit.rank_ < source.shape[1]:
        notes.append(f"The points lie {('on one spot', 'on a line')[fit.rank_]}: S is one of many that fit as well.")
    file = save_affine(fit, source, target, Path(out) / "fit.png")
    return Affine(fit, len(source), tuple(notes), (file,))


def read_pairs(path: str | Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of points (N, 2), (N, 2) from a `.npy` file: (N, 4) as x y x' y', or (2, N, 2). Raises `DataError`."""
    wanted = "Give a .npy file of numbers, (N, 4) as x y x' y', or (2, N, 2)."
    try:
        with open_plain(path) as file:
            array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}. {wanted}") from error
    except (ValueError, EOFError, BadZipFile) as error:  # NumPy offers to load it unsafely
        raise DataError(f"Cannot read '{path}': it is no array of numbers. {wanted}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "uif":
        raise DataError(f"'{path}' holds no array of numbers. {wanted}")
    if array.ndim == 2 and array.shape[1] == 4:
        source, target = array[:, :2], array[:, 2:]
    elif array.ndim == 3 and array.shape[0] == 2 and array.shape[2] == 2:
        source, target = array
    else:
        raise DataError(f"'{path}' is an array {array.shape}. {wanted}")
    if len(source) < 3 or not np.isfinite(array).all():
        raise DataError(f"'{path}' must hold at least 3 pairs of finite numbers.")
    return source.astype(float), target.astype(float)
