"""Findings on classes and their numbers, and on what the reader of a set left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from glassnet.data import Dataset
from glassnet.data.folder import part_of
from glassnet.data.names import listed
from glassnet.doctor.finding import Finding

__all__ = ["absent", "alike_names", "imbalance", "one_label", "part_names", "proportions", "unread"]

# Accuracy suffers more the larger the ratio of the largest to the smallest class: M. Buda, A. Maki, M. Mazurowski, "A
# systematic study of the class imbalance problem in convolutional neural networks", 2018; 10 is its middle ratio.
_RATIO = 10
_CERTAIN, _APART = 1e-6, 0.1  # that proportions differ by chance; half the sum of their differences
_NAMED = 3  # pairs that a sentence names
_LEAST_LETTERS = 3  # of names that case or a plural may make two of: "A" and "a" are two letters

Parts = Mapping[str, Dataset]


def one_label(parts: Parts) -> Iterator[Finding]:
    """A part whose pictures all have one label."""
    for word, part in parts.items():
        counts = part.counts()
        if len(part) > 1 and (counts > 0).sum() == 1:
            name = part.class_names[int(counts.argmax())]
            yield Finding(
                "one-label",
                "failure",
                f"All {len(part):,} {word} pictures are labelled '{name}', of {part.classes:,} classes.",
                remedy="See how the labels were read: a column, an order or a folder is mistaken.",
                where=word,
            )


def absent(parts: Parts) -> Iterator[Finding]:
    """Classes that have no picture in a part."""
    for word, part in parts.items():
        counts = part.counts()
        missing = [part.class_names[label] for label in np.flatnonzero(counts == 0)]
        if not missing or (counts > 0).sum() == 1:
            continue
        have = "has" if len(missing) == 1 else "have"
        yield Finding(
            "absent-classes",
            "warning",
            f"{len(missing):,} of the {part.classes:,} classes {have} no {word} picture: {listed(missing)}.",
            remedy="Add pictures of each class, or leave these classes out.",
            where=word,
        )


def imbalance(parts: Parts) -> Iterator[Finding]:
    """One class with many times the pictures of another, in the part that is trained on."""
    word, part = next(iter(parts.items()))
    counts = part.counts()
    there = np.flatnonzero(counts)
    few, many = there[counts[there].argmin()], there[counts[there].argmax()]
    if counts[many] < _RATIO * counts[few] or len(there) < 2:
        return
    share = counts[many] / counts.sum()
    yield Finding(
        "imbalance",
        "warning",
        f"There are {counts[many]:,} {word} pictures of '{part.class_names[many]}' and {counts[few]:,} of"
        f" '{part.class_names[few]}'; always answering '{part.class_names[many]}' is right on {100 * share:.0f} %.",
        remedy="Add pictures of the rare classes, and judge by the accuracy of each class.",
        where=word,
    )


def proportions(parts: Parts) -> Iterator[Finding]:
    """Classes in other proportions in one part than in the part that is trained on."""
    from scipy import stats  # slow to import, and seldom needed

    (first, training), *others = parts.items()
    counts = training.counts()
    for word, part in others:
        theirs = part.counts()
        table = np.stack([counts, theirs])[:, (counts + theirs) > 0]
        if table.shape[1] < 2 or (counts > 0).sum() < 2 or (theirs > 0).sum() < 2:
            continue
        shares = table / table.sum(axis=1, keepdims=True)
        apart = np.abs(shares[0] - shares[1]).sum() / 2
        if apart < _APART or stats.chi2_contingency(table).pvalue > _CERTAIN:
            continue
        label = int(np.abs(counts / len(training) - theirs / len(part)).argmax())
        yield Finding(
            "other-proportions",
            "warning",
            f"The classes are in other proportions in the {word} part: '{training.class_names[label]}' is"
            f" {100 * counts[label] / len(training):.0f} % of the {first} pictures and"
            f" {100 * theirs[label] / len(part):.0f} % of the {word} pictures.",
            remedy="Draw the parts from one set, class by class.",
            where=word,
        )


def alike_names(parts: Parts) -> Iterator[Finding]:
    """Two class names that differ by case, blanks, signs or a plural."""
    names = next(iter(parts.values())).class_names
    seen: dict[str, list[str]] = {}
    for name in names:
        plain = re.sub(r"[\W_]+", "", name.casefold())
        if len(plain) < _LEAST_LETTERS or plain.isdigit():
            continue
        stem = re.sub(r"(?<=[sxz])es$|(?<=[cs]h)es$|(?<=[^s])s$", "", plain)
        seen.setdefault(stem if len(stem) >= _LEAST_LETTERS else plain, []).append(name)
    alike = [found for found in seen.values() if len(found) > 1]
    if alike:
        more = f", and {len(alike) - _NAMED:,} more pairs" if len(alike) > _NAMED else ""
        yield Finding(
            "alike-names",
            "warning",
            "Classes may be one under several names: "
            + "; ".join(" and ".join(f"'{name}'" for name in found) for found in alike[:_NAMED])
            + f"{more}.",
            remedy="Join them where they are one thing, or rename them.",
        )


def part_names(parts: Parts) -> Iterator[Finding]:
    """Classes that are called like the parts of a set."""
    names = next(iter(parts.values())).class_names
    found = [name for name in names if part_of(name) is not None]
    if not found or (len(found) < len(names) and [name.lower() for name in found] == ["train"]):
        return  # beside "bus" and "car", a train is a train
    yield Finding(
        "part-names",
        "failure",
        f"There {'are classes' if len(found) > 1 else 'is a class'} called {listed(found)}: that is what parts of a set"
        " are called, so a level of folders may be mistaken for the classes.",
        remedy="Put the pictures into PART/CLASS/picture, or name the folder that holds the classes.",
    )


def unread(parts: Parts) -> Iterator[Finding]:
    """Files that were left out when the set was read."""
    notes = dict.fromkeys(note for part in parts.values() for note in part.notes)
    for note in notes:
        if note.startswith("Not read:") or "left out:" in note:
            yield Finding(
                "unread-files",
                "warning",
                note,
                remedy="Replace or move these files, so that what is read is what you mean.",
            )
