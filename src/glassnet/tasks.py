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
from typing import Any, ClassVar, Protocol

import numpy as np

from glassnet import metrics
from glassnet.data import Dataset, PictureFiles, Preprocess, pieces
from glassnet.data.lines import LineFeed, line_set, text_of
from glassnet.errors import DataError, ModelError, RecipeError, TrainingError
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.ctc import ctc_greedy, ctc_loss
from glassnet.nn.loss import columns
from glassnet.notation import is_real

__all__ = [
    "TASKS",
    "Classification",
    "Metric",
    "Predicts",
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

    Examples
    --------
    >>> from glassnet.tasks import Metric
    >>> Metric("psnr").higher_is_better
    True
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


class Predicts(Protocol):
    """What is asked of a `glassnet.model.Model` to measure it.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.tasks import Predicts
    >>> model: Predicts = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> model.scores(np.zeros((2, 8, 8, 1), np.uint8)).shape, len(model.class_names)
    ((2, 10), 10)
    """

    preprocess: Preprocess
    class_names: tuple[str, ...]

    def scores(self, images: Any) -> Array:
        """The network's outputs for pictures."""

    def probabilities(self, images: Any) -> Array:
        """What they amount to, as the loss has it."""


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
    reads : bool
        Whether the examples are lines of writing, and their targets texts.
    feed : callable or None
        What gives the batches of a data set, called as `glassnet.train.feed.Feed` is; None takes that one, which is for
        pictures of one size.

    Examples
    --------
    >>> import glassnet
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> model.task.word, model.task.metric.name
    ('classification', 'accuracy')
    """

    word: ClassVar[str]
    metric: ClassVar[Metric]
    rebuilds: ClassVar[bool] = False
    reads: ClassVar[bool] = False
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

    def fit(self, preprocess: Preprocess, train: Dataset) -> Preprocess:
        """The preprocessing, fitted on a training part. Raises `GlassnetError` where it cannot be."""
        return preprocess.fit(train.images)

    def takes(self, shape: Sequence[int], own: Sequence[int]) -> bool:
        """Whether a network that was laid out for pictures of the shape `own`, (H, W, C), takes others of `shape`."""
        return tuple(shape) == tuple(own)

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

    def assess(self, model: Predicts, dataset: Dataset) -> Any:
        """All figures of a model on a whole set."""
        predictions = model.probabilities(dataset.images)
        return self.evaluate(predictions, self.targets(dataset, model.preprocess), model.class_names)

    def answer(self, prediction: Array, class_names: Sequence[str]) -> str:
        """One prediction in words; empty where it has none."""
        return ""

    def require_classes(self, purpose: str) -> None:
        """Raise `ModelError` where predictions are not class probabilities, which `purpose` needs."""
        raise ModelError(f"This model names no classes. {purpose}")

    def require_pictures(self, purpose: str) -> None:
        """Raise `ModelError` where examples are not pictures of one size, which `purpose` needs."""


class Classification(Task):
    """One of several classes for each example; the best epoch has the highest accuracy, then the lowest loss.

    Examples
    --------
    >>> from glassnet.tasks import Classification
    >>> Classification().word
    'classification'
    """

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
    """The input itself, pixel by pixel; the best epoch has the highest PSNR, then the lowest loss.

    Examples
    --------
    >>> from glassnet.tasks import Reconstruction
    >>> Reconstruction().word
    'reconstruction'
    """

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

    def assess(self, model: Predicts, dataset: Dataset) -> metrics.Reconstruction:
        if not isinstance(dataset.images, PictureFiles):
            found: metrics.Reconstruction = super().assess(model, dataset)
            return found

        def pair(images: Array) -> tuple[Array, Array]:
            return model.preprocess.transform(images).reshape(len(images), -1), model.probabilities(images)

        return metrics.evaluate_reconstruction_in_pieces(map(pair, pieces(dataset.images, what="evaluating")), peak=1.0)

    def require_classes(self, purpose: str) -> None:
        raise ModelError(f"This model reconstructs pictures and names no classes. {purpose}")


class Transcription(Task):
    """The text of a line of writing: columns of scores over the characters and a blank, read as CTC has it.

    The metric is the character error rate of the best path: the characters that must be put in, left out or exchanged
    to turn what was read into what is there (Levenshtein 1966), by the characters that are there.

    Examples
    --------
    >>> from glassnet.tasks import Transcription
    >>> Transcription().word
    'transcription'
    """

    word = "transcription"
    metric = Metric("error", higher_is_better=False)
    reads = True
    feed = LineFeed

    def outputs(self, input_shape: Sequence[int], classes: int) -> int:
        return classes + 1  # the blank

    def check(self, network: Network, classes: int) -> None:
        shape = network.output_shape
        if len(shape) not in (2, 3) or shape[-1] != classes + 1 or shape[:-1].count(1) < len(shape) - 2:
            raise DataError(
                f"The network gives {shape}; wanted are columns of {classes + 1} scores (one a character, and one for"
                " none), from a network that ends with pictures one pixel high."
            )

    def fit(self, preprocess: Preprocess, train: Dataset) -> Preprocess:
        if not preprocess.fitted:
            raise RecipeError(
                f"Lines are preprocessed by steps that need no statistics of the data, as 'scale' or 'invert'. Got"
                f" '{preprocess.notation()}'."
            )
        return preprocess

    def takes(self, shape: Sequence[int], own: Sequence[int]) -> bool:
        """Lines of any width."""
        return len(shape) == 3 and (shape[0], shape[2]) == (own[0], own[2])

    def check_data(self, network: Network, preprocess: Preprocess, train: Dataset) -> None:
        height, _, channels = preprocess.output_shape(line_set(train).image_shape)
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

    def assess(self, model: Predicts, dataset: Dataset) -> metrics.Transcription:
        lines = line_set(dataset)
        read, true = np.full(len(lines), "", object), np.full(len(lines), "", object)
        losses = np.zeros(len(lines))
        for indices in lines.together():
            strips, labels = lines.take(indices, 0)
            scores = columns(model.scores(strips))
            for index, own, wanted, path in zip(indices, scores, labels, ctc_greedy(scores), strict=True):
                read[index], true[index] = text_of(path, model.class_names), text_of(wanted, model.class_names)
                losses[index] = ctc_loss(own[None], [wanted])[0]
        return metrics.evaluate_transcription(read.tolist(), true.tolist(), losses, lines.groups)

    def require_classes(self, purpose: str) -> None:
        raise ModelError(f"This model reads lines of writing and names no classes. {purpose}")

    def require_pictures(self, purpose: str) -> None:
        raise ModelError(f"This model reads lines of writing, not pictures of one size. {purpose}")


TASKS: dict[str, Task] = {}


def register(task: Task) -> None:
    """Make a task known under its word; a loss then names it, and records are ranked by its metric.

    Examples
    --------
    A task of one's own, and a loss that names it by its word:

    >>> from glassnet.tasks import TASKS, Classification, register
    >>> class Ranking(Classification):
    ...     word = "ranking"
    >>> register(Ranking())
    >>> TASKS.pop("ranking").word
    'ranking'
    """
    TASKS[task.word] = task


for _task in (Classification(), Reconstruction(), Transcription()):
    register(_task)


def rank(record: Mapping[str, Any]) -> Rank | None:
    """How good an epoch is by the metric that its record has; None where it has none. See `Metric.rank`.

    Examples
    --------
    >>> from glassnet.tasks import rank
    >>> first = {"epoch": 1, "valid_accuracy": 0.9, "valid_loss": 0.4}
    >>> second = {"epoch": 2, "valid_accuracy": 0.8, "valid_loss": 0.3}
    >>> rank(first) > rank(second)
    True
    """
    return next((found for task in TASKS.values() if (found := task.metric.rank(record)) is not None), None)


def best_epoch(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best of some epoch records, the first of equal ones; None where none of them has a validation result.

    Examples
    --------
    >>> from glassnet.tasks import best_epoch
    >>> first = {"epoch": 1, "valid_accuracy": 0.9, "valid_loss": 0.4}
    >>> second = {"epoch": 2, "valid_accuracy": 0.8, "valid_loss": 0.3}
    >>> best_epoch([first, second])["epoch"]
    1
    """
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
