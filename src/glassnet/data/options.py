"""How a data set is to be read: what `load` hands to the format or the known set that it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError
from glassnet.notation import is_real, is_whole

__all__ = ["MEMORY_SHARE", "LineOptions", "OnPictures", "ReadOptions", "every_few_seconds"]

MEMORY_SHARE = 0.25
"""Of the machine's memory, that decoded pictures may take before they are streamed: splits copy them once or twice."""

OnPictures = Callable[[str, int, int], None]
"""Called as `progress(what is done, pictures so far, pictures in all)`."""


@dataclass(frozen=True)
class LineOptions:
    """How a set of lines of writing is to be made.

    Parameters
    ----------
    per_epoch : int
        Lines that are drawn for an epoch of training.
    validation, test : int or None
        Lines that are held out at most; 0 for no such part; None is the set's own number.
    height : int
        Of every line, in pixels.
    seed : int
        Of the lines that are drawn. Those held out are the same for every seed.

    Raises
    ------
    DataError
        A number outside its range.

    Examples
    --------
    >>> from glassnet.data import LineOptions
    >>> LineOptions(per_epoch=1000).height
    32
    >>> LineOptions(per_epoch=0)
    Traceback (most recent call last):
    ...
    glassnet.errors.DataError: For lines of writing, 'per_epoch' is a whole number of at least 1. Got 0 instead.
    """

    per_epoch: int = 50_000
    validation: int | None = None
    test: int | None = None
    height: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"per_epoch": 1, "validation": 0, "test": 0, "height": 8, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and not (is_whole(value) and value >= least):
                raise DataError(
                    f"For lines of writing, '{name}' is a whole number of at least {least}. Got {value!r} instead."
                )


@dataclass(frozen=True)
class ReadOptions:
    """How a data set is to be read.

    Parameters
    ----------
    image_size : (int, int) or None
        (H, W) that picture files are brought to; None is the size that they share.
    reading : Reading or None
        How they are resized to it; None is the format's own way.
    memory_share : float
        From 0 to 1; sets of pictures that would take more of the machine's memory are decoded on the way, and with 0
        all are.
    progress : Progress or None
        Told how far the reading of picture files is.
    skip_bad : bool
        Leave out pictures that cannot be read; the notes name them. Else the first of them is an error.
    lines : LineOptions
        How a set of lines of writing is made.

    Raises
    ------
    DataError
        A size, or a share, outside its range; a reading without a size.

    Examples
    --------
    >>> from glassnet.data import ReadOptions
    >>> ReadOptions().image_size is None
    True
    """

    image_size: tuple[int, int] | None = None
    reading: Reading | None = None
    memory_share: float = MEMORY_SHARE
    progress: OnPictures | None = None
    skip_bad: bool = False
    lines: LineOptions = LineOptions()

    def __post_init__(self) -> None:
        size, share = self.image_size, self.memory_share
        if size is not None and (len(size) != 2 or min(size) < 1 or max(size) > 4096):
            raise DataError(f"An image size is H W, each from 1 to 4096. Got {tuple(size)} instead.")
        if self.reading is not None and size is None:
            raise DataError("A reading brings pictures to an image size; give that size as well.")
        if not is_real(share) or not 0 <= share <= 1:
            raise DataError(f"A share of memory is a number from 0 to 1. Got {share!r} instead.")

    @property
    def chosen_reading(self) -> Reading:
        """The reading, `stretch` where none is given."""
        return self.reading or STRETCHED

    def refuse_size(self, name: str) -> None:
        """Raise `DataError` where an image size is asked for; `name` is of a set whose pictures have a fixed size."""
        if self.image_size is not None:
            h, w = self.image_size
            raise DataError(
                f"An image size applies to picture files; '{name}' has its own. Use the preprocessing step 'resize {h} "
                f"{w}'."
            )


def every_few_seconds(say: Callable[[str], None], seconds: float = 5.0) -> OnPictures:
    """Progress as lines of text, such as "reading pictures: 1,200 of 50,000", one in so many seconds.

    What is done within that time is not mentioned.

    Examples
    --------
    >>> from glassnet.data import every_few_seconds
    >>> tell = every_few_seconds(print, seconds=0)
    >>> for done in (0, 1200):
    ...     tell("reading pictures", done, 50_000)
    reading pictures: 1,200 of 50,000
    """
    latest, about = time.monotonic(), ""

    def tell(what: str, done: int, total: int) -> None:
        nonlocal latest, about
        now = time.monotonic()
        if what != about:
            latest, about = now, what
        elif now - latest >= seconds:
            latest = now
            say(f"{what}: {done:,} of {total:,}")

    return tell
