"""The machine that figures belong to: processor, versions, and what its matrix products reach."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from glassnet import threads
from glassnet.bench.instructions import limits
from glassnet.bench.timing import gemm_speed
from glassnet.experiments.environment import environment
from glassnet.nn.kernels.target import possible

__all__ = ["Machine", "inspect"]

_BUSY = 1.8  # two threads' product over one's below which other work is likely to be on the machine


@dataclass(frozen=True)
class Machine:
    """Processor, cores that may be used, versions by name, GFLOP/s of a float32 product by number of threads, the
    instructions that kernels are compiled for, and the environment's settings that hold libraries back.
    """

    processor: str
    cores: int
    versions: dict[str, str]
    gemm: dict[int, float]
    isa: str = ""
    limits: dict[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """A line for each thing to beware of."""
        return [line for line in (self._held, self._busy) if line]

    @property
    def _held(self) -> str:
        if not self.limits:
            return ""
        settings = ", ".join(f"{name}={value}" for name, value in self.limits.items())
        return f"note: figures are held down by the environment: {settings}. Unset it for what this machine can do."

    @property
    def _busy(self) -> str:
        one, two = self.gemm.get(1), self.gemm.get(2)
        if one is None or two is None or two >= _BUSY * one:
            return ""
        return (
            f"note: two threads multiply only {two / one:.1f} times as fast as one: other work seems to use this"
            " machine, and its two-thread figures say little."
        )

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        speeds = ", ".join(
            f"{speed:.0f} GFLOP/s on {n} thread{'s' * (n > 1)}" for n, speed in self.gemm.items()
        )  # fmt: skip
        cores = f"{self.cores} core{'s' * (self.cores > 1)}"
        kernels = f", kernels for {self.isa}" if self.isa else ""
        return f"{self.processor}, {cores}{kernels}\n{versions}\nfloat32 matrix product: {speeds}"

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "processor": self.processor,
            "cores": self.cores,
            "versions": self.versions,
            "gemm_gflops": {str(number): speed for number, speed in self.gemm.items()},
            "isa": self.isa,
            "limits": self.limits,
        }


def inspect(numbers: Iterable[int] = (1, 2)) -> Machine:
    """This machine, its matrix product timed on each of the numbers of threads that it has cores for."""
    cores = threads.available()
    found = environment()
    versions = {"Python": platform.python_version()}
    versions |= {name: version for name in ("glassnet", "numpy", "numba", "torch") if (version := _version(name))}
    gemm = {number: gemm_speed(number) for number in sorted({1, *numbers}) if number <= cores}
    return Machine(found["processor"], cores, versions, gemm, os.environ.get("GLASSNET_ISA") or possible()[0], limits())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
