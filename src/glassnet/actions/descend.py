"""Gradient descent on a formula, beside what theory promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.point import parse_point
from glassnet.autodiff import descent as paths
from glassnet.autodiff import parse
from glassnet.errors import Fix
from glassnet.report.figures.descent import save_descent

__all__ = ["Descended", "descend"]


@dataclass(frozen=True, eq=False)
class Descended:
    """The path of a descent with all that is known of it, and the picture that was written."""

    descent: paths.Descent
    files: tuple[Path, ...]

    @property
    def bound_kept(self) -> bool | None:
        """Whether f - f* stayed under theory's bound at every step; None without a bound."""
        found = self.descent
        if found.bound is None or found.lowest is None:
            return None
        gap = found.values - found.lowest
        return bool((gap <= found.bound * (1 + 1e-9) + 1e-12 * (1 + abs(found.values[0]))).all())

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = self.descent
        return {
            "names": found.graph.names,
            "path": found.path.tolist(),
            "values": found.values.tolist(),
            "bound": _listed(found.bound),
            "rate": found.rate,
            "curvature": found.curvature,
            "safe_rate": found.safe_rate,
            "rest": _listed(found.rest),
            "kind": found.kind,
            "minimum": _listed(found.minimum),
            "lowest": found.lowest,
            "uphill": found.uphill.tolist(),
            "diverged": found.diverged,
            "files": self.files,
        }


def _listed(array: NDArray[np.float64] | None) -> Any:
    return None if array is None else array.tolist()


def descend(
    formula: str,
    start: str | Sequence[float] = "",
    *,
    rate: float | None = None,
    steps: int = 50,
    momentum: float = 0.0,
    stochastic: bool = False,
    seed: int = 0,
    out: str | Path | None = None,
) -> Descended:
    """Descend on a formula.

    Parameters
    ----------
    formula : str
        A formula; several, separated by ';', are parts of which the mean is taken.
    start : str or sequence of float
        Where to begin: values in the order of the variables, or text such as `w1=1,w2=-1`.
    rate : float, optional
        Length of a step; None takes the largest safe one, 1/L.
    steps : int
        How many steps.
    momentum : float
        Share of the last step that goes on, from 0 to below 1.
    stochastic : bool
        Each step follows one part, drawn at random.
    seed : int
        Of the draws.
    out : path, optional
        Picture of the path and the bound (PNG).

    Raises
    ------
    FormulaError
        A formula or a start that cannot be understood, or a setting that is out of range.
    """
    graph = parse(formula)
    point = parse_point(
        start if isinstance(start, str) else ",".join(map(repr, map(float, start))), graph, Fix.GIVE_START
    )
    found = paths.descend(graph, point, rate=rate, steps=steps, momentum=momentum, stochastic=stochastic, seed=seed)
    return Descended(found, () if out is None else (save_descent(found, Path(out)),))
