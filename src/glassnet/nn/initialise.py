"""Starting values of weights.

xavier           uniform on +-sqrt(6 / (fan_in + fan_out))        Glorot and Bengio 2010, eq. 16
he               normal with deviation sqrt(2 / fan_in)            He et al. 2015, eq. 10
gaussian SCALE   normal with the given deviation
zeros            all zero: every hidden unit then learns the same, shown for that reason
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.errors import NotationError, nearest
from glassnet.nn.functional.arrays import Array
from glassnet.notation import as_real, real_text

__all__ = ["Initialisation"]

_WORDS = ("xavier", "he", "gaussian", "zeros")


@dataclass(frozen=True)
class Initialisation:
    """How a weight array starts: a word of this module's table and, for 'gaussian', a scale.

    Examples
    --------
    >>> from glassnet.nn import Initialisation
    >>> str(Initialisation.parse(["gaussian", "0.01"]))
    'gaussian 0.01'
    """

    word: str
    scale: float | None = None

    @classmethod
    def parse(cls, values: list[str]) -> Initialisation:
        """From the values after `init`, as in `init gaussian 0.01`."""
        word = values[0].lower() if values else ""
        if word not in _WORDS:
            raise NotationError(
                f"init must be one of {', '.join(_WORDS)}. Got '{word}' instead.{nearest(word, _WORDS)}"
            )
        if (word == "gaussian") != (len(values) == 2) or len(values) > 2:
            raise NotationError(f"init takes a scale for 'gaussian' alone, as in 'init gaussian 0.01'. Got {values}.")
        if word != "gaussian":
            return cls(word)
        scale = as_real(values[1])
        if not 0 < scale < float("inf"):
            raise NotationError(f"The scale of 'init gaussian' must be a positive number. Got '{values[1]}' instead.")
        return cls(word, scale)

    def __str__(self) -> str:
        return self.word if self.scale is None else f"{self.word} {real_text(self.scale)}"

    def draw(
        self, shape: tuple[int, ...], fans: tuple[int, int], rng: np.random.Generator | None, dtype: type
    ) -> Array:
        """Weights of `shape`, undefined without a generator; `fans` are the numbers of inputs and outputs of a unit."""
        if rng is None:
            return np.empty(shape, dtype)
        fan_in, fan_out = fans
        if self.word == "zeros":
            return np.zeros(shape, dtype)
        if self.word == "xavier":
            bound = np.sqrt(6 / (fan_in + fan_out))
            return rng.uniform(-bound, bound, shape).astype(dtype)
        deviation = np.sqrt(2 / fan_in) if self.word == "he" else float(self.scale or 0)
        return np.asarray(rng.standard_normal(shape) * deviation, dtype)
