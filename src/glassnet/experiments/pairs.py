"""Two groups of networks on the pictures that both were evaluated on: how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.errors import DataError, Fix
from glassnet.experiments.contestants import Contestant, Group
from glassnet.experiments.same_pictures import Keys, common_rows
from glassnet.metrics import (
    Difference,
    McNemar,
    difference_by_parts,
    mcnemar,
    more_pictures,
    more_seeds,
    paired_difference,
)
from glassnet.metrics.difference import Outcome, Question

__all__ = ["ACCURACY", "PSNR", "Met", "Pair", "Unit", "meet"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unit:
    """What is compared.

    Attributes
    ----------
    name : str
        "accuracy" or "psnr".
    unit : str
        What differences of it are counted in.
    scale : float
        One of it in this unit: 100 points are an accuracy of 1.
    margin : float
        Differences up to this one count as none, where nobody says otherwise; a convention.
    """

    name: str
    unit: str
    scale: float
    margin: float

    def show(self, value: float) -> str:
        """A difference without its unit."""
        scaled = self.scale * value
        digits = 1 if self.scale > 1 and abs(scaled) >= 0.095 else 2 if abs(scaled) >= 0.0095 or not scaled else 4
        return f"{scaled:.{digits}f}".replace("-0.0000", "0.0000")


ACCURACY = Unit("accuracy", "points", 100.0, 0.005)
PSNR = Unit("psnr", "dB", 1.0, 0.1)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two groups on the same pictures.

    Attributes
    ----------
    first, second : str
        The groups' names.
    found : Difference
        The first less the second. Of the recipes, where there are several seeds; else of these networks.
    networks : Difference
        Of these very networks, seeds as they are.
    loss : Difference or None
        The loss of the first less that of the second, of classifiers.
    test : McNemar or None
        The counts, of two single classifiers.
    p : float
        `found.p` corrected for all pairs that are compared.
    outcome : "first", "second", "equal" or "undecided"
        The verdict.
    pictures, seeds : int or None
        How many more of each are promised to settle what is undecided.
    pictures_as_seen, seeds_as_seen : int or None
        How many would do were the difference seen the true one.
    rows : (Rows, Rows)
        The pictures that both were evaluated on, as rows of the first network of each.
    advantage : (n,) float64
        The share of the first's networks that have a picture right less that of the second's; or of their PSNR.
    """

    first: str
    second: str
    found: Difference
    networks: Difference
    loss: Difference | None
    test: McNemar | None
    p: float
    outcome: Outcome
    pictures: int | None
    seeds: int | None
    pictures_as_seen: int | None
    seeds_as_seen: int | None
    rows: tuple[Rows, Rows]
    advantage: npt.NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first": self.first,
            "second": self.second,
            "outcome": self.outcome,
            **self.found.to_dict(),
            "p_all_pairs": self.p,
            "networks": self.networks.to_dict(),
            "loss": None if self.loss is None else self.loss.to_dict(),
            "mcnemar": None if self.test is None else self.test.to_dict(),
            "more_pictures": self.pictures,
            "more_seeds": self.seeds,
            "more_pictures_as_seen": self.pictures_as_seen,
            "more_seeds_as_seen": self.seeds_as_seen,
        }


@dataclass(frozen=True, eq=False)
class Met:
    """Two groups with what was found of them, before all pairs are looked at."""

    first: Group
    second: Group
    found: Difference
    networks: Difference
    loss: Difference | None
    test: McNemar | None
    rows: tuple[Rows, Rows]
    advantage: npt.NDArray[np.float64]

    def pair(self, p: float, margin: float, level: float) -> Pair:
        outcome = self.found.outcome(margin, p=p, level=level)
        plans: list[int | None] = [None] * 4
        if outcome == "undecided":
            plans = [
                more(self.found, margin=margin, level=level, as_seen=as_seen)
                for as_seen in (False, True)
                for more in (more_pictures, more_seeds)
            ]
        return Pair(
            self.first.name, self.second.name, self.found, self.networks, self.loss, self.test, p, outcome,
            plans[0], plans[1], plans[2], plans[3], self.rows, self.advantage,
        )  # fmt: skip


def meet(first: Group, second: Group, keys: Mapping[int, Keys], told: dict[str, None]) -> Met:
    partners = _by_seed(first, second, keys)
    if partners:
        return _meet_by_parts(first, second, partners, keys)
    members = [*first.members, *second.members]
    rows = common_rows([keys[id(one)] for one in members])
    n, most = len(rows[0]), max(len(one.predictions) for one in members)
    if n < 2:
        raise DataError(
            f"'{first.name}' and '{second.name}' were evaluated on different pictures: "
            f"{'only one is' if n else 'none is'} in both.",
            Fix.GIVE_DATA,
            example="photos",
        )
    if n < most:
        told[f"'{first.name}' and '{second.name}' are compared on the {n:,} pictures that both were evaluated on"] = (
            None
        )
    _require_same_labels(members, rows)
    here, there = (
        [(one, own) for one, own in zip(members, rows, strict=True) if one in group.members]
        for group in (first, second)
    )
    a, b = _figures(here), _figures(there)
    question: Question = "recipes" if len(members) > 2 else "networks"
    networks = paired_difference(a, b, "networks")
    found = paired_difference(a, b) if question == "recipes" else networks
    loss = test = None
    if first.classifies:
        loss = paired_difference(_losses(here), _losses(there), question)
        test = mcnemar(a[0], b[0]) if len(members) == 2 else None
    return Met(first, second, found, networks, loss, test, (here[0][1], there[0][1]), a.mean(axis=0) - b.mean(axis=0))


def _by_seed(first: Group, second: Group, keys: Mapping[int, Keys]) -> list[tuple[Contestant, Contestant]]:
    """The networks of both in pairs that saw the same pictures, where other seeds saw others; empty otherwise."""
    every = [keys[id(one)].rows.keys() for one in (*first.members, *second.members)]
    if len(first.members) < 2 or len(first.members) != len(second.members) or all(k == every[0] for k in every[1:]):
        return []
    free, found = list(second.members), []
    for one in first.members:
        fitting = [two for two in free if keys[id(two)].rows.keys() == keys[id(one)].rows.keys()]
        if not fitting:
            return []
        chosen = min(fitting, key=lambda two: two.seed != one.seed)
        free.remove(chosen)
        found.append((one, chosen))
    return found


def _meet_by_parts(
    first: Group, second: Group, partners: Sequence[tuple[Contestant, Contestant]], keys: Mapping[int, Keys]
) -> Met:
    differences, losses, all_a, all_b, kept = [], [], [], [], None
    for one, two in partners:
        rows = common_rows([keys[id(one)], keys[id(two)]])
        _require_same_labels([one, two], rows)
        a, b = _figures([(one, rows[0])]), _figures([(two, rows[1])])
        all_a.append(a[0])
        all_b.append(b[0])
        differences.append(float(a.mean() - b.mean()))
        if first.classifies:
            losses.append(float(_losses([(one, rows[0])]).mean() - _losses([(two, rows[1])]).mean()))
        kept = kept or (rows[0], rows[1])
    assert kept is not None
    n, share = (
        round(float(np.mean([len(own) for own in all_a]))),
        float(np.mean([a.held_out_share for a, _ in partners])),
    )
    networks = paired_difference(np.concatenate(all_a), np.concatenate(all_b), "networks")
    loss = difference_by_parts(losses, n, share) if losses else None
    advantage = all_a[0].astype(np.float64) - all_b[0]
    return Met(first, second, difference_by_parts(differences, n, share), networks, loss, None, kept, advantage)


def _require_same_labels(members: Sequence[Contestant], rows: Sequence[Rows]) -> None:
    names = members[0].true_names[rows[0]]
    for one, own in zip(members[1:], rows[1:], strict=True):
        if other := int((one.true_names[own] != names).sum()):
            raise DataError(
                f"{other:,} of the {len(names):,} pictures have another class in '{one.name}' than in"
                f" '{members[0].name}'; compare networks on the same labels."
            )


def _figures(members: Sequence[tuple[Contestant, Rows]]) -> npt.NDArray[Any]:
    """(S, n): whether each picture is right, or its PSNR; what is exact by all is as good as anything."""
    if members[0][0].reconstruction is None:
        return np.stack([one.right[rows] for one, rows in members])
    found = np.stack([one.reconstruction.per_image[rows] for one, rows in members if one.reconstruction is not None])
    if not np.isfinite(found).all():
        raise DataError(
            f"'{members[0][0].name}' reconstructs a picture exactly: its PSNR is infinite, and no mean can be compared."
        )
    return found


def _losses(members: Sequence[tuple[Contestant, Rows]]) -> npt.NDArray[np.float64]:
    return np.stack([one.losses[rows] for one, rows in members])
