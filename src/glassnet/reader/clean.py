"""From a picture to ink: how much darker (or lighter) than the paper around it every pixel is.

The paper's shade is estimated in blocks, as a high percentile of each, and smoothed, so that shadows and uneven light
go with it. On dark paper the writing is light; which of the two a picture shows is decided by which deviations from
the paper are fewer and stronger. The ink is then scaled so that the writing's usual darkness is 1, and noise 0.

Large pictures are made smaller first: characters need some tens of pixels, not hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

__all__ = ["ENOUGH", "Ink", "find_ink", "rotate", "skew", "stroke_width"]

ENOUGH = 3_000_000  # of the working picture, at most
_SMALLEST = 500  # its longest side, at least
_SAMPLE = 100  # pixels of a block that tell its paper
_FAINTEST = 8.0  # grey levels between ink and paper below which nothing counts as writing
_NOISE = 5.0  # how many times the grain's standard deviation ink must be
_CLEAR = 9.0  # the same for the usual ink: of paper alone, the strongest grain reaches 7
_DARKEST = 60.0  # paper counts as no darker than this
_CLOSING = 4.5  # strokes: what is narrower is no paper
_SHORTER = 0.7  # of the longer side: what the shorter one counts for at least, if the picture is a strip of a page
_QUARTER = 1.15  # standard deviations from the mean beyond which a quarter of a normal distribution lies
_MOST_SKEW = 16.0  # degrees

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ink:
    """Ink (h, w) in [0, 1], the threshold of what counts, and the way back to the picture.

    `matrix` (2, 3): picture (x, y) = matrix @ (x, y, 1) for a place in `ink`.
    """

    ink: Floats
    matrix: npt.NDArray[np.float64]

    def to_picture(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Places in the picture."""
        xs, ys = np.asarray(x, float), np.asarray(y, float)
        m = self.matrix
        return m[0, 0] * xs + m[0, 1] * ys + m[0, 2], m[1, 0] * xs + m[1, 1] * ys + m[1, 2]


def find_ink(picture: npt.NDArray[np.uint8], size: tuple[int, int] | None = None) -> Ink | None:
    """The ink of a picture (H, W, 1 or 3), or None where there is no contrast that could be writing.

    size: (H, W) of the picture that places are given in, where this is a smaller copy of it.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 8:
        return None
    scale = min(1.0, (ENOUGH / (height * width)) ** 0.5)
    if max(height, width) < _SMALLEST:
        scale = _SMALLEST / max(height, width)
    image = _reduced(picture, (max(8, round(width * scale)), max(8, round(height * scale))))
    ink = _ink_of(image.convert("L"))
    if ink is None and image.mode == "RGB":  # a pen as bright as its paper differs in colour
        ink = next((ink for ink in map(_ink_of, image.split()) if ink is not None), None)
    if ink is None:
        return None
    rows, columns = size or (height, width)
    return Ink(ink, np.array([[columns / image.width, 0.0, 0.0], [0.0, rows / image.height, 0.0]]))


def _reduced(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """The picture at another size (width, height)."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    factor = int(min(image.width / size[0], image.height / size[1]))
    if factor >= 2:
        image = image.reduce(factor)
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _ink_of(image: Image.Image) -> Floats | None:
    """The ink (h, w) of a picture of one channel, or None."""
    grey: Floats = ndimage.gaussian_filter(np.asarray(image, np.float32), 0.7)  # grain is smaller than a pen
    block = max(8, int(max(min(grey.shape), _SHORTER * max(grey.shape))) // 64)
    paper = _blocks_paper(grey, block)
    light = _blocks_paper(255.0 - grey, block)
    if _strength(light - (255.0 - grey)) > _strength(paper - grey):
        grey, paper = 255.0 - grey, light
    first = _relative(grey, paper)
    if first is None:
        return None
    # The paper once more, now that the width of a stroke is known: right up to the edge of a shadow.
    relative = _relative(grey, _closed_paper(grey, stroke_width(first[0] > 0.5 * first[1])))
    if relative is None:
        return None
    local = _local_contrast(*relative, block)
    ink: Floats = np.clip((relative[0] / local - 0.15) / 0.6, 0.0, 1.0).astype(np.float32)
    return ink


def _blocks_paper(grey: Floats, block: int) -> Floats:
    """The paper's shade (h, w): a high percentile of every block, smoothed."""
    h, w = grey.shape
    rows, columns = -(-h // block), -(-w // block)
    padded = np.pad(grey, ((0, rows * block - h), (0, columns * block - w)), mode="edge")
    blocks = padded.reshape(rows, block, columns, block).swapaxes(1, 2).reshape(rows, columns, -1)
    sample = blocks[..., :: max(1, block * block // _SAMPLE)]
    place = int(0.75 * sample.shape[2])
    shade = np.partition(sample, place, axis=2)[..., place]
    shade = ndimage.median_filter(shade, 5, mode="nearest")
    shade = np.maximum(shade, ndimage.gaussian_filter(shade, 2.0, mode="nearest") * 0.98)
    return _enlarged(shade, (columns * block, rows * block))[:h, :w]


def _closed_paper(grey: Floats, stroke: float) -> Floats:
    """The paper's shade (h, w): whatever is narrower than a few strokes is filled with what lies around it.

    A closing (the largest value nearby, then the smallest of these) leaves steps of brightness where they are.
    """
    h, w = grey.shape
    half = grey[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))
    window = 2 * max(3, round(_CLOSING * stroke / 4)) + 1
    closed = ndimage.minimum_filter(ndimage.maximum_filter(half, window, mode="nearest"), window, mode="nearest")
    closed = ndimage.gaussian_filter(closed, window / 5, mode="nearest")
    return _enlarged(closed, (w, h))


def _enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR), np.float32)


def _relative(grey: Floats, paper: Floats) -> tuple[Floats, float] | None:
    """(ink's contrast (h, w) as a share of the paper's brightness, the usual one); None for too little to be seen."""
    bright = max(float(np.median(paper)), _DARKEST)
    relative = (paper - grey) / bright
    sample = relative[::3, ::3]
    relative -= float(np.median(sample))
    grain = _grain(relative[::3, ::3])
    usual = _contrast(relative, max(_FAINTEST / bright, _NOISE * grain))
    return None if usual is None or usual < _CLEAR * grain else (relative, usual)


def _grain(deviation: Floats) -> float:
    """The standard deviation of the paper alone, as of a normal distribution: ink may cover a third of a strip."""
    paler, dark = np.percentile(deviation, [12.5, 99.5])
    paper = deviation[deviation <= max(-3 * paler / _QUARTER, dark / 2)]
    return float(np.percentile(np.abs(paper), 75)) / _QUARTER


def _strength(deviation: Floats) -> float:
    """How strong the strongest half per cent is: writing covers little of a page, its paper's grain nothing."""
    sample = deviation[::2, ::2]
    return float(np.sort(sample, axis=None)[-max(1, sample.size // 200) :].mean())


def _contrast(relative: Floats, least: float) -> float | None:
    """The usual contrast of writing: the median of what is clearly above the grain; None for too little of it."""
    strong = relative[relative > least]
    if strong.size < 12:
        return None
    top = float(np.percentile(strong, 90))
    core = strong[strong > 0.5 * top]
    return max(least, float(np.median(core)))


def _local_contrast(relative: Floats, usual: float, block: int) -> Floats:
    """The contrast of the writing nearby: a dry pen or a pencil is faint in places. Between 0.45 and 1 of the usual."""
    h, w = relative.shape
    block = 2 * block
    rows, columns = -(-h // block), -(-w // block)
    padded = np.pad(relative, ((0, rows * block - h), (0, columns * block - w)))
    blocks = padded.reshape(rows, block, columns, block).swapaxes(1, 2).reshape(rows, columns, -1)
    high = np.partition(blocks, -max(2, block // 3), axis=2)[..., -max(2, block // 3)]
    there = high > 0.4 * usual
    weight = ndimage.gaussian_filter(there.astype(np.float32), 1.5)
    total = ndimage.gaussian_filter(np.where(there, np.minimum(high, usual), 0).astype(np.float32), 1.5)
    local = np.where(weight > 0.02, total / np.maximum(weight, 0.02), usual)
    local = np.clip(local, 0.45 * usual, usual).astype(np.float32)
    return _enlarged(local, (columns * block, rows * block))[:h, :w]


def stroke_width(mask: npt.NDArray[np.bool_]) -> float:
    """The width of a stroke: the median length of runs of ink, across and down."""
    h, w = mask.shape
    runs = []
    for view in (mask[:: max(1, h // 400)], np.ascontiguousarray(mask.T)[:: max(1, w // 400)]):
        padded = np.pad(view, ((0, 0), (1, 1))).astype(np.int8)
        change = np.diff(padded, axis=1)
        starts, stops = np.nonzero(change == 1), np.nonzero(change == -1)
        runs.append(stops[1] - starts[1])
    lengths = np.concatenate(runs)
    return float(max(1.0, np.median(lengths))) if lengths.size else 1.0


# ---- skew ------------------------------------------------------------------------------------------------------------


def skew(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], height: float) -> tuple[float, float]:
    """(angle in degrees, sharpness) under which points project most sharply on a vertical axis.

    xs, ys: of ink; height: of a character. A positive angle means that lines go down to the right. The sharpness
    compares the best with the average of all angles tried: about 1 where there are no lines.
    """
    if len(xs) < 2:
        return 0.0, 1.0
    coarse = np.arange(-_MOST_SKEW, _MOST_SKEW + 0.5, 1.0)
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
