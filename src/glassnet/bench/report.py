"""A whole bench: cases on numbers of threads, shown while they run, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassnet import threads
from glassnet.bench.cases import Case
from glassnet.bench.instructions import held_to
from glassnet.bench.machine import Machine, inspect
from glassnet.bench.progress import Lines
from glassnet.bench.race import Result, race, steps
from glassnet.errors import RecipeError
from glassnet.interop import is_installed

__all__ = ["Report", "bench"]

_HOW_TO_COMPARE = "PyTorch is not installed, so glassnet ran alone; to compare: pip install 'glassnet[torch]'"
_EXPLANATION = """\
ms: median of a step over the runs, each side in processes of its own, in turn. PyTorch: its fastest way, named at the
end. ratio: PyTorch's time over ours. GFLOP/s: ours, by the definition of the layers; a training step counts as three
forward passes, and Winograd's algorithm needs fewer operations than are counted. MB: highest memory of a step beyond
the program, the data and the weights: gradients, optimiser, activations, scratch space."""


@dataclass(frozen=True)
class Report:
    """The machine and the results.

    Examples
    --------
    `bench` makes it, here from figures of one's own:

    >>> from glassnet.bench import Case, Report, Result
    >>> from glassnet.bench.machine import Machine
    >>> result = Result(Case("small", "linear", (4,), batch=50), threads=1, seconds=0.01, pytorch={}, flops=10**7)
    >>> machine = Machine("a processor", cores=1, versions={}, gemm={1: 50.0})
    >>> report = Report(machine, (result,), compared=False, runs=1)
    >>> report.rows[1]
    ('small', '50', 'training, sgd', '1', '10', '5,000', '1', '-')
    """

    machine: Machine
    results: tuple[Result, ...]
    compared: bool
    runs: int

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table: a head, then a row a result."""
        head = ("network", "batch", "task", "threads", "ms", "images/s", "GFLOP/s", "MB")
        more = ("PyTorch ms", "PyTorch MB", "ratio", "PyTorch's way") if self.compared else ()
        return [head + more, *(_row(result, self.compared) for result in self.results)]

    @property
    def notes(self) -> list[str]:
        """What the columns mean, and what to beware of."""
        notes = [_EXPLANATION.replace("\n", " ").replace("the runs", f"{self.runs} run{'s' * (self.runs > 1)}")]
        return notes + self.machine.warnings + ([] if self.compared else [_HOW_TO_COMPARE])

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        rows = [result.to_dict() for result in self.results]
        return {"machine": self.machine.to_dict(), "runs": self.runs, "pytorch": self.compared, "rows": rows}


def bench(
    cases: Sequence[Case],
    numbers: Sequence[int] | None = None,
    runs: int = 3,
    *,
    memory: bool = True,
    isa: str = "",
    progress: Lines | None = None,
) -> Report:
    """Time every case on every number of threads (default: one, and two where there are two cores).

    PyTorch is measured as well where it is installed. `isa`: instructions that both sides are held to, "" for the best
    that the processor has. Raises `GlassnetError`.

    Examples
    --------
    >>> import contextlib
    >>> from glassnet.bench import Case, bench
    >>> cases = [Case("small", "linear 8 -> relu -> linear", (4,), classes=3, batch=16)]
    >>> with contextlib.redirect_stdout(None):  # which it tells how far it is
    ...     report = bench(cases, [1], 1, memory=False)
    >>> [result.case.name for result in report.results], report.rows[0][:3]
    (['small'], ('network', 'batch', 'task'))
    """
    cores = threads.available()
    numbers = list(dict.fromkeys(numbers or ((1, 2) if cores > 1 else (1,))))
    for number in numbers:
        if not 1 <= number <= cores:
            raise RecipeError(f"threads must lie in 1 ... {cores}, the cores to be used here. Got {number} instead.")
    if runs < 1:
        raise RecipeError(f"runs must be at least 1. Got {runs} instead.")
    compare = is_installed()
    results = []
    with held_to(isa), progress or Lines() as shown:
        shown.start(len(cases) * len(numbers) * steps(runs, compare, memory))
        machine = inspect(numbers)
        shown.say(str(machine))
        shown.say("the first run of a network compiles its kernels: less than a minute, once a machine\n")
        for case in cases:
            for number in numbers:
                result = race(case, number, runs, compare=compare, memory=memory, show=shown.next)
                results.append(result)
                shown.say(_line(result))
    return Report(machine, tuple(results), compare, runs)


def _line(result: Result) -> str:
    """A result in a line, as it comes."""
    case = result.case
    line = f"{case.name}, {case.task}, batch {case.batch}, {result.threads} thread{'s' * (result.threads > 1)}:"
    line += f" {_ms(result.seconds)} ms"
    if result.pytorch_seconds is not None:
        line += f", PyTorch {_ms(result.pytorch_seconds)} ms ({result.way}), ratio {result.ratio:.2f}"
    return line


def _row(result: Result, compared: bool) -> tuple[str, ...]:
    case = result.case
    ours = (_ms(result.seconds), _count(result.images_per_second), f"{result.gflops:.3g}", _megabytes(result.memory))
    row = (case.name, str(case.batch), case.task, str(result.threads), *ours)
    if not compared or result.pytorch_seconds is None:
        return row
    return (
        *row, _ms(result.pytorch_seconds), _megabytes(result.pytorch_memory), f"{result.ratio:.2f}", result.way
    )  # fmt: skip


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.5f}" if seconds < 1e-5 else f"{seconds * 1e3:.4g}"


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.3g}" if size < 1e9 else f"{size / 1e6:,.0f}"
