"""Vectors of LANES numbers as values of their own inside kernels, for loops in which every register counts.

A compiler turns a plain loop into vector instructions, but it keeps no 3 x 4 block of sums in registers across a loop;
and that is what a fast matrix product or convolution is. With these few operations the block is written out:

    a = load(w, i)          the numbers w[i] ... w[i + LANES - 1] of a flat array
    b = everywhere(v, a)    the number v in all lanes
    c = multiply_add(a, b, c)
    store(z, i, c)

`+`, `-` and `number * vector` work too, so that one formula serves numbers and vectors.

Indices are taken as they are: no bounds, no counting from the end. A vector is one register of the processor that
kernels are compiled for (`target`).
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from glassnet.nn.kernels.target import chosen

__all__ = [
    "VectorType",
    "add_lanes",
    "address",
    "everywhere",
    "lanes",
    "lanes_of",
    "load",
    "multiply_add",
    "operation",
    "repeat",
    "store",
    "store_bytes",
    "sum_of",
    "where_byte",
    "where_inside",
    "where_larger",
    "where_outside",
    "within",
    "zeros",
]

# mypy: disable-error-code="no-untyped-def, call-arg"


def lanes(itemsize: int) -> int:
    """Numbers in a vector."""
    return chosen().bytes // itemsize


class VectorType(types.Type):
    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"vector of {dtype}")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Any) -> None:
        element = manager[vector.dtype].get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, lanes(vector.dtype.bitwidth // 8)))


def operation(generator: Any) -> Any:
    """Numba's `intrinsic`: the call is replaced by the instructions that the function's result writes."""
    return intrinsic(generator)


def address(context, builder, array_type, array, index):
    """Pointer to an element of a flat, contiguous array."""
    data = cgutils.create_struct_proxy(array_type)(context, builder, value=array).data
    return builder.gep(data, [index])


def repeat(builder, value, vector):
    """`value` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


@operation
def lanes_of(typing_context, array):
    """Numbers in a vector of the array's dtype, in a kernel."""

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.intp, lanes(array.dtype.bitwidth // 8))

    return types.intp(array), generate


@operation
def load(typing_context, array, index):
    """array[index : index + LANES]."""

    def generate(context, builder, signature, arguments):
        vector = context.get_value_type(signature.return_type)
        place = address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load(builder.bitcast(place, vector.as_pointer()), align=array.dtype.bitwidth // 8)

    return VectorType(array.dtype)(array, types.intp), generate


@operation
def store(typing_context, array, index, value):
    """array[index : index + LANES] = value."""

    def generate(context, builder, signature, arguments):
        vector = context.get_value_type(signature.args[2])
        place = address(context, builder, signature.args[0], arguments[0], arguments[1])
        there = builder.bitcast(place, vector.as_pointer())
        builder.store(arguments[2], there, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@operation
def zeros(typing_context, array):
    """A vector of zeros of the array's dtype."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return VectorType(array.dtype)(array), generate


@operation
def everywhere(typing_context, number, like):
    """`number` in every lane of a vector of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return repeat(builder, arguments[0], context.get_value_type(signature.return_type))

    return like(number, like), generate


@operation
def where_larger(typing_context, v, m, a, b):
    """Lane by lane: a where v is larger than m or no number, else b."""

    def generate(context, builder, signature, arguments):
        v, m, a, b = arguments
        wins = builder.or_(builder.fcmp_ordered(">", v, m), builder.fcmp_unordered("uno", v, v))
        return builder.select(wins, a, b)

    return a(v, m, a, b), generate


@operation
def within(typing_context, v, low, high):
    """Lane by lane: low where v is below it, high where v is above it, else v; a bound that is no number is none."""

    def generate(context, builder, signature, arguments):
        v, low, high = arguments
        below, above = builder.fcmp_ordered("<", v, low), builder.fcmp_ordered(">", v, high)
        return builder.select(below, low, builder.select(above, high, v))

    return v(v, low, high), generate


@operation
def where_inside(typing_context, v, low, high, a, b):
    """Lane by lane: a where v is larger than low and not as large as high, else b."""

    def generate(context, builder, signature, arguments):
        v, low, high, a, b = arguments
        inside = builder.and_(builder.fcmp_ordered(">", v, low), builder.fcmp_unordered("<", v, high))
        return builder.select(inside, a, b)

    return a(v, low, high, a, b), generate


@operation
def where_outside(typing_context, v, low, high, a, b):
    """Lane by lane: a where v is at most low or at least high, else b; a bound that is no number is none."""

    def generate(context, builder, signature, arguments):
        v, low, high, a, b = arguments
        outside = builder.or_(builder.fcmp_ordered("<=", v, low), builder.fcmp_ordered(">=", v, high))
        return builder.select(outside, a, b)

    return a(v, low, high, a, b), generate


@operation
def where_byte(typing_context, array, index, byte, a, b):
    """Lane by lane: a where array[index : index + LANES] of uint8 is `byte`, else b."""

    def generate(context, builder, signature, arguments):
        lane = context.get_value_type(signature.args[3]).count
        bytes_ = ir.VectorType(ir.IntType(8), lane)
        place = address(context, builder, signature.args[0], arguments[0], arguments[1])
        there = builder.load(builder.bitcast(place, bytes_.as_pointer()), align=1)
        wanted = repeat(builder, builder.trunc(arguments[2], ir.IntType(8)), bytes_)
        return builder.select(builder.icmp_unsigned("==", there, wanted), arguments[3], arguments[4])

    return a(array, types.intp, types.int64, a, b), generate


@operation
def store_bytes(typing_context, array, index, value):
    """array[index : index + LANES] = value for an array of uint8; the numbers are whole and below 128."""

    def generate(context, builder, signature, arguments):
        lane = context.get_value_type(signature.args[2]).count
        words = builder.fptosi(arguments[2], ir.VectorType(ir.IntType(32), lane))
        small = builder.trunc(words, ir.VectorType(ir.IntType(8), lane))
        place = address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(small, builder.bitcast(place, small.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@operation
def multiply_add(typing_context, a, b, c):
    """a * b + c; one instruction where the kernel allows contraction."""

    def generate(context, builder, signature, arguments):
        return builder.fadd(builder.fmul(arguments[0], arguments[1]), arguments[2])

    return a(a, b, c), generate


def add_lanes(builder, total):
    """The sum of all lanes: the upper half is added to the lower until one is left."""
    while total.type.count > 1:
        half = total.type.count // 2
        undefined = ir.Constant(total.type, ir.Undefined)
        low, high = (
            builder.shuffle_vector(
                total, undefined, ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(at, at + half)))
            )
            for at in (0, half)
        )
        total = builder.fadd(low, high)
    return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))


@operation
def sum_of(typing_context, vector):
    """The sum of all lanes."""

    def generate(context, builder, signature, arguments):
        return add_lanes(builder, arguments[0])

    return vector.dtype(vector), generate


# ---- operators ------------------------------------------------------------------------------------------------------


def _elementwise(instruction: str) -> Any:
    @operation
    def combined(typing_context, a, b):
        def generate(context, builder, signature, arguments):
            return getattr(builder, instruction)(*arguments)

        return a(a, b), generate

    return combined


_add, _subtract, _multiply = _elementwise("fadd"), _elementwise("fsub"), _elementwise("fmul")


def _both(a: Any, b: Any) -> bool:
    return isinstance(a, VectorType) and a == b


@overload(operator.add)
def _sum(a, b):
    return (lambda a, b: _add(a, b)) if _both(a, b) else None


@overload(operator.sub)
def _difference(a, b):
    return (lambda a, b: _subtract(a, b)) if _both(a, b) else None


@overload(operator.mul)
def _multiple(a, b):
    fits = isinstance(b, VectorType) and a == b.dtype
    return (lambda a, b: _multiply(everywhere(a, b), b)) if fits else None
