"""What kernels are compiled for: the table, the choice, tiles of sums under every kind of instructions that is here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from glassnet.nn.kernels.options import SERIAL
from glassnet.nn.kernels.target import TARGETS, Target, chosen, possible
from glassnet.nn.kernels.tiles import DOT_COLUMNS, DOT_ROWS, MOST_ROWS, VECTORS, dots, listed, products
from glassnet.nn.kernels.vector import lanes
from support import python_path

TESTS = Path(__file__).parents[2]
_plain = {**SERIAL, "cache": False}


@njit(**_plain)
def _products(x, starts, count, offsets, w, at, step, z, to, apart, vectors, add):  # type: ignore[no-untyped-def]
    products(x, starts, count, offsets, w, at, step, z, to, apart, vectors, add)


@njit(**_plain)
def _dots(x, starts, i, w, at, d, z, to, apart):  # type: ignore[no-untyped-def]
    dots(x, starts, i, w, at, d, z, to, apart)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_tile_fits_into_the_registers_and_does_not_wait(target: Target) -> None:
    for vectors, rows in enumerate(target.rows, 1):
        held = rows * vectors + min(rows, vectors) + 1
        assert held <= target.registers and rows * vectors >= 8
    assert len(target.why) > 40


def test_the_best_that_is_here_is_chosen_unless_another_is_named() -> None:
    asked = os.environ.get("GLASSNET_ISA")
    assert chosen().name == (asked or possible()[0])
    assert lanes(4) == 2 * lanes(8) == chosen().bytes // 4


@pytest.mark.parametrize(("room", "zeros"), [(0, 0), (2, 0), (3, 0), (5, 2)])
def test_a_list_of_places_ends_with_a_zero_for_every_row_of_a_tile(room: int, zeros: int) -> None:
    assert listed([0, 3, 7], room).tolist() == [0, 3, 7] + [0] * (zeros + MOST_ROWS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("vectors", range(1, VECTORS + 1))
def test_sums_are_those_of_the_definition(vectors: int, add: bool, dtype: type) -> None:
    """Whole numbers, so that sums are exact in any order."""
    rng = np.random.default_rng(vectors)
    lane = lanes(np.dtype(dtype).itemsize)
    wide, apart, step = vectors * lane, vectors * lane + 3, vectors * lane + 1
    for count, depth in ((1, 1), (MOST_ROWS, 7), (2 * MOST_ROWS + 3, 26)):
        starts, offsets = np.arange(count) * 5, np.arange(depth) * 2
        x = rng.integers(-9, 9, starts[-1] + offsets[-1] + 1).astype(dtype)
        w = rng.integers(-9, 9, 4 + depth * step).astype(dtype)
        z = rng.integers(-9, 9, 2 + (count + MOST_ROWS) * apart).astype(dtype)
        before = z.copy()
        _products(x, listed(list(starts)), count, listed(list(offsets)), w, 4, step, z, 2, apart, vectors, add)
        lines = w[4 : 4 + depth * step].reshape(depth, step)[:, :wide]
        expected = x[starts[:, None] + offsets] @ lines
        rows = (slice(count), slice(wide))
        if add:
            expected += before[2:].reshape(-1, apart)[rows]
        np.testing.assert_array_equal(z[2:].reshape(-1, apart)[rows], expected)
        between = z[2:].reshape(-1, apart)[:count, wide:]
        np.testing.assert_array_equal(between, before[2:].reshape(-1, apart)[:count, wide:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 15, 16, 67])
def test_sums_along_vectors(d: int, dtype: type) -> None:
    rng = np.random.default_rng(d)
    x = rng.integers(-9, 9, (DOT_ROWS + 1, d)).astype(dtype)
    w = rng.integers(-9, 9, (DOT_COLUMNS, d)).astype(dtype)
    z = np.full((DOT_ROWS, 2 * DOT_COLUMNS), 7, dtype)
    starts = listed([d * i for i in range(DOT_ROWS + 1)])
    _dots(x.reshape(-1), starts, 1, w.reshape(-1), 0, d, z.reshape(-1), 0, 2 * DOT_COLUMNS)
    np.testing.assert_array_equal(z[:, :DOT_COLUMNS], x[1:] @ w.T)
    assert (z[:, DOT_COLUMNS:] == 7).all()


# ---- other instructions, in processes of their own -------------------------------------------------------------------


def _run(isa: str, *command: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GLASSNET_ISA": isa, "PYTHONPATH": python_path()}
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)


_PRODUCT = """
import numpy as np
from glassnet.nn.kernels import narrow
rng = np.random.default_rng(0)
x, w = rng.standard_normal((9, 70), np.float32), rng.standard_normal((70, 7), np.float32)
y = np.empty((9, 7), np.float32)
narrow.product(x, w, y)
print(*(float(number) for number in y.flat), sum(narrow.product.stats.cache_hits.values()))
"""


def test_what_is_kept_on_disk_is_kept_for_each_kind_of_instructions(tmp_path: Path) -> None:
    """One folder for all of them: each process compiles for itself, a second one of its kind finds what it compiled."""
    printed = {}
    for isa in possible():
        for number in range(2):
            done = _run(isa, "-c", _PRODUCT, cache=tmp_path)
            assert done.returncode == 0, done.stderr
            *numbers, hits = done.stdout.split()
            assert int(hits) == number
            printed[isa, number] = [float(number) for number in numbers]
    first = printed[possible()[0], 0]
    for (isa, _), numbers in printed.items():
        assert numbers == printed[isa, 0]
        np.testing.assert_allclose(numbers, first, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("isa", [name for name in ("avx2", "sse2") if name in possible() and name != chosen().name])
def test_tiles_under_other_instructions(isa: str, tmp_path: Path) -> None:
    names = "test_sums_are_those or test_sums_along or test_the_best"
    done = _run(isa, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", names, __file__, cache=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and " skipped" not in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("isa", [name for name in ("avx2", "sse2") if name in possible() and name != chosen().name])
def test_all_operations_under_other_instructions(isa: str, tmp_path: Path) -> None:
    where = [str(TESTS / "nn" / name) for name in ("functional", "test_convolutional_networks.py")]
    done = _run(isa, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long", *where, cache=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("wanted", "says"), [("avx1", "Did you mean 'avx2'?"), ("neon5", "GLASSNET_ISA"), ("x", "'x'")]
)
def test_a_wrong_name_is_one_line(wanted: str, says: str) -> None:
    done = _run(wanted, "-m", "glassnet", "bench")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and says in done.stderr and ", ".join(possible()) in done.stderr


def test_a_process_that_has_compiled_before_is_told() -> None:
    code = "from numba import njit; njit(lambda: 1)(); import glassnet.nn"
    other = next((name for name in possible() if name != possible()[0]), None)
    if other is None:
        pytest.skip("this processor has one kind of instructions")
    done = _run(other, "-c", code)
    assert done.returncode == 1 and "Import glassnet first." in done.stderr.splitlines()[-1]
