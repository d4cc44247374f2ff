"""What is wrong with the pictures and labels of a data set: every check is a small function that gives findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from glassnet.data import Dataset
from glassnet.data.options import OnPictures
from glassnet.doctor import classes, copies, pixels
from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.doctor.sketches import Sketches, sketch
from glassnet.errors import DataError

__all__ = ["examine_pictures"]

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
_COPIES: tuple[OfCopies, ...] = (copies.doubled_classes, copies.leaks, copies.two_labels, copies.repeated)
_NUMBERS: tuple[OfParts, ...] = (
    classes.absent,
    classes.imbalance,
    classes.proportions,
    classes.alike_names,
    classes.unread,
)


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
    """
    _check(parts)
    found = [finding for check in _LABELS for finding in check(parts)]
    sketches = sketch(parts, progress)
    found += [finding for look in _PIXELS for finding in look(sketches)]
    same = copies.copies(sketches, limit, seed)
    found += [finding for compare in _COPIES for finding in compare(sketches, same)]
    found += [finding for check in _NUMBERS for finding in check(parts)]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


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
