"""Lines of writing as a part of a data set, and how batches of them reach a network.

A picture set is an array of pictures, each with a class. Lines have widths of their own and a text in place of a class,
and there may be more of them than anybody could keep: those to train on are drawn anew for every epoch. `LineSet` is
such a part of a data set; `LineFeed` makes the batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from glassnet.data.ahead import Ahead
from glassnet.data.augment import Augmentation
from glassnet.data.dataset import Dataset
from glassnet.data.names import checked_names
from glassnet.data.preprocess import Preprocess
from glassnet.data.reading import STRETCHED
from glassnet.errors import DataError

__all__ = ["LineFeed", "LineSet", "Lines", "by_width", "line_set", "text_of"]

Whole = npt.NDArray[np.int64]

_TOGETHER = 64  # lines that are measured in one batch
_WIDTH = 64  # pixels that a network is laid out for; it takes lines of every width


class Lines(Protocol):
    """What gives strips of writing, by number."""

    def __len__(self) -> int:
        """How many there are, or make an epoch."""

    def take(self, indices: Whole, epoch: int) -> tuple[npt.NDArray[Any], Sequence[Any]]:
        """The lines `indices` (n,) as they are in `epoch`: strips (n, height, width, channels), uint8 in 0 ... 255 or
        float32 in 0 ... 1, of one width, and the labels of each. They depend on nothing else.
        """


class LineSet(Dataset):
    """A part of a data set that is made of lines of writing.

    It stands wherever a `Dataset` does. It has no array of all pictures: whatever asks for `images`, `labels` or a
    subset is refused in one line.

    Parameters
    ----------
    lines : Lines
        What gives the strips.
    class_names : tuple of str
        The characters, in the order of the labels; a space is called "space".
    height : int
        Of every strip, in pixels.
    name : str
        What the set is called in reports.
    sha256 : str
        What tells this part from others: the SHA-256 of whatever the strips are made from, settings included.
    widths : (n,) integers, optional
        The width of each line, as `take` gives it; lines of one width are measured together. None: the first line of a
        batch chooses the width of all, as where lines are drawn.
    groups : mapping of str to sequence of n str, optional
        By what the lines are told apart in the figures: {"style": ("printed", "cursive", ...)}.
    notes : tuple of str
        What a reader of the result should know.
    channels : int
        Of the strips.

    Examples
    --------
    >>> from glassnet.data import LineSet
    >>> class Strokes:
    ...     def __len__(self):
    ...         return 5
    ...     def take(self, indices, epoch):
    ...         return np.zeros((len(indices), 32, 40, 1), np.uint8), [[0, 1]] * len(indices)
    >>> LineSet(Strokes(), ("a", "b"), height=32, name="strokes", sha256="0" * 64)
    LineSet('strokes', 5 lines 32 high, 2 characters)
    """

    holds_lines: ClassVar[bool] = True

    def __init__(
        self,
        lines: Lines,
        class_names: Sequence[str],
        *,
        height: int,
        name: str,
        sha256: str,
        widths: npt.ArrayLike | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        notes: Sequence[str] = (),
        channels: int = 1,
    ) -> None:
        own = {
            "lines": lines,
            "class_names": checked_names(tuple(class_names), f"Data set '{name}'"),
            "name": name,
            "sha256": sha256,
            "widths": None if widths is None else np.asarray(widths),
            "groups": {key: tuple(values) for key, values in (groups or {}).items()},
            "notes": tuple(notes),
            "_shape": (height, _WIDTH, channels),
            "reading": STRETCHED,
            "columns": (),
            "label_kind": "text",
            "files": None,
        }
        for key, value in own.items():
            object.__setattr__(self, key, value)  # the base is frozen

    lines: Lines
    widths: npt.NDArray[Any] | None
    groups: Mapping[str, tuple[str, ...]]
    _shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"LineSet('{self.name}', {len(self):,} lines {self.image_shape[0]} high, {self.classes} characters)"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C), W being the width that a network is laid out for."""
        return self._shape

    @property
    def pixel_type(self) -> str:
        return "strips"

    def take(self, indices: Whole, epoch: int) -> tuple[npt.NDArray[Any], Sequence[Any]]:
        """As of `Lines`."""
        return self.lines.take(indices, epoch)

    def together(self) -> Iterator[Whole]:
        """The numbers of all lines, in batches that are measured together: of one width, and not too many."""
        return by_width(np.zeros(len(self)) if self.widths is None else self.widths)

    def with_notes(self, notes: Sequence[str]) -> LineSet:
        made = LineSet.__new__(LineSet)
        for key, value in {**vars(self), "notes": (*self.notes, *notes)}.items():
            object.__setattr__(made, key, value)
        return made

    # ---- what lines do not have

    @property
    def images(self) -> Any:  # type: ignore[override]
        self._refuse()

    @property
    def labels(self) -> Any:  # type: ignore[override]
        self._refuse()

    @property
    def picture_digests(self) -> Any:  # type: ignore[override]
        self._refuse()

    def subset(self, indices: Any) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise DataError(
            f"'{self.name}' is made of lines of writing, not of pictures with a class each. A network that reads lines"
            " (loss 'ctc') is trained and evaluated on them, and nothing else."
        )


class LineFeed:
    """Gives (x, labels) of chosen lines, x (n, H, W, C) float32 as the network takes it, see `glassnet.train.Feed`.

    There is no augmentation: lines are varied where they are made. Those of a training, which has a seed, are made
    while the network works on the batch before.

    Raises
    ------
    DataError
        The data are pictures with classes.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        *,
        rebuild: bool = False,
        augmentation: Augmentation | None = None,
        seed: int | None = None,
    ) -> None:
        self.dataset, self.preprocess = line_set(dataset), preprocess
        self._source = self.dataset if seed is None else Ahead(self.dataset, seed)

    def __len__(self) -> int:
        return len(self.dataset)

    def groups(self) -> Iterator[Whole]:
        """The numbers of lines that are evaluated together."""
        return self.dataset.together()

    def take(self, indices: Whole, epoch: int) -> tuple[npt.NDArray[np.float32], list[Any]]:
        """The lines `indices` (n,) as they are in `epoch`."""
        strips, labels = self._source.take(indices, epoch)
        return np.ascontiguousarray(self.preprocess.transform(strips), np.float32), list(labels)

    def close(self) -> None:
        """Make no more batches in advance."""
        if isinstance(self._source, Ahead):
            self._source.close()


def by_width(widths: npt.NDArray[Any], size: int = _TOGETHER) -> Iterator[Whole]:
    """The places of equal widths (n,), the least width first, in batches of `size` at most."""
    for width in np.unique(widths):
        own = np.flatnonzero(widths == width)
        yield from np.split(own, range(size, len(own), size))


def line_set(dataset: Dataset) -> LineSet:
    """The set as lines. Raises `DataError` where it is made of pictures with classes."""
    if not isinstance(dataset, LineSet):
        raise DataError(
            f"'{dataset.name}' is made of pictures with a class each. A network that reads lines (loss 'ctc') takes"
            " lines of writing, such as 'handwriting-lines'."
        )
    return dataset


def text_of(labels: Sequence[int] | Whole, class_names: Sequence[str]) -> str:
    """The text that labels stand for, where each class is a character, and a space is called "space"."""
    names = (class_names[label] for label in labels)
    return "".join(" " if name == "space" else name for name in names)
