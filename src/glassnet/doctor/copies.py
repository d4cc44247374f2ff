"""Findings on pictures that are there more than once: in two parts, in one part, under two labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from glassnet.data.names import listed
from glassnet.doctor.finding import Finding, Severity
from glassnet.doctor.near import Near, near_pairs
from glassnet.doctor.sketches import Sketches

__all__ = ["Copies", "copies", "doubled_classes", "leaks", "repeated", "two_labels"]

_LEAK, _MEANINGLESS = 0.001, 0.05  # of a part's pictures: from here on a leak is told, and a failure
_REPEATED = 0.01  # of a part: fewer copies within a part do no harm worth a word
_SAME_CLASS = 0.5  # of a class's pictures that another class has, too
_NAMED = 3  # pairs that a sentence names

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Copies:
    """Which pictures are there more than once.

    Attributes
    ----------
    first : (N,) integer array
        For each picture the first that is the same pixel for pixel: its own number where there is none before it.
    near : Near
        Pairs that are nearly the same, among the pictures that are `first` of their kind.
    """

    first: Rows
    near: Near

    def groups(self, close: bool) -> Rows:
        """(N,) the same number for pictures that are equal, and with `close` for those that are nearly equal, too."""
        root = self.first.copy()
        for a, b in self.near.pairs.tolist() if close else ():
            low, high = sorted((_root(root, a), _root(root, b)))
            root[high] = low
        return np.array([_root(root, number) for number in range(len(root))], np.int64)


def _root(root: Rows, number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = int(root[number])
    return number


def copies(sketches: Sketches, limit: int, seed: int) -> Copies:
    """Find them; of more than `limit` different pictures, nearly equal ones are looked for among as many drawn ones."""
    digests = np.array([digest for part in sketches.parts.values() for digest in part.picture_digests], dtype="V32")
    _, place, kind = np.unique(digests, return_index=True, return_inverse=True)
    first = place[kind].astype(np.int64)
    own = np.flatnonzero((first == np.arange(len(first))) & ~sketches.blank & sketches.finite)
    if len(own) > limit:
        own = np.sort(np.random.default_rng([seed, len(own)]).choice(own, limit, replace=False))
    return Copies(first, near_pairs(sketches, own))


def leaks(sketches: Sketches, found: Copies) -> Iterator[Finding]:
    """Pictures of one part that are in another."""
    equal, alike = found.first, found.groups(close=True)
    for earlier, later in combinations(range(len(sketches.parts)), 2):
        known, here = sketches.part == earlier, np.flatnonzero(sketches.part == later)
        same = np.isin(equal[here], equal[known])
        near = np.isin(alike[here], alike[known])
        share = near.mean()
        if not near.any() or share < _LEAK:
            continue
        severity: Severity = "failure" if share >= _MEANINGLESS else "warning"
        first, second = sketches.names[earlier], sketches.names[later]
        some = here[near]
        where = [np.flatnonzero(known & (alike == alike[number]))[0] for number in some[:_NAMED]]
        pairs = "; ".join(
            f"{sketches.name(number)} is {sketches.name(other)}"
            for number, other in zip(some.tolist(), where, strict=False)
        )
        yield Finding(
            "leak",
            severity,
            f"{_of(int(near.sum()), len(here), second)} {_are(int(near.sum()))} in the {first} part too"
            f" ({_how(int(same.sum()), int(near.sum()))}), so the {second} figure says too much: {pairs}.",
            remedy=f"Take these pictures out of the {first} part, or leave them out of the {second} figure.",
            where=second,
        )


def repeated(sketches: Sketches, found: Copies) -> Iterator[Finding]:
    """Pictures that are more than once in one part."""
    alike = found.groups(close=True)
    for place, word in enumerate(sketches.names):
        here = np.flatnonzero(sketches.part == place)
        _, kind, counts = np.unique(alike[here], return_inverse=True, return_counts=True)
        extra = len(here) - len(counts)
        if extra < max(2, _REPEATED * len(here)):
            continue
        equal = len(here) - len(np.unique(found.first[here]))
        doubled = here[counts[kind] > 1]
        yield Finding(
            "duplicates",
            "warning",
            f"{_of(extra, len(here), word)} {_are(extra)} there before ({_how(equal, extra)}):"
            f" {sketches.named(doubled, 4)}. Each counts as often as it is there, and parts drawn from them will share"
            " pictures.",
            remedy="Keep one of each, before parts are drawn.",
            where=word,
        )


def two_labels(sketches: Sketches, found: Copies) -> Iterator[Finding]:
    """The same picture under two labels."""
    for close, how in ((False, "pixel for pixel"), (True, "nearly the same")):
        alike = found.groups(close)
        order = np.lexsort((np.arange(len(alike)), alike))
        starts = np.flatnonzero(np.diff(alike[order], prepend=-1))
        groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
        torn = [group for group in groups if len(np.unique(sketches.labels[group])) > 1]
        if close:
            torn = [group for group in torn if len(np.unique(found.first[group])) > 1]
            torn = [g for g in torn if len(_first_labels(sketches, found, g)) > 1]
        if not torn:
            continue
        names = "; ".join(
            " and ".join(
                f"{sketches.name(n)} ('{sketches.class_names[sketches.labels[n]]}')" for n in _two(sketches, g)
            )
            for g in torn[:_NAMED]
        )
        yield Finding(
            "two-labels",
            "warning",
            f"{len(torn):,} {'picture stands' if len(torn) == 1 else 'pictures stand'} under more than one label,"
            f" {how}: {names}.",
            remedy="Give each picture one label, or leave both out.",
            where=sketches.names[int(sketches.part[torn[0][0]])],
        )


def _first_labels(sketches: Sketches, found: Copies, group: Rows) -> set[int]:
    return set(sketches.labels[found.first[group]].tolist())


def _two(sketches: Sketches, group: Rows) -> tuple[int, int]:
    other = group[sketches.labels[group] != sketches.labels[group[0]]]
    return int(group[0]), int(other[0])


def doubled_classes(sketches: Sketches, found: Copies) -> Iterator[Finding]:
    """Two classes with the same pictures."""
    alike, classes = found.groups(close=True), len(sketches.class_names)
    kinds = [set(alike[sketches.labels == label].tolist()) for label in range(classes)]
    shared = np.flatnonzero(np.bincount(alike, minlength=1) > 1)
    if not shared.size:
        return
    some = set(shared.tolist())
    doubled = [kind & some for kind in kinds]
    for one, other in combinations(range(classes), 2):
        both = len(doubled[one] & doubled[other])
        least = min(len(kinds[one]), len(kinds[other]))
        if both >= 2 and both >= _SAME_CLASS * least:
            yield Finding(
                "same-class-twice",
                "failure",
                f"The classes {listed([sketches.class_names[label] for label in (one, other)])} have {both:,} pictures"
                f" in common, of {least:,} in the smaller: nothing tells them apart.",
                remedy="Join the two classes, or take the pictures out of one.",
            )


def _of(count: int, total: int, word: str) -> str:
    return f"{count:,} of the {total:,} {word} pictures"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _how(equal: int, near: int) -> str:
    if equal == near:
        return "pixel for pixel"
    return f"{equal:,} pixel for pixel, {near - equal:,} nearly the same" if equal else "nearly the same"
