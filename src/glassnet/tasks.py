"""What a network is trained to do: what its outputs stand for, its targets, and what decides which epoch is the best.

| task           | outputs       | targets                   | metric                   |
|----------------|---------------|---------------------------|--------------------------|
| classification | one per class | labels (n,)               | accuracy, higher better  |
| reconstruction | one per pixel | the input itself, (n, k)  | PSNR, higher better      |
| transcription  | columns of k  | labels of each line       | error rate, lower better |

A loss names its task (`Loss.task`). A new task is a subclass of `Task`, made known by `register`: the training loop,
the run, the model file and the reports ask it and need no change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glassnet import metrics
from glassnet.data import Dataset, PictureFiles, Preprocess, pieces
from glassnet.errors import DataError, ModelError, TrainingError
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.ctc import ctc_greedy
from glassnet.nn.loss import columns
from glassnet.notation import is_real

__all__ = [
    "TASKS",
    "Classification",
    "Metric",
    "Rank",
    "Reconstruction",
    "Task",
    "Transcription",
    "best_epoch",
    "rank",
    "register",
]

Rank = tuple[float, ...]  # compared as tuples: larger is better


@dataclass(frozen=True)
class Metric:
    """The figure that epochs are compared by.

    Attributes
    ----------
    name : str
        What records call it; on validation it is `valid_<name>`.
    higher_is_better : bool
        Whether accuracy-like (True) or error-like (False).
    ties_by_loss : bool
        Whether of two equal figures the one with the lower validation loss is better; else the earlier is.
    """

    name: str
    higher_is_better: bool = True
    ties_by_loss: bool = True

    @property
    def key(self) -> str:
        """The figure's name in an epoch record."""
        return f"valid_{self.name}"

    def rank(self, record: Mapping[str, Any]) -> Rank | None:
        """How good an epoch is, as numbers that compare as a tuple does; None where it was not measured.

        Of equal ranks the earlier epoch is the best.
        """
        value = _number(record.get(self.key))
        if math.isnan(value):
            return None
        measure = value if self.higher_is_better else -value
        if not self.ties_by_loss:
            return (measure,)
        loss = _number(record.get("valid_loss"))
        return measure, -math.inf if math.isnan(loss) else -loss

    def as_rank(self, saved: Any) -> Rank:
        """A rank as JSON gives it back. Raises `TypeError` or `ValueError` where it is none of this metric."""
        found = tuple(float(number) for number in saved)
        if isinstance(saved, str) or len(found) != (2 if self.ties_by_loss else 1):
            raise ValueError(f"{saved!r} is not a rank by {self.name}")
        return found


class Task:
    """Base of the tasks.

    Attributes
    ----------
    word : str
        The name by which a loss asks for it.
    metric : Metric
        What decides which epoch is the best.
    rebuilds : bool
        Whether the targets are the preprocessed inputs themselves.
    feed : callable or None
        What gives the batches of a data set, called as `glassnet.train.feed.Feed` is; None takes that one, which is for
        pictures of one size.
    """

    word: ClassVar[str]
    metric: ClassVar[Metric]
    rebuilds: ClassVar[bool] = False
    feed: ClassVar[Callable[..., Any] | None] = None

    @staticmethod
    def of(loss: Loss) -> Task:
        """The task that a loss trains for. Raises `TrainingError` where nobody registered it."""
        if loss.task not in TASKS:
            raise TrainingError(f"The loss '{loss.word}' is for the task '{loss.task}'. Known: {', '.join(TASKS)}.")
        return TASKS[loss.task]

    # ---- training

    def outputs(self, input_shape: Sequence[int], classes: int) -> int:
        """How many numbers the network gives for an example of `input_shape`."""
        raise NotImplementedError

    def check(self, network: Network, classes: int) -> None:
        """Raise `DataError` where the network's output does not fit the task."""

    def check_data(self, network: Network, preprocess: Preprocess, train: Dataset) -> None:
        """Raise `DataError` where the network does not take what the preprocessing makes of the data, or `check` does.

        A task of data that are not pictures of one size has its own rule.
        """
        shape = preprocess.output_shape(train.image_shape)
        if shape != network.input_shape:
            raise DataError(f"The network takes {network.input_shape}; the preprocessed pictures are {shape}.")
        self.check(network, len(train.class_names))

    def training_figures(self, correct: int, n: int) -> dict[str, float]:
        """What an epoch record says besides the loss, of n examples of which the loss counted so many as correct."""
        return {}

    def measure(self, scores: Array, target: Any, correct: int) -> tuple[float, int]:
        """(sum of the metric over a validation batch, what to divide the sum over all batches by).

        scores are the network's, target as the feed gave it, correct the number that the loss counted.
        """
        raise NotImplementedError

    # ---- use

    def targets(self, dataset: Dataset, preprocess: Preprocess) -> Array:
        """The targets of a whole set, for `evaluate` and gradient checks."""
        raise NotImplementedError

    def random_targets(self, rng: np.random.Generator, n: int, outputs: int) -> Any:
        """Targets of n random examples, for a gradient check."""
        raise NotImplementedError

    def evaluate(self, predictions: Array, targets: Array, class_names: tuple[str, ...]) -> Any:
        """All figures of predictions (as `Model.predict_proba` gives them) against `targets`."""
        raise NotImplementedError

    def assess(
        self, predict: Callable[[Any], Array], dataset: Dataset, preprocess: Preprocess, class_names: tuple[str, ...]
    ) -> Any:
        """`evaluate` of what `predict` gives for the images of a whole set."""
        return self.evaluate(predict(dataset.images), self.targets(dataset, preprocess), class_names)

    def answer(self, prediction: Array, class_names: Sequence[str]) -> str:
        """One prediction in words; empty where it has none."""
        return ""

    def require_classes(self, purpose: str) -> None:
        """Raise `ModelError` where predictions are not class probabilities, which `purpose` needs."""
        raise ModelError(f"This model names no classes. {purpose}")


class Classification(Task):
    """One of several classes for each example; the best epoch has the highest accuracy, then the lowest loss."""

    word = "classification"
    metric = Metric("accuracy")

    def outputs(self, input_shape: Sequence[int], classes: int) -> int:
        return classes

    def check(self, network: Network, classes: int) -> None:
        _check_width(network, classes, "class")

    def training_figures(self, correct: int, n: int) -> dict[str, float]:
        return {"accuracy": correct / n}

    def measure(self, scores: Array, target: Any, correct: int) -> tuple[float, int]:
        return correct, len(scores)

    def targets(self, dataset: Dataset, preprocess: Preprocess) -> Array:
        """(N,) int64 labels."""
        return dataset.labels

    def random_targets(self, rng: np.random.Generator, n: int, outputs: int) -> Array:
        return rng.integers(0, outputs, n)

    def evaluate(self, predictions: Array, targets: Array, class_names: tuple[str, ...]) -> metrics.Evaluation:
        return metrics.evaluate(predictions, targets, class_names)

    def answer(self, prediction: Array, class_names: Sequence[str]) -> str:
        best = int(np.argmax(prediction))
        return f"taken for {class_names[best]}, {100 * float(prediction[best]):.0f} % sure"

    def require_classes(self, purpose: str) -> None:
        return None


class Reconstruction(Task):
    """The input itself, pixel by pixel; the best epoch has the highest PSNR, then the lowest loss."""

    word = "reconstruction"
    metric = Metric("psnr")
    rebuilds = True

    def outputs(self, input_shape: Sequence[int], classes: int) -> int:
        return math.prod(input_shape)

    def check(self, network: Network, classes: int) -> None:
        _check_width(network, math.prod(network.input_shape), "pixel")

    def measure(self, scores: Array, target: Any, correct: int) -> tuple[float, int]:
        finite = np.isfinite(scores).all()
        return float(metrics.psnr_per_image(target, scores).sum()) if finite else 0.0, len(scores)

    def targets(self, dataset: Dataset, preprocess: Preprocess) -> Array:
        """(N, pixels) float32 preprocessed pictures."""
        return preprocess.transform(np.asarray(dataset.images)).reshape(len(dataset), -1)

    def random_targets(self, rng: np.random.Generator, n: int, outputs: int) -> Array:
        return rng.random((n, outputs))

    def evaluate(self, predictions: Array, targets: Array, class_names: tuple[str, ...]) -> metrics.Reconstruction:
        return metrics.evaluate_reconstruction(targets, predictions)

    def assess(
        self, predict: Callable[[Any], Array], dataset: Dataset, preprocess: Preprocess, class_names: tuple[str, ...]
    ) -> metrics.Reconstruction:
        if not isinstance(dataset.images, PictureFiles):
            found: metrics.Reconstruction = super().assess(predict, dataset, preprocess, class_names)
            return found

        def pair(images: Array) -> tuple[Array, Array]:
            return preprocess.transform(images).reshape(len(images), -1), predict(images)

        return metrics.evaluate_reconstruction_in_pieces(map(pair, pieces(dataset.images, what="evaluating")), peak=1.0)

    def require_classes(self, purpose: str) -> None:
        raise ModelError(f"This model reconstructs pictures and names no classes. {purpose}")


class Transcription(Task):
    """The text of a line of writing: columns of scores over the characters and a blank, read as CTC has it.

    The metric is the character error rate of the best path: the characters that must be put in, left out or exchanged
    to turn what was read into what is there (Levenshtein 1966), by the characters that are there.
    """

    word = "transcription"
    metric = Metric("error", higher_is_better=False)

    def outputs(self, input_shape: Sequence[int], classes: int) -> int:
        return classes + 1  # the blank

    def check(self, network: Network, classes: int) -> None:
        shape = network.output_shape
        if len(shape) not in (2, 3) or shape[-1] != classes + 1 or shape[:-1].count(1) < len(shape) - 2:
            raise DataError(
                f"The network gives {shape}; wanted are columns of {classes + 1} scores (one a character, and one for"
                " none), from a network that ends with pictures one pixel high."
            )

    def check_data(self, network: Network, preprocess: Preprocess, train: Any) -> None:
        height, channels = train.image_shape[0], train.image_shape[2]
        if (network.input_shape[0], network.input_shape[2]) != (height, channels):
            raise DataError(
                f"The network takes lines of {network.input_shape[0]} rows and {network.input_shape[2]} channels;"
                f" the data have {height} and {channels}."
            )
        self.check(network, len(train.class_names))

    def training_figures(self, correct: int, n: int) -> dict[str, float]:
        return {"lines": correct / n}

    def measure(self, scores: Array, target: Any, correct: int) -> tuple[float, int]:
        from rapidfuzz.distance import Levenshtein  # only here: every command would start later by its import

        read = ctc_greedy(columns(scores))
        edits = sum(Levenshtein.distance(own, list(wanted)) for own, wanted in zip(read, target, strict=True))
        return edits, sum(map(len, target))

    def random_targets(self, rng: np.random.Generator, n: int, outputs: int) -> list[Array]:
        return [rng.integers(0, outputs - 1, rng.integers(0, 3)) for _ in range(n)]

    def require_classes(self, purpose: str) -> None:
        raise ModelError(f"This model reads lines of writing and names no classes. {purpose}")


TASKS: dict[str, Task] = {}


def register(task: Task) -> None:
    """Make a task known under its word; a loss then names it, and records are ranked by its metric."""
    TASKS[task.word] = task


for _task in (Classification(), Reconstruction(), Transcription()):
    register(_task)


def rank(record: Mapping[str, Any]) -> Rank | None:
    """How good an epoch is by the metric that its record has; None where it has none. See `Metric.rank`."""
    return next((found for task in TASKS.values() if (found := task.metric.rank(record)) is not None), None)


def best_epoch(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best of some epoch records, the first of equal ones; None where none of them has a validation result."""
    best: Mapping[str, Any] | None = None
    highest: Rank | None = None
    for record in records:
        value = rank(record)
        if value is not None and (highest is None or value > highest):
            best, highest = record, value
    return best


def _check_width(network: Network, needed: int, each: str) -> None:
    if network.output_shape != (needed,):
        raise DataError(
            f"The network gives {network.output_shape} numbers; wanted are {needed} outputs (one a {each})."
        )


def _number(value: Any) -> float:
    return float(value) if is_real(value) else math.nan
