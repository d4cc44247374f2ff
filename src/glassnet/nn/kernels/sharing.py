"""Sharing a kernel's work among the threads without compiling the kernel several times over.

Numba compiles what stands in a `prange` loop five times: by itself, as the loop's body, and within three wrappers
around that. For a convolution this takes ten seconds. So there is a single loop for all kernels, which holds nothing
but a call through an address; a kernel is compiled once, alone. Its arguments travel in a frame on the caller's stack,
from which a few generated instructions (the thunk) take them. While a kernel runs, results too small for a normal
number become 0 (`subnormal`).
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from glassnet import threads
from glassnet.nn.kernels.options import FAST, INNER, PARALLEL, SERIAL
from glassnet.nn.kernels.subnormal import write_flushing, write_restoring

__all__ = ["shared"]

# mypy: disable-error-code="no-untyped-def"


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
        if arguments[-1] == 1 or threads.starved():
            _alone(address, arguments[-1], *arguments[:-1])
        else:
            threads.launch(_together, address, arguments[-1], *arguments[:-1])

    def _compile(self, arguments: tuple[Any, ...]) -> int:
        signature = (*(_type(a) for a in arguments), types.int64, types.int64)
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
def _frame(typing_context, address, arguments):
    """(address of a thunk, address of a frame that holds the kernel's address and its arguments)."""
    kinds = (*arguments.types, types.int64, types.int64)

    def generate(context, builder, signature, values):
        each = cgutils.unpack_tuple(builder, values[1], len(arguments.types))
        frame = cgutils.alloca_once(builder, ir.LiteralStructType([v.type for v in (values[0], *each)]))
        for number, value in enumerate((values[0], *each)):
            builder.store(value, cgutils.gep_inbounds(builder, frame, 0, number))
        module = builder.module
        thunk = ir.Function(module, _THUNK, module.get_unique_name("glassnet_thunk"))
        thunk.linkage = "internal"
        _write_thunk(context, ir.IRBuilder(thunk.append_basic_block()), thunk.args, frame.type, kinds)
        addresses = [builder.ptrtoint(thunk, _WORD), builder.ptrtoint(frame, _WORD)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(address, arguments), generate


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
def _alone(address, parts, *arguments):
    thunk, frame = _frame(address, arguments)
    for t in range(parts):
        _call(thunk, frame, t, parts)


@njit(**SERIAL)
def _together(address, parts, *arguments):
    thunk, frame = _frame(address, arguments)
    _run(thunk, frame, parts)
