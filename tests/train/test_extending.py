"""An engine, a callback and a task of one's own train by the loop as ours do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from glassnet import tasks
from glassnet.data import Dataset, Preprocess, Reading
from glassnet.engines import Batch, Engine, NativeEngine, StepResult, load_weights, swapped_in
from glassnet.errors import ModelError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.nn import Loss, Network, SoftmaxCrossEntropy, parse_loss
from glassnet.optim import SGD, Adam
from glassnet.tasks import Metric, Task, best_epoch
from glassnet.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    KeepBest,
    Saved,
    Trainer,
    Training,
    read_history,
)

Array = np.ndarray[Any, Any]


def bars(seed: int = 0, n: int = 60) -> Dataset:
    """Pictures 4x4 whose bright row is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 120, (n, 4, 4, 1), np.uint8)
    images[np.arange(n), labels] += 120
    return Dataset(images, labels, ("a", "b", "c"))


def bits(arrays: Mapping[str, Array]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


def without_times(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


# ---- an engine


class NumPyEngine(Engine):
    """Softmax regression by plain descent, a few lines of NumPy in float64; it copies what it hands out."""

    def __init__(self, network: Network, lr: float) -> None:
        self.network, self.loss, self._lr = network, SoftmaxCrossEntropy(), lr
        arrays = network.arrays()
        self.w, self.b = (arrays[f"1.linear.{name}"].astype(np.float64) for name in ("weight", "bias"))

    @property
    def lr(self) -> float:
        return self._lr

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        x, n = batch.x.reshape(len(batch.x), -1), np.arange(len(batch.x))
        scores = x @ self.w + self.b
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss, correct = -np.log(p[n, batch.target]).mean(), int((scores.argmax(axis=1) == batch.target).sum())
        p[n, batch.target] -= 1
        self.w -= lr * x.T @ p / len(x)
        self.b -= lr * p.mean(axis=0)
        return StepResult(float(loss), correct, {"1.linear.weight": {}} if norms else None)

    def scores(self, x: Array) -> Array:
        return (x.reshape(len(x), -1) @ self.w + self.b).astype(np.float32)

    def state(self) -> dict[str, Array]:
        return {"network.1.linear.weight": self.w.copy(), "network.1.linear.bias": self.b.copy()}

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        self.w, self.b = (arrays[f"network.1.linear.{name}"].copy() for name in ("weight", "bias"))


def softmax_regression() -> Network:
    return Network("linear", (4, 4, 1), 3)


@pytest.mark.parametrize("settings", [{}, {"average": 0.9}, {"patience": 2, "schedule": "onecycle"}])
def test_another_engine_trains_as_ours_does(settings: dict[str, Any]) -> None:
    common = {"epochs": 8, "batch": 7, "augmentation": "shift 1", **settings}
    other = Trainer(engine=NumPyEngine(softmax_regression(), 0.5), **common)
    ours = Trainer(softmax_regression(), optimizer=SGD(0.5), **common)
    theirs, model = other.fit(bars(), bars(1)), ours.fit(bars(), bars(1))
    for name, array in model.network.arrays().items():
        np.testing.assert_allclose(theirs.network.arrays()[name], array, rtol=0, atol=1e-4)
    assert other.progression.best_epoch == ours.progression.best_epoch
    for a, b in zip(other.history.epochs, ours.history.epochs, strict=True):
        assert a["accuracy"] == b["accuracy"] and a["rate"] == b["rate"]
        assert a["valid_loss"] == pytest.approx(b["valid_loss"], abs=1e-4)
    steps = [[r["step"] for r in made.history.records if r["kind"] == "step"] for made in (other, ours)]
    assert steps[0] == steps[1]
    assert theirs.evaluate(bars(2)).accuracy > 0.8


class StopAt(Callback):
    """Interrupts the training after a number of steps."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, training: Training, result: StepResult) -> None:
        if training.state.step == self.at:
            training.interrupt()


@pytest.mark.parametrize("step", [1, 9, 10, 35])
def test_another_engine_resumes_in_its_bits(step: int, tmp_path: Path) -> None:
    def made() -> Trainer:
        return Trainer(engine=NumPyEngine(softmax_regression(), 0.5), epochs=5, batch=7, average=0.8)

    path = tmp_path / "c.safetensors"
    whole = made()
    whole.fit(bars(), bars(1))
    with pytest.raises(TrainingInterrupted, match=f"step {step} .*everything is saved"):
        made().fit(bars(), bars(1), checkpoint_path=path, callbacks=[StopAt(step)])
    resumed = made()
    model = resumed.fit(bars(), bars(1), checkpoint_path=path, resume=True)
    assert bits(model.network.arrays()) == bits(whole.network.arrays())
    assert bits(resumed.engine.state()) == bits(whole.engine.state())


def test_an_engine_has_its_own_parts() -> None:
    engine = NativeEngine(softmax_regression(), SoftmaxCrossEntropy(), SGD(0.1))
    wrong: list[dict[str, Any]] = [{"loss": "svm"}, {"optimizer": Adam()}, {"l2": 0.1}, {"network": engine.network}]
    for parts in wrong:
        with pytest.raises(RecipeError, match=f"engine has its own {next(iter(parts))}"):
            Trainer(engine=engine, **parts)
    with pytest.raises(RecipeError, match="Got neither"):
        Trainer()


def test_swapped_weights_come_back() -> None:
    engine = NativeEngine(softmax_regression(), SoftmaxCrossEntropy(), Adam())
    before = bits(engine.state())
    other = {name: array + 1 for name, array in engine.weights().items()}
    with pytest.raises(KeyError), swapped_in(engine, other):
        assert bits(engine.weights()) == bits(other)
        raise KeyError
    assert bits(engine.state()) == before
    with pytest.raises(ModelError):
        load_weights(engine, {"1.linear.weight": other["1.linear.weight"]})


def test_the_weights_of_examples_are_factors_of_their_gradients() -> None:
    """A weight of 2 is the example twice, a weight of 0 none at all: against a batch that is so."""
    x, y = bars(n=5).images / np.float64(255), bars(n=5).labels
    ends = []
    rows = [0, 1, 1, 3, 4]
    for batch in (Batch(x, y, np.array([1.0, 2.0, 0.0, 1.0, 1.0])), Batch(x[rows], y[rows])):
        network = Network("linear 4 -> tanh -> linear 3", (4, 4, 1), dtype=np.float64)
        NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.5)).step(batch, 0.5)
        ends.append(network.arrays())
    for name, array in ends[0].items():
        np.testing.assert_allclose(array, ends[1][name], rtol=0, atol=1e-14)


# ---- callbacks


class Watch(Callback):
    """Counts what it is told, and keeps the count and an array in the checkpoint."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.steps = 0
        self.sum = np.zeros(3)

    def start(self, training: Training, saved: Saved) -> None:
        self.told.append("start")
        self.steps, self.sum = saved.get("steps", 0), saved.get("sum", np.zeros(3)).copy()

    def step(self, training: Training, result: StepResult) -> None:
        self.steps += result.steps
        self.sum += [result.loss, result.correct, 1]

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        self.told.append(f"epoch {record['epoch']}{' best' if training.improved else ''}")

    def state(self) -> Saved:
        return {"steps": self.steps, "sum": self.sum}


def classifier(**settings: Any) -> Trainer:
    network = Network("linear 8 -> batchnorm -> relu -> dropout 0.2 -> linear", (4, 4, 1), 3)
    return Trainer(network, optimizer=Adam(0.02), epochs=4, batch=16, **settings)


@pytest.mark.parametrize("given", ["fit", "trainer"])
def test_a_callback_is_told_and_begins_anew(given: str) -> None:
    watch = Watch()
    made = classifier(callbacks=[watch] if given == "trainer" else [])
    for _ in range(2):
        watch.told.clear()
        made.fit(bars(), bars(1), callbacks=[] if given == "trainer" else [watch])
        best = [r["epoch"] for i, r in enumerate(made.history.epochs, 1) if best_epoch(made.history.epochs[:i]) is r]
        assert watch.told == ["start", *(f"epoch {n}{' best' if n in best else ''}" for n in range(1, 5))]
        assert watch.steps == 16 and watch.sum[2] == 16


@pytest.mark.parametrize("settings", [{}, {"average": 0.9}])
def test_what_a_callback_keeps_is_resumed(settings: dict[str, Any], tmp_path: Path) -> None:
    path, whole, watch = tmp_path / "c.safetensors", Watch(), Watch()
    classifier(**settings).fit(bars(), callbacks=[whole])
    with pytest.raises(TrainingInterrupted):
        classifier(**settings).fit(bars(), checkpoint_path=path, callbacks=[Watch(), StopAt(6)])
    classifier(**settings).fit(bars(), checkpoint_path=path, resume=True, callbacks=[watch])
    assert watch.steps == whole.steps == 16 and watch.sum.tobytes() == whole.sum.tobytes()
    with pytest.raises(TrainingError, match="callback Watch"):
        classifier(**settings).fit(bars(), checkpoint_path=path, resume=True)


def test_two_callbacks_of_a_name_keep_their_own(tmp_path: Path) -> None:
    path, first, second = tmp_path / "c.safetensors", Watch(), Watch()

    class Half(StopAt):
        def epoch(self, training: Training, record: dict[str, Any]) -> None:
            first.steps = 1000

    with pytest.raises(TrainingInterrupted):
        classifier().fit(bars(), checkpoint_path=path, callbacks=[first, second, Half(6)])
    classifier().fit(bars(), checkpoint_path=path, resume=True, callbacks=[first, second])
    assert (first.steps, second.steps) == (1012, 16)


ORDERS = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1], [2, 4, 1, 0, 3]]


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_callbacks_changes_no_bit(order: list[int], tmp_path: Path) -> None:
    """Checkpoint first or last, early stopping before or after the best is kept: resuming ends in the same bits."""

    valid = bars(1, 20)
    valid.labels[:8] = (valid.labels[:8] + 1) % 3  # wrong labels, so that the loss soon rises

    def fit(order: list[int], name: str, more: Sequence[Callback] = ()) -> Training:
        network = Network("linear 8 -> relu -> linear", (4, 4, 1), 3)
        made = Trainer(network, optimizer=Adam(0.05), epochs=30, batch=16, average=0.7)
        every = [KeepBest(), EarlyStopping(2), History(tmp_path / f"{name}.jsonl"), Watch()]
        every.append(Checkpoint(tmp_path / f"{name}.safetensors", 0.0))
        made.fit(bars(), valid, callbacks=[*more, *(every[i] for i in order)],
                 checkpoint_path=tmp_path / f"{name}.own", resume=True)  # fmt: skip
        assert made.training is not None
        ends.append((bits(made.network.arrays()), without_times(read_history(tmp_path / f"{name}.jsonl"))))
        return made.training

    ends: list[Any] = []
    plain = fit(ORDERS[0], "plain")
    assert "no better" in plain.state.stopped
    with pytest.raises(TrainingInterrupted):
        fit(order, "run", [StopAt(7)])
    resumed = fit(order, "run")
    assert ends[0] == ends[1] and resumed.state.best == plain.state.best
    assert (tmp_path / "run.safetensors").exists()


def test_a_callback_stops_a_training() -> None:
    class Enough(Callback):
        def epoch(self, training: Training, record: dict[str, Any]) -> None:
            if record["epoch"] == 2:
                training.stop("enough")
                training.stop("another reason")

    made = classifier(callbacks=[Enough()])
    made.fit(bars())
    assert made.progression.stopped == "enough" and len(made.history.epochs) == 2


class EveryStep(Watch):
    every_step: ClassVar[bool] = True


def test_who_asks_for_every_step_is_told_of_every_step() -> None:
    """Single examples of softmax regression go by one compiled call, unless somebody wants to see each step."""
    ends = []
    for watch in (Watch(), EveryStep()):
        made = Trainer(softmax_regression(), optimizer=SGD(0.1), batch=1, epochs=2, log_every=50)
        made.fit(bars(), callbacks=[watch])
        assert watch.steps == 120
        ends.append((watch.sum[2], made.network.arrays()))
    assert ends[0][0] < 10 and ends[1][0] == 120
    for name, array in ends[0][1].items():
        np.testing.assert_allclose(array, ends[1][1][name], rtol=0, atol=1e-5)


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    from glassnet.nn import model_file

    path = tmp_path / "c.safetensors"
    model_file.write(path, {"format": "glassnet-checkpoint", "identity": {}, "progression": {}}, {})
    with pytest.raises(ModelError, match="another version"):
        classifier().fit(bars(), checkpoint_path=path, resume=True)


# ---- a task: lines of any width, read column by column


@dataclass
class Lines:
    """Pictures of height 4 and any width; the target of a line is the class of each column."""

    lines: list[Array]
    targets: list[Array]
    class_names: tuple[str, ...] = ("low", "middle", "high")
    image_shape: tuple[int, int, int] = (4, 1, 1)
    reading: Reading = field(default_factory=Reading)
    sha256: str = "lines"

    def __len__(self) -> int:
        return len(self.lines)


def lines(seed: int, n: int = 40) -> Lines:
    rng = np.random.default_rng(seed)
    targets = [rng.integers(0, 3, rng.integers(1, 9)) for _ in range(n)]
    pictures = [rng.random((4, len(t)), np.float32) * 0.5 for t in targets]
    for picture, target in zip(pictures, targets, strict=True):
        picture[target, np.arange(len(target))] += 0.4
    return Lines(pictures, targets)


class LineFeed:
    def __init__(self, dataset: Lines, preprocess: Preprocess, **settings: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def take(self, indices: Array, epoch: int) -> tuple[Any, Any]:
        return [self.dataset.lines[i] for i in indices], [self.dataset.targets[i] for i in indices]


class ColumnLoss(Loss):
    word = "column-cross-entropy"
    task = "columns"

    def run(self, scores: Any, target: Any, out: Any) -> tuple[float, int]:
        return SoftmaxCrossEntropy().run(scores, np.concatenate(target), out)


class Columns(Task):
    """The class of every column; the metric is the share of columns that are wrong."""

    word = "columns"
    metric = Metric("error", higher_is_better=False)
    feed = LineFeed

    def check_data(self, network: Network, preprocess: Preprocess, train: Any) -> None:
        assert network.output_shape == (len(train.class_names),)

    def measure(self, scores: Array, target: Any, correct: int) -> tuple[float, int]:
        return len(scores) - correct, len(scores)


class ColumnEngine(NativeEngine):
    """Columns of all lines of a batch, side by side, through one network."""

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        return super().step(batch._replace(x=self._columns(batch.x)), lr, norms=norms)

    def scores(self, x: Any) -> Array:
        return super().scores(self._columns(x))

    @staticmethod
    def _columns(x: list[Array]) -> Array:
        return np.concatenate([line.T for line in x]).reshape(-1, 4, 1, 1)


@pytest.fixture
def columns() -> Iterator[None]:
    tasks.register(Columns())
    yield
    del tasks.TASKS["columns"]


@pytest.mark.usefixtures("columns")
def test_a_task_of_sequences_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"

    def made() -> Trainer:
        network = Network("linear 8 -> relu -> linear", (4, 1, 1), 3)
        return Trainer(engine=ColumnEngine(network, ColumnLoss(), Adam(0.05)), epochs=6, batch=7)

    whole = made()
    model = whole.fit(lines(0), lines(1))  # type: ignore[arg-type]
    epochs = whole.history.epochs
    assert epochs[-1]["valid_error"] < 0.15 < epochs[0]["valid_error"] and "accuracy" not in epochs[0]
    kept = min(epochs, key=lambda record: (record["valid_error"], record["valid_loss"]))
    assert whole.progression.best_epoch == kept["epoch"] and best_epoch(epochs) is kept
    wrong = sum(
        int((model.network.infer(line.T.reshape(-1, 4, 1, 1)).argmax(axis=1) != target).sum())
        for line, target in zip(lines(1).lines, lines(1).targets, strict=True)
    )
    assert wrong / sum(map(len, lines(1).targets)) == pytest.approx(kept["valid_error"])
    with pytest.raises(TrainingInterrupted):
        made().fit(lines(0), lines(1), checkpoint_path=path, callbacks=[StopAt(9)])  # type: ignore[arg-type]
    resumed = made().fit(lines(0), lines(1), checkpoint_path=path, resume=True)  # type: ignore[arg-type]
    assert bits(resumed.network.arrays()) == bits(model.network.arrays())


def test_a_task_that_nobody_registered() -> None:
    network = Network("linear", (4, 1, 1), 3)
    with pytest.raises(TrainingError, match=r"'columns'.*Known: classification, reconstruction"):
        Trainer(network, loss=ColumnLoss())


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [
        (Metric("m"), (0.9, 1.0), (0.8, 0.1)),
        (Metric("m"), (0.9, 0.1), (0.9, 0.2)),
        (Metric("m", higher_is_better=False), (0.1, 1.0), (0.2, 0.1)),
        (Metric("m", higher_is_better=False), (0.1, 0.1), (0.1, 0.2)),
        (Metric("m", ties_by_loss=False), (0.9, 1.0), (0.8, 0.1)),
    ],
)
def test_ranks(metric: Metric, better: tuple[float, float], worse: tuple[float, float]) -> None:
    ranks = [metric.rank({"valid_m": value, "valid_loss": loss}) for value, loss in (better, worse)]
    assert ranks[0] is not None and ranks[1] is not None and ranks[0] > ranks[1]
    assert metric.as_rank(list(ranks[0])) == ranks[0]
    same = [metric.rank({"valid_m": 0.5, "valid_loss": loss}) for loss in (0.1, 0.2)]
    assert (same[0] == same[1]) is not metric.ties_by_loss
    assert metric.rank({"valid_other": 1.0}) is None


def test_a_loss_says_its_task() -> None:
    assert Task.of(parse_loss("svm")) is tasks.TASKS["classification"]
    assert Task.of(parse_loss("squared-error half")) is tasks.TASKS["reconstruction"]
    with pytest.raises(ModelError, match="names no classes"):
        Task.of(parse_loss("squared-error")).require_classes("")
