"""From a picture to ink: how much darker (or lighter) than the paper around it every pixel is.

The paper's shade is estimated in blocks, as a high percentile of each, and smoothed, so that shadows and uneven light
go with it. On dark paper the writing is light; which of the two a picture shows is decided by which deviations from
the paper are fewer and stronger. The ink is then scaled so that the writing's usual darkness is 1, and noise 0.

Large pictures are made smaller first: characters need some tens of pixels, not hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, ndimage

from glassnet.reader.resizing import enlarged, reduced
from glassnet.reader.settings import DEFAULTS, BinariseSettings

__all__ = ["Ink", "find_ink", "stroke_width"]

_UPPER_QUARTILE = 1.15  # standard deviations from the mean within which three quarters of |x| lie, x normal

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ink:
    """Ink, and the way back to the picture.

    Attributes
    ----------
    ink : (h, w) float32 array
        In [0, 1].
    matrix : (2, 3) array
        Picture (x, y) = matrix @ (x, y, 1) for a place in `ink`.
    """

    ink: Floats
    matrix: npt.NDArray[np.float64]

    def to_picture(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Places in the picture."""
        xs, ys = np.asarray(x, float), np.asarray(y, float)
        m = self.matrix
        return m[0, 0] * xs + m[0, 1] * ys + m[0, 2], m[1, 0] * xs + m[1, 1] * ys + m[1, 2]

    def moved(self, x: float, y: float) -> Ink:
        """The ink of a part of the picture that begins at this place."""
        return replace(self, matrix=self.matrix + np.array([[0.0, 0.0, x], [0.0, 0.0, y]]))


def find_ink(
    picture: npt.NDArray[np.uint8],
    size: tuple[int, int] | None = None,
    settings: BinariseSettings = DEFAULTS.binarise,
) -> Ink | None:
    """The ink of a picture, or None where there is no contrast that could be writing.

    Parameters
    ----------
    picture : (h, w, 1 or 3) of uint8
    size : (int, int), optional
        (H, W) of the picture that places are given in, where this is a smaller copy of it.
    settings : BinariseSettings
        The thresholds.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 8:
        return None
    scale = min(1.0, (settings.pixels / (height * width)) ** 0.5)
    if max(height, width) < settings.smallest:
        scale = settings.smallest / max(height, width)
    image = reduced(picture, (max(8, round(width * scale)), max(8, round(height * scale))))
    ink = _ink_of(image.convert("L"), settings)
    if ink is None and image.mode == "RGB":  # a pen as bright as its paper differs in colour
        ink = next((ink for one in image.split() if (ink := _ink_of(one, settings)) is not None), None)
    if ink is None:
        return None
    rows, columns = size or (height, width)
    return Ink(ink, np.array([[columns / image.width, 0.0, 0.0], [0.0, rows / image.height, 0.0]]))


def _ink_of(image: Image.Image, s: BinariseSettings) -> Floats | None:
    """The ink (h, w) of a picture of one channel, or None."""
    grey: Floats = ndimage.gaussian_filter(np.asarray(image, np.float32), s.blur)
    block = max(8, int(max(min(grey.shape), s.strip * max(grey.shape))) // s.blocks)
    paper = _blocks_paper(grey, block, s)
    light = _blocks_paper(255.0 - grey, block, s)
    if _strength(light - (255.0 - grey)) > _strength(paper - grey):
        grey, paper = 255.0 - grey, light
    first = _relative(grey, paper, s)
    if first is None:
        return None
    if (width := s.blurred * _softness(*first)) > s.soft:
        sharp = _sharpened(grey, width, s.ringing)
        if (again := _relative(sharp, paper, s)) is not None:
            grey, first = sharp, again
    # The paper once more, now that the width of a stroke is known: right up to the edge of a shadow.
    relative = _relative(grey, _closed_paper(grey, s.closing * stroke_width(first[0] > 0.5 * first[1])), s)
    if relative is None:
        return None
    local = _local_contrast(*relative, block, s.pale)
    ink: Floats = np.clip((relative[0] / local - s.foot) / s.rise, 0.0, 1.0).astype(np.float32)
    return ink


def _blocks_paper(grey: Floats, block: int, s: BinariseSettings) -> Floats:
    """The paper's shade (h, w): a high percentile of every block, smoothed."""
    h, w = grey.shape
    rows, columns = -(-h // block), -(-w // block)
    padded = np.pad(grey, ((0, rows * block - h), (0, columns * block - w)), mode="edge")
    blocks = padded.reshape(rows, block, columns, block).swapaxes(1, 2).reshape(rows, columns, -1)
    sample = blocks[..., :: max(1, block * block // s.block_sample)]
    place = int(s.paper * sample.shape[2])
    shade = np.partition(sample, place, axis=2)[..., place]
    shade = ndimage.median_filter(shade, 5, mode="nearest")
    shade = np.maximum(shade, ndimage.gaussian_filter(shade, 2.0, mode="nearest") * 0.98)
    return enlarged(shade, (columns * block, rows * block))[:h, :w]


def _closed_paper(grey: Floats, width: float) -> Floats:
    """The paper's shade (h, w): whatever is narrower than `width` pixels is filled with what lies around it.

    A closing (the largest value nearby, then the smallest of these) leaves steps of brightness where they are.
    """
    h, w = grey.shape
    half = grey[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))
    window = 2 * max(3, round(width / 4)) + 1
    closed = ndimage.minimum_filter(ndimage.maximum_filter(half, window, mode="nearest"), window, mode="nearest")
    closed = ndimage.gaussian_filter(closed, window / 5, mode="nearest")
    return enlarged(closed, (w, h))


def _relative(grey: Floats, paper: Floats, s: BinariseSettings) -> tuple[Floats, float] | None:
    """(ink's contrast (h, w) as a share of the paper's brightness, the usual one); None for too little to be seen."""
    bright = max(float(np.median(paper)), s.darkest)
    relative = (paper - grey) / bright
    sample = relative[::3, ::3]
    relative -= float(np.median(sample))
    grain = _grain(relative[::3, ::3])
    usual = _contrast(relative, max(s.faintest / bright, s.noise * grain))
    return None if usual is None or usual < s.clear * grain else (relative, usual)


def _softness(relative: Floats, usual: float) -> float:
    """How far the edges of the writing are washed out, pixels: the standard deviation of a blurred step as steep as
    the steepest hundredth of them, 0 where there are too few."""
    middle = relative[1:-1:2, 1:-1:2]
    rows, columns = np.nonzero((middle > 0.35 * usual) & (middle < 0.65 * usual))
    if len(rows) < 30:
        return 0.0
    y, x = 2 * rows + 1, 2 * columns + 1
    slope = np.hypot(relative[y, x + 1] - relative[y, x - 1], relative[y + 1, x] - relative[y - 1, x]) / 2
    return float(usual / np.sqrt(2 * np.pi) / max(np.percentile(slope, 99), 1e-9))


def _sharpened(grey: Floats, width: float, ringing: float) -> Floats:
    """The picture (h, w) without a Gaussian blur of this standard deviation: Wiener's filter."""
    margin = int(4 * width) + 1
    padded = np.pad(grey, margin, mode="edge")
    h, w = padded.shape
    size = fft.next_fast_len(h, real=True), fft.next_fast_len(w, real=True)
    padded = np.pad(padded, ((0, size[0] - h), (0, size[1] - w)), mode="edge")
    blur = [np.exp(-2 * (np.pi * width * f) ** 2) for f in (fft.fftfreq(size[0]), fft.rfftfreq(size[1]))]
    passed = np.outer(*blur).astype(np.float32)
    spectrum = fft.rfft2(padded) * (passed * (1 + ringing) / (passed**2 + ringing))
    sharp: Floats = fft.irfft2(spectrum, size)[margin : margin + grey.shape[0], margin : margin + grey.shape[1]]
    return np.clip(sharp, 0.0, 255.0)


def _grain(deviation: Floats) -> float:
    """The standard deviation of the paper alone, as of a normal distribution: ink may cover a third of a strip."""
    paler, dark = np.percentile(deviation, [12.5, 99.5])
    paper = deviation[deviation <= max(-3 * paler / _UPPER_QUARTILE, dark / 2)]
    return float(np.percentile(np.abs(paper), 75)) / _UPPER_QUARTILE


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


def _local_contrast(relative: Floats, usual: float, block: int, pale: float) -> Floats:
    """The contrast of the writing nearby, from `pale` to 1 of the usual: a dry pen or a pencil is faint in places."""
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
    local = np.clip(local, pale * usual, usual).astype(np.float32)
    return enlarged(local, (columns * block, rows * block))[:h, :w]


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
