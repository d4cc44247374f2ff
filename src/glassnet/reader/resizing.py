"""Pictures and what is worked out on small copies of them, at other sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["enlarged", "reduced"]

Floats = npt.NDArray[np.float32]


def reduced(
    picture: npt.NDArray[np.uint8],
    size: tuple[int, int],
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """The picture (h, w, 1 or 3) at another size (width, height); whole pixels are averaged first, which is fast.

    Examples
    --------
    >>> reduced(np.zeros((40, 60, 3), np.uint8), (20, 10)).size
    (20, 10)
    """
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    factor = int(min(image.width / size[0], image.height / size[1]))
    if factor >= 2:
        image = image.reduce(factor)
    return image if image.size == size else image.resize(size, resampling)


def enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    """Values (h, w) at another size (width, height), straight between those that are there.

    Examples
    --------
    >>> enlarged(np.array([[0.0, 1.0]], np.float32), (4, 1)).tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR), np.float32)
