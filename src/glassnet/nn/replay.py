"""Passes of a network in use, recorded and made again without Python.

A pass over a few small pictures spends much of its time in Python, and comes out the same each time: the same kernels
work on the same memory. So after some passes over as many examples one is recorded (`glassnet.nn.kernels.recording`),
and later ones copy the examples in, make the kernels' calls again, and copy the scores out.

The kernels read the weights where they lie, so weights that change in place are seen. A recording is dropped where an
array of the network is another one than it was. It is made with noise, and used only where it then gives the very bits
that a usual pass gives: what Python computes between kernels would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassnet import threads
from glassnet.nn.chain import Chain
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.kernels.recording import Recording, recording
from glassnet.nn.layer import Layer
from glassnet.nn.parameter import Parameter

__all__ = ["Replays", "recordable"]

_AFTER = 8  # passes over as many examples
_MOST_FLOPS = 4_000_000_000  # of a pass: of a longer one Python is a few per cent
_SETTLING = 4  # passes until an arena asks for no more memory


def recordable(layers: Sequence[Layer]) -> bool:
    """Whether a pass through these in evaluation can be recorded, see `Layer.recordable`."""
    return all(
        vars(type(layer)).get("recordable", False) and all(map(recordable, layer.branches.values())) for layer in layers
    )


@dataclass
class _Pass:
    """A recorded pass: where examples go in and scores come out, and the arrays of the network that it works with."""

    calls: Recording
    arena: Arena
    x: Array
    scores: Array
    parameters: list[tuple[Parameter, Array]]
    state: list[tuple[dict[str, Array], str, Array]]

    def is_of(self) -> bool:
        """Whether the network still has these arrays."""
        return all(parameter.value is array for parameter, array in self.parameters) and all(
            state[name] is array for state, name, array in self.state
        )


class Replays:
    """The recorded passes of a chain of layers.

    Parameters
    ----------
    chain : Chain
        The layers, built.
    most : int
        How many are kept at most; each holds the memory of its pass.
    """

    def __init__(self, chain: Chain, most: int = 4) -> None:
        self.chain, self._most = chain, most
        self._possible = most > 0 and recordable(chain.layers)
        self._flops = sum(layer.flops for layer in chain.layers) if self._possible else 0
        self._counts: dict[tuple[int, int], int] = {}  # of usual passes, by examples and threads
        self._passes: dict[tuple[int, int], _Pass | None] = {}  # None: it cannot be recorded after all

    def __reduce__(self) -> tuple[type[Replays], tuple[Chain, int]]:
        return Replays, (self.chain, self._most)  # a copy has none

    @property
    def nbytes(self) -> int:
        """Memory that the recorded passes hold, in bytes."""
        return sum(made.arena.nbytes + made.x.nbytes for made in self._passes.values() if made is not None)

    def scores(self, x: Array) -> Array | None:
        """Scores (n, k) of examples x (n, ...), as a new array; None where a usual pass is due.

        After some passes of a size the next one is recorded.
        """
        key = len(x), threads.count()
        made = self._passes.get(key)
        if made is not None and not made.is_of():
            del self._passes[key]
            made = None
        if made is not None:
            np.copyto(made.x, x)
            made.calls.replay()
        elif self._possible and key not in self._passes and self._is_due(key):
            if len(self._passes) == self._most:
                self._passes.pop(next(iter(self._passes)))
            made = self._passes[key] = self._record(x)
        return None if made is None else made.scores.copy()

    def _is_due(self, key: tuple[int, int]) -> bool:
        """Count a pass; whether it should be recorded."""
        if key[0] * self._flops > _MOST_FLOPS:
            return False
        self._counts[key] = (self._counts.get(key, 0) + 1) % (_AFTER + 1)
        return self._counts[key] == 0

    def _record(self, x: Array) -> _Pass | None:
        """A pass over x; None where making the calls of one over noise again does not give its scores bit for bit."""
        arena, before = Arena(), self.chain.arena
        arena.keep = False
        before.clear()  # in use alone the network needs no other memory from now on
        place = np.random.default_rng(0).random(x.shape).astype(x.dtype)
        self.chain.share(arena)
        try:
            for _ in range(_SETTLING):
                held = arena.nbytes
                wanted = self.chain.run_in_use(x)
                if arena.nbytes == held:
                    break
            with recording() as calls:
                scores = self.chain.run(place)
        finally:
            self.chain.share(before)
        np.copyto(place, x)
        calls.replay()
        if not np.array_equal(scores, wanted, equal_nan=True):
            return None
        parameters = [(parameter, parameter.value) for parameter in self.chain.parameters().values()]
        state = [(layer.state, name, array) for _, layer in self.chain.walk() for name, array in layer.state.items()]
        return _Pass(calls, arena, place, scores, parameters, state)
