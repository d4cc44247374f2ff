"""PyTorch's engine on a GPU: the steps of our own in float64, examples that lie there, mixed precision, compiling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet import Network, Trainer
from glassnet.data import load
from glassnet.engines import Engine, NativeEngine
from glassnet.nn import SoftmaxCrossEntropy
from glassnet.optim import SGD

torch = pytest.importorskip("torch")

from glassnet.engines.torch import TorchEngine  # noqa: E402
from support.engines import LOSSES, OPTIMIZERS, assert_same_step, batch_of, both, stirred  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here"),
]
NETWORK = (
    "conv 3x3, 8, pad 1, bias off -> batchnorm -> relu -> dropout 0.3 -> maxpool 2x2 -> basic-block 12, stride 2"
    " -> flatten -> dropout 0.2 -> linear 9 -> relu -> linear"
)
SHAPE = (12, 10, 3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_are_those_of_our_own_engine(optimizer: str) -> None:
    for loss in LOSSES:
        ours, its = both(stirred(NETWORK, SHAPE), loss, optimizer, l2=0.01, clip=0.5)
        there = TorchEngine(its.network, its.loss, its.optimizer, l2=0.01, clip=0.5, device="cuda")  # type: ignore[attr-defined]
        for step in range(3):
            assert_same_step(ours, there, batch_of(ours, step, weighted=step == 1))


def test_evaluation_is_that_of_our_own_engine() -> None:
    network = stirred(NETWORK, SHAPE)
    engines: list[Engine] = [
        NativeEngine(network, SoftmaxCrossEntropy(), SGD()),
        TorchEngine(network.astype(np.float64), SoftmaxCrossEntropy(), SGD(), device="cuda"),
    ]
    x = batch_of(engines[0], 0).x
    ours, its = ((e.scores(x), *e.input_gradient(x, np.square), e.output_at("3.relu", x)) for e in engines)
    for a, b in zip(ours, its, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)


def _trained(**settings: Any) -> tuple[Trainer, float]:
    splits = load("digits")
    engine = TorchEngine(
        Network("conv 3x3, 16 -> relu -> linear", (8, 8, 1), 10), SoftmaxCrossEntropy(), SGD(0.1, 0.9), **settings
    )
    trainer = Trainer(engine=engine, epochs=8)
    return trainer, trainer.fit(splits.train).evaluate(splits.test or splits.train).accuracy


@pytest.mark.parametrize("settings", [{}, {"amp": True}, {"compile": True}], ids=["plain", "amp", "compiled"])
def test_it_learns_the_digits(settings: dict[str, bool]) -> None:
    trainer, accuracy = _trained(device="cuda", **settings)
    assert accuracy > 0.95
    assert trainer.training is not None and type(trainer.training.train).__name__ == "Resident"
    assert trainer.engine.about()["device_name"]
