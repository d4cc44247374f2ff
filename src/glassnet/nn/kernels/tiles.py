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

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.target import chosen
from glassnet.nn.kernels.vector import VectorType, add_lanes, address, lanes_of, operation, repeat

__all__ = [
    "CLASSES",
    "DOT_COLUMNS",
    "DOT_ROWS",
    "MOST_ROWS",
    "PIXELS",
    "ROWS",
    "VECTORS",
    "descend",
    "dots",
    "listed",
    "products",
    "tap_sums",
]

# mypy: disable-error-code="no-untyped-def"

VECTORS = 4  # of the widest tile
ROWS = chosen().rows  # of a tile of 1, 2, ... vectors
MOST_ROWS = max(ROWS)
PIXELS = (8, 4, 2, 1)  # side by side, of `tap_sums`
CLASSES = (10, 5, 1) if chosen().registers == 32 else (5, 1)  # rows side by side, of `descend`
DOT_ROWS, DOT_COLUMNS = (4, 5) if chosen().registers == 32 else (2, 5)  # of `dots`; columns that divide ten classes


def listed(places: Sequence[int], room: int = 0) -> NDArray[np.int64]:
    """A list of places as a tile takes it, (max(len(places), room) + MOST_ROWS,): the first is 0, the others ascend."""
    return np.pad(np.array(places), (0, max(0, room - len(places)) + MOST_ROWS))


class _Arguments:
    """The arguments of an operation by name, and what is done with them again and again."""

    def __init__(self, names: str, context: Any, builder: Any, values: Any, kinds: Any) -> None:
        self.context, self.builder = context, builder
        self._given = dict(zip(names.split(), zip(values, kinds, strict=True), strict=True))
        number = self._given["z"][1].dtype
        self.vector = context.get_value_type(VectorType(number))
        self.size = number.bitwidth // 8

    def __getitem__(self, name: str) -> Any:
        return self._given[name][0]

    def place(self, name: str, index: Any) -> Any:
        """Pointer to an element of an array."""
        array, kind = self._given[name]
        return address(self.context, self.builder, kind, array, index)

    def load(self, pointer: Any) -> Any:
        return self.builder.load(self._wide(pointer), align=self.size)

    def store(self, vector: Any, pointer: Any) -> None:
        self.builder.store(vector, self._wide(pointer), align=self.size)

    def times(self, a: Any, number: int) -> Any:
        return self.builder.mul(a, _word(number))

    def _wide(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.vector.as_pointer())


_WORD = ir.IntType(64)


def _word(number: int) -> Any:
    return ir.Constant(_WORD, number)


def _join(phi: Any, *pairs: Any) -> Any:
    for value, block in pairs:
        phi.add_incoming(value, block)
    return phi


# ---- rows by vectors


def _tile(vectors: int) -> Any:
    """The operation on tiles that are so many vectors wide."""
    names, word = "x starts i offsets w at step z to apart add", types.int64

    @operation
    def tile(typing_context, x, starts, i, offsets, w, at, step, z, to, apart, add):
        def generate(context, builder, signature, values):
            _write(_Arguments(names, context, builder, values, signature.args), ROWS[vectors - 1], vectors)
            return context.get_dummy_value()

        return types.void(x, starts, word, offsets, w, word, word, z, word, word, types.boolean), generate

    return tile


def _write(given: _Arguments, rows: int, vectors: int) -> None:
    builder, vector = given.builder, given.vector
    builder.function.attributes.add("noinline")  # one copy for all that call `products`
    lines_of_x, places = [], []
    for r in range(rows):
        start = builder.load(given.place("starts", builder.add(given["i"], _word(r))))
        lines_of_x.append(given.place("x", start))
        row = builder.add(given["to"], given.times(given["apart"], r))
        places.append([given.place("z", builder.add(row, _word(v * vector.count))) for v in range(vectors)])
    nothing, nought = ir.Constant(vector, None), _word(0)
    before = [[builder.select(given["add"], given.load(p), nothing) for p in row] for row in places]
    first_offset, first_line = given.place("offsets", nought), given.place("w", given["at"])
    begin, loop = builder.block, builder.append_basic_block("tile")
    builder.branch(loop)

    builder.position_at_end(loop)
    offset, there, line = builder.phi(_WORD), builder.phi(first_offset.type), builder.phi(first_line.type)
    sums = [[builder.phi(vector) for _ in row] for row in before]
    after: list[list[Any]] = [[None] * vectors for _ in range(rows)]

    def weights(v: int) -> Any:
        return given.load(builder.gep(line, [_word(v * vector.count)]))

    def number(r: int) -> Any:
        return repeat(builder, builder.load(builder.gep(lines_of_x[r], [offset])), vector)

    def multiply_add(r: int, v: int, a: Any, b: Any) -> None:
        after[r][v] = builder.fadd(builder.fmul(a, b), sums[r][v])

    if rows < vectors:  # what there is less of waits in registers for what there is more of
        numbers = [number(r) for r in range(rows)]
        for v in range(vectors):
            here = weights(v)
            for r in range(rows):
                multiply_add(r, v, numbers[r], here)
    else:
        lines = [weights(v) for v in range(vectors)]
        for r in range(rows):
            here = number(r)
            for v in range(vectors):
                multiply_add(r, v, here, lines[v])
    following = builder.gep(there, [_word(1)])
    next_offset, next_line = builder.load(following), builder.gep(line, [given["step"]])
    end = builder.append_basic_block("tile.end")
    builder.cbranch(builder.icmp_signed("==", next_offset, nought), end, loop)
    _join(offset, (nought, begin), (next_offset, loop))
    _join(there, (first_offset, begin), (following, loop))
    _join(line, (first_line, begin), (next_line, loop))

    builder.position_at_end(end)
    for r in range(rows):
        for v in range(vectors):
            _join(sums[r][v], (before[r][v], begin), (after[r][v], loop))
            given.store(after[r][v], places[r][v])


_one, _two, _three, _four = _tile(1), _tile(2), _tile(3), _tile(4)
_R1, _R2, _R3, _R4 = ROWS


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


# ---- sums along vectors


@operation
def _dots(typing_context, x, starts, i, w, at, d, count, z, to, apart):
    names, word = "x starts i w at d count z to apart", types.int64

    def generate(context, builder, signature, values):
        _write_dots(_Arguments(names, context, builder, values, signature.args))
        return context.get_dummy_value()

    return types.void(x, starts, word, w, word, word, word, z, word, word), generate


def _write_dots(given: _Arguments) -> None:
    builder, vector = given.builder, given.vector
    firsts = [builder.load(given.place("starts", builder.add(given["i"], _word(r)))) for r in range(DOT_ROWS)]
    lines = [given.place("x", first) for first in firsts]
    lines += [given.place("w", builder.add(given["at"], given.times(given["d"], c))) for c in range(DOT_COLUMNS)]
    nothing, nought = ir.Constant(vector, None), _word(0)
    begin, loop, end = builder.block, builder.append_basic_block("dots"), builder.append_basic_block("dots.end")
    builder.cbranch(builder.icmp_signed("==", given["count"], nought), end, loop)

    builder.position_at_end(loop)
    k = builder.phi(_WORD)
    sums = [builder.phi(vector) for _ in range(DOT_ROWS * DOT_COLUMNS)]
    loads = [given.load(builder.gep(line, [given.times(k, vector.count)])) for line in lines]
    pairs = itertools.product(loads[:DOT_ROWS], loads[DOT_ROWS:])
    after = [builder.fadd(builder.fmul(a, b), total) for (a, b), total in zip(pairs, sums, strict=True)]
    following = builder.add(k, _word(1))
    builder.cbranch(builder.icmp_signed("==", following, given["count"]), end, loop)
    _join(k, (nought, begin), (following, loop))
    for total, last in zip(sums, after, strict=True):
        _join(total, (nothing, begin), (last, loop))

    builder.position_at_end(end)
    totals = [_join(builder.phi(vector), (nothing, begin), (last, loop)) for last in after]
    for number, total in enumerate(totals):
        r, c = divmod(number, DOT_COLUMNS)
        there = builder.add(given["to"], builder.add(given.times(given["apart"], r), _word(c)))
        builder.store(add_lanes(builder, total), given.place("z", there))


@inner
def dots(x, starts, i, w, at, d, z, to, apart):
    """z[to + r apart + c] = sum_k x[starts[i + r] + k] w[at + c d + k] over k < d; DOT_ROWS r, DOT_COLUMNS c."""
    lane = lanes_of(z)
    count = d // lane
    _dots(x, starts, i, w, at, d, count, z, to, apart)
    for k in range(count * lane, d):
        for r in range(DOT_ROWS):
            for c in range(DOT_COLUMNS):
                z[to + r * apart + c] += x[starts[i + r] + k] * w[at + c * d + k]


# ---- sums of vectors times vectors


def _taps(pixels: int) -> Any:
    names, word = "x from step places count w at c z to", types.int64

    @operation
    def taps(typing_context, x, start, step, places, count, w, at, c, z, to):
        def generate(context, builder, signature, values):
            _write_taps(_Arguments(names, context, builder, values, signature.args), pixels)
            return context.get_dummy_value()

        return types.void(x, word, word, places, word, w, word, word, z, word), generate

    return taps


def _write_taps(given: _Arguments, pixels: int) -> None:
    builder, vector = given.builder, given.vector
    nothing, nought = ir.Constant(vector, None), _word(0)
    begin, outer, inside = (builder.block, *[builder.append_basic_block(f"taps.{name}") for name in ("c", "k")])
    stored, end = builder.append_basic_block("taps.store"), builder.append_basic_block("taps.end")
    empty = builder.or_(*[builder.icmp_signed("<=", given[name], nought) for name in ("count", "c")])
    builder.cbranch(empty, end, outer)

    builder.position_at_end(outer)
    channel = builder.phi(_WORD)
    pictures = builder.add(given["from"], channel)
    lines = [given.place("x", builder.add(pictures, given.times(given["step"], p))) for p in range(pixels)]
    first = given.place("w", builder.add(given["at"], channel))
    builder.branch(inside)

    builder.position_at_end(inside)
    tap, line = builder.phi(_WORD), builder.phi(first.type)
    sums = [builder.phi(vector) for _ in range(pixels)]
    place, weight = builder.load(given.place("places", tap)), given.load(line)
    after = [
        builder.fadd(builder.fmul(given.load(builder.gep(here, [place])), weight), total)
        for here, total in zip(lines, sums, strict=True)
    ]
    following, next_line = builder.add(tap, _word(1)), builder.gep(line, [given["c"]])
    builder.cbranch(builder.icmp_signed("==", following, given["count"]), stored, inside)
    _join(tap, (nought, outer), (following, inside))
    _join(line, (first, outer), (next_line, inside))
    for total, last in zip(sums, after, strict=True):
        _join(total, (nothing, outer), (last, inside))

    builder.position_at_end(stored)
    there = builder.add(given["to"], channel)
    for p, last in enumerate(after):
        given.store(last, given.place("z", builder.add(there, given.times(given["c"], p))))
    next_channel = builder.add(channel, _word(vector.count))
    builder.cbranch(builder.icmp_signed("<", next_channel, given["c"]), outer, end)
    _join(channel, (nought, begin), (next_channel, stored))
    builder.position_at_end(end)


_taps_8, _taps_4, _taps_2, _taps_1 = (_taps(pixels) for pixels in PIXELS)


@inner
def tap_sums(x, start, step, places, count, w, at, c, z, to, side):
    """z[to + p c + i] = sum_k x[start + p step + places[k] + i] w[at + k c + i] over k < count, at least one tap.

    For i < c, a multiple of a vector's numbers, and p < PIXELS[side]. x, w, z: flat arrays.
    """
    if side == 0:
        _taps_8(x, start, step, places, count, w, at, c, z, to)
    elif side == 1:
        _taps_4(x, start, step, places, count, w, at, c, z, to)
    elif side == 2:
        _taps_2(x, start, step, places, count, w, at, c, z, to)
    else:
        _taps_1(x, start, step, places, count, w, at, c, z, to)


# ---- descent and the next scores in one


def _descent(classes: int) -> Any:
    names, word = "w at apart count steps first keep x following ahead z", types.int64

    @operation
    def pass_(typing_context, w, at, apart, count, steps, first, keep, x, following, ahead, z):
        def generate(context, builder, signature, values):
            _write_descent(_Arguments(names, context, builder, values, signature.args), classes)
            return context.get_dummy_value()

        return types.void(w, word, word, word, steps, word, w.dtype, x, following, ahead, z), generate

    return pass_


def _write_descent(given: _Arguments, classes: int) -> None:
    builder, vector = given.builder, given.vector
    nothing, nought = ir.Constant(vector, None), _word(0)
    places = [builder.add(given["first"], _word(c)) for c in range(classes)]
    steps = [builder.load(given.place("steps", place)) for place in places]
    less = [repeat(builder, builder.fsub(ir.Constant(step.type, -0.0), step), vector) for step in steps]
    keep = repeat(builder, given["keep"], vector)
    lines = [given.place("w", builder.add(given["at"], given.times(given["apart"], c))) for c in range(classes)]
    begin, loop, end = builder.block, builder.append_basic_block("descent"), builder.append_basic_block("descent.end")
    builder.cbranch(builder.icmp_signed("==", given["count"], nought), end, loop)

    builder.position_at_end(loop)
    k = builder.phi(_WORD)
    sums = [builder.phi(vector) for _ in lines]
    at = given.times(k, vector.count)
    _send_for(builder, given.place("ahead", at))
    x, following = (given.load(given.place(name, at)) for name in ("x", "following"))
    after = []
    for line, step, total in zip(lines, less, sums, strict=True):
        here = builder.gep(line, [at])
        row = builder.fadd(builder.fmul(step, x), builder.fmul(keep, given.load(here)))
        given.store(row, here)
        after.append(builder.fadd(builder.fmul(row, following), total))
    next_k = builder.add(k, _word(1))
    builder.cbranch(builder.icmp_signed("==", next_k, given["count"]), end, loop)
    _join(k, (nought, begin), (next_k, loop))
    for total, last in zip(sums, after, strict=True):
        _join(total, (nothing, begin), (last, loop))

    builder.position_at_end(end)
    totals = [_join(builder.phi(vector), (nothing, begin), (last, loop)) for last in after]
    for total, place in zip(totals, places, strict=True):
        builder.store(add_lanes(builder, total), given.place("z", place))


def _send_for(builder: Any, place: Any) -> None:
    """Begin to load the cache line of a place that is read soon."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    read, soon, data = (ir.Constant(word, number) for number in (0, 3, 1))
    builder.call(function, [builder.bitcast(place, byte), read, soon, data])


_descents = [_descent(classes) for classes in CLASSES]
_most_classes, _some_classes, _one_class = _descents[0], _descents[-2], _descents[-1]


@inner
def descend(w, at, apart, count, steps, first, keep, x, following, ahead, z, side):
    """w_c = keep w_c - steps[first + c] x for the rows w_c = w[at + c apart :], and z[first + c] = w_c . following.

    For c < CLASSES[side] and the first `count` vectors; those of `ahead` are sent for meanwhile. All arrays are flat.
    """
    if side == 0:
        _most_classes(w, at, apart, count, steps, first, keep, x, following, ahead, z)
    elif side < len(CLASSES) - 1:
        _some_classes(w, at, apart, count, steps, first, keep, x, following, ahead, z)
    else:
        _one_class(w, at, apart, count, steps, first, keep, x, following, ahead, z)
