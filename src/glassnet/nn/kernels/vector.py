"""Vectors of LANES numbers as values of their own inside kernels, for loops in which every register counts.

A compiler turns a plain loop into vector instructions, but it keeps no 3 x 4 block of sums in registers across a loop;
and that is what a fast matrix product or convolution is. With these few operations the block is written out:

    a = load(w, i)          the numbers w[i] ... w[i + LANES - 1] of a flat array
    b = spread(x, i)        x[i] in all lanes
    c = multiply_add(a, b, c)
    store(z, i, c)

`+`, `-` and `number * vector` work too, so that one formula serves numbers and vectors.

Indices are taken as they are: no bounds, no counting from the end. A vector of 32 bytes (8 float32, 4 float64) is one
register of every x86 processor since 2013; elsewhere the compiler splits or pairs them.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "everywhere",
    "lanes",
    "lanes_of",
    "load",
    "multiply_add",
    "spread",
    "store",
    "store_bytes",
    "sum_of",
    "where_larger",
    "zeros",
]

# mypy: disable-error-code="no-untyped-def, call-arg"

_BYTES = 32


def lanes(itemsize: int) -> int:
    """Numbers in a vector."""
    return _BYTES // itemsize


class _VectorType(types.Type):
    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"vector of {dtype}")


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Any) -> None:
        element = manager[vector.dtype].get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, lanes(vector.dtype.bitwidth // 8)))


def _operation(generator: Any) -> Any:
    """Numba's `intrinsic`: the call is replaced by the instructions that the function's result writes."""
    return intrinsic(generator)


def _address(context, builder, array_type, array, index):
    """Pointer to an element of a flat, contiguous array."""
    data = cgutils.create_struct_proxy(array_type)(context, builder, value=array).data
    return builder.gep(data, [index])


def _repeat(builder, value, vector):
    """`value` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


@_operation
def lanes_of(typing_context, array):
    """Numbers in a vector of the array's dtype, in a kernel."""

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.intp, lanes(array.dtype.bitwidth // 8))

    return types.intp(array), generate


@_operation
def load(typing_context, array, index):
    """array[index : index + LANES]."""

    def generate(context, builder, signature, arguments):
        vector = context.get_value_type(signature.return_type)
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load(builder.bitcast(address, vector.as_pointer()), align=array.dtype.bitwidth // 8)

    return _VectorType(array.dtype)(array, types.intp), generate


@_operation
def store(typing_context, array, index, value):
    """array[index : index + LANES] = value."""

    def generate(context, builder, signature, arguments):
        vector = context.get_value_type(signature.args[2])
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        place = builder.bitcast(address, vector.as_pointer())
        builder.store(arguments[2], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@_operation
def spread(typing_context, array, index):
    """array[index] in every lane."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return _repeat(builder, builder.load(address), context.get_value_type(signature.return_type))

    return _VectorType(array.dtype)(array, types.intp), generate


@_operation
def zeros(typing_context, array):
    """A vector of zeros of the array's dtype."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return _VectorType(array.dtype)(array), generate


@_operation
def everywhere(typing_context, number, like):
    """`number` in every lane of a vector of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return _repeat(builder, arguments[0], context.get_value_type(signature.return_type))

    return like(number, like), generate


@_operation
def where_larger(typing_context, v, m, a, b):
    """Lane by lane: a where v is larger than m or no number, else b."""

    def generate(context, builder, signature, arguments):
        v, m, a, b = arguments
        wins = builder.or_(builder.fcmp_ordered(">", v, m), builder.fcmp_unordered("uno", v, v))
        return builder.select(wins, a, b)

    return a(v, m, a, b), generate


@_operation
def store_bytes(typing_context, array, index, value):
    """array[index : index + LANES] = value for an array of uint8; the numbers are whole and below 128."""

    def generate(context, builder, signature, arguments):
        lane = context.get_value_type(signature.args[2]).count
        words = builder.fptosi(arguments[2], ir.VectorType(ir.IntType(32), lane))
        small = builder.trunc(words, ir.VectorType(ir.IntType(8), lane))
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(small, builder.bitcast(address, small.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@_operation
def multiply_add(typing_context, a, b, c):
    """a * b + c; one instruction where the kernel allows contraction."""

    def generate(context, builder, signature, arguments):
        return builder.fadd(builder.fmul(arguments[0], arguments[1]), arguments[2])

    return a(a, b, c), generate


@_operation
def sum_of(typing_context, vector):
    """The sum of all lanes: the upper half is added to the lower until one is left."""

    def generate(context, builder, signature, arguments):
        total = arguments[0]
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

    return vector.dtype(vector), generate


# ---- operators ------------------------------------------------------------------------------------------------------


def _elementwise(instruction: str) -> Any:
    @_operation
    def operation(typing_context, a, b):
        def generate(context, builder, signature, arguments):
            return getattr(builder, instruction)(*arguments)

        return a(a, b), generate

    return operation


_add, _subtract, _multiply = _elementwise("fadd"), _elementwise("fsub"), _elementwise("fmul")


def _both(a: Any, b: Any) -> bool:
    return isinstance(a, _VectorType) and a == b


@overload(operator.add)
def _sum(a, b):
    return (lambda a, b: _add(a, b)) if _both(a, b) else None


@overload(operator.sub)
def _difference(a, b):
    return (lambda a, b: _subtract(a, b)) if _both(a, b) else None


@overload(operator.mul)
def _multiple(a, b):
    fits = isinstance(b, _VectorType) and a == b.dtype
    return (lambda a, b: _multiply(everywhere(a, b), b)) if fits else None
