"""The law of forward passes: each layer gives what its naive form gives, in evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import Probe, double

__all__ = ["forward_law"]

_EXAMPLES = 2
_WORK = 200_000  # operations of an example: a naive form is made of loops, and takes about a second for ten million
_ROUNDING = 1e-9  # of the largest number: two ways to one float64 result


def forward_law(probe: Probe) -> Iterator[Finding]:
    """A layer in evaluation gives the numbers of its naive form, which is written as its formula is.

    Only layers whose naive form is quick are looked at; those of one kind have the same code.
    """
    rng = probe.rng()
    for name, layer in double(probe.network, fused=False).walk():
        if layer.branches or layer.flops > _WORK:
            continue
        x = rng.standard_normal((_EXAMPLES, *layer.input_shape))
        right = np.asarray(layer.reference(x.copy()), np.float64)
        given = np.array(layer.forward(x.copy()), np.float64)
        off = np.abs(given.reshape(right.shape) - right)
        if not off.max(initial=0.0) <= _ROUNDING * max(1.0, float(np.abs(right).max(initial=0.0))):
            worst = np.unravel_index(int(off.argmax()), off.shape)
            place = ", ".join(map(str, map(int, worst)))
            yield Finding(
                "forward-wrong",
                "failure",
                f"{name} does not compute what '{layer.word}' stands for: at [{place}] it gives"
                f" {given.reshape(right.shape)[worst]:.6g}, and its formula {right[worst]:.6g}.",
                remedy="Compare the forward pass with the formula of the layer.",
                where=name,
            )
            return
