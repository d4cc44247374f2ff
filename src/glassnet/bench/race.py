"""Both sides of a case in turn, and the figures that come of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from glassnet.bench.cases import Case
from glassnet.bench.worker import measure

__all__ = ["Result", "least_memory", "race", "steps"]


@dataclass(frozen=True)
class Result:
    """The figures of a case on a number of threads.

    Attributes
    ----------
    seconds : float
        Of our step, median over the runs.
    pytorch : dict of str to float
        Seconds of PyTorch's step by way, medians over the runs; empty without PyTorch.
    flops : int
        Floating-point operations of a step; a training step counts as three forward passes.
    memory, pytorch_memory : int or None
        Bytes at the highest point of a step, PyTorch's in its fastest way; None: not measured.

    Examples
    --------
    `race` makes it, here from figures of one's own:

    >>> from glassnet.bench import Case, Result
    >>> case = Case("small", "linear 8 -> relu -> linear", (4,), batch=50)
    >>> result = Result(case, threads=1, seconds=0.01, pytorch={"eager": 0.03, "compiled": 0.02}, flops=10**7)
    >>> result.way, result.ratio, result.images_per_second
    ('compiled', 2.0, 5000.0)
    """

    case: Case
    threads: int
    seconds: float
    pytorch: dict[str, float]
    flops: int
    memory: int | None = None
    pytorch_memory: int | None = None

    @property
    def way(self) -> str:
        """PyTorch's fastest way; "" without PyTorch."""
        return min(self.pytorch, key=lambda way: self.pytorch[way], default="")

    @property
    def pytorch_seconds(self) -> float | None:
        return self.pytorch[self.way] if self.pytorch else None

    @property
    def ratio(self) -> float | None:
        """PyTorch's seconds over ours: above 1 we are faster."""
        return self.pytorch[self.way] / self.seconds if self.pytorch else None

    @property
    def images_per_second(self) -> float:
        return self.case.batch / self.seconds

    @property
    def gflops(self) -> float:
        return self.flops / self.seconds / 1e9

    def to_dict(self) -> dict[str, Any]:
        """All figures with plain keys."""
        case = self.case
        return {
            "network": case.name,
            "notation": case.network,
            "input": list(case.input_shape),
            "batch": case.batch,
            "mode": case.mode,
            "optimizer": case.optimizer if case.mode == "train" else None,
            "threads": self.threads,
            "seconds": self.seconds,
            "pytorch_seconds": self.pytorch_seconds,
            "pytorch_way": self.way or None,
            "pytorch_ways": self.pytorch,
            "ratio": self.ratio,
            "images_per_second": self.images_per_second,
            "gflops": self.gflops,
            "memory_bytes": self.memory,
            "pytorch_memory_bytes": self.pytorch_memory,
        }


def steps(runs: int, compare: bool, memory: bool) -> int:
    """How many measurements `race` makes."""
    return (runs + memory) * (1 + compare)


def race(
    case: Case,
    threads: int,
    runs: int,
    *,
    compare: bool,
    memory: bool = True,
    show: Callable[[str], None] = lambda text: None,
) -> Result:
    """Time both sides in turn, `runs` times; with `memory` the peak memory of both as well.

    compare: whether PyTorch is measured too; show: is told what is measured next. Raises `GlassnetError`.

    Examples
    --------
    >>> from glassnet.bench import Case, race
    >>> result = race(Case("small", "linear 8 -> relu -> linear", (4,), 3, 16), 1, 1, compare=False, memory=False)
    >>> result.seconds > 0, result.ratio is None
    (True, True)
    """
    flops = case.flops(case.build())
    here = f"{case.name}, batch {case.batch}, {threads} thread{'s' * (threads > 1)}"
    mine: list[float] = []
    theirs: dict[str, list[float]] = {}
    for run in range(1, runs + 1):
        if compare:
            show(f"{here}: PyTorch, run {run} of {runs}")
            for way, seconds in measure("pytorch", "time_step", case, threads).items():
                theirs.setdefault(way, []).append(seconds)
        show(f"{here}: glassnet, run {run} of {runs}")
        mine.append(measure("ours", "time_step", case, threads)["default"])
    pytorch = {way: statistics.median(times) for way, times in theirs.items()}
    timed = Result(case, threads, statistics.median(mine), pytorch, flops)
    if not memory:
        return timed
    show(f"{here}: glassnet, memory")
    used = measure("ours", "memory", case, threads)
    its = None
    if compare:
        show(f"{here}: PyTorch, memory")
        its = measure("pytorch", "memory", case, threads, timed.way)
    return Result(case, threads, timed.seconds, pytorch, flops, used, its)


def least_memory(case: Case, threads: int, ways: Iterable[str]) -> tuple[int | None, str]:
    """(bytes, way) of the way of PyTorch that needs the least memory."""
    found = [(measure("pytorch", "memory", case, threads, way), way) for way in ways]
    return min((pair for pair in found if pair[0] is not None), default=(None, ""))
