"""What a room adds to a room below it, without the lower one naming it: announced at start-up, loaded when asked for.

The package's top level announces a function that imports the upper room; the lower room calls `load` when it needs all
that there is. So nothing is imported before it is needed, and no import goes upward.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["announce", "load"]

_waiting: dict[str, list[Callable[[], object]]] = {}


def announce(kind: str, load: Callable[[], object]) -> None:
    """Have `load` called, once, when everything of this kind is asked for.

    Parameters
    ----------
    kind : str
        What is added, such as "data sets".
    load : callable
        Imports the module that registers it.
    """
    _waiting.setdefault(kind, []).append(load)


def load(kind: str) -> None:
    """Load whatever was announced of this kind and is not loaded yet."""
    waiting = _waiting.get(kind, [])
    while waiting:
        waiting[0]()
        waiting.pop(0)
