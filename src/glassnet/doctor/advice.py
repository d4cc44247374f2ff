"""How bad a cause is, and which settings help against it."""

from __future__ import annotations

import math
import re
from typing import Any

from glassnet.doctor.case import Case
from glassnet.doctor.finding import Severity
from glassnet.errors import GlassnetError
from glassnet.nn.named import expand
from glassnet.optim import make_optimizer

__all__ = ["more_variety", "rate_for", "severity", "short", "usual_rate", "without", "without_zeros"]

_FIRST_STEPS = 1e-2  # of the weights: the size of the first updates in good runs on digits


def severity(case: Case) -> Severity:
    """A cause is a failure where the network is no better than guessing, else a warning."""
    return "failure" if case.failed else "warning"


def short(value: float) -> float:
    """A number that is pleasant to read: one digit and zeros."""
    return float(f"{value:.0e}")


def rate_for(case: Case, ratio: float) -> float:
    """The power of ten at which updates that are now `ratio` of the weights are about a hundredth of them.

    Where no ratio is known, the usual rate.
    """
    if not 0.0 < ratio < math.inf:
        return usual_rate(case)
    return short(10.0 ** round(math.log10(case.lr * _FIRST_STEPS / ratio)))


def usual_rate(case: Case) -> float:
    """The rate that the optimiser has when nobody says."""
    try:
        return make_optimizer(str(case.settings.get("optimizer.name", "adam"))).lr
    except GlassnetError:
        return 0.001


def without(case: Case, pattern: str, instead: str = "") -> dict[str, Any]:
    """The network with other text in place of what matches, as advice; none where nothing does."""
    text = str(case.settings.get("model.network", ""))
    if not text:
        return {}
    whole = expand(text)
    other = re.sub(pattern, instead, whole)
    return {"model.network": other} if other != whole else {}


def without_zeros(case: Case) -> dict[str, Any]:
    """The network without its `init zeros`, where it has them."""
    return without(case, r",?\s*\binit\s+zeros\b")


def more_variety(case: Case) -> dict[str, Any]:
    """Augmentation that is right for any picture, else weight decay; nothing where both are there already."""
    if not case.settings.get("train.augment") and case.network is not None and len(case.network.input_shape) == 3:
        return {"train.augment": f"shift {max(1, round(min(case.network.input_shape[:2]) / 16))}"}
    return {} if case.settings.get("train.l2") else {"train.l2": 0.001}
