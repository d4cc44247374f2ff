"""A list of picture files becomes the images of a data set: in memory where they fit, else decoded when needed.

Every file is opened once. The size that all share, and whether all are grey, is known only after the last one: so what
was decoded is brought to the size and channels that the pictures so far ask for, which changes twice at most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from glassnet.data.memory import machine_memory
from glassnet.data.options import ReadOptions
from glassnet.data.picture_files import Images, PictureFiles
from glassnet.data.pictures import FALLBACK_SIZE, Shape, common_size, picture_info, read_picture, read_sized
from glassnet.data.reading import Reading
from glassnet.errors import DataError, Fix

__all__ = ["gather"]

Pixels = npt.NDArray[np.uint8]


def gather(
    parts: Mapping[str, Sequence[Path]], options: ReadOptions, channels: int = 1
) -> tuple[dict[str, Images], tuple[str, ...]]:
    """(the images of each part, notes): all at one shape (see `common_size`).

    Parameters
    ----------
    parts : mapping of str to sequence of Path
        The picture files of each part.
    options : ReadOptions
        How they are read; where all decoded pictures would exceed its share of the machine's memory, the images are
        `PictureFiles`.
    channels : int
        The least number of channels, 1 or 3.

    Raises
    ------
    DataError
        As `read_picture` does.
    """
    gathering = _Gathering(parts, options, channels)
    total = sum(map(len, parts.values()))
    for part, files in parts.items():
        for row, file in enumerate(files):
            try:
                gathering.add(part, row, file)
            except DataError as error:
                raise error if error.fix else DataError(error.message, Fix.SKIP_BAD) from error
            if options.progress is not None:
                options.progress("reading pictures", len(gathering.infos), total)
    return gathering.finished(), common_size(gathering.infos, options.image_size)[1]


class _Gathering:
    """The pictures so far: the shape that they ask for, and their pixels at that shape while all would fit."""

    def __init__(self, parts: Mapping[str, Sequence[Path]], options: ReadOptions, channels: int) -> None:
        self.parts, self.options, self.channels = parts, options, channels
        self.reading: Reading = options.chosen_reading
        self.infos: list[Shape] = []
        self.size = options.image_size
        self.held: dict[str, Pixels] = {}
        self.read = {part: np.zeros(len(files), bool) for part, files in parts.items()}
        self._most = options.memory_share * machine_memory()

    def add(self, part: str, row: int, file: Path) -> None:
        """Read one picture, or its header alone while the pictures would not fit."""
        if self.infos and not self._fits():
            self._ask_for(picture_info(file))
            return
        info, pixels = read_sized(file, self.size if self._fallen_back() else self.options.image_size, self.reading)
        self._ask_for(info)
        if self._fits():
            self._hold()
            self.held[part][row] = _brought(pixels, self.size, self.reading)
            self.read[part][row] = True
        else:
            self._drop()

    def _drop(self) -> None:
        self.held.clear()
        for read in self.read.values():
            read[:] = False

    def finished(self) -> dict[str, Images]:
        """The images of each part, those in memory that do not fail to fit."""
        if not self._fits():
            shape, told = self._shape(), self.options.progress
            return {part: PictureFiles(files, shape, self.reading, told) for part, files in self.parts.items()}
        self._hold()
        for part, files in self.parts.items():
            for row in np.flatnonzero(~self.read[part]).tolist():  # read when a larger size was in sight
                self.held[part][row] = read_picture(files[row], self._shape(), self.reading)
        return dict(self.held)

    def _shape(self) -> Shape:
        assert self.size is not None
        return (*self.size, self.channels)

    def _fallen_back(self) -> bool:
        return self.options.image_size is None and len(self.infos) > 1 and self.size == FALLBACK_SIZE

    def _ask_for(self, info: Shape) -> None:
        self.infos.append(info)
        self.channels = max(self.channels, info[2])
        if self.options.image_size is None and self.size != info[:2]:
            self.size = info[:2] if len(self.infos) == 1 else FALLBACK_SIZE

    def _fits(self) -> bool:
        bytes_each = math.prod(self._shape())
        return self._most > 0 and sum(map(len, self.parts.values())) * bytes_each <= self._most

    def _hold(self) -> None:
        """Bring what is held to the shape that is asked for now."""
        shape = self._shape()
        for part, files in self.parts.items():
            before = self.held.get(part)
            if before is not None and before.shape[1:] == shape:
                continue
            made = self.held[part] = np.empty((len(files), *shape), np.uint8)
            for row in np.flatnonzero(self.read[part]) if before is not None else ():
                made[row] = _brought(before[row], self.size, self.reading)  # type: ignore[index]


def _brought(pixels: Pixels, size: tuple[int, int] | None, reading: Reading) -> Pixels:
    """Pixels (H, W, C) at the size; C stays, and grey is copied into three channels where it is assigned to them."""
    if size is None or pixels.shape[:2] == size:
        return pixels
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return np.asarray(reading.bring(picture, size)).reshape(*size, pixels.shape[2])
