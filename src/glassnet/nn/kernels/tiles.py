"""Sums of products that stay in registers: the innermost loop of matrix products and convolutions.

A tile is R rows by V vectors of sums. With every step k of its loop, V vectors of one factor are loaded and R single
numbers of the other, and each number meets each vector:

    z[to + r apart + v] += x[starts[i + r] + offsets[k]] * w[at + k step + v]      for every k of the list `offsets`

That one form is a convolution's forward pass (rows are pixels, k goes through the window), its weight gradient (rows
are places of the window, k goes through the pixels) and its input gradient. R for every V is the machine's
(`target.Target.rows`). It is written as instructions, not in Python: Numba would take seconds to compile it.

Lists of places (`listed`) begin with 0, ascend, and are followed by zeros. The loop ends where 0 is read again, since
one whose length is known is unrolled by the compiler, which takes registers away; and a last tile with fewer rows than
R finds places that exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.target import chosen
from glassnet.nn.kernels.vector import VectorType, address, operation, repeat

__all__ = ["MOST_ROWS", "VECTORS", "listed", "products"]

# mypy: disable-error-code="no-untyped-def"

VECTORS = 4  # of the widest tile
_ROWS = chosen().rows
MOST_ROWS = max(_ROWS)


def listed(places: Sequence[int], room: int = 0) -> NDArray[np.int64]:
    """A list of places as a tile takes it, (max(len(places), room) + MOST_ROWS,): the first is 0, the others ascend."""
    return np.pad(np.array(places), (0, max(0, room - len(places)) + MOST_ROWS))


def _tile(vectors: int) -> Any:
    """The operation on tiles that are so many vectors wide."""
    rows = _ROWS[vectors - 1]

    @operation
    def tile(typing_context, x, starts, i, offsets, w, at, step, z, to, apart, add):
        def generate(context, builder, signature, arguments):
            given = dict(zip(_NAMES, zip(arguments, signature.args, strict=True), strict=True))
            _write(context, builder, given, rows, vectors)
            return context.get_dummy_value()

        word = types.int64
        return types.void(x, starts, word, offsets, w, word, word, z, word, word, types.boolean), generate

    return tile


_NAMES = ("x", "starts", "i", "offsets", "w", "at", "step", "z", "to", "apart", "add")


def _write(context: Any, builder: Any, given: dict[str, Any], rows: int, vectors: int) -> None:
    word = ir.IntType(64)
    vector = context.get_value_type(VectorType(given["z"][1].dtype))

    def place(name: str, index: Any) -> Any:
        array, kind = given[name]
        return address(context, builder, kind, array, index)

    def value(name: str) -> Any:
        return given[name][0]

    def wide(pointer: Any) -> Any:
        return builder.bitcast(pointer, vector.as_pointer())

    width = ir.Constant(word, vector.count)
    size = given["z"][1].dtype.bitwidth // 8
    rows_of_x, rows_of_z = [], []
    for r in range(rows):
        start = builder.load(place("starts", builder.add(value("i"), ir.Constant(word, r))))
        rows_of_x.append(place("x", start))
        row = builder.add(value("to"), builder.mul(value("apart"), ir.Constant(word, r)))
        rows_of_z.append([place("z", builder.add(row, builder.mul(width, ir.Constant(word, v)))) for v in range(vectors)])
    nothing = ir.Constant(vector, None)
    before = [
        [builder.select(value("add"), builder.load(wide(p), align=size), nothing) for p in row] for row in rows_of_z
    ]
    offsets, first_w = place("offsets", ir.Constant(word, 0)), place("w", value("at"))
    nought = ir.Constant(word, 0)
    begin = builder.block
    loop, end = builder.append_basic_block("tile"), builder.append_basic_block("tile.end")
    builder.branch(loop)

    builder.position_at_end(loop)
    offset, there, weights = builder.phi(word), builder.phi(offsets.type), builder.phi(first_w.type)
    sums = [[builder.phi(vector) for _ in row] for row in before]

    def line(v: int) -> Any:
        return builder.load(wide(builder.gep(weights, [builder.mul(width, ir.Constant(word, v))])), align=size)

    def number(r: int) -> Any:
        return repeat(builder, builder.load(builder.gep(rows_of_x[r], [offset])), vector)

    def multiply_add(r: int, v: int, line: Any, number: Any) -> None:
        after[r][v] = builder.fadd(builder.fmul(number, line), sums[r][v])

    after: list[list[Any]] = [[None] * vectors for _ in range(rows)]
    if rows < vectors:  # what there is less of waits in registers for what there is more of
        numbers = [number(r) for r in range(rows)]
        for v in range(vectors):
            here = line(v)
            for r in range(rows):
                multiply_add(r, v, here, numbers[r])
    else:
        lines = [line(v) for v in range(vectors)]
        for r in range(rows):
            here = number(r)
            for v in range(vectors):
                multiply_add(r, v, lines[v], here)
    following = builder.gep(there, [ir.Constant(word, 1)])
    next_offset, next_weights = builder.load(following), builder.gep(weights, [value("step")])
    builder.cbranch(builder.icmp_signed("==", next_offset, nought), end, loop)
    for phi, start, again in (
        (offset, nought, next_offset), (there, offsets, following), (weights, first_w, next_weights)
    ):  # fmt: skip
        phi.add_incoming(start, begin)
        phi.add_incoming(again, loop)

    for phis, starts, agains in zip(sums, before, after, strict=True):
        for phi, start, again in zip(phis, starts, agains, strict=True):
            phi.add_incoming(start, begin)
            phi.add_incoming(again, loop)

    builder.position_at_end(end)
    for totals, row in zip(after, rows_of_z, strict=True):
        for total, pointer in zip(totals, row, strict=True):
            builder.store(total, wide(pointer), align=size)


_one, _two, _three, _four = _tile(1), _tile(2), _tile(3), _tile(4)
_R1, _R2, _R3, _R4 = _ROWS


@inner
def products(x, starts, count, offsets, w, at, step, z, to, apart, vectors, add):
    """Rows 0 ... count - 1 of a tile's width, see above, in tiles; sums begin from 0 or, with `add`, from z.

    x, w, z: flat arrays; starts, offsets: see `listed`; vectors: 1 ... VECTORS. The last tile may hang over by
    MOST_ROWS - 1 rows: z is so much longer, and what it holds there means nothing.
    """
    if vectors == 1:
        for i in range(0, count, _R1):
            _one(x, starts, i, offsets, w, at, step, z, to + i * apart, apart, add)
    elif vectors == 2:
        for i in range(0, count, _R2):
            _two(x, starts, i, offsets, w, at, step, z, to + i * apart, apart, add)
    elif vectors == 3:
        for i in range(0, count, _R3):
            _three(x, starts, i, offsets, w, at, step, z, to + i * apart, apart, add)
    else:
        for i in range(0, count, _R4):
            _four(x, starts, i, offsets, w, at, step, z, to + i * apart, apart, add)
