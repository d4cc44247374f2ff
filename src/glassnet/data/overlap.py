"""What the parts of a data set have in common, and what they lack: the remarks that a figure must be read with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glassnet.data.names import listed

__all__ = ["absent_classes", "equal_pictures"]


class Part(Protocol):
    """What is asked of a `Dataset`."""

    @property
    def picture_digests(self) -> list[bytes]: ...
    @property
    def labels(self) -> npt.NDArray[np.int64]: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def classes(self) -> int: ...
    def counts(self) -> npt.NDArray[np.int64]: ...
    def __len__(self) -> int: ...


def equal_pictures(parts: Mapping[str, Part]) -> list[str]:
    """Remarks on pictures that are in two parts, and on pictures that stand under two labels."""
    digests = {word: part.picture_digests for word, part in parts.items()}
    if len(set().union(*digests.values())) == sum(map(len, digests.values())):
        return []
    remarks = []
    words = list(parts)
    for place, word in enumerate(words):
        for earlier in words[:place]:
            known = set(digests[earlier])
            both = sum(digest in known for digest in digests[word])
            if both:
                remarks.append(
                    f"{both:,} of the {len(parts[word]):,} {word} pictures {'is' if both == 1 else 'are'} in the "
                    f"{earlier} part too, pixel for pixel; {'it flatters' if both == 1 else 'they flatter'} the {word} "
                    "figure."
                )
    labels: dict[bytes, set[int]] = {}
    for word, part in parts.items():
        for digest, label in zip(digests[word], part.labels.tolist(), strict=True):
            labels.setdefault(digest, set()).add(label)
    torn = [sorted(found) for found in labels.values() if len(found) > 1]
    if torn:
        names = next(iter(parts.values())).class_names
        example = " and ".join(f"'{names[label]}'" for label in torn[0])
        pictures = "1 picture stands" if len(torn) == 1 else f"{len(torn):,} pictures stand"
        remarks.append(f"{pictures} under more than one label, pixel for pixel; the first under {example}.")
    return remarks


def absent_classes(parts: Mapping[str, Part]) -> list[str]:
    """A remark for each part in which some class has no example."""
    remarks = []
    for word, part in parts.items():
        absent = np.flatnonzero(part.counts() == 0)
        if absent.size:
            remarks.append(
                f"{part.classes - absent.size:,} of the {part.classes:,} classes have pictures in the {word} part; "
                f"none: {listed([part.class_names[label] for label in absent])}."
            )
    return remarks
