"""What is wrong with the pictures and labels of a data set: every check is a small function that gives findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from glassnet.data import Dataset
from glassnet.data.options import OnPictures
from glassnet.doctor import classes, copies, labels, pixels
from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.doctor.sketches import Sketches, sketch
from glassnet.errors import DataError

__all__ = ["LookedAt", "examine_pictures", "look_at"]

OfParts = Callable[[Mapping[str, Dataset]], Iterator[Finding]]
OfPixels = Callable[[Sketches], Iterator[Finding]]
OfCopies = Callable[[Sketches, copies.Copies], Iterator[Finding]]

# In the order in which findings of one severity are told: what makes all else worthless, then what costs accuracy.
_LABELS: tuple[OfParts, ...] = (classes.part_names, classes.one_label)
_PIXELS: tuple[OfPixels, ...] = (
    pixels.not_finite,
    pixels.ranges,
    pixels.inverted,
    pixels.channels,
    pixels.blank,
    pixels.sizes,
    pixels.frames,
)
_COPIES: tuple[OfCopies, ...] = (copies.leaks, copies.two_labels, copies.repeated)
_NUMBERS: tuple[OfParts, ...] = (
    classes.absent,
    classes.imbalance,
    classes.proportions,
    classes.alike_names,
    classes.unread,
)


@dataclass(frozen=True)
class LookedAt:
    """The pictures of a set and what the checks say of them.

    Attributes
    ----------
    findings : tuple of Finding
        The worst first; nothing where all is well.
    sketches : Sketches
        Of all pictures.
    same : Copies
        Which pictures are there more than once.
    judged : Judged or None
        What a quick classifier says of the labels; None where there are too few pictures.
    """

    findings: tuple[Finding, ...]
    sketches: Sketches
    same: copies.Copies
    judged: labels.Judged | None


def examine_pictures(
    parts: Mapping[str, Dataset], *, seed: int = 0, limit: int = 100_000, progress: OnPictures | None = None
) -> tuple[Finding, ...]:
    """All that the checks find wrong with the pictures and labels of a set, the worst first; nothing where all is well.

    Parameters
    ----------
    parts : mapping of str to Dataset
        The parts by name, as "training", "validation", "test"; the first is the one that is trained on. Their pictures
        may be on the disk: they are then decoded twice.
    seed : int
        Of what is drawn where there are more pictures than `limit`, and of the folds by which labels are checked.
    limit : int
        Different pictures among which nearly equal ones are looked for at most.
    progress : OnPictures, optional
        Called as `progress(what is done, pictures so far, pictures in all)`.

    Raises
    ------
    DataError
        There is no part, the parts have other classes or pictures of other shapes, or a picture cannot be read.

    Examples
    --------
    >>> from glassnet.data import dataset_of
    >>> from glassnet.doctor import examine_pictures
    >>> pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    >>> pictures[1] = pictures[0]
    >>> [finding.name for finding in examine_pictures({"train": dataset_of(pictures, np.arange(40) % 2)})]
    ['two-labels']
    """
    return look_at(parts, seed=seed, limit=limit, progress=progress).findings


def look_at(
    parts: Mapping[str, Dataset], *, seed: int = 0, limit: int = 100_000, progress: OnPictures | None = None
) -> LookedAt:
    """As `examine_pictures`, with what the findings are from, so that the pictures themselves can be shown."""
    _check(parts)
    found = [finding for check in _LABELS for finding in check(parts)]
    sketches = sketch(parts, progress)
    found += [finding for look in _PIXELS for finding in look(sketches)]
    same = copies.copies(sketches, limit, seed)
    found += copies.doubled_classes(sketches, same)
    judged = labels.judge(sketches, same.groups(close=True), seed)
    if judged is not None:
        found += [*labels.unrelated(sketches, judged), *labels.suspicious(sketches, judged)]
    found += [finding for compare in _COPIES for finding in compare(sketches, same)]
    found += [finding for check in _NUMBERS for finding in check(parts)]
    ordered = tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
    return LookedAt(ordered, sketches, same, judged)


def _check(parts: Mapping[str, Dataset]) -> None:
    if not parts:
        raise DataError("There is no part of a data set to examine. Give at least {'training': dataset}.")
    first, *others = parts.values()
    for word, part in zip(list(parts)[1:], others, strict=True):
        if part.class_names != first.class_names:
            raise DataError(f"The {word} part has other class names than the {next(iter(parts))} part.")
        if part.image_shape != first.image_shape:
            raise DataError(
                f"The {word} pictures are {part.image_shape}, those of the {next(iter(parts))} part"
                f" {first.image_shape}; bring them to one shape."
            )
