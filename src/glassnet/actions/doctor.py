"""What is wrong with data, a recipe, a run or a model, and what a change does about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.actions.events import Events
from glassnet.clinic import BUDGET, Examination, open_subject
from glassnet.clinic import examine as examine_subject
from glassnet.doctor import WHY
from glassnet.errors import RecipeError, nearest
from glassnet.notation import is_real

__all__ = ["doctor"]


def doctor(
    what: str | Path,
    *,
    data: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: float | None = None,
    remedies: bool = True,
    silenced: Collection[str] = (),
    weights: str | Path | None = None,
    number_of_threads: int | None = None,
    events: Events | None = None,
) -> Examination:
    """Examine data, a recipe, a run or a model.

    Parameters
    ----------
    what : str or path
        A recipe (ending in .toml), a run folder, a model file or a pretrained network, else data: a folder or file, or
        a known set.
    data : str or path, optional
        What a model is examined on.
    settings : mapping of str to value, optional
        What replaces values of the recipe, by dotted name: {"optimizer.lr": 0.1}.
    budget : float, optional
        Seconds that it may take, reading the data not counted; None: 45.
    remedies : bool
        Whether remedies are tried.
    silenced : collection of str
        Names of findings that are left out.
    weights : path, optional
        A pretrained network's weights.
    number_of_threads : int, optional
        None takes those of the recipe, else every core.
    events : Events, optional
        Told how far it is.

    Raises
    ------
    GlassnetError
        Something cannot be read or does not fit, or there is no finding of a silenced name.
    """
    events = events or Events()
    for name in silenced:
        if name not in WHY:
            raise RecipeError(f"There is no finding '{name}'.{nearest(name, WHY)} There are {', '.join(sorted(WHY))}.")
    seconds = BUDGET if budget is None else budget
    if not is_real(seconds) or not seconds > 0:
        raise RecipeError(f"The time for an examination is a number of seconds above 0. Got {seconds!r} instead.")
    with threads.use(number_of_threads):
        subject = open_subject(what, data=data, settings=settings, weights=weights, say=events.say)
        return examine_subject(
            subject, budget=seconds, remedies=remedies, silenced=frozenset(silenced), told=events.progress
        )
