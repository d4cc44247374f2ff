"""Winograd's F(4x4, 3x3): the identity behind it exactly, the kernels against the matrices, the passes against sums."""

from __future__ import annotations

import functools
import itertools
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.winograd import (
    transform_matrices,
    winograd_backward,
    winograd_forward,
    winograd_input_gradient,
)
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.kernels import winograd_transforms as transforms
from support.gradients import assert_close, drawn, seeds, torch_gradients, torch_or_skip

TOLERANCE = 1e-5
V = transforms.LANES  # channels come in multiples of a vector's lanes

A, B, G = transform_matrices()

# ---- the mathematics, in fractions ---------------------------------------------------------------------------------


def test_matrices_are_those_of_lavin_and_gray() -> None:
    b = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]]
    b += [[0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
    a = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    g = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    assert B.T.tolist() == b
    assert A.T.tolist() == a
    assert (24 * G).tolist() == g


def test_one_dimension_is_exact() -> None:
    """Both sides are linear in g and in d, so equality for all pairs of unit vectors is equality for all."""
    for j, k in itertools.product(range(6), range(3)):
        d, g = np.array([Fraction(i == j) for i in range(6)]), np.array([Fraction(i == k) for i in range(3)])
        y = A.T @ ((G @ g) * (B.T @ d))
        assert y.tolist() == [Fraction(i + k == j) for i in range(4)]


def test_two_dimensions_are_exact() -> None:
    rng = np.random.default_rng(0)
    d = np.array([[Fraction(int(v)) for v in row] for row in rng.integers(-99, 99, (6, 6))])
    g = np.array([[Fraction(int(v)) for v in row] for row in rng.integers(-99, 99, (3, 3))])
    y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    assert y.tolist() == [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(4)] for i in range(4)]


# ---- the kernels' transforms: exact on small integers --------------------------------------------------------------

ONE_DIMENSION = [
    (transforms.input_transform, B.T),
    (transforms.input_adjoint, B),
    (transforms.output_transform, A.T),
    (transforms.output_adjoint, A),
]


@pytest.mark.parametrize(("transform", "matrix"), ONE_DIMENSION)
def test_transform_is_its_matrix(transform: Any, matrix: np.ndarray) -> None:
    for unit in np.eye(matrix.shape[1], dtype=np.float32):
        assert list(transform(*unit)) == (matrix @ unit.astype(int)).tolist()


@pytest.mark.parametrize(("transform", "matrix"), [(transforms.weight_transform, G), (transforms.weight_adjoint, G.T)])
def test_weight_transform_is_its_matrix(transform: Any, matrix: np.ndarray) -> None:
    for unit in np.eye(matrix.shape[1], dtype=np.float32):
        np.testing.assert_array_max_ulp(
            np.array(transform(*unit), np.float32), (matrix @ unit.astype(int)).astype(np.float32), 1
        )


@functools.cache
def _compiled(inner: Any) -> Any:
    """What only kernels call, called from Python."""
    return numba.njit(lambda *arguments: inner(*arguments))


def _integers(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-9, 9, shape).astype(np.float32)


def _two_sided(left: np.ndarray, tile: np.ndarray) -> np.ndarray:
    """left @ tile @ left.T for a tile (rows, columns, channels)."""
    m = left.astype(np.float64)
    return np.einsum("ar,rsc,bs->abc", m, tile, m)


@pytest.mark.parametrize("channels", [V, 5 * V, 64])
@pytest.mark.parametrize("column", [-2, 0, 3, 5])
def test_input_tile(channels: int, column: int) -> None:
    """Tiles that begin before an image of 8 columns, lie inside it, and end behind it; and the adjoint."""
    width, tiles, tile = 8, 3, 1
    image = _integers(6, width, channels)
    rows = tuple(image.reshape(6, -1))
    spectrum, patch = np.zeros((36, tiles * channels), np.float32), np.empty(transforms.PATCH, np.float32)
    _compiled(transforms.transform_input)(
        rows, column, width, channels, patch, spectrum.reshape(-1), spectrum.shape[1], tile
    )
    seen = np.pad(image, ((0, 0), (2, 3), (0, 0)))[:, column + 2 : column + 8]
    places = spectrum.reshape(6, 6, tiles, channels)
    np.testing.assert_array_equal(places[:, :, tile], _two_sided(B.T, seen))
    assert not places[:, :, [0, 2]].any()

    there = np.ones_like(image)
    given_back = tuple(there.reshape(6, -1))
    _compiled(transforms.add_input_adjoint)(
        spectrum.reshape(-1), spectrum.shape[1], tile, channels, patch, given_back, column, width
    )
    expected = np.zeros((6, width + 5, channels))
    expected[:, column + 2 : column + 8] = _two_sided(B, places[:, :, tile])
    np.testing.assert_array_equal(there, 1 + expected[:, 2:-3])


@pytest.mark.parametrize("channels", [V, 5 * V, 64])
@pytest.mark.parametrize("column", [0, 4])
def test_output_tile(channels: int, column: int) -> None:
    width, tiles, tile = 7, 2, 1
    spectrum, patch = _integers(36, tiles * channels), np.empty(transforms.PATCH, np.float32)
    z = np.full((4, width, channels), 7, np.float32)
    _compiled(transforms.transform_output)(
        spectrum.reshape(-1), spectrum.shape[1], tile, channels, patch, z.reshape(-1), column, width
    )
    whole = _two_sided(A.T, spectrum.reshape(6, 6, tiles, channels)[:, :, tile])
    expected = np.full_like(z, 7)
    expected[:, column : column + 4] = whole[:, : width - column]
    np.testing.assert_array_equal(z, expected)

    _compiled(transforms.transform_output_gradient)(
        z.reshape(-1), column, width, channels, patch, spectrum.reshape(-1), spectrum.shape[1], tile
    )
    seen = np.pad(z, ((0, 0), (0, 1), (0, 0)))[:, column : column + 4]
    np.testing.assert_array_equal(spectrum.reshape(6, 6, tiles, channels)[:, :, tile], _two_sided(A, seen))


# ---- the passes ----------------------------------------------------------------------------------------------------

Pad = tuple[int, int, int, int]

lengths, batches, channels = st.integers(1, 14), st.integers(1, 3), st.sampled_from([V, 2 * V, 5 * V])
pads = st.one_of(st.integers(0, 2).map(lambda p: (p, p, p, p)), st.tuples(*[st.integers(0, 3)] * 4))


def _arrays(seed: int, n: int, h: int, w: int, c: int, f: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s).astype(np.float32) for s in ((n, h, w, c), (3, 3, c, f), (f,))]


def _taps(x: np.ndarray, pad: Pad) -> tuple[np.ndarray, np.ndarray]:
    """(windows, padded): windows[a, b] is the view of `padded` (float64) that tap (a, b) is multiplied with."""
    padded = np.pad(x.astype(np.float64), ((0, 0), pad[:2], pad[2:], (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2), writeable=True)
    return np.moveaxis(windows, (4, 5), (0, 1)), padded


def _sums(x: np.ndarray, w: np.ndarray, b: np.ndarray, pad: Pad) -> np.ndarray:
    """The convolution by its definition, in float64."""
    return np.einsum("abnijc,abcf->nijf", _taps(x, pad)[0], w.astype(np.float64)) + b


def _gradient_sums(x: np.ndarray, w: np.ndarray, dz: np.ndarray, pad: Pad) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    windows, padded = _taps(x, pad)
    dw = np.einsum("abnijc,nijf->abcf", windows, dz)
    padded[...] = 0
    for a, b in itertools.product(range(3), repeat=2):
        windows[a, b] += dz @ w[a, b].astype(np.float64).T
    h, width = x.shape[1:3]
    return padded[:, pad[0] : pad[0] + h, pad[2] : pad[2] + width], dw, dz.sum(axis=(0, 1, 2))


def _pooled(z: np.ndarray) -> np.ndarray:
    """The four candidates of every 2x2 window, (n, h // 2, w // 2, f, 4)."""
    h, w = z.shape[1] // 2 * 2, z.shape[2] // 2 * 2
    return np.stack([z[:, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)], axis=-1)


def _check(arrays: list[np.ndarray], pad: Pad, relu: bool, pool: bool) -> None:
    x, w, b = arrays
    z = _sums(x, w, b, pad)
    y, cache = winograd_forward(x, w, b, pad=pad, relu=relu, pool=pool)
    dy = np.random.default_rng(5).standard_normal(y.shape).astype(np.float32)
    assert y.dtype == np.float32
    scale = max(1.0, np.abs(z).max())
    dz = np.zeros_like(z)
    if pool:
        candidates = _pooled(z)
        best = candidates.max(axis=-1)
        expected = np.maximum(best, 0) if relu else best
        # Where another candidate (or, with a ReLU, zero) is within rounding of the maximum, either may win.
        rest = np.sort(candidates, axis=-1)[..., -2]
        clear = (best - np.maximum(rest, 0) > 1e-4 * scale) if relu else (best - rest > 1e-4 * scale)
        clear |= relu & (best < -1e-4 * scale)
        winner = np.where(relu & (best <= 0), 4, candidates.argmax(axis=-1))
        np.testing.assert_array_equal(cache.winners[clear], winner[clear])
        for place, g in zip(range(4), np.moveaxis(_pooled(dz), -1, 0), strict=True):
            i, j = divmod(place, 2)
            dz[:, i : 2 * g.shape[1] : 2, j : 2 * g.shape[2] : 2] = np.where(cache.winners == place, dy, 0)
    else:
        expected = np.maximum(z, 0) if relu else z
        dz[...] = np.where(y > 0, dy, 0) if relu else dy
    assert np.abs(y - expected).max(initial=0) <= TOLERANCE * scale
    for ours, reference in zip(winograd_backward(dy, cache), _gradient_sums(x, w, dz, pad), strict=True):
        assert ours is not None and ours.dtype == np.float32
        assert_close(ours, reference, TOLERANCE)


@pytest.mark.parametrize("number", [1, 2])
@drawn
@given(
    seed=seeds,
    n=batches,
    h=lengths,
    w=lengths,
    c=channels,
    f=channels,
    pad=pads,
    relu=st.booleans(),
    pool=st.booleans(),
)
def test_gradient_against_sums(
    number: int, seed: int, n: int, h: int, w: int, c: int, f: int, pad: Pad, relu: bool, pool: bool
) -> None:
    h, w = max(h, 3 - pad[0] - pad[1]), max(w, 3 - pad[2] - pad[3])
    with threads.use(number):
        _check(_arrays(seed, n, h, w, c, f), pad, relu, pool)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("shape", [(2, 37, 41, V), (1, 3, 403, V), (130, 4, 4, 2 * V), (35, 9, 8, V)])
def test_gradient_in_several_chunks(shape: tuple[int, int, int, int], number: int) -> None:
    """More tiles than a chunk takes: within an image, within a row of one, and in many small images."""
    with threads.use(number):
        _check(_arrays(0, *shape, V), (1, 1, 1, 1), True, True)
        _check(_arrays(1, *shape, V), (0, 0, 1, 0), False, False)


@drawn
@given(seeds, st.integers(2, 2), st.integers(3, 9), st.integers(3, 9), st.integers(0, 2))
def test_torch(seed: int, n: int, h: int, w: int, pad: int) -> None:
    torch = torch_or_skip()
    arrays = _arrays(seed, n, h, w, V, 2 * V)

    def convolution(x: Any, w: Any, b: Any) -> Any:
        y = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), b, padding=pad)
        return y.permute(0, 2, 3, 1)

    y, cache = winograd_forward(*arrays, pad=pad)
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(np.float32)
    expected, gradients = torch_gradients(convolution, arrays, dy)
    assert_close(y, expected, TOLERANCE)
    for ours, theirs in zip(winograd_backward(dy, cache), gradients, strict=True):
        assert_close(ours, theirs, TOLERANCE)


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_the_input_gradient_alone_has_the_same_bits(pool: bool, number: int) -> None:
    x, w, b = _arrays(5, 3, 10, 9, V, V)
    with threads.use(number):
        y, cache = winograd_forward(x, w, b, pad=1, relu=True, pool=pool)
        dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
        np.testing.assert_array_equal(winograd_input_gradient(dy, cache), winograd_backward(dy, cache)[0])
        nothing, cache = winograd_forward(x[:0], w, b, pad=1, relu=True, pool=pool)
        assert winograd_input_gradient(nothing, cache).shape == (0, 10, 9, V)


def test_no_bias_and_no_input_gradient() -> None:
    x, w, _ = _arrays(2, 2, 6, 5, V, V)
    y, cache = winograd_forward(x, w, pad=1)
    assert_close(y, _sums(x, w, np.zeros(V), (1, 1, 1, 1)), TOLERANCE)
    dx, dw, db = winograd_backward(y, cache, input_gradient=False)
    assert dx is None and db is None
    assert_close(dw, _gradient_sums(x, w, y.astype(np.float64), (1, 1, 1, 1))[1], TOLERANCE)


def test_out_arrays_are_written_and_scratch_is_used_again() -> None:
    x, w, b = _arrays(3, 4, 8, 6, V, 2 * V)
    y, index = np.empty((4, 4, 3, 2 * V), np.float32), np.empty((4, 4, 3, 2 * V), np.uint8)
    places = (np.empty_like(x), np.empty_like(w), np.empty_like(b))
    arena, held = Arena(), []
    for _ in range(3):
        ours, cache = winograd_forward(x, w, b, pad=1, relu=True, pool=True, out=(y, index), arena=arena)
        assert ours is y and cache.winners is index
        gradients = winograd_backward(y, cache, out=places, arena=arena)
        assert all(ours is place for ours, place in zip(gradients, places, strict=True))
        held.append(arena.nbytes)
    assert held[1] == held[2] > 0
    expected = winograd_backward(y, winograd_forward(x, w, b, pad=1, relu=True, pool=True)[1])
    for ours, reference in zip(places, expected, strict=True):
        np.testing.assert_array_equal(ours, reference)


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_nan_goes_through(relu: bool, pool: bool) -> None:
    x, w, b = _arrays(4, 2, 8, 8, V, V)
    x[0, 3, 3, 2] = np.nan
    y, cache = winograd_forward(x, w, b, pad=1, relu=relu, pool=pool)
    assert np.isnan(y[0, 1:3, 1:3] if pool else y[0, 2:5, 2:5]).all() and np.isfinite(y[1]).all()
    dx, dw, db = winograd_backward(np.ones_like(y), cache)
    assert dx is not None and db is not None
    assert np.isnan(dw[:, :, 2]).all() and np.isfinite(dx[1]).all()
    x[0, 3, 3, 2] = 0
    y, cache = winograd_forward(x, w, b, pad=1)
    y[0, 0, 0, 1] = np.nan
    dx, dw, db = winograd_backward(y, cache)
    assert dx is not None and db is not None
    assert np.isnan(dx[0, :2, :2]).all() and np.isfinite(dx[1]).all()
    assert np.isnan(dw[..., 1]).all() and np.isnan(db[1]) and np.isfinite(db[[0, 2]]).all()


def test_nothing_to_compute() -> None:
    """No images, and results of one row that a pool drops altogether."""
    for shape, pad in [((0, 5, 5, V), 1), ((2, 3, 5, V), 0)]:
        x, w, b = _arrays(5, *shape, V)
        y, cache = winograd_forward(x, w, b, pad=pad, pool=True)
        assert y.size == 0
        for gradient in winograd_backward(y, cache):
            assert gradient is not None and not gradient.any()


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8])
def test_input_of_another_dtype_is_converted(dtype: type) -> None:
    x, w, b = _arrays(6, 1, 5, 5, V, V)
    pixels = np.random.default_rng(6).integers(0, 9, x.shape)
    y, cache = winograd_forward(pixels.astype(dtype), w, b)
    assert y.dtype == np.float32
    assert_close(y, _sums(pixels, w, b, (0, 0, 0, 0)), TOLERANCE)
    assert all(g is not None and g.dtype == np.float32 for g in winograd_backward(np.ones(y.shape, dtype), cache))


def test_wrong_arrays() -> None:
    x, w, b = _arrays(7, 2, 6, 6, V, V)
    bad_calls: list[Any] = [(x, w[:2], b), (x, w.astype(np.float64), b), (x, w[..., ::-1], b), (x, w[0], b)]
    bad_calls += [
        (x[..., : V - 1], w, b),
        (x[..., : V - 1].copy(), w[:, :, : V - 1].copy(), b),
        (x, w, b[:3]),
        (x[0], w, b),
    ]
    bad_calls += [(x, w[..., : V - 1].copy(), b[: V - 1]), (x[:, :2], w, b), (x.astype(complex), w, b)]
    for bad in bad_calls:
        with pytest.raises(GlassnetError):
            winograd_forward(*bad)
    for out in [(np.empty((2, 4, 4, V + 1), np.float32), None), (np.empty((2, 4, 4, V)), None)]:
        with pytest.raises(GlassnetError, match="out"):
            winograd_forward(x, w, b, out=out)
    with pytest.raises(GlassnetError, match="pad"):
        winograd_forward(x, w, b, pad=-1)
    y, cache = winograd_forward(x, w, b)
    for dy in (y[:1], y[:, :3], y.astype(complex)):
        with pytest.raises(GlassnetError, match="dy"):
            winograd_backward(dy, cache)


def test_scratch_memory_is_written_before_it_is_read() -> None:
    """A backward pass in memory of its own, full of NaN, has the bits of one in the forward pass's memory, and leaves
    the weights as they are."""
    rng = np.random.default_rng(3)
    x, dy = (rng.standard_normal((3, 8, 8, 16)).astype(np.float32) for _ in range(2))
    w = rng.standard_normal((3, 3, 16, 16)).astype(np.float32)
    before = w.copy()
    arena = Arena()
    _, cache = winograd_forward(x, w, pad=1, arena=arena)
    expected = winograd_backward(dy, cache, arena=arena)
    other = Arena()
    memory = other.take((1 << 20,), np.float32)
    memory[:] = np.nan
    other.release(memory)
    for found, same in zip(winograd_backward(dy, cache, arena=other), expected, strict=True):
        if same is None:
            assert found is None
        else:
            np.testing.assert_array_equal(found, same)
    np.testing.assert_array_equal(w, before)
