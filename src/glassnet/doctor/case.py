"""What the rules look at: the records of a training and the figures of its network, with what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from glassnet.metrics import Evaluation, Interval, Reconstruction, Transcription, wilson_interval
from glassnet.nn import Network
from glassnet.tasks import best_epoch

__all__ = ["Case"]

_NEARLY_ALL = 0.9
# Before so many steps, and half of those planned, a network may know nothing yet. On digits, good runs beat the mean
# pictures of the classes after 40 to 250 steps.
_EARLY = 300


@dataclass(frozen=True, eq=False)
class Case:
    """A training, finished or on its way; a rule says nothing where what it asks for is missing.

    Attributes
    ----------
    records : sequence of mapping
        Of the history: epochs and steps.
    evaluation : Evaluation or None
        The figures of a classifier.
    reconstruction : Reconstruction or None
        The figures of a network that reconstructs its input.
    transcription : Transcription or None
        The figures of a network that reads lines of writing.
    part : str
        The part of the data that they are of: "test", "validation" or "training".
    counts : sequence of int
        Training pictures of each class; empty where that is not known.
    class_names : sequence of str
        Name of each class.
    network : Network or None
        With the weights that were kept.
    settings : mapping of str to object
        What was asked for, by dotted name: {"optimizer.lr": 0.1}.
    whole : bool
        Whether the training went to its end; False of one that was only begun, or is on its way.
    diverged : str
        How its loss or weights stopped being numbers, as "The loss became infinite at step 7 (epoch 1)"; else empty.
    first_bad : str
        The layer whose output was the first to be none; "" where that is not known.
    fitted_accuracy : float
        Accuracy in evaluation mode on training pictures as they are, of the last weights; nan where not measured.
    means_accuracy : float
        Accuracy on the same part of taking each picture for the class whose mean picture is nearest; nan where not
        measured.
    losses_compare : bool
        Whether losses of training and other examples can be compared; that of a line of writing grows with its length.

    Examples
    --------
    >>> from glassnet.doctor import Case
    >>> case = Case([{"kind": "step", "step": 1}, {"kind": "epoch", "epoch": 1}], class_names=("cat", "dog"))
    >>> len(case.epochs), len(case.steps)
    (1, 1)
    """

    records: Sequence[Mapping[str, Any]]
    evaluation: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    transcription: Transcription | None = None
    part: str = "test"
    counts: Sequence[int] = ()
    class_names: Sequence[str] = ()
    network: Network | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True
    diverged: str = ""
    first_bad: str = ""
    fitted_accuracy: float = math.nan
    means_accuracy: float = math.nan
    losses_compare: bool = True

    @cached_property
    def epochs(self) -> list[Mapping[str, Any]]:
        """The records of epochs."""
        return [record for record in self.records if record.get("kind") == "epoch"]

    @cached_property
    def steps(self) -> list[Mapping[str, Any]]:
        """The records of steps."""
        return [record for record in self.records if record.get("kind") == "step"]

    @cached_property
    def kept(self) -> Mapping[str, Any]:
        """The record of the epoch whose network was kept; empty before the first has ended."""
        return best_epoch(self.epochs) or (self.epochs[-1] if self.epochs else {})

    @property
    def first_loss(self) -> float:
        """The loss of the first batch, before any update; nan where it was not recorded."""
        return _number(self.steps[0].get("loss")) if self.steps and self.steps[0].get("step") == 1 else math.nan

    @property
    def highest_loss(self) -> float:
        """The largest loss of a recorded step or epoch; nan where there is none."""
        losses = [_number(record.get("loss")) for record in (*self.steps, *self.epochs)]
        return max((loss for loss in losses if not math.isnan(loss)), default=math.nan)

    @property
    def last_loss(self) -> float:
        """The training loss of the last epoch; nan before one has ended."""
        return _number(self.epochs[-1].get("loss")) if self.epochs else math.nan

    @property
    def lr(self) -> float:
        """The largest learning rate of the recorded steps; nan where none was."""
        return max((_number(record.get("rate")) for record in self.steps), default=math.nan)

    @property
    def last_rate(self) -> float:
        """The learning rate of the last recorded step; nan where none was."""
        return _number(self.steps[-1].get("rate")) if self.steps else math.nan

    @property
    def last_step(self) -> int:
        """The number of steps that were made, as far as they are recorded."""
        return int(max((record.get("step", 0) for record in self.records), default=0))

    @property
    def planned_steps(self) -> int:
        """The number of steps of the whole training, as far as it can be told; else those that were made."""
        epochs, done = self.settings.get("train.epochs"), [e for e in self.epochs if not e.get("partial")]
        if not isinstance(epochs, int):
            return self.last_step
        if done:
            return math.ceil(int(done[-1]["step"]) * epochs / int(done[-1]["epoch"]))
        examples, batch = sum(self.counts), self.settings.get("train.batch") or sum(self.counts)
        return math.ceil(examples / batch) * epochs if examples else self.last_step

    @cached_property
    def gradient_norms(self) -> list[float]:
        """The length of the whole gradient, before any clipping, at the recorded steps."""
        found = [[sizes["gradient"] for sizes in (record.get("norms") or {}).values()] for record in self.steps]
        return [math.sqrt(sum(norm * norm for norm in norms)) for norms in found if norms]

    @cached_property
    def ratios(self) -> dict[str, list[float]]:
        """|update| / |weight| of each weight tensor at the recorded steps, those with a weight of 0 left out.

        Biases, scales and shifts start at constants, where the ratio says little.
        """
        found: dict[str, list[float]] = {}
        for name, sizes in self.weight_norms:
            if sizes["weight"] > 0.0:
                found.setdefault(name, []).append(sizes["update"] / sizes["weight"])
        return found

    @cached_property
    def never_moved(self) -> dict[str, bool]:
        """Weight tensors that no recorded step changed, and whether their gradient was 0 every time."""
        moved: dict[str, bool] = {}
        flat: dict[str, bool] = {}
        for name, sizes in self.weight_norms:
            moved[name] = moved.get(name, False) or sizes["update"] > 0.0
            flat[name] = flat.get(name, True) and sizes["gradient"] == 0.0
        return {name: flat[name] for name, did in moved.items() if not did}

    @cached_property
    def weight_norms(self) -> list[tuple[str, Mapping[str, float]]]:
        """(weight tensor, its norms) of every recorded step."""
        return [
            (name, sizes)
            for record in self.steps
            for name, sizes in (record.get("norms") or {}).items()
            if name.endswith("weight")
        ]

    @property
    def largest_ratio(self) -> float:
        """The largest of all ratios; nan where there is none."""
        return max((max(values) for values in self.ratios.values()), default=math.nan)

    @property
    def first_ratio(self) -> float:
        """The largest ratio of the first recorded step; nan where there is none."""
        return max((values[0] for values in self.ratios.values()), default=math.nan)

    # ---- a classifier against guessing

    @property
    def classifies(self) -> bool:
        """Whether the network tells classes apart."""
        return self.evaluation is not None or bool(self.counts)

    @property
    def chance(self) -> float:
        """The accuracy of guessing with the same frequencies; nan without figures.

        The chance agreement of Cohen's kappa: the sum over classes of (share that truly is the class) (share that is
        predicted as it).

        Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
        (1960).
        """
        if self.evaluation is None:
            return math.nan
        table = self.evaluation.confusion / self.evaluation.n
        return float(table.sum(axis=1) @ table.sum(axis=0))

    @property
    def main_answer(self) -> tuple[str, int] | None:
        """(the class that most pictures are taken for, how many), where pictures of several classes were evaluated."""
        found = self.evaluation
        if found is None or found.classes_seen < 2:
            return None
        counts = found.confusion.sum(axis=0)
        return found.class_names[int(counts.argmax())], int(counts.max())

    @property
    def early(self) -> bool:
        """Whether the training was left at its beginning, where its network need not know anything."""
        return not self.whole and self.last_step < min(_EARLY, self.planned_steps / 2)

    @property
    def one_answer(self) -> bool:
        """Whether all pictures are taken for one class; or nearly all, and the accuracy is that of guessing."""
        if self.evaluation is None or self.main_answer is None or self.early:
            return False
        count, n = self.main_answer[1], self.evaluation.n
        return count == n or (count >= _NEARLY_ALL * n and self.at_chance)

    @property
    def at_chance(self) -> bool:
        """Whether the accuracy can be told from guessing by nothing, and the pictures are enough to see a difference.

        Enough: the 95 % interval ends below half of the way from guessing to perfection.
        """
        found = self.evaluation
        if found is None or found.classes_seen < 2 or self.early:
            return False
        low, high = found.accuracy_interval
        return low <= self.chance and high < (1.0 + self.chance) / 2.0

    @property
    def failed(self) -> bool:
        """Whether the network does no better than guessing, or is no network any more."""
        return bool(self.diverged) or self.at_chance or self.one_answer

    # ---- training against other pictures

    @property
    def training_accuracy(self) -> float:
        """Of the kept epoch, as it went: augmentation, dropout and attacks lower it. nan for no classifier."""
        return _number(self.kept.get("accuracy"))

    @property
    def last_accuracy(self) -> float:
        """Of the last epoch, as it went; nan for no classifier."""
        return _number(self.epochs[-1].get("accuracy")) if self.epochs else math.nan

    @property
    def best_accuracy(self) -> float:
        """On training pictures in the last epoch: as it went or, where that is known and better, in evaluation mode."""
        return max((a for a in (self.last_accuracy, self.fitted_accuracy) if not math.isnan(a)), default=math.nan)

    def learned_early(self, accuracy: float) -> bool:
        """Whether so many training pictures were right before the first half of the training was over."""
        half = self.epochs[: max(1, math.ceil(len(self.epochs) / 2))]
        return any(_number(record.get("accuracy")) >= accuracy for record in half)

    @property
    def other_accuracy(self) -> tuple[float, Interval, int, str]:
        """(accuracy, its 95 % interval, pictures, name of the part) on pictures not trained on; nan for none."""
        if self.evaluation is not None and self.part != "training":
            found = self.evaluation
            return found.accuracy, found.accuracy_interval, found.n, self.part
        return math.nan, wilson_interval(0, 0), 0, ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
