"""What happens to pictures by themselves, in five severities each: noise, blur, weather, a camera held askew.

The kinds follow Hendrycks and Dietterich (ICLR 2019); the strengths and the random numbers are our own, so figures here
are not those of CIFAR-10-C or MNIST-C. Strengths are for pictures of [0, 1]; lengths are shares of the shorter side, so
that they mean the same at any size. Between two severities, and between a picture as it is (0) and the first, strengths
are interpolated. A picture's random numbers come from the seed, the kind, the severity (rounded up) and its place in
the set.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from glassnet.data.pictures import open_picture
from glassnet.errors import RecipeError, nearest
from glassnet.nn.functional.arrays import Array

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "corrupt"]

SEVERITIES = (1, 2, 3, 4, 5)


class Corruption(NamedTuple):
    """A kind of corruption.

    Attributes
    ----------
    change : callable
        From a picture (H, W, C) in [0, 1], a strength and a generator to the corrupted picture.
    strengths : tuple of float
        At severities 1 to 5.
    neutral : float
        The strength that changes nothing.
    either_way : bool
        Whether it goes either way, drawn for each picture: the strength gets a sign.

    Examples
    --------
    >>> from glassnet.attack import CORRUPTIONS
    >>> CORRUPTIONS["rotation"].strength(2), CORRUPTIONS["rotation"].either_way  # degrees
    (16.0, True)
    """

    change: Callable[[Array, float, np.random.Generator], Array]
    strengths: tuple[float, ...]
    neutral: float = 0.0
    either_way: bool = False

    def strength(self, severity: float) -> float:
        """That of a severity from 0 to 5."""
        return float(np.interp(severity, (0, *SEVERITIES), (self.neutral, *self.strengths)))


def _noise(x: Array, strength: float, rng: np.random.Generator) -> Array:
    return x + strength * rng.standard_normal(x.shape)


def _blur(x: Array, strength: float, rng: np.random.Generator) -> Array:
    sigma = strength * min(x.shape[:2])
    found: Array = ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest")
    return found


def _contrast(x: Array, strength: float, rng: np.random.Generator) -> Array:
    mean = x.mean()
    found: Array = mean + strength * (x - mean)
    return found


def _brightness(x: Array, strength: float, rng: np.random.Generator) -> Array:
    return x + strength


def _shift(x: Array, strength: float, rng: np.random.Generator) -> Array:
    angle, length = rng.uniform(0, 2 * np.pi), strength * min(x.shape[:2])
    return _moved(x, np.eye(2), (length * np.sin(angle), length * np.cos(angle)))


def _rotation(x: Array, strength: float, rng: np.random.Generator) -> Array:
    angle = np.deg2rad(strength)
    return _moved(x, np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]))


def _scale(x: Array, strength: float, rng: np.random.Generator) -> Array:
    factor = 1 + strength if strength >= 0 else 1 / (1 - strength)
    return _moved(x, np.eye(2) / factor)


def _crop(x: Array, strength: float, rng: np.random.Generator) -> Array:
    """The middle alone, enlarged."""
    return _moved(x, np.eye(2) * (1 - strength))


def _moved(x: Array, matrix: Array, offset: tuple[float, float] = (0.0, 0.0)) -> Array:
    """The picture turned, scaled and shifted about its middle, interpolated linearly; the rim is repeated."""
    middle = (np.array(x.shape[:2]) - 1) / 2
    start = middle - matrix @ (middle + np.array(offset))
    planes = [ndimage.affine_transform(x[:, :, c], matrix, start, order=1, mode="nearest") for c in range(x.shape[2])]
    return np.stack(planes, axis=2)


def _jpeg(x: Array, strength: float, rng: np.random.Generator) -> Array:
    pixels = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if x.shape[2] == 1 else pixels).save(content, "JPEG", quality=int(strength))
    with open_picture(content) as image:
        return np.asarray(image, np.float64).reshape(x.shape) / 255


def _fog(x: Array, strength: float, rng: np.random.Generator) -> Array:
    """A white veil, thicker and thinner in clouds: noise of all sizes, the larger the stronger."""
    h, w, _ = x.shape
    cloud = np.zeros((h, w))
    for octave in range(1, 5):
        coarse = rng.random((2**octave + 1, 2**octave + 1))
        cloud += ndimage.zoom(coarse, (h / coarse.shape[0], w / coarse.shape[1]), order=1, grid_mode=True,
                              mode="nearest")[:h, :w] / 2**octave  # fmt: skip
    cloud = (cloud - cloud.min()) / max(np.ptp(cloud), 1e-9)
    veil = strength * (0.6 + 0.4 * cloud)[:, :, None]
    found: Array = x * (1 - veil) + veil
    return found


def _occlusion(x: Array, strength: float, rng: np.random.Generator) -> Array:
    h, w, _ = x.shape
    side = max(1, round(strength * min(h, w)))
    top, left = rng.integers(0, h - side + 1), rng.integers(0, w - side + 1)
    covered = x.copy()
    covered[top : top + side, left : left + side] = 0.5
    return covered


CORRUPTIONS: dict[str, Corruption] = {
    "noise": Corruption(_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),  # standard deviation
    "blur": Corruption(_blur, (0.02, 0.03, 0.04, 0.055, 0.075)),  # standard deviation, of the shorter side
    "contrast": Corruption(_contrast, (0.75, 0.5, 0.35, 0.2, 0.1), neutral=1.0),  # factor
    "brightness": Corruption(_brightness, (0.08, 0.16, 0.24, 0.32, 0.4), either_way=True),  # added or taken away
    "shift": Corruption(_shift, (0.04, 0.08, 0.12, 0.16, 0.2)),  # of the shorter side, in any direction
    "rotation": Corruption(_rotation, (8, 16, 24, 32, 40), either_way=True),  # degrees, to either side
    "scale": Corruption(_scale, (0.1, 0.2, 0.3, 0.45, 0.6), either_way=True),  # larger or smaller by
    "jpeg": Corruption(_jpeg, (60, 35, 20, 10, 5), neutral=100.0),  # quality
    "fog": Corruption(_fog, (0.2, 0.35, 0.5, 0.65, 0.8)),  # thickness of the veil
    "occlusion": Corruption(_occlusion, (0.15, 0.25, 0.35, 0.45, 0.55)),  # side of the grey square, of the shorter side
    "crop": Corruption(_crop, (0.1, 0.2, 0.3, 0.4, 0.5)),  # what is cut from either side, as a share of it
}


def corrupt(pictures: Array, kind: str, severity: float, *, seed: int = 0, sign: int = 0) -> Array:
    """Corrupted pictures.

    Parameters
    ----------
    pictures : (n, H, W, C) uint8 array
        The pictures.
    kind : str
        One of `CORRUPTIONS`.
    severity : float
        0 (as they are) to 5.
    seed : int
        Of the random numbers.
    sign : int
        1 or -1 is the way of every picture, of a corruption that goes either way; 0 draws it for each.

    Returns
    -------
    (n, H, W, C) uint8 array
        Each corrupted by random numbers of its own.

    Raises
    ------
    RecipeError
        The kind or the severity is not known.

    Examples
    --------
    >>> from glassnet.attack import corrupt
    >>> corrupt(np.full((1, 8, 8, 1), 100, np.uint8), "brightness", 0.5).shape
    (1, 8, 8, 1)
    """
    if kind not in CORRUPTIONS:
        raise RecipeError(f"A corruption is one of {', '.join(CORRUPTIONS)}. Got '{kind}'.{nearest(kind, CORRUPTIONS)}")
    if not 0 <= severity <= SEVERITIES[-1]:
        raise RecipeError(f"A severity is a number from 0 to {SEVERITIES[-1]}. Got {severity}.")
    if severity == 0:
        return pictures.copy()
    found, place = CORRUPTIONS[kind], list(CORRUPTIONS).index(kind)
    strength, made = found.strength(severity), np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        rng = np.random.default_rng((seed, place, math.ceil(severity), i))
        drawn = (1 if rng.random() < 0.5 else -1) if found.either_way else 1
        x = found.change(picture / 255.0, (sign or drawn) * strength if found.either_way else strength, rng)
        made[i] = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    return made
