"""Networks and recipes compared on the same pictures: how far apart they are, and whether that is chance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.errors import DataError
from glassnet.experiments.contestants import Group, differing
from glassnet.experiments.pairs import ACCURACY, PSNR, Pair, Unit, meet
from glassnet.experiments.same_pictures import keys_of
from glassnet.metrics import holm
from glassnet.metrics.difference import LEVEL

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Groups of networks, compared in pairs.

    Attributes
    ----------
    groups : tuple of Group
        At least two.
    unit : Unit
        What is compared.
    margin : float
        Differences up to this one count as none.
    pairs : tuple of Pair
        Every two of them.
    settings : mapping of str to list
        The settings in which they differ, with the value of each.
    notes : tuple of str
        What a reader should know.
    """

    groups: tuple[Group, ...]
    unit: Unit
    margin: float
    pairs: tuple[Pair, ...]
    settings: Mapping[str, list[Any]]
    notes: tuple[str, ...]

    @property
    def level(self) -> float:
        """Of each interval that decides on equality, so that all hold together (Bonferroni)."""
        return 1.0 - (1.0 - LEVEL) / len(self.pairs)

    @property
    def one_recipe(self) -> bool:
        """Whether all have recipes, and these differ in nothing but the seed."""
        return all(group.settings for group in self.groups) and not self.settings

    def group(self, name: str) -> Group:
        """The group of this name."""
        return next(group for group in self.groups if group.name == name)


def compare(groups: Sequence[Group], *, margin: float | None = None, notes: Sequence[str] = ()) -> Comparison:
    """Compare every two groups on the pictures that both were evaluated on.

    The probabilities are corrected for all pairs (Holm).

    Parameters
    ----------
    groups : sequence of Group
        At least two, of one task.
    margin : float, optional
        Differences up to this one count as none: of accuracy (0.005) or of PSNR in dB. None takes the unit's own.
    notes : sequence of str
        What is known already.

    Raises
    ------
    GlassnetError
        They are fewer than two, of two tasks, of one name, were evaluated on other pictures or have other labels.
    """
    if len(groups) < 2:
        raise DataError(f"A comparison takes at least two networks. Got {len(groups)}.")
    if len({group.name for group in groups}) < len(groups):
        raise DataError("Two of the networks have the same name; name them apart.")
    _require_one_task(groups)
    unit = ACCURACY if groups[0].classifies else PSNR
    margin = unit.margin if margin is None else margin
    members = [one for group in groups for one in group.members]
    keys = dict(zip(map(id, members), keys_of(members), strict=True))
    told = dict.fromkeys(notes)
    met = [meet(first, second, keys, told) for first, second in itertools.combinations(groups, 2)]
    level = 1.0 - (1.0 - LEVEL) / len(met)
    corrected = holm([one.found.p for one in met])
    pairs = tuple(one.pair(p, margin, level) for one, p in zip(met, corrected, strict=True))
    parts = {one.predictions.part for one in members}
    for part, why in (
        ("training", "the pictures that they were trained on"),
        ("validation", "what epochs were chosen by"),
    ):
        if part in parts:
            told[f"these are figures on {why}: they flatter"] = None
    return Comparison(tuple(groups), unit, margin, pairs, differing(groups), tuple(told))


def _require_one_task(groups: Sequence[Group]) -> None:
    other = next((group for group in groups if group.classifies != groups[0].classifies), None)
    if other is not None:
        one, two = (groups[0], other) if groups[0].classifies else (other, groups[0])
        raise DataError(f"'{one.name}' classifies pictures and '{two.name}' reconstructs them: there is no comparing.")
