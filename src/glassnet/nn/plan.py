"""Which kernel runs where, and why: the decisions behind a network's speed, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.nn.chain import Chain
from glassnet.nn.choices import Choices
from glassnet.nn.fusion import Fused
from glassnet.nn.layers import Composite
from glassnet.text import columns, ruled

__all__ = ["Plan", "PlanRow", "make_plan"]


@dataclass(frozen=True)
class PlanRow:
    """One unit of work: the layers that run together, the kernel, the reason for it, and how deep it is nested."""

    layers: str
    kernel: str
    why: str
    depth: int = 0


@dataclass(frozen=True)
class Plan:
    """The units of a network in the order in which they run; its text is a table.

    Examples
    --------
    >>> from glassnet.nn import Network
    >>> Network("linear 5 -> relu", (4,)).plan(batch=32).batch
    32
    """

    rows: tuple[PlanRow, ...]
    batch: int
    threads: int
    dtype: str
    choices: Choices

    def __str__(self) -> str:
        head = ("layers", "kernel", "why")
        body = [("  " * row.depth + row.layers, row.kernel, row.why) for row in self.rows]
        turned_off = [name for name, on in vars(self.choices).items() if not on]
        foot = f"batch {self.batch}, {self.dtype}, threads {self.threads}"
        foot += f"; turned off: {', '.join(turned_off)}" if turned_off else ""
        return f"{ruled(columns([head, *body], left=3))}\n{foot}"


def make_plan(chain: Chain, choices: Choices, batch: int, dtype: Any) -> Plan:
    """The plan of a chain for a batch of this size."""
    return Plan(tuple(_rows(chain, batch, 0)), batch, threads.count(), np.dtype(dtype).name, choices)


def _rows(chain: Chain, batch: int, depth: int) -> list[PlanRow]:
    rows = []
    for unit in chain.units:
        layers = unit.layers if isinstance(unit, Fused) else (unit,)
        head = layers[0]
        chains = head.chains if isinstance(head, Composite) else {}
        written = f"{head.word} of" if chains else " -> ".join(layer.notation() for layer in layers)
        rows.append(PlanRow(written, *unit.explain(batch), depth))
        for name, branch in chains.items():
            rows.append(PlanRow(f"{name}:", "", "", depth + 1))
            rows.extend(_rows(branch, batch, depth + 1))
    return rows
