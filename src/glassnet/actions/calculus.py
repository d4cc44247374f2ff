"""The derivatives of formulas at a point, with the working shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.point import parse_point
from glassnet.autodiff import Graph, differences, parse
from glassnet.autodiff import hessian as second_derivatives
from glassnet.autodiff.working import Working, work
from glassnet.files import write_text

__all__ = ["Calculus", "calculus"]


@dataclass(frozen=True, eq=False)
class Calculus:
    """The derivatives of formulas at a point.

    Attributes
    ----------
    graph : Graph
        The formulas.
    point : tuple of float
        A value of each variable, in the order of `graph.names`.
    working : Working
        Every intermediate value, the Jacobian by each mode, and what each costs.
    step : float or None
        Step of the forward differences.
    forward_differences : (F, V) float64 array, or None
        The Jacobian by forward differences.
    hessians : tuple of (V, V) float64 arrays
        Of each formula, if asked for.
    files : tuple of Path
        What was written.
    """

    graph: Graph
    point: tuple[float, ...]
    working: Working
    step: float | None
    forward_differences: NDArray[np.float64] | None
    hessians: tuple[NDArray[np.float64], ...]
    files: tuple[Path, ...]

    @property
    def values(self) -> list[float]:
        """The value of each formula."""
        return [self.working.forward.values[k] for k in self.graph.outputs]

    @property
    def jacobians(self) -> dict[str, NDArray[np.float64]]:
        """The Jacobian (F, V) by each way, by name."""
        ways = {**self.working.exact_ways, "central differences": self.working.numerical}
        if self.forward_differences is not None:
            ways[f"forward differences, step {self.step:g}"] = self.forward_differences
        return ways

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        gap, odd = self.working.disagreement
        return {
            "names": self.graph.names,
            "at": self.point,
            "values": self.values,
            "disagreement": gap,
            "stands_apart": odd,
            "jacobian": {way: found.tolist() for way, found in self.jacobians.items()},
            "hessian": [matrix.tolist() for matrix in self.hessians],
            "trace": self.working.rows(),
            "cost": vars(self.working.cost),
            "files": self.files,
        }


def calculus(
    formulas: str,
    at: str | Sequence[float] = "",
    *,
    step: float | None = None,
    hessian: bool = False,
    out: str | Path | None = None,
) -> Calculus:
    """The Jacobian of formulas at a point, by every way.

    Parameters
    ----------
    formulas : str
        One or more formulas, separated by ';'.
    at : str or sequence of float
        The point: values in the order of the variables, or text such as `w1=1,w2=-1`.
    step : float, optional
        Step of forward differences, found besides.
    hessian : bool
        Also the second derivatives.
    out : path, optional
        Folder for `graph.svg` and `working.tex`.

    Raises
    ------
    FormulaError
        A formula or a point that cannot be understood, or no value there.
    """
    graph = parse(formulas)
    point = parse_point(at, graph)
    working = work(graph, point)
    coarse = None if step is None else differences(graph, point, step, central=False)
    second = tuple(second_derivatives(graph, point, i) for i in range(len(graph.outputs))) if hessian else ()
    written = {}
    if out is not None:
        written = {Path(out) / "graph.svg": working.svg(), Path(out) / "working.tex": working.latex()}
    for file, text in written.items():
        write_text(file, text)
    return Calculus(graph, point, working, step, coarse, second, tuple(written))
