"""Pickles read without running anything: the base of the restricted readers.

A pickle is a program: an unrestricted reader runs whatever function it names. This one knows a few names, and answers
each with a stand-in of its own that cannot do anything but hold numbers.
"""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

__all__ = ["PlainUnpickler", "Refused"]


class Refused(Exception):
    """What the pickle asks for is more than plain data; the text names it."""


# The reader written in Python, not the one in C: it keeps its memo in a dictionary, where a damaged index costs
# nothing.
class PlainUnpickler(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """A reader that answers the names in `known` and refuses all others.

    Attributes
    ----------
    known : dict of (str, str) to object
        What stands in for (module, name).
    built : tuple of type
        Stand-ins that take a state by their `__setstate__`; the state of anything else is refused.
    """

    known: ClassVar[dict[tuple[str, str], Any]] = {}
    built: ClassVar[tuple[Any, ...]] = ()
    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.known[module, name]
        except KeyError:
            raise Refused(f"'{module}.{name}'") from None

    def load_build(self) -> None:
        # The usual BUILD would set attributes on anything, functions among it.
        state = self.stack.pop()
        if not isinstance(self.stack[-1], self.built):
            raise Refused("attributes set on an object")
        self.stack[-1].__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("a reference to something outside the file")

    def get_extension(self, code: int) -> None:
        raise Refused("a registered extension")
