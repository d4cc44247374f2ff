"""Other processes compile what a piece of work needs, all of it and nothing else, and no kernel is compiled twice."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import event

import glassnet
from glassnet import Network, threads
from glassnet.engines import Batch, NativeEngine
from glassnet.nn import SoftmaxCrossEntropy
from glassnet.nn.first_use import like
from glassnet.nn.kernels import ahead as module
from glassnet.nn.kernels.ahead import ahead
from glassnet.nn.kernels.cache import KernelCache
from glassnet.optim import SGD
from glassnet.processes import Assistant
from glassnet.reader.first_use import by_both

fcntl = pytest.importorskip("fcntl")  # without it every process compiles for itself
PACKAGE = Path(glassnet.__file__).parent

STEP = """
import sys
import numpy as np
from numba.core import event
from glassnet import Network, optim, threads
from glassnet.engines import Batch, NativeEngine
from glassnet.nn import SoftmaxCrossEntropy

compiled, depth = [], 0

class Listener(event.Listener):
    def on_start(self, event):
        global depth
        if depth == 0:
            compiled.append(event.data["dispatcher"].py_func.__name__)
        depth += 1

    def on_end(self, event):
        global depth
        depth -= 1

event.register("numba:compile", Listener())
threads.set_count(1)
engine = NativeEngine(Network("linear 6 -> relu -> linear", (5,), 3), SoftmaxCrossEntropy(), optim.Adam())
batch = Batch(np.ones((4, 5), np.float32), np.array([0, 1, 2, 0]))
"""


def run(script: str, **environment: str) -> list[str]:
    """The lines that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_is_compiled_ahead_is_what_a_first_step_needs(tmp_path: Path) -> None:
    there = {"NUMBA_CACHE_DIR": str(tmp_path)}
    compile_them = """
from glassnet.nn.kernels.ahead import compile_from_last
compile_from_last(engine._calls(batch), 1)
print(*sorted(compiled))
"""
    make_steps = """
import gc
from numba.core.dispatcher import Dispatcher

for norms in (True, False):
    engine.step(batch, 0.1, norms=norms)
print(*compiled)
kernels = [it for it in gc.get_objects() if isinstance(it, Dispatcher)]
print(*sorted(it.py_func.__name__ for it in kernels for _ in range(sum(it.stats.cache_hits.values()))))
"""
    (ahead_of_it,) = run(STEP + compile_them, **there)
    nothing, all_of_it = run(STEP + make_steps, **there)
    assert nothing == ""
    assert ahead_of_it == all_of_it and len(all_of_it.split()) > 5


# ---- who compiles ---------------------------------------------------------------------------------------------------


class Assistants(list[tuple[Any, ...]]):
    """Those that were started, with what they were given; `ended` counts those that were ended."""

    ended = 0


@pytest.fixture
def assistants(monkeypatch: pytest.MonkeyPatch) -> Assistants:
    made = Assistants()

    class Assistant:
        def __init__(self, *given: Any) -> None:
            made.append(given)

        def end(self) -> None:
            made.ended += 1

    monkeypatch.setattr(module, "Assistant", Assistant)
    monkeypatch.setattr(threads, "available", lambda: 3)
    monkeypatch.setattr(threads, "count", lambda: 3)
    return made


def compile_something() -> None:
    """What Numba says when it compiles, without the compilation."""
    with event.trigger_event("numba:compile", data={}):
        pass


def no_calls() -> list[Any]:
    return []


def test_others_are_started_as_something_is_compiled_and_end_with_the_block(assistants: Assistants) -> None:
    with ahead(lambda: no_calls):
        assert assistants == []
        compile_something()
        assert assistants == [(module.compile_from_last, no_calls, 3)] * 2
        compile_something()
        with ahead(lambda: no_calls):
            compile_something()
        assert len(assistants) == 2 and assistants.ended == 0
    assert assistants.ended == 2
    compile_something()
    assert len(assistants) == 2


def test_threads_do_not_each_start_their_own(assistants: Assistants) -> None:
    def work() -> None:
        with ahead(lambda: no_calls):
            compile_something()

    with ahead(lambda: no_calls):
        compile_something()
        other = threading.Thread(target=work)
        other.start()
        other.join()
        assert len(assistants) == 2
    work()
    assert len(assistants) == assistants.ended == 4


def test_others_start_no_others(assistants: Assistants, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[bool] = []

    def work() -> None:
        with ahead(lambda: no_calls):
            compile_something()
        done.append(True)

    monkeypatch.setattr(threads, "set_count", lambda count: None)
    module.compile_from_last(lambda: [work], 3)
    assert done == [True] and assistants == []
    work()
    assert len(assistants) == 2


def test_an_error_ends_them_too(assistants: Assistants) -> None:
    with pytest.raises(ZeroDivisionError), ahead(lambda: no_calls):
        compile_something()
        raise ZeroDivisionError
    assert assistants.ended == len(assistants) == 2


def test_one_thread_has_no_others(assistants: Assistants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "count", lambda: 1)
    with ahead(lambda: no_calls):
        compile_something()
    assert assistants == []


def test_work_that_cannot_be_described_is_done_alone(assistants: Assistants) -> None:
    with ahead(lambda: no_calls[0]):  # type: ignore[index]
        compile_something()
    assert assistants == []


def test_a_first_step_is_described_by_shapes_alone() -> None:
    network = Network("conv 3x3, 4 -> relu -> flatten -> linear 3", (8, 8, 1)).choose(winograd=False)
    twin = like(network)()
    assert twin.notation() == network.notation() and twin.choices == network.choices
    assert {name: p.value.shape for name, p in twin.parameters().items()} == {
        name: p.value.shape for name, p in network.parameters().items()
    }
    before = {name: p.value.copy() for name, p in network.parameters().items()}
    engine = NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.1))
    with np.errstate(all="ignore"):  # there is nothing in its weights
        for call in engine._calls(Batch(np.ones((2, 8, 8, 1), np.float32), np.array([0, 2])))():
            call()
    assert all((p.value == before[name]).all() for name, p in network.parameters().items())


def test_the_calls_of_reading_can_be_made() -> None:
    probabilities, text, scores = (call() for call in by_both())
    assert np.shape(probabilities)[0] == 64 and len(scores) == 1  # type: ignore[arg-type]
    assert text.text is not None  # type: ignore[attr-defined]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + 30
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.skipif(not Path("/proc").exists(), reason="it is asked there who is alive")
def test_an_assistant_makes_its_call_and_ends_when_asked(tmp_path: Path) -> None:
    made = tmp_path / "made"
    assistant = Assistant(os.mkdir, str(made))
    until = time.monotonic() + 30
    while not made.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert made.is_dir()
    assistant.end()
    assistant = Assistant(time.sleep, 600)
    assert is_alive(assistant._process.pid)
    assistant.end()
    assert not is_alive(assistant._process.pid)


@pytest.mark.skipif(not Path("/proc").exists(), reason="it is asked there who is alive")
@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_an_assistant_ends_with_us(end: str) -> None:
    script = f"""
    import os, time
    from glassnet.processes import Assistant
    print(Assistant(time.sleep, 600)._process.pid, flush=True)
    {end}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert gone(int(done.stdout))


# ---- one process compiles -------------------------------------------------------------------------------------------

KERNEL = """
import sys, time
import numba
from glassnet.nn.kernels.options import SERIAL, njit

@njit(**SERIAL)
def double(x):
    return 2 * x

def say(signature=(numba.int64,)):
    print("claimed" if double._cache.is_claimed(signature) else "free", flush=True)
"""


Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that does something with one kernel; all of them keep it in the same place."""
    (tmp_path / "kernel.py").write_text(KERNEL)
    with contextlib.ExitStack() as processes:

        def begin(lines: str) -> subprocess.Popen[str]:
            code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from kernel import *\n{textwrap.dedent(lines)}"
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield begin


def lines_of(process: subprocess.Popen[str], number: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip() for _ in range(number)]


HOLD = """
assert double._cache.load_overload((numba.int64,), double.targetctx) is None
say()
print("holds", flush=True)
sys.stdin.readline()
"""


def test_another_process_waits_for_the_one_that_compiles(start: Start) -> None:
    first = start(HOLD + "double(1)\nprint(sum(double.stats.cache_misses.values()), flush=True)")
    assert lines_of(first, 2) == ["free", "holds"]  # a claim of its own does not hinder it
    second = start("say()\ndouble(1)\nprint(sum(double.stats.cache_hits.values()), flush=True)")
    assert lines_of(second, 1) == ["claimed"]
    time.sleep(0.2)
    assert second.poll() is None
    assert first.communicate("\n")[0] == "1\n" and second.communicate()[0] == "1\n"


def test_a_claim_ends_with_its_process(start: Start) -> None:
    first = start(HOLD)
    assert lines_of(first, 2) == ["free", "holds"]
    first.kill()
    first.wait()
    assert start("say()\nprint(double(1))").communicate()[0] == "free\n2\n"


def test_a_claim_ends_with_a_compilation_that_fails(start: Start) -> None:
    refused = """
    from glassnet.nn import kernels
    try:
        double(None)
    except Exception as error:
        print(type(error).__name__, flush=True)
    sys.stdin.readline()
    """
    first = start(refused)
    assert lines_of(first, 1) == ["TypingError"]
    assert start("say((numba.none,))").communicate()[0] == "free\n"
    first.communicate("\n")


def test_without_locks_each_compiles_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(fcntl, "lockf", refuse)
    cache = KernelCache(refuse)
    assert cache._claim((1,)) and not cache.is_claimed((1,))
