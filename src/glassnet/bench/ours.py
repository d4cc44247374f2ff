"""Our side: a step of a case, as a user takes it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.bench.cases import Case, make_batches
from glassnet.bench.memory import peak_increase
from glassnet.bench.timing import median_seconds
from glassnet.data import Dataset
from glassnet.engines import NativeEngine
from glassnet.nn import Network, parse_loss
from glassnet.nn.functional.arrays import Array
from glassnet.optim import make_optimizer
from glassnet.train import Trainer

__all__ = ["memory", "stepper", "time_step"]

_SINGLE_EXAMPLES, _SINGLE_EPOCHS = 20_000, 20


def time_step(case: Case, number: int, seconds: float) -> dict[str, float]:
    """Median seconds of steps taken for `seconds` on `number` threads, by way; there is one way, 'default'.

    Training steps are `Trainer.step`. Where the trainer would go through single examples in one compiled call, whole
    epochs of `Trainer.fit` are timed, with shuffling, gathering and records. Inference is `Network.infer`.
    """
    threads.set_count(number)
    if case.mode == "train" and case.batch == 1 and _engine(case).one_by_one:
        return {"default": _one_by_one(case)}
    with threads.single_blas_thread():  # as in Trainer.fit
        return {"default": median_seconds(stepper(case, *make_batches(case))[0], seconds)}


def memory(case: Case, number: int, way: str) -> int | None:
    """Bytes that a step needs at its highest point; see `peak_increase`."""
    threads.set_count(number)
    batches = make_batches(case)
    with threads.single_blas_thread():
        return peak_increase(lambda: stepper(case, *batches)[0])


def stepper(case: Case, x: Array, target: Array) -> tuple[Callable[[int], Any], Network]:
    """(the function that takes step i on one of the batches, the network that it trains or uses)."""
    if case.mode == "infer":
        network = case.build()
        return lambda i: network.infer(x[i % len(x)]), network
    trainer = _trainer(case)
    return lambda i: trainer.step(x[i % len(x)], target[i % len(x)]), trainer.network


def _engine(case: Case) -> NativeEngine:
    return NativeEngine(case.build(), parse_loss(case.loss), make_optimizer(case.optimizer, lr=1e-3))


def _trainer(case: Case, **settings: Any) -> Trainer:
    return Trainer(engine=_engine(case), **settings)


def _one_by_one(case: Case) -> float:
    if len(case.input_shape) == 1:  # data sets hold pictures: a row of pixels is the same arithmetic
        case = replace(case, input_shape=(1, *case.input_shape, 1))
    trainer = _trainer(case, batch=1, epochs=_SINGLE_EPOCHS)
    names = tuple(str(k) for k in range(trainer.network.output_shape[0]))
    rng = np.random.default_rng(0)
    images = rng.random((_SINGLE_EXAMPLES, *case.input_shape), np.float32)
    trainer.fit(Dataset(images, rng.integers(0, len(names), len(images)), names))
    ends: list[float] = [record["seconds"] for record in trainer.history.epochs]
    return statistics.median(b - a for a, b in pairwise(ends)) / len(images)
