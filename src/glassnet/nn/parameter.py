"""A trained array and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from glassnet.nn.functional.arrays import Array

__all__ = ["Parameter"]

Role = Literal["weight", "bias", "scale", "shift"]


@dataclass
class Parameter:
    """A trained array, its gradient of the same shape and dtype, and its role.

    The role decides on regularisation: L2 and weight decay act on weights, never on a bias or on batch norm's scale
    and shift. `grad` is written by every backward pass, never added to. `rate` is a factor of the learning rate, for
    parameters that are to change more slowly than others.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> p = Parameter.of(np.ones((2, 3)), "weight")
    >>> p.grad.shape, p.decays
    ((2, 3), True)
    """

    value: Array
    role: Role
    grad: Array
    rate: float = 1.0

    @classmethod
    def of(cls, value: Array, role: Role) -> Parameter:
        """A parameter that starts at `value` with a gradient of zeros."""
        return cls(value, role, np.zeros_like(value))

    @property
    def decays(self) -> bool:
        """Whether L2 regularisation and weight decay act on it."""
        return self.role == "weight"

    def astype(self, dtype: type) -> Parameter:
        """A copy in another precision."""
        return Parameter(self.value.astype(dtype), self.role, self.grad.astype(dtype), self.rate)
