"""Calls of every kernel as the layers make them: recorded once, for tests that make the same calls again."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

import glassnet
from glassnet import threads
from glassnet.attack import NORMS
from glassnet.classic import KNNClassifier
from glassnet.classic.descriptors import describe
from glassnet.data import Augmentation
from glassnet.engines import Batch, NativeEngine
from glassnet.nn import Hinge, Network, SoftmaxCrossEntropy, SquaredError, functional
from glassnet.nn.kernels import batch, graphs, strips
from glassnet.nn.kernels.blas import matmul
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.stochastic import softmax_descent
from glassnet.nn.kernels.strokes import draw_strokes
from glassnet.nn.kernels.trajectories import ink_span, measure_words
from glassnet.optim import SGD, Adam, RMSProp
from glassnet.optim.averaging import follow
from glassnet.reader.components import find_components
from glassnet.reader.lines.decoder import Decoder
from glassnet.reader.lines.fonts import FontWriter
from glassnet.reader.lines.language import train
from glassnet.reader.pen import ink
from glassnet.wann import Graph, judge, scores
from glassnet.wann.hints import hints
from glassnet.wann.judge import columns
from glassnet.wann.mutate import applied
from glassnet.wann.propose import proposals

SMALL = 1 << 14  # bytes in all arrays of a call: what lies close together
Call = tuple[str, tuple[Any, ...]]  # the kernel's name and its arguments, arrays as they were before the call


def kernels() -> dict[str, Callable[..., Any]]:
    """Every kernel of the package that Python may call, by module and name; those of an optimiser's step left out,
    which are given addresses, not arrays.
    """
    found = {}
    for module in pkgutil.walk_packages(glassnet.__path__, "glassnet."):
        if module.name.startswith(("glassnet.interop", "glassnet.__main__", "glassnet.bench")):  # these want PyTorch
            continue
        if module.name.endswith(".sharing"):  # what calls kernels
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            by_address = module.name.endswith(".updates") and isinstance(value, shared)
            if isinstance(value, Dispatcher | shared) and value.__module__ == module.name and not by_address:
                found[f"{module.name.removeprefix('glassnet.')}.{name}"] = value
    return found


@contextmanager
def recording(at_most: int = 2) -> Iterator[list[Call]]:
    """Gives a list of the calls made within the block, of each kernel and dtype `at_most` large and small ones."""
    names = {id(kernel): name for name, kernel in kernels().items()}
    calls: list[Call] = []
    seen: dict[Any, int] = {}

    def noted(kernel: Any, arguments: tuple[Any, ...]) -> None:
        kinds = tuple(a.dtype.name if isinstance(a, np.ndarray) else type(a) for a in arguments)
        key = (id(kernel), kinds, sum(a.nbytes for a in arguments if isinstance(a, np.ndarray)) < SMALL)
        if id(kernel) in names and seen.get(key, 0) < at_most:
            seen[key] = seen.get(key, 0) + 1
            calls.append((names[id(kernel)], copied(arguments)))

    def around(original: Any) -> Any:
        def call(self: Any, *arguments: Any) -> Any:
            noted(self, arguments)
            return original(self, *arguments)

        return call

    ours, numbas = shared.__call__, Dispatcher.__call__
    shared.__call__, Dispatcher.__call__ = around(ours), around(numbas)  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        shared.__call__ = ours  # type: ignore[method-assign]
        del Dispatcher.__call__


def copied(arguments: tuple[Any, ...], place: Callable[[int], np.ndarray] | None = None) -> tuple[Any, ...]:
    """The arguments, their arrays copied. Those that share memory share it in the copy as well.

    `place` gives the memory for so many bytes, aligned to 8.
    """
    place = place or (lambda size: np.empty(size, np.uint8))
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    spans = sorted({(a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays})
    blocks: list[list[int]] = []  # begin and end of memory that belongs together
    for begin, end in spans:
        if blocks and begin < blocks[-1][1]:
            blocks[-1][1] = max(end, blocks[-1][1])
        else:
            blocks.append([begin, end])
    homes = {begin: place(end - begin) for begin, end in blocks}

    def moved(a: np.ndarray) -> np.ndarray:
        begin = max(b for b, _ in blocks if b <= a.ctypes.data)
        at = a.ctypes.data - begin
        copy = homes[begin][at : at + a.nbytes].view(a.dtype).reshape(a.shape)
        copy[...] = a
        return copy

    return tuple(moved(a) if isinstance(a, np.ndarray) else a for a in arguments)


# ---- what is recorded -----------------------------------------------------------------------------------------------

NETWORKS = (
    "conv 3x3, 32 -> relu -> maxpool 2x2 -> conv 3x3, 8, groups 2 -> batchnorm -> relu -> linear 10",
    "conv 5x5, 5 -> sigmoid -> maxpool 3x3, stride 2 -> conv 3x3, 5 -> relu -> conv 1x1, 7 -> avgpool 2x2 -> linear 10",
    "depthwise 3x3 -> tanh -> residual(conv 3x3, 3, pad 1 -> relu) -> maxpool 2x3, stride 2 -> dropout 0.5"
    " -> linear 10",
    "concat(conv 3x3, 16, pad 1 | conv 1x1, 16) -> conv 3x3, 16 -> maxpool 3x3 -> avgpool global -> linear 10",
    "maxpool 2x2 -> batchnorm -> relu -> conv 1x1, 32 -> linear 40 -> linear 10",
)


@functools.cache
def record() -> list[Call]:
    """Calls of every kernel, at least one."""
    with threads.use(2), threads.single_blas_thread(), recording() as calls:
        for dtype in (np.float32, np.float64):
            for text in NETWORKS:
                _train(text, dtype)
            _others(dtype)
        _pictures()
    return calls


def _train(text: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    network = Network(text, (16, 16, 3), dtype=dtype)
    x, labels = rng.standard_normal((48, 16, 16, 3)).astype(dtype), rng.integers(0, 10, 48)
    for loss in (SoftmaxCrossEntropy(0.1), Hinge()):
        for optimizer in (SGD(0.01), SGD(0.01, momentum=0.9), RMSProp(0.01), Adam(0.01)):
            NativeEngine(network, loss, optimizer, l2=1e-3, clip=1.0).step(Batch(x, labels), 0.01)
    network.choose(winograd=False)
    network.forward(x, train=True)
    network.backward(np.ones((48, 10), dtype), input_gradient=True)
    network.infer(x)
    small = Network(text, (16, 16, 3), dtype=dtype, seed=1)
    small.forward(x[:2], train=True)
    small.backward(np.ones((2, 10), dtype), input_gradient=True)
    for _ in range(10):  # until a pass is recorded
        small.infer(x[:2])
    small.pack().infer(x[:2])


def small_losses() -> list[Call]:
    """Calls of the losses with rows of a few numbers."""
    with recording() as calls:
        for dtype in (np.float32, np.float64):
            _losses(dtype)
    return calls


def _losses(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    for classes in (10, 26):  # one example: rows that are shorter than what vector loops do at once
        z = rng.standard_normal((1, classes)).astype(dtype)
        functional.softmax_forward(z)
        functional.log_softmax_forward(z)
        for loss in (SoftmaxCrossEntropy(0.1), Hinge()):
            loss.run(z, np.array([3]), np.empty_like(z))
        SquaredError().run(z, z + 1, np.empty_like(z))
    _descent(dtype)


def descents() -> list[Call]:
    """Calls of softmax regression, one example a step."""
    with recording() as calls:
        for dtype in (np.float32, np.float64):
            _descent(dtype)
    return calls


def _descent(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.standard_normal((9, 30)).astype(dtype), rng.integers(0, 10, 9)
    order, rates = rng.integers(0, 9, 20), np.full(20, 0.05, dtype)
    weights = rng.standard_normal((10, 30)).astype(dtype)
    softmax_descent(weights, np.zeros(10, dtype), features, labels, order, rates, dtype(0.01), 0.1)


def _others(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    _losses(dtype)
    for size in (30, 1 << 15):  # alone and shared
        x = rng.standard_normal(size).astype(dtype)
        for word in ("relu", "sigmoid", "tanh"):
            y, cache = getattr(functional, f"{word}_forward")(x)
            getattr(functional, f"{word}_backward")(y, cache)
    for norm in NORMS.values():
        start = rng.random((3, 4, 4, 1)).astype(dtype)
        norm.least(start, rng.standard_normal(start.shape).astype(dtype), np.array([0.0, 0.1, 1e9]))
    functional.ctc_loss(rng.standard_normal((2, 6, 5)).astype(dtype), [[0, 1, 1], [3]], [6, 2])
    mean: dict[str, np.ndarray] = {}
    for step in range(2):
        follow(mean, {"w": rng.standard_normal(50).astype(dtype)}, step, 0.9)
    a, b = rng.standard_normal((2, 600, 40)).astype(dtype)
    matmul(a, b, np.empty((40, 40), dtype), transpose_a=True)
    matmul(a, b, np.empty((600, 600), dtype), transpose_b=True)
    matmul(a, np.ascontiguousarray(b[:40, :10]), np.empty((600, 10), dtype))
    matmul(a, np.ascontiguousarray(b[:, :10]), np.empty((40, 10), dtype), transpose_a=True)
    matmul(a, np.ascontiguousarray(b[:40, :32]), np.empty((600, 32), dtype))
    matmul(a[:37], np.ascontiguousarray(b[:37, :32]), np.empty((40, 32), dtype), transpose_a=True)
    for way in (batch.gather, lambda *arguments: batch.gather_shared(*arguments, 2)):
        way(a, rng.integers(0, 600, 20), np.empty((20, 40), dtype))


def _pictures() -> None:
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (30, 20, 20, 3)).astype(np.uint8)
    for text in ("rotate 10 -> elastic 4 2 -> cutout 3", "flip alternate -> crop 1, reflect -> cutout 2"):
        for pictures in (images, images.astype(np.float32)):
            Augmentation.parse(text).apply(pictures, np.arange(30), 0, 1)
    points = rng.standard_normal((300, 12))
    for kind in (points, (100 * points).astype(np.int64)):
        KNNClassifier(3).fit(kind[:200], np.arange(200) % 4).predict(kind[200:])
    for side in (7, 31):
        describe(rng.random((3, side, side), np.float32), np.zeros((6, 2), np.int64), 2 * np.arange(4), 1)
    canvas = np.zeros((90, 90), np.float32)
    ink(canvas, [np.array([[20.0, 20], [60, 70]]), np.array([[10.0, 70], [80, 75]])], 3.0, 0.2, rng)
    find_components(canvas.astype(np.float64))
    path = (20 * rng.standard_normal((40, 2))).astype(np.int16)
    strokes, reach = np.array([0, 3, 4, 20, 40]), np.ones(2, np.float32)
    out = np.empty((2, 6), np.float32)
    measure_words(path, strokes, np.array([0, 3, 4]), np.arange(2), reach, -reach / 3, -reach / 2, out)
    ink_span(path.astype(np.float32), strokes, np.float32(0.5), np.float32(0.01))
    canvas = np.zeros((32, 90), np.float32)
    draw_strokes(canvas, path.astype(np.float32) + 30, np.ones(40, np.float32), strokes, np.float32(1.5))
    for text in ("on", "A line of writing, long enough to fill a large array"):
        FontWriter(None).write(text, rng)
    decoder = Decoder(words=["ab"])
    decoder(rng.standard_normal((9, 96)))
    decoder.prior.score([1, 2])
    train(["ab"]).probability("a")
    strips.paste(canvas, canvas[:20, :30].copy(), 3.5, 2.5, 1.3, 0.8)
    strips.blur(canvas, 0.7)
    strips.coarsen(canvas, 1.4, 0.2, 0.3)
    strips.squeeze_blocks(canvas, np.eye(8, dtype=np.float32), np.float32(0.05), 3, 2)
    half = np.float32(0.5)
    strips.develop(canvas, rng.random((9, 20), np.float32), 5.0, half, half, path / half, 3, 2, half, half, half, half)
    record_graphs(rng)


def record_graphs(rng: np.random.Generator) -> None:
    """Graphs of single units, small and large, every activation among them."""
    for inputs, n in ((3, 5), (40, 400)):
        words = [(word, range(inputs + 1)) for word in functional.ACTIVATIONS]
        graph = Graph.of(inputs, 2, [*words, ("linear", [0, inputs + 1]), ("tanh", [inputs + 2])])
        topology = (graph.codes, graph.start, graph.source)
        for dtype in (np.float32, np.float64):
            weights = rng.standard_normal(graph.connections).astype(dtype)
            y, cache = functional.graph_forward(rng.random((n, inputs)).astype(dtype), *topology, weights, 2)
            functional.graph_backward(y, cache)
        z = rng.standard_normal(n)
        graphs.activate(5, z, np.empty(n))
        graphs.slope(5, z, np.tanh(z), np.ones(n), np.empty(n))
        x, labels = columns(rng.random((n, inputs), np.float32)), rng.integers(0, 2, n)
        judge([graph], x, labels)
        scores(graph, x, (1.0, -1.0))
        known = hints(graph, x, labels)
        changes = proposals(known, 20, 4, rng)
        known.tried(changes)
        applied(graph, changes[:1], 4)
