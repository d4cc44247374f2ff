"""What training under attack gained: robust accuracy of the finished network, kept with the run's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.attack import AdversarialEngine, Adversary, Victim, as_bytes, measure_robustness, size_text
from glassnet.data import Dataset
from glassnet.engines import Engine
from glassnet.errors import TrainingError
from glassnet.files import read_json
from glassnet.model import Model

__all__ = ["UnderAttack", "judge", "kept_in"]

_JUDGED = 500  # pictures


@dataclass(frozen=True)
class UnderAttack:
    """What an adversarial training gained, on some pictures of the evaluated part.

    Attributes
    ----------
    adversary : str
        What the batches were attacked by.
    eps, norm : float, str
        The size of its changes.
    accuracy : float
        Robust accuracy at that size, by the effort "quick" of `measure_robustness`.
    interval : (float, float)
        Its 95 % interval.
    clean_accuracy : float
        On the same pictures as they are.
    pictures : int
        How many these are.
    """

    adversary: str
    eps: float
    norm: str
    accuracy: float
    interval: tuple[float, float]
    clean_accuracy: float
    pictures: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "interval": list(self.interval)}

    def figures(self) -> dict[str, Any]:
        """The figures by plain name, as of `Run.figures`."""
        return {
            "robust_accuracy": self.accuracy,
            "robust_interval": list(self.interval),
            "robust_eps": self.eps,
            "robust_norm": self.norm,
        }

    def describe(self, engine: Engine) -> str:
        """What training under attack gained, and what it cost by the clock of its engine."""
        low, high = self.interval
        text = (
            f"accuracy under attack ({self.norm} up to {size_text(self.eps)}) {self.accuracy:.4f} (95 % interval"
            f" {low:.4f} to {high:.4f}), clean {self.clean_accuracy:.4f}, on {self.pictures:,} pictures"
        )
        times = engine.times_as_long if isinstance(engine, AdversarialEngine) else math.nan
        return text if math.isnan(times) else f"{text}; the attacks made each step take {times:.1f} times as long"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> UnderAttack:
        """What `to_dict` gave."""
        return cls(**{**values, "interval": (values["interval"][0], values["interval"][1])})


def judge(model: Model, adversary: Adversary, part: Dataset) -> UnderAttack:
    """Attack the first pictures of a part as strongly as an ensemble can do quickly."""
    count = min(_JUDGED, len(part))
    stored = as_bytes(np.asarray(part.images[np.arange(count)]))
    found = measure_robustness(
        Victim.of(model), stored, part.labels[:count], [adversary.eps], norm=adversary.norm, effort="quick"
    )
    eps = adversary.eps
    return UnderAttack(
        adversary.notation(), eps, adversary.norm, found.accuracy(eps), found.interval(eps), found.accuracy(0), count
    )


def kept_in(path: Path) -> UnderAttack | None:
    """What a run's `evaluation.json` keeps of it; None where there is nothing. Raises `TrainingError` where damaged."""
    found = read_json(path).get("under_attack") if path.exists() else None
    try:
        return None if found is None else UnderAttack.from_dict(found)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise TrainingError(f"'{path}' is damaged: what it says of the accuracy under attack is not whole.") from error
