"""A topology: which units there are, what each does, and what is connected with what. It has no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import ModelError
from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.nn.kernels import graphs as kernels

__all__ = ["Graph"]

Numbers = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Graph:
    """A directed graph without circles, from inputs through hidden units to outputs.

    Nodes are numbered: inputs, the constant 1, hidden units, outputs, each unit after its sources. Nothing comes out of
    an output.

    Parameters
    ----------
    inputs, outputs : int
        How many there are; the constant is no input.
    codes : (u,) int32 array
        Activations of hidden units and outputs, by their place in `ACTIVATIONS`.
    start : (u + 1,) int32 array
        Unit k has the connections `start[k]` to `start[k + 1]`.
    source : (e,) int32 array
        The node that each connection comes from, ascending for each unit.
    """

    inputs: int
    outputs: int
    codes: Numbers
    start: Numbers
    source: Numbers

    @classmethod
    def of(cls, inputs: int, outputs: int, units: Sequence[tuple[str, Sequence[int]]]) -> Graph:
        """A graph from units (activation, sources), the outputs last.

        Raises
        ------
        ModelError
            An activation is not known, a source comes later or twice, or is an output; there are too few units.
        """
        hidden = len(units) - outputs
        if inputs < 1 or outputs < 1 or hidden < 0:
            raise ModelError(f"A graph has inputs, outputs, and a unit for each output. Got {inputs} and {outputs}.")
        for number, (word, sources) in enumerate(units):
            last = inputs + 1 + min(number, hidden)
            if word not in ACTIVATIONS:
                raise ModelError(f"Activations are {', '.join(ACTIVATIONS)}. Got '{word}' instead.")
            if len(set(sources)) != len(sources) or not all(0 <= node < last for node in sources):
                raise ModelError(f"Unit {number} takes from nodes 0 to {last - 1}, each once. Got {list(sources)}.")
        counts = [len(sources) for _, sources in units]
        return cls(
            inputs,
            outputs,
            np.array([ACTIVATIONS.index(word) for word, _ in units], np.int32),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            np.array([node for _, sources in units for node in sorted(sources)], np.int32),
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Graph:
        """The graph that `to_dict` gave. Raises `ModelError` where it is none."""
        try:
            return cls.of(
                int(values["inputs"]), int(values["outputs"]), [(str(w), list(s)) for w, s in values["units"]]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"A graph has inputs, outputs and units, each with its sources: {error}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values: every unit's activation and sources."""
        units = [[ACTIVATIONS[code], self.sources(unit).tolist()] for unit, code in enumerate(self.codes)]
        return {"inputs": self.inputs, "outputs": self.outputs, "units": units}

    def sources(self, unit: int) -> Numbers:
        """The nodes that a unit takes from."""
        return self.source[self.start[unit] : self.start[unit + 1]]

    @property
    def first(self) -> int:
        """The number of the first unit's node: inputs and the constant come before."""
        return self.inputs + 1

    @property
    def hidden(self) -> int:
        """Hidden units."""
        return len(self.codes) - self.outputs

    @property
    def connections(self) -> int:
        """Connections, those from the constant too."""
        return len(self.source)

    @property
    def targets(self) -> Numbers:
        """The unit that each connection goes to, (e,)."""
        return np.repeat(np.arange(len(self.codes), dtype=np.int32), np.diff(self.start))

    @property
    def depth(self) -> int:
        """The longest way from an input to an output, in connections."""
        return int(self.levels()[-self.outputs :].max())

    def levels(self) -> Numbers:
        """How many connections the longest way to each node has, (nodes,); 0 for inputs and the constant."""
        return self._longest(self.source, self.targets + np.int32(self.first))

    def heights(self) -> Numbers:
        """How many connections the longest way on from each node has, (nodes,); 0 for outputs."""
        return self._longest(self.targets + np.int32(self.first), self.source)

    def _longest(self, source: Numbers, target: Numbers) -> Numbers:
        found = np.zeros(self.first + len(self.codes), np.int32)
        kernels.levels(source.astype(np.int64), target.astype(np.int64), len(found), found)
        return found

    def used(self) -> NDArray[np.bool_]:
        """Whether there is a way from each node to an output, (nodes,)."""
        found = np.zeros(self.first + len(self.codes), bool)
        found[-self.outputs :] = True
        for unit in range(len(self.codes) - 1, -1, -1):
            if found[self.first + unit]:
                found[self.sources(unit)] = True
        return found

    def __repr__(self) -> str:
        return f"<Graph: {self.inputs} inputs, {self.hidden} units, {self.outputs} outputs, {self.connections} edges>"
