"""Lines made level: the angle under which the ink projects most sharply on the vertical axis.

The sharpness of an angle is the sum of squared differences of the ink's counts, band by band: large where lines of
writing and the gaps between them fall into bands of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from glassnet.reader.binarise import Ink, stroke_width
from glassnet.reader.settings import DEFAULTS, DeskewSettings

__all__ = ["level", "rotate", "skew"]


def level(ink: Ink, either_way: bool = True, settings: DeskewSettings = DEFAULTS.deskew) -> tuple[Ink, float]:
    """The ink turned a little so that lines are level, and how many degrees clockwise they were turned.

    Parameters
    ----------
    ink : Ink
        As it is.
    either_way : bool
        Whether lines may run from top to bottom as well, and are then made upright.
    settings : DeskewSettings
        The thresholds.
    """
    mask = ink.ink > 0.5
    rows, columns = np.nonzero(mask[::2])
    step = max(1, len(rows) // 20_000)
    spread = np.random.default_rng(0).uniform(0, 1, (2, len(rows[::step])))  # pixels have a size: no stripes at 0
    ys, xs = 2.0 * (rows[::step] + spread[0]), columns[::step] + spread[1]
    height = settings.strokes * stroke_width(mask)
    angle, sharpness = skew(xs, ys, height, settings.most)
    upended, sharpness_upended = skew(ys, -xs, height, settings.most)
    if either_way and sharpness_upended > sharpness:
        angle = upended
    if abs(angle) < settings.least:
        return ink, 0.0
    return rotate(ink, angle), angle


def skew(
    xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], height: float, most: float = DEFAULTS.deskew.most
) -> tuple[float, float]:
    """(angle in degrees, sharpness) under which points project most sharply on a vertical axis.

    A positive angle means that lines go down to the right. The sharpness compares the best with the average of all
    angles tried: about 1 where there are no lines.

    Parameters
    ----------
    xs : (n,) array
        Columns of ink.
    ys : (n,) array
        Rows of ink.
    height : float
        Of a character, about, in pixels; the bands are a sixth of it.
    most : float
        Degrees that are tried either way.
    """
    if len(xs) < 2:
        return 0.0, 1.0
    coarse = np.arange(-most, most + 0.5, 1.0)
    scores = np.array([_sharpness(xs, ys, a, height) for a in coarse])
    best = coarse[int(scores.argmax())]
    fine = np.arange(best - 1, best + 1.01, 0.2)
    finer = np.array([_sharpness(xs, ys, a, height) for a in fine])
    return float(fine[int(finer.argmax())]), float(finer.max() / max(scores.mean(), 1e-9))


def _sharpness(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], angle: float, height: float) -> float:
    t = np.deg2rad(angle)
    along = (ys * np.cos(t) - xs * np.sin(t)) / max(height / 6, 1.0)
    counts = np.bincount((along - along.min()).astype(int)).astype(float)
    return float((np.diff(counts, prepend=0.0, append=0.0) ** 2).sum())


def rotate(ink: Ink, degrees: float, quarter_turns: int = 0) -> Ink:
    """The ink turned anticlockwise by `degrees` (small) and then by quarter turns, with all of it kept."""
    data, matrix = ink.ink, ink.matrix
    if abs(degrees) > 0.15:
        h, w = data.shape
        image = Image.fromarray(data).rotate(degrees, Image.Resampling.BILINEAR, expand=True)
        data = np.asarray(image)
        t = np.deg2rad(degrees)
        turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        centre_new = np.array([(data.shape[1] - 1) / 2, (data.shape[0] - 1) / 2])
        centre_old = np.array([(w - 1) / 2, (h - 1) / 2])
        matrix = _after(matrix, turn, centre_old - turn @ centre_new)
    for _ in range(quarter_turns % 4):
        h, w = data.shape
        data = np.rot90(data)  # anticlockwise: new (x, y) was (w - 1 - y, x)
        matrix = _after(matrix, np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([w - 1.0, 0.0]))
    return Ink(np.ascontiguousarray(data), matrix)


def _after(
    matrix: npt.NDArray[np.float64], linear: npt.NDArray[np.float64], shift: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The map `matrix` after the map x -> linear x + shift."""
    return np.column_stack([matrix[:, :2] @ linear, matrix[:, :2] @ shift + matrix[:, 2]])
