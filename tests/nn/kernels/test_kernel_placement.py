"""No result depends on where in memory arrays happen to lie.

A compiler that may not know whether two arrays overlap asks when a loop begins, and takes a slower form of the loop
where they lie close together. Where sums may be reordered, the two forms add up in different orders and so round
differently. The wider a processor's vectors, the further apart is still close.
"""

from __future__ import annotations

import ast
import ctypes
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
import pytest

import glassnet
from glassnet.data import Dataset
from glassnet.nn import Network
from glassnet.nn.parameter import Parameter
from glassnet.optim import OPTIMIZERS, SGD, make_optimizer
from glassnet.train import Trainer
from support import python_path
from support.recorded_calls import Call, copied, descents, kernels, record, small_losses

_GAPS = (0, 0, 0, 8, 8, 16, 24, 40, 64, 104, 200, 1000, 4096)  # bytes between two arrays
KERNELS = kernels()


# ---- the same call with everything elsewhere ------------------------------------------------------------------------


def _placer(rng: random.Random, arguments: tuple[Any, ...]) -> Callable[[int], np.ndarray]:
    """Places arrays in one piece of memory, each after or each before the last one, with gaps between them."""
    room = sum(a.nbytes + 4104 for a in arguments if isinstance(a, np.ndarray)) // 8 + 1
    memory = np.empty(room, np.float64).view(np.uint8)
    upwards = rng.random() < 0.5
    used = 0

    def place(size: int) -> np.ndarray:
        nonlocal used
        used += -(-size // 8) * 8 + rng.choice(_GAPS)
        begin = used - -(-size // 8) * 8 if upwards else len(memory) - used
        return memory[begin : begin + size]

    return place


@contextmanager
def _stirred_heap(rng: random.Random) -> Iterator[Callable[[], None]]:
    """Gives a function that takes and frees memory, so that what a kernel allocates for itself lies elsewhere."""
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    taken: list[int] = []

    def stir() -> None:
        for size in range(96, 320, 16):
            blocks = [library.malloc(size) for _ in range(8)]  # neighbours, where the heap has to grow
            rng.shuffle(blocks)
            taken.append(blocks.pop())
            for address in blocks:  # the next ones of this size come from here, near to one another or not
                library.free(address)
        rng.shuffle(taken)
        while len(taken) > 200:
            library.free(taken.pop())

    try:
        yield stir
    finally:
        for address in taken:
            library.free(address)


def _outcome(name: str, arguments: tuple[Any, ...]) -> tuple[bytes, ...]:
    result = KERNELS[name](*arguments)
    values = result if isinstance(result, tuple) else (result,)
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    return tuple(np.asarray(v).tobytes() for v in (*arrays, *values) if v is not None)


def _ends(name: str, arguments: tuple[Any, ...], times: int) -> int:
    """In how many ways a call ends that is made again and again, with its arrays elsewhere every time."""
    rng = random.Random(name)
    with _stirred_heap(rng) as stir:
        ends = set()
        for _ in range(times):
            stir()
            ends.add(_outcome(name, copied(arguments, _placer(rng, arguments))))
    return len(ends)


def unsteady(calls: list[Call], times: int, times_large: int) -> dict[str, int]:
    """The kernels whose calls do not always end in the same bits, and in how many ways they do."""
    found = {}
    for name, arguments in calls:
        size = sum(a.nbytes for a in arguments if isinstance(a, np.ndarray))
        ends = _ends(name, arguments, times if size < 1 << 16 else times_large)
        if ends > 1:
            found[name] = ends
    return found


def trainings(times: int) -> int:
    """In how many ways trainings end that are the same, one example a step."""
    rng = np.random.default_rng(0)
    data = Dataset(rng.random((40, 4, 5, 1), np.float32), np.arange(40) % 10, tuple("abcdefghij"))
    ends = set()
    with _stirred_heap(random.Random(0)) as stir:
        for _ in range(times):
            stir()
            network = Network("linear", (4, 5, 1), 10)
            Trainer(network, optimizer=SGD(0.1), batch=1, epochs=2, log_every=1000).fit(data)
            ends.add(b"".join(array.tobytes() for array in network.arrays().values()))
    return len(ends)


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return record()


def test_every_kernel_is_replayed(calls: list[Call]) -> None:
    assert {name for name, _ in calls} == set(KERNELS)


def test_no_kernel_depends_on_where_its_arrays_lie(calls: list[Call]) -> None:
    assert unsteady(calls, 40, 4) == {}


@pytest.mark.parametrize("word", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_step_depends_on_where_its_arrays_lie(word: str, dtype: type) -> None:
    rng, drawn = random.Random(word), np.random.default_rng(0)
    arrays = tuple(drawn.standard_normal(size).astype(dtype) for size in (37, 37, 5, 5, 300, 300))  # w, g, w, g, ...
    ends = set()
    for _ in range(40):
        placed = copied(arrays, _placer(rng, arrays))
        pairs = zip(placed[::2], placed[1::2], strict=True)
        parameters = {f"{k}": Parameter(w, "weight", g) for k, (w, g) in enumerate(pairs)}
        optimizer = make_optimizer(word)
        for _ in range(3):
            optimizer.step(parameters, 0.1, l2=0.01, clip=0.9)
        ends.add(b"".join(a.tobytes() for a in (*placed[::2], *optimizer.state.values())))
    assert len(ends) == 1


def test_no_training_depends_on_where_its_arrays_lie() -> None:
    assert unsteady(small_losses(), 200, 200) == {}
    assert unsteady(descents(), 2000, 2000) == {}
    assert trainings(40) == 1


# ---- the same on a processor with wide vectors ----------------------------------------------------------------------


def _with_wide_vectors(cache: Path, code: str) -> Any:
    """What the code prints where kernels are compiled for vectors as wide as this processor has them."""
    features = llvmlite.binding.get_host_cpu_features()
    if not features.get("avx512f"):
        pytest.skip("this processor has no vectors wider than those that kernels use anyway")
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": llvmlite.binding.get_host_cpu_name(),
        "NUMBA_CPU_FEATURES": features.flatten() + ",-prefer-256-bit",
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPATH": os.pathsep.join([python_path(), str(Path(__file__).parent)]),
    }
    code = f"import json; from test_kernel_placement import *; print(json.dumps({code}))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_training_depends_on_it_with_wide_vectors(tmp_path: Path) -> None:
    assert _with_wide_vectors(tmp_path, "unsteady(descents(), 2000, 2000)") == {}


@pytest.mark.long
def test_nothing_depends_on_it_with_wide_vectors(tmp_path: Path) -> None:
    asked = "[unsteady(record(), 200, 20), unsteady(small_losses(), 2000, 2000), trainings(2000)]"
    assert _with_wide_vectors(tmp_path, asked) == [{}, {}, 1]


# ---- how loops are written ------------------------------------------------------------------------------------------


def _sources() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in sorted(Path(glassnet.__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "nn.kernels.options import" in text:
            functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
            yield from ((path, function) for function in functions if function.decorator_list)


def _innermost(function: ast.FunctionDef) -> Iterator[ast.For | ast.While]:
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.While):
            inside = [n for statement in node.body for n in ast.walk(statement)]
            if not any(isinstance(n, ast.For | ast.While) for n in inside):
                yield node


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name))


def _adds_up_and_writes(loop: ast.For | ast.While) -> bool:
    """Whether a plain loop has a sum that goes on from one turn to the next, and writes to an array."""
    nodes = [n for statement in loop.body for n in ast.walk(statement)]
    in_vectors = any(isinstance(n, ast.Name) and n.id in ("load", "store") for n in nodes)
    writes = any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in nodes)
    if in_vectors or not writes:
        return False
    places = {name.id for n in nodes if isinstance(n, ast.Subscript) for name in _names(n.slice)}
    sums = {n.target.id for n in nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    for name in sums - places:
        first = min(
            (n for n in nodes if isinstance(n, ast.Name) and n.id == name), key=lambda n: (n.lineno, n.col_offset)
        )
        afresh = any(
            isinstance(n, ast.Assign) and any(t is first for target in n.targets for t in _names(target)) for n in nodes
        )
        if not afresh:
            return True
    return False


def test_no_loop_both_adds_up_and_writes() -> None:
    found = [
        f"{path.name}: {function.name}, line {loop.lineno}"
        for path, function in _sources()
        for loop in _innermost(function)
        if _adds_up_and_writes(loop)
    ]
    assert found == []
