"""The task of lines of writing: CTC as a loss of the training loop, its figures, and the same on PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.engines import Batch, NativeEngine
from glassnet.errors import DataError, GlassnetError, NotationError, TrainingInterrupted
from glassnet.nn import CTC, Network, parse_loss
from glassnet.nn.functional.ctc import ctc_greedy, ctc_loss
from glassnet.optim import Adam
from glassnet.tasks import TASKS
from glassnet.train import Trainer
from support import lines
from support.callbacks import StopAt


def bits(arrays: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


NETWORK = "conv 4x3, 8, pad 0 1 -> batchnorm -> relu -> conv 1x3, 3, pad 0 1"


def trainer() -> Trainer:
    return Trainer(Network(lines.NETWORK, (8, 64, 1)), loss="ctc", optimizer=Adam(0.02), epochs=6, batch=8)


def test_training_learns_to_read_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    path, train, valid = tmp_path / "c.safetensors", lines.line_set(1, 96, drawn=True), lines.line_set(2, 24)
    whole = trainer()
    model = whole.fit(train, valid)
    first, last = whole.history.epochs[0], whole.history.epochs[-1]
    assert last["valid_error"] < 0.1 < first["valid_error"] and last["loss"] < first["loss"]
    best = min(whole.history.epochs, key=lambda record: (record["valid_error"], record["valid_loss"]))
    assert whole.progression.best_epoch == best["epoch"]
    assert model.assess(valid).characters.rate == best["valid_error"]
    with pytest.raises(TrainingInterrupted):
        trainer().fit(train, valid, checkpoint_path=path, callbacks=[StopAt(17)])
    resumed = trainer().fit(train, valid, checkpoint_path=path, resume=True)
    assert bits(resumed.network.arrays()) == bits(model.network.arrays())


def test_the_error_rate_is_edits_by_characters() -> None:
    scores = np.full((2, 1, 4, 3), -5.0)
    for line, path in enumerate([(0, 2, 0, 1), (2, 1, 1, 2)]):  # reads 0 0 1 and 1
        scores[line, 0, np.arange(4), path] = 5
    target = [np.array([0, 1]), np.array([1, 0, 1, 1])]
    assert TASKS["transcription"].measure(scores, target, 0) == (1 + 3, 6)


@pytest.mark.parametrize("shape", [(3, 7, 4), (3, 1, 7, 4)])
def test_the_loss_is_ctc_of_the_columns(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    scores, target = rng.standard_normal(shape), [np.array([0, 2]), np.array([1, 1]), np.array([], int)]
    value, gradient = parse_loss("ctc").loss(scores, target)
    wanted, its = ctc_loss(scores.reshape(3, 7, 4), target)
    assert value == wanted and gradient.shape == shape
    np.testing.assert_array_equal(gradient.reshape(3, 7, 4), its)
    out = np.empty_like(scores)
    found, correct = CTC().run(scores, target, out)
    assert found == value and bits({"": out}) == bits({"": gradient})
    read = ctc_greedy(scores.reshape(3, 7, 4))
    assert correct == sum(own == list(wanted) for own, wanted in zip(read, target, strict=True))
    np.testing.assert_allclose(CTC().probabilities(scores).sum(axis=-1), 1)


def test_scores_that_are_no_columns() -> None:
    with pytest.raises(GlassnetError, match=r"\(n, columns, k\)"):
        CTC().loss(np.zeros((2, 2, 7, 4)), [[], []])
    with pytest.raises(NotationError, match="does not take"):
        parse_loss("ctc, smoothing 0.1")


@pytest.mark.parametrize(
    ("notation", "fits"), [(NETWORK, True), ("conv 1x1, 3", False), ("conv 4x1, 4", False), ("linear 3", False)]
)
def test_networks_of_columns(notation: str, fits: bool) -> None:
    network = Network(notation, (4, 8, 1))
    if fits:
        TASKS["transcription"].check(network, 2)
    else:
        with pytest.raises(DataError, match="columns of 3 scores"):
            TASKS["transcription"].check(network, 2)


@pytest.mark.parametrize("width", [8, 12])
def test_a_step_is_that_of_pytorch(width: int) -> None:
    pytest.importorskip("torch")
    from glassnet.engines.torch import TorchEngine

    x = np.random.default_rng(2).random((8, 4, width, 1))
    batch = Batch(x, [np.array([0, 1, 1])] * 4 + [np.array([1])] * 4)
    network = Network("conv 4x3, 8, pad 0 1 -> relu -> conv 1x3, 3, pad 0 1", (4, 8, 1), dtype=np.float64)
    ours, its = NativeEngine(network, CTC(), Adam(0.01)), TorchEngine(network.astype(np.float64), CTC(), Adam(0.01))
    for _ in range(3):
        mine, other = ours.step(batch, 0.01), its.step(batch, 0.01)
        assert mine.loss == pytest.approx(other.loss, rel=1e-10) and mine.correct == other.correct
    for name, array in ours.state().items():
        np.testing.assert_allclose(its.state()[name], array, rtol=1e-8, atol=1e-10)
