"""Sharing a kernel's work among the threads without compiling the kernel several times over.

Numba compiles what stands in a `prange` loop five times: by itself, as the loop's body, and within three wrappers
around that. For a convolution this takes ten seconds. So there is a single loop for all kernels, which holds nothing
but a call through an address; a kernel is compiled once, alone. Its arguments travel in a frame (on the caller's stack,
or in the calling thread's own memory where other threads read it), from which a few generated instructions (the thunk)
take them. While a kernel runs, results too small for a normal number become 0 (`subnormal`).

A frame can also be kept, and the kernel called with it again and again: `recording` keeps those of a whole pass. Arrays
lie in a frame without their counters of references, so somebody has to hold them as long as it is used.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Protocol

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from glassnet import threads
from glassnet.nn.kernels.options import FAST, INNER, PARALLEL, SERIAL, njit
from glassnet.nn.kernels.subnormal import write_flushing, write_restoring

__all__ = ["FRAME", "Recorder", "call_again", "keep_frame", "recorders", "shared"]

# mypy: disable-error-code="no-untyped-def"

FRAME = 4096
"""Bytes that the frame of a call may have."""


class Recorder(Protocol):
    """Who is told of kernels' calls."""

    def keep(self, address: int, arguments: tuple[Any, ...]) -> None:
        """A kernel at this address is about to be called with these, the number of shares last."""


recorders: dict[int, Recorder] = {}
"""Who is told of the calls that a thread makes, by the number of the thread."""


class _Frame(threading.local):
    """Where a Python thread writes the frame of the call that it shares with the pool."""

    def __init__(self) -> None:
        self._bytes = np.empty(FRAME, np.uint8)
        self.place: int = self._bytes.ctypes.data


_mine = _Frame()


class shared:
    """Decorator of a kernel `f(*arguments, t, parts)` that does share t of `parts`: as `f(*arguments, parts)` it does
    all of them, on as many threads.

    The kernel is compiled anew for other dtypes and for other classes of what is no array. Arrays are C-contiguous, and
    an argument has the same number of dimensions in every call. `fastmath` is that of `options`, or False for a kernel
    whose arithmetic is to be done exactly as it is written.
    """

    def __init__(self, function: Any, *, fastmath: Any = FAST) -> None:
        functools.update_wrapper(self, function)
        self._kernel = njit(**{**INNER, "fastmath": fastmath}, cache=True)(function)
        self._addresses: dict[Any, int] = {}

    def __call__(self, *arguments: Any) -> None:
        kinds = tuple([a.dtype if isinstance(a, np.ndarray) else a.__class__ for a in arguments])
        address = self._addresses.get(kinds)
        if address is None:
            address = self._addresses[kinds] = self._compile(arguments[:-1])
        if recorders and (recorder := recorders.get(threading.get_ident())) is not None:
            recorder.keep(address, arguments)
        if arguments[-1] == 1 or threads.starved():
            _alone(address, 0, arguments[-1], *arguments[:-1])
        else:
            place = _mine.place
            threads.launch(_run, keep_frame(address, place, arguments), place, arguments[-1])

    def needs(self, arguments: tuple[Any, ...]) -> list[tuple[Any, tuple[Any, ...]]]:
        """What is compiled for a call with these, the number of shares last: (kernel of Numba's, types) each."""
        own, words = arguments[:-1], (types.int64,) * 3
        found = [(self._kernel, self._signature(own)), (_alone, (*words, numba.typeof(own)))]
        return found if arguments[-1] == 1 else [*found, (_run, words)]

    @staticmethod
    def _signature(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*(_type(a) for a in arguments), types.int64, types.int64)

    def _compile(self, arguments: tuple[Any, ...]) -> int:
        signature = self._signature(arguments)
        self._kernel.compile(signature)
        compiled = self._kernel.overloads[signature]
        return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _type(argument: Any) -> Any:
    kind = numba.typeof(argument)
    return types.Array(kind.dtype, kind.ndim, "C") if isinstance(kind, types.Array) else kind  # even if read-only


def _instructions(generator: Any) -> Any:
    """Numba's `intrinsic`: a call is replaced by the instructions that the function's result writes."""
    return intrinsic(generator)


_WORD = ir.IntType(64)
_THUNK = ir.FunctionType(ir.VoidType(), [_WORD, _WORD, _WORD])


@_instructions
def _frame(typing_context, address, place, arguments):
    """(address of a thunk, address of a frame that holds the kernel's address and its arguments).

    The frame lies at the address `place`, or on the stack where that is 0.
    """
    kinds = (*arguments.types, types.int64, types.int64)

    def generate(context, builder, signature, values):
        each = cgutils.unpack_tuple(builder, values[2], len(arguments.types))
        words = (values[0], *[_uncounted(context, builder, *v) for v in zip(arguments.types, each, strict=True)])
        layout = ir.LiteralStructType([word.type for word in words])
        if context.get_abi_sizeof(layout) > FRAME:
            raise ValueError(f"The arguments {arguments} take more than {FRAME} bytes.")
        stack = cgutils.alloca_once(builder, layout)
        there = builder.inttoptr(values[1], layout.as_pointer())
        frame = builder.select(builder.icmp_unsigned("==", values[1], ir.Constant(_WORD, 0)), stack, there)
        for number, word in enumerate(words):
            builder.store(word, cgutils.gep_inbounds(builder, frame, 0, number))
        module = builder.module
        thunk = ir.Function(module, _THUNK, module.get_unique_name("glassnet_thunk"))
        thunk.linkage = "internal"
        _write_thunk(context, ir.IRBuilder(thunk.append_basic_block()), thunk.args, frame.type, kinds)
        addresses = [builder.ptrtoint(thunk, _WORD), builder.ptrtoint(frame, _WORD)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(address, place, arguments), generate


def _uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An array without its counter of references, which is gone when the call ends; anything else as it is."""
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo, array.parent = (cgutils.get_null_value(field.type) for field in (array.meminfo, array.parent))
    return array._getvalue()


def _write_thunk(context: Any, builder: Any, words: Any, frame_type: Any, kinds: tuple[Any, ...]) -> None:
    """kernel(*arguments, t, parts) for the words (frame, t, parts)."""
    frame = builder.inttoptr(words[0], frame_type)
    fields = [builder.load(cgutils.gep_inbounds(builder, frame, 0, number)) for number in range(len(kinds) - 1)]
    kernel = builder.inttoptr(fields[0], context.call_conv.get_function_type(types.none, kinds).as_pointer())
    before = write_flushing(builder)
    context.call_conv.call_function(builder, kernel, types.none, kinds, [*fields[1:], words[1], words[2]])
    write_restoring(builder, before)
    builder.ret_void()


@_instructions
def _call(typing_context, thunk, frame, t, parts):
    def generate(context, builder, signature, values):
        builder.call(builder.inttoptr(values[0], _THUNK.as_pointer()), values[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


@njit(**PARALLEL)
def _run(thunk, frame, parts):
    for t in prange(parts):
        _call(thunk, frame, np.int64(t), parts)


@njit(**SERIAL)
def _alone(address, place, parts, *arguments):
    """All shares, one after the other; with a `place` for a frame only that is written. Returns the thunk's address."""
    thunk, frame = _frame(address, place, arguments)
    if place == 0:
        for t in range(parts):
            _call(thunk, frame, t, parts)
    return thunk


@njit(**SERIAL)
def _again_alone(calls):
    for k in range(calls.shape[0]):
        for t in range(calls[k, 2]):
            _call(calls[k, 0], calls[k, 1], t, calls[k, 2])


@njit(**SERIAL)
def _again_together(calls):
    for k in range(calls.shape[0]):
        if calls[k, 2] == 1:
            _call(calls[k, 0], calls[k, 1], 0, 1)
        else:
            _run(calls[k, 0], calls[k, 1], calls[k, 2])


def keep_frame(address: int, place: int, arguments: tuple[Any, ...]) -> int:
    """Write the frame of a call, whose number of shares is the last argument, to `FRAME` bytes at `place`.

    Returns the address of the thunk.
    """
    thunk: int = _alone(address, place, arguments[-1], *arguments[:-1])
    return thunk


def call_again(calls: NDArray[np.int64]) -> None:
    """Make calls of kernels (k, 3): the addresses of thunk and frame, and the number of shares, see `keep_frame`."""
    if threads.count() == 1 or threads.starved():
        _again_alone(calls)
    else:
        threads.launch(_again_together, calls)
