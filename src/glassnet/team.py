"""Which of several processes this one is, as `torchrun` says by the environment; alone where nothing is said.

RANK, WORLD_SIZE                this process, from 0, of so many
LOCAL_RANK, LOCAL_WORLD_SIZE    the same on this machine
MASTER_ADDR, MASTER_PORT        where the first one is met
"""

from __future__ import annotations

import os
from typing import NamedTuple

from glassnet.errors import RecipeError

__all__ = ["Team", "share"]


class Team(NamedTuple):
    """The processes of a training, and which this one is.

    Attributes
    ----------
    rank : int
        This one, from 0. Process 0 leads: it alone writes and prints.
    size : int
        How many there are.
    local_rank : int
        This one among those of this machine.
    local_size : int
        How many are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def here(cls) -> Team:
        """What the environment says. Raises `RecipeError` where that makes no sense."""
        size, rank = _number("WORLD_SIZE", 1), _number("RANK", 0)
        team = cls(rank, size, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", size))
        if not (0 <= team.rank < team.size and 0 <= team.local_rank < team.local_size <= team.size):
            raise RecipeError(f"RANK and WORLD_SIZE say process {rank} of {size}, from 0; is this started by torchrun?")
        return team

    @property
    def leads(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0


def share(n: int, rank: int, size: int) -> slice:
    """Which of n examples are those of process `rank` of `size`: in order, as even as can be, some empty where n is
    small.
    """
    return slice(n * rank // size, n * (rank + 1) // size)


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit():
        raise RecipeError(f"The environment variable {name} must be a whole number. Got '{text}' instead.")
    return int(text)
