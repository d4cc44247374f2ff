"""How a picture of any size comes to the one size that a network takes: part of the model, as its preprocessing is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import Image

from glassnet.errors import DataError, NotationError
from glassnet.notation import parse

__all__ = ["STRETCHED", "Reading"]

_LARGEST_SIDE = 4096
_LARGEST_PICTURE = 100_000_000  # pixels, after the resize
_USAGE = "Write 'stretch', or 'shortest-side 256 -> centre-crop'; either may say ', bicubic'."


@dataclass(frozen=True)
class Reading:
    """The way from a picture of any size to H x W pixels; each way resizes linearly or cubically, with antialiasing.

    - `stretch`: resize to H x W; the aspect ratio gives way
    - `shortest-side S -> centre-crop`: resize so that the shortest side has S pixels and the aspect ratio stays (the
      long side is cut to whole pixels), then take the H x W pixels in the middle, as networks are evaluated on ImageNet
      (Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 2; S 256 for H x W 224x224)

    Attributes
    ----------
    shortest_side : int or None
        S, or None for `stretch`.
    bicubic : bool
        Whether the resize interpolates by cubics: `shortest-side 256, bicubic -> centre-crop`.

    Examples
    --------
    >>> from glassnet.data import Reading
    >>> Reading(shortest_side=256).shortest_side
    256
    """

    shortest_side: int | None = None
    bicubic: bool = False

    def __post_init__(self) -> None:
        side = self.shortest_side
        if side is not None and (isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= _LARGEST_SIDE):
            raise NotationError(f"A shortest side is a whole number from 1 to {_LARGEST_SIDE}. Got {side!r} instead.")

    @classmethod
    def parse(cls, notation: str) -> Reading:
        """The reading that is written so. Raises `NotationError`."""
        steps = parse(notation, "reading")
        words = [step.word for step in steps]
        first, named = steps[0].split(("bicubic",))
        bicubic = "bicubic" in named
        if not named.get("bicubic") and not any(step.arguments for step in steps[1:]):
            if words == ["stretch"] and not first:
                return cls(bicubic=bicubic)
            if words == ["shortest-side", "centre-crop"] and len(first) == 1 and re.fullmatch("[0-9]{1,6}", first[0]):
                return cls(int(first[0]), bicubic)
        raise NotationError(f"The reading '{notation[:60]}' is not understood. {_USAGE}")

    def notation(self) -> str:
        """The reading in arrow notation; `parse` of it gives the same."""
        how = ", bicubic" if self.bicubic else ""
        return (
            f"stretch{how}" if self.shortest_side is None else f"shortest-side {self.shortest_side}{how} -> centre-crop"
        )

    def check(self, size: tuple[int, int]) -> None:
        """Raise `DataError` where the window of `size` (H, W) is larger than the resized picture may be."""
        if self.shortest_side is not None and max(size) > self.shortest_side:
            raise DataError(
                f"A window of {size[0]}x{size[1]} pixels does not fit a shortest side of {self.shortest_side}; make the"
                " side longer or the window smaller."
            )

    def bring(self, picture: Image.Image, size: tuple[int, int]) -> Image.Image:
        """The picture at `size` (H, W), which `check` found to fit. Raises `ValueError` for too long a strip."""
        height, width = size
        if self.shortest_side is None:
            return self._resized(picture, height, width)
        side, shortest = self.shortest_side, min(picture.size)
        across, down = (side * length // shortest for length in picture.size)
        if across * down > _LARGEST_PICTURE:
            raise ValueError(f"it is too long a strip, {picture.width} x {picture.height} pixels")
        # Half a pixel is rounded to the even place, as torchvision's crop does: so the same pixels are seen.
        left, top = round((across - width) / 2), round((down - height) / 2)
        return self._resized(picture, down, across).crop((left, top, left + width, top + height))

    def _resized(self, picture: Image.Image, height: int, width: int) -> Image.Image:
        if (picture.height, picture.width) == (height, width):
            return picture
        return picture.resize((width, height), Image.Resampling.BICUBIC if self.bicubic else Image.Resampling.BILINEAR)


STRETCHED = Reading()
