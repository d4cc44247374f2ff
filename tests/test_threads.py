"""Python threads that use the engine side by side get what each would have got alone."""

from __future__ import annotations

import copy
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

import glassnet
from glassnet import compiling, threads
from glassnet.data import Preprocess
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy

NETWORKS = [
    "conv 3x3, 8 -> relu -> maxpool 2x2 -> conv 3x3, 8 -> relu -> linear 10",
    "linear 32 -> relu -> batchnorm -> linear 10",
]


def side_by_side(number: int, work: Callable[[int], object]) -> list[object]:
    """The results of work(0) ... work(number - 1), each on a thread of its own, begun at the same time."""
    barrier = threading.Barrier(number)

    def begin(i: int) -> object:
        barrier.wait(60)
        return work(i)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))


@pytest.mark.parametrize("text", NETWORKS)
def test_a_model_may_be_shared(text: str) -> None:
    preprocess = Preprocess.parse("scale").fit(np.zeros((2, 12, 12, 1), np.uint8))
    names = tuple("abcdefghij")
    model = Model(Network(text, (12, 12, 1), 10), preprocess, (12, 12, 1), names, SoftmaxCrossEntropy())
    batches = np.random.default_rng(0).integers(0, 256, (8, 6, 12, 12, 1)).astype(np.uint8)
    batches = [batch[: 1 + i % 6] for i, batch in enumerate(batches)]
    alone = [model.predict_proba(batch) for batch in batches]

    def wrong(i: int) -> int:
        return sum(
            model.predict_proba(batches[(i + call) % 8]).tobytes() != alone[(i + call) % 8].tobytes()
            for call in range(200)
        )

    assert side_by_side(8, wrong) == [0] * 8


def test_all_passes_of_a_network_take_turns() -> None:
    network = Network(NETWORKS[0], (12, 12, 1), 10)
    pictures = np.random.default_rng(1).random((8, 4, 12, 12, 1), np.float32)
    gradient = np.ones((4, 10), np.float32)
    alone = [network.forward(x) for x in pictures]
    kept = [network.activations(x)["2.relu"] for x in pictures]

    def slope(x: np.ndarray) -> np.ndarray:
        with network.turn:  # a backward pass is that of the latest forward pass
            network.forward(x)
            dx = network.backward(gradient, input_gradient=True)
        assert dx is not None
        return dx

    slopes = [slope(x) for x in pictures]

    def right(i: int) -> bool:
        same = True
        for _ in range(30):
            same &= np.array_equal(network.forward(pictures[i]), alone[i])
            same &= np.array_equal(network.activations(pictures[i])["2.relu"], kept[i])
            same &= np.array_equal(slope(pictures[i]), slopes[i])
        return same

    assert side_by_side(8, right) == [True] * 8


@pytest.mark.parametrize("again", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_of_a_network_takes_turns_of_its_own(again: Callable[[Network], Network]) -> None:
    network = Network("linear 3", (4,))
    twin = again(network)
    x = np.ones((1, 4), np.float32)
    with network.turn, ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(pool.submit(twin.infer, x).result(60), network.infer(x))


# ---- NumPy's own threads --------------------------------------------------------------------------------------------


@pytest.fixture
def pool_size(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A BLAS pool of 7 threads that takes its time to answer."""
    size = [7]

    def get() -> int:
        time.sleep(0.002)
        return size[0]

    def put(number: int) -> None:
        time.sleep(0.002)
        size[0] = number

    monkeypatch.setattr(threads, "_setters", [(get, put)])
    yield size


def test_the_blas_pool_is_given_back_whoever_leaves_last(pool_size: list[int]) -> None:
    def hold(i: int) -> set[int]:
        rng, seen = random.Random(i), set()
        for _ in range(20):
            with threads.single_blas_thread():
                seen.add(pool_size[0])
                time.sleep(rng.uniform(0, 0.004))
                seen.add(pool_size[0])
            time.sleep(rng.uniform(0, 0.004))
        return seen

    assert side_by_side(6, hold) == [{1}] * 6
    assert pool_size == [7]


# ---- Numba's threads ------------------------------------------------------------------------------------------------


def test_use_counts_for_the_thread_that_says_so() -> None:
    before = threads.count()
    inside, done = threading.Event(), threading.Event()

    def other() -> int:
        with threads.use(1):
            inside.set()
            assert done.wait(60)
            return threads.count()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(other)
        assert inside.wait(60)
        with threads.use(2):
            mine = threads.count()
            done.set()
            assert asked.result(60) == 1
            assert threads.count() == mine
        assert threads.count() == before
        assert pool.submit(threads.count).result(60) == before


def test_a_thread_takes_no_more_of_the_pool_than_it_may() -> None:
    seen: list[int] = []

    def launch(i: int) -> None:
        with threads.use(1):
            threads.launch(lambda: seen.append(numba.get_num_threads()))

    side_by_side(3, launch)
    assert seen == [1, 1, 1]


WORK = """
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from glassnet import threads
from glassnet.nn.functional import relu_forward
x = np.linspace(-1, 1, 1 << 17, dtype=np.float32)
def work(i):
    return all(np.array_equal(relu_forward(x * i)[0], np.maximum(x * i, 0)) for _ in range(100))
with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(work, range(1, 5)))
import numba
print(threads.count(), numba.threading_layer())
"""


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_kernels_may_be_launched_side_by_side(layer: str) -> None:
    """Numba's `workqueue` ends the process where two threads launch at once."""
    environment = {
        **os.environ,
        "NUMBA_THREADING_LAYER": layer,
        "NUMBA_NUM_THREADS": "2",
        "GLASSNET_THREADS": "2",
        "PYTHONPATH": str(Path(glassnet.__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", WORK], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if layer == "omp" and "No threading layer could be loaded" in done.stderr:
        pytest.skip("Numba has no OpenMP here")
    assert (done.returncode, done.stdout.split()) == (0, ["2", layer]), done.stderr


# ---- who is told of compilations ------------------------------------------------------------------------------------


@pytest.fixture
def fed() -> Iterator[None]:
    """The calling thread's account of its launches, as new before and after."""

    def clear() -> None:
        threads._mine.launches, threads._mine.wall = 0, 0.0
        threads._mine.busy = threads._mine.alone_until = 0.0

    clear()
    yield
    clear()


@pytest.mark.usefixtures("fed")
def test_a_thread_that_sleeps_for_the_pool_works_alone_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_ALONE", 0.05)
    monkeypatch.setattr(threads, "_SECONDS", np.inf)

    def work() -> None:
        end = time.thread_time() + 0.001
        while time.thread_time() < end:
            pass

    for _ in range(4 * threads._LAUNCHES):
        monkeypatch.setattr(time, "perf_counter", time.thread_time)  # as if nothing else were on the machine
        threads.launch(work)
    assert not threads.starved()
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_ALONE", 0.05)
    monkeypatch.setattr(threads, "_SECONDS", np.inf)
    for number in range(threads._LAUNCHES):
        assert not threads.starved(), number
        threads.launch(lambda: time.sleep(0.003))
    assert threads.starved()
    with ThreadPoolExecutor(1) as other:
        assert not other.submit(threads.starved).result()
    time.sleep(0.06)
    assert not threads.starved()


@pytest.mark.usefixtures("fed")
def test_one_long_launch_that_slept_is_enough() -> None:
    threads.launch(lambda: time.sleep(0.02))
    assert threads.starved()


@pytest.mark.usefixtures("fed")
def test_shares_done_one_after_the_other_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((8, 12, 12, 3), np.float32), np.arange(8) % 4
    text = "conv 5x5, 16 -> relu -> maxpool 2x2 -> conv 3x3, 16, pad 1 -> batchnorm -> relu -> linear 4"

    def gradients() -> list[bytes]:
        network = Network(text, (12, 12, 3), 4)
        scores = network.run(x, train=True)
        dscores = np.empty_like(scores)
        SoftmaxCrossEntropy().run(scores, labels, dscores)
        network.run_backward(dscores)
        return [scores.tobytes(), *(p.grad.tobytes() for p in network.parameters().values())]

    launched: list[int] = []
    launch = threads.launch
    with threads.use(2):
        expected = gradients()
        monkeypatch.setattr(threads, "launch", lambda *arguments: (launched.append(1), launch(*arguments)))
        threads._mine.alone_until = time.perf_counter() + 3600
        assert gradients() == expected and not launched
        threads._mine.alone_until = 0.0
        assert gradients() == expected and launched


def test_watchers_may_leave_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_watch", compiling._Watch())
    first, second = compiling.announced([].append), compiling.announced([].append)
    first.__enter__()
    second.__enter__()
    told = compiling._watch.say
    first.__exit__(None, None, None)
    assert compiling._watch.say is told
    second.__exit__(None, None, None)
    assert compiling._watch.say is None
