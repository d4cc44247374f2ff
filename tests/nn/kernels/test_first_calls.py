"""Any kernel may be the first that a process calls, whoever compiled it and kept it on disk."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from glassnet.nn.kernels import sharing
from glassnet.nn.kernels.sharing import shared
from support import python_path, script
from support.recorded_calls import Call, kernels, record

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the calls are made in forked processes")

SHARED = sorted(name for name, kernel in kernels().items() if isinstance(kernel, shared))
QUICK = {  # to compile
    "nn.kernels.batch.gather_shared",
    "nn.kernels.pooling.max_pool_2x2",
    "nn.kernels.elementwise.relu_shared",
}


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """The smallest recorded call of each shared kernel, by one thread and by two."""
    found: dict[Any, Call] = {}

    def size(call: Call) -> int:
        return sum(a.nbytes for a in call[1] if isinstance(a, np.ndarray))

    for call in sorted((call for call in record() if call[0] in SHARED), key=size):
        parts = call[1][-1]
        found.setdefault((call[0], parts), call)
        if parts == 2:  # what was prepared for two can be done by one
            found.setdefault((call[0], 1), (call[0], (*call[1][:-1], 1)))
    return list(found.values())


def _process(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "GLASSNET_THREADS": "2", "PYTHONPATH": python_path()}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def first_calls(calls: list[Call], folder: Path) -> list[str]:
    """The calls that end a process by being its first, where each of two earlier processes compiled half of them."""

    def process(way: str, chosen: list[Call]) -> str:
        (folder / "calls").write_bytes(pickle.dumps(chosen))
        done = _process(folder, script("first_calls"), way, str(folder / "calls"))
        assert done.returncode == 0, done.stderr
        return done.stdout

    names = sorted({name for name, _ in calls})
    for half in (names[::2], names[1::2]):
        process("together", [call for call in calls if call[0] in half])
    ends = json.loads(process("apart", calls))
    assert len(ends) == len(calls)
    return [f"{name} in {arguments[-1]} parts" for (name, arguments), end in zip(calls, ends, strict=True) if end]


def test_every_shared_kernel_is_recorded(calls: list[Call]) -> None:
    assert sorted({name for name, _ in calls}) == SHARED
    assert {(name, parts) for name in QUICK for parts in (1, 2)} <= {(name, a[-1]) for name, a in calls}


def test_first_calls_of_some_kernels(calls: list[Call], tmp_path: Path) -> None:
    assert first_calls([call for call in calls if call[0] in QUICK], tmp_path) == []


@pytest.mark.long
def test_first_calls_of_all_kernels(calls: list[Call], tmp_path: Path) -> None:
    assert first_calls(calls, tmp_path) == []


def test_nothing_else_starts_threads_by_itself() -> None:
    """The pool is started where shared kernels are launched; Numba's `parallel` anywhere else would miss that."""
    found = [
        name
        for name, kernel in kernels().items()
        if isinstance(kernel, Dispatcher) and kernel.targetoptions.get("parallel")
    ]
    assert found == []
    assert sharing._run.targetoptions["parallel"]


POOL = "maxpool 2x2 -> linear 3"
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "infer": lambda text: [
        "-c",
        "import numpy as np; from glassnet.nn import Network;"
        f"Network({text!r}, (8, 8, 1)).infer(np.ones((3, 8, 8, 1), np.float32))",
    ],
    "check": lambda text: ["-m", "glassnet", "check", text, "--input", "4x4x1"],
    "check batchnorm": lambda text: [
        "-m",
        "glassnet",
        "check",
        text.replace("maxpool 2x2", "batchnorm"),
        "--input",
        "6",
    ],
}


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_three_processes_on_one_cache(command: str, tmp_path: Path) -> None:
    for text in ("conv 3x3, 4 -> linear 3", POOL, POOL):
        if command == "check batchnorm" and text != POOL:
            text = "linear 4 -> relu -> linear 3"
        done = _process(tmp_path, *COMMANDS[command](text))
        assert done.returncode == 0, done.stderr
