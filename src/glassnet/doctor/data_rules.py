"""Rules about how many training pictures there are of each class."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.advice import more_variety, severity
from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.words import some
from glassnet.text import counted

__all__ = ["absent_classes", "few_pictures"]

# `glassnet train digits --set data.train_limit=N`, 60 epochs: 45 % with 3 pictures a class, 82 % with 8, 86 % with 16.
_FEW = 10


def absent_classes(case: Case) -> Iterator[Finding]:
    """Classes that have no training picture."""
    absent = [name for name, count in zip(case.class_names, case.counts, strict=False) if not count]
    if absent:
        have = "has" if len(absent) == 1 else "have"
        yield Finding(
            "absent-classes",
            severity(case),
            f"{len(absent):,} of the {len(case.counts):,} classes {have} no training picture: {some(absent)}.",
            remedy="Add pictures of each class, or leave these classes out.",
            where="training",
        )


def few_pictures(case: Case) -> Iterator[Finding]:
    """Too few pictures of a class to learn it from."""
    counts = [count for count in case.counts if count]
    if not counts or min(counts) >= _FEW:
        return
    least = min(counts)
    if least == max(counts):
        evidence = (
            f"There {'is' if least == 1 else 'are'} only {counted(least, 'picture')} of each class to learn from."
        )
    else:
        names = [n for n, count in zip(case.class_names, case.counts, strict=False) if 0 < count < _FEW]
        evidence = (
            f"There are only {least} to {max(counts)} pictures of a class to learn from; below {_FEW}: {some(names)}."
        )
    remedy = "Add pictures of each class: some tens, better hundreds."
    yield Finding("few-pictures", severity(case), evidence, more_variety(case), remedy, "training")
