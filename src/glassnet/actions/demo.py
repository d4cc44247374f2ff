"""A first look at glassnet on what comes with it: gradients checked, a training on digits, a page read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import glassnet.reader
from glassnet.actions.check import check
from glassnet.actions.events import Events
from glassnet.actions.read import PagesRead, read
from glassnet.actions.train import Trained, train
from glassnet.check import Check
from glassnet.train import Progress

__all__ = ["SETTINGS", "Demo", "demo"]

NETWORK = "linear 128 -> relu -> linear 10"
PAGE = Path(glassnet.reader.__file__).with_name("sample.jpg")

# Those of recipes/digits.toml, which is no part of the package.
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "data.validation": 0.15,
        "model.network": "linear 128 -> relu -> dropout 0.2 -> linear",
        "model.preprocess": "scale -> standardise",
        "optimizer.name": "adamw",
        "optimizer.lr": 0.004,
        "train.epochs": 60,
        "train.batch": 32,
        "train.schedule": "onecycle",
        "train.augment": "shift 0.7 -> rotate 8",
        "train.seed": 1,
    }
)


@dataclass(frozen=True, eq=False)
class Demo:
    """What came of each part.

    Attributes
    ----------
    check : Check
        The gradients of a network against central differences.
    trained : Trained
        A run on the digits of 8x8 pixels that come with scikit-learn.
    pages : PagesRead
        A hand-printed page that comes with glassnet.
    """

    check: Check
    trained: Trained
    pages: PagesRead

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {"check": self.check.to_dict(), "train": self.trained.to_dict(), "read": self.pages.to_dict()}


def demo(
    out: str | Path | None = None,
    *,
    epochs: int | None = None,
    on_part: Callable[[Check | Trained | PagesRead], None] = lambda found: None,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
) -> Demo:
    """Check every gradient of a network, train one on digits, and read a page; nothing is downloaded.

    Parameters
    ----------
    out : path, optional
        The run folder, new or empty; None takes runs/digits-NUMBER.
    epochs : int, optional
        Passes over the digits, at least 1; None takes 60.
    on_part : callable
        Is given each part's result as soon as it is there.
    make_progress : callable
        Makes what is told of steps and epochs.
    events : Events, optional
        Told which part begins.

    Raises
    ------
    GlassnetError
        The run folder is not empty, or the number of epochs is below 1.
    """
    events = events or Events()
    events.say("== every gradient of a network against central differences")
    checked = check(NETWORK, (8, 8, 1))
    on_part(checked)
    events.say("== training on handwritten digits of 8x8 pixels")
    settings = {**SETTINGS, **({} if epochs is None else {"train.epochs": epochs})}
    trained = train("digits", settings, out, make_progress=make_progress, events=events)
    on_part(trained)
    events.say("== reading a hand-printed page")
    pages = read([PAGE])
    if pages.errors:
        raise pages.errors[0]
    on_part(pages)
    return Demo(checked, trained, pages)
