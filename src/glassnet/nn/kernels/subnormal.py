"""Subnormal results become 0 while kernels work.

Numbers below the smallest normal one (1.2e-38 in float32) have few digits left, and an x86 processor computes with them
a hundred times slower. They come about by themselves: the moments of a weight that gets no gradient any more shrink by
a tenth at every step of Adam and arrive there after 900 steps, and a step of the network is then four times as slow.
So kernels run with the processor's FTZ bit (flush to zero), which is as it was afterwards. Subnormal numbers that are
given are still read as they are. Processors of other kinds compute with them at full speed: nothing is done there.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from glassnet.nn.kernels.vector import operation

__all__ = ["flushing", "restoring", "write_flushing", "write_restoring"]

# mypy: disable-error-code="no-untyped-def"

_FLUSH_TO_ZERO = 0x8000  # of the control register MXCSR
_WORD = ir.IntType(32)
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def _control(builder: Any, instruction: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{instruction}")
    builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])


def write_flushing(builder: Any) -> Any:
    """Write the instructions that set the bit; returns the register as it was."""
    if not _X86:
        return ir.Constant(_WORD, 0)
    place = cgutils.alloca_once(builder, _WORD)
    _control(builder, "stmxcsr", place)
    before = builder.load(place)
    builder.store(builder.or_(before, ir.Constant(_WORD, _FLUSH_TO_ZERO)), place)
    _control(builder, "ldmxcsr", place)
    return before


def write_restoring(builder: Any, before: Any) -> None:
    """Write the instructions that make the register what it was."""
    if not _X86:
        return
    place = cgutils.alloca_once(builder, _WORD)
    builder.store(before, place)
    _control(builder, "ldmxcsr", place)


@operation
def flushing(typing_context):
    """Results that are subnormal become 0 from here on; returns what `restoring` takes.

    For calls of functions that lie between the two: the compiler may move arithmetic across either.
    """

    def generate(context, builder, signature, arguments):
        return write_flushing(builder)

    return types.int32(), generate


@operation
def restoring(typing_context, before):
    """The reverse of `flushing`."""

    def generate(context, builder, signature, arguments):
        write_restoring(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int32), generate
