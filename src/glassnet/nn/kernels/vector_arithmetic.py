"""`+` and `-` of two vectors and `number * vector` inside kernels: one formula for numbers and for vectors.

Importing this module is enough; the vectors are those of `glassnet.nn.kernels.vector`.
"""

from __future__ import annotations

import operator
from typing import Any

from numba.extending import intrinsic, overload

from glassnet.nn.kernels.vector import _repeat, _VectorType

# mypy: disable-error-code="no-untyped-def, call-arg"


def _elementwise(instruction: str) -> Any:
    @intrinsic
    def operation(typing_context, a, b):
        def generate(context, builder, signature, arguments):
            return getattr(builder, instruction)(*arguments)

        return a(a, b), generate

    return operation


_add, _subtract, _multiply = _elementwise("fadd"), _elementwise("fsub"), _elementwise("fmul")


@intrinsic
def _in_every_lane(typing_context, number, like):
    def generate(context, builder, signature, arguments):
        return _repeat(builder, arguments[0], context.get_value_type(signature.return_type))

    return like(number, like), generate


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
    return (lambda a, b: _multiply(_in_every_lane(a, b), b)) if fits else None
