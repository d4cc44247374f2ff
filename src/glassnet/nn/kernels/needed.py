"""Which kernels a piece of work will call, found by doing it without them.

The work is done as usual: layers are asked for their methods, arrays are checked, memory is handed out. But a kernel
that is not compiled yet is noted instead of compiled and called, so that nothing takes long, and what arrays hold is
undefined. Only a kernel that gives something back, which Python may need at once, is compiled and called; those are
small.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from glassnet.nn.kernels.sharing import shared

__all__ = ["Calls", "Listed", "Needed", "kernels_of"]

Listed = Sequence[Callable[[], object]]
"""The calls that a piece of work consists of, the one first that is to be compiled first."""

Calls = Callable[[], Listed]
"""Gives these, in another process too."""

Needed = tuple[Any, tuple[Any, ...]]
"""A kernel of Numba's, and the types of the arguments that it is to be compiled for."""

_noted: dict[Needed, None] = {}  # in the order in which they were first called


def kernels_of(call: Callable[[], object]) -> list[Needed]:
    """The kernels that have to be compiled for a call, in the order in which it needs them.

    A call that fails, since nothing is computed, ends there. While this runs no other thread may use a kernel.
    """
    _noted.clear()
    with _without_kernels(), np.errstate(all="ignore"), contextlib.suppress(Exception):
        call()
    return list(_noted)


@contextlib.contextmanager
def _without_kernels() -> Iterator[None]:
    numbas: Any = Dispatcher
    ours: Any = shared
    compile_, call = numbas.compile, ours.__call__

    def note(self: Any, *arguments: Any) -> None:
        _noted.update(dict.fromkeys(self.needs(arguments)))

    def compile_or_note(self: Any, signature: Any) -> Any:
        if not _returns(self.py_func):
            _noted[self, tuple(signature)] = None
            return _do_nothing
        numbas.compile = compile_  # with all that it calls in turn
        try:
            return compile_(self, signature)
        finally:
            numbas.compile = compile_or_note

    numbas.compile, ours.__call__ = compile_or_note, note
    try:
        yield
    finally:
        numbas.compile, ours.__call__ = compile_, call


def _do_nothing(*arguments: Any) -> None:
    pass


@functools.cache
def _returns(function: Callable[..., Any]) -> bool:
    """Whether a kernel gives something back."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(tree))
