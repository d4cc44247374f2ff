"""Photographs of a sheet of paper that lies on a table: of wood, cloth, tiles, stone, or among other things.

The sheet is a page by the pen model, seen flat; table, turn, perspective, light, blur and JPEG damage are drawn at
random. `python -m benchmarks.reading --only tables` reads them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet.reader.synthesis import draw_camera, expose, homography

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

TABLES = ("wood", "cloth", "tiles", "stone", "plain", "things")


def on_a_table(page: Pixels, kind: str, rng: np.random.Generator) -> Pixels:
    """A page (h, w, 3) on a table of one of `TABLES`, as a camera saves it, (H, W, 3) uint8."""
    h, w = page.shape[:2]
    share = rng.uniform(0.35, 0.8)  # of the picture that is paper
    size = np.array([w, h]) / np.sqrt(share)
    width, height = (int(v) for v in size * rng.uniform(0.95, 1.1, 2))
    table = _table(kind, height, width, rng)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], float) - [w / 2, h / 2]
    t = np.deg2rad(rng.uniform(-9, 9))
    turned = corners @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
    spare = np.maximum(np.array([width, height]) - np.ptp(turned, axis=0), 0) / 2
    at = np.array([width, height]) / 2 + rng.uniform(-0.8, 0.8, 2) * spare
    seen = turned + at + rng.uniform(-0.02, 0.02, (4, 2)) * [w, h]
    matrix = homography(seen, corners + np.array([w / 2, h / 2])).reshape(-1)[:8]
    sheet = Image.fromarray(page).transform(
        (width, height), Image.Transform.PERSPECTIVE, tuple(matrix), Image.Resampling.BICUBIC
    )
    mask = Image.new("L", (w, h), 255).transform((width, height), Image.Transform.PERSPECTIVE, tuple(matrix))
    cover = np.asarray(mask, np.float32)[..., None] / 255
    away = rng.uniform(2, 8, 2)
    shadow = ndimage.shift(ndimage.gaussian_filter(cover[..., 0], float(rng.uniform(3, 10))), away, mode="nearest")
    table *= 1 - float(rng.uniform(0.1, 0.5)) * shadow[..., None]
    picture = table * (1 - cover) + np.asarray(sheet, np.float32) * cover
    return expose(picture, draw_camera(rng), rng)


# ---- tables


def _table(kind: str, h: int, w: int, rng: np.random.Generator) -> Floats:
    make = {"wood": _wood, "cloth": _cloth, "tiles": _tiles, "stone": _stone, "plain": _plain, "things": _things}
    return make[kind](h, w, rng).astype(np.float32)


def _noise(h: int, w: int, down: float, across: float, rng: np.random.Generator) -> Floats:
    """Smooth noise (h, w) of variance 1 with lengths `down` and `across`, pixels."""
    rows, columns = max(3, int(3 * h / down)), max(3, int(3 * w / across))
    small = ndimage.gaussian_filter(rng.normal(0, 1, (rows, columns)), 1.0)
    noise = np.asarray(Image.fromarray(small.astype(np.float32)).resize((w, h), Image.Resampling.BICUBIC))
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def _colour(rng: np.random.Generator, among: list[tuple[int, int, int]]) -> Floats:
    return np.array(among[int(rng.integers(len(among)))], np.float32) * rng.uniform(0.8, 1.15)


_WOODS = [(176, 124, 74), (120, 76, 44), (202, 160, 112), (82, 52, 36), (150, 104, 70)]


def _wood(h: int, w: int, rng: np.random.Generator) -> Floats:
    """Grain along one side, and boards with dark joints."""
    upright = rng.random() < 0.5
    rows, columns = (w, h) if upright else (h, w)
    scale = max(h, w) / 1000
    grain = 0.6 * _noise(rows, columns, 9 * scale, 500 * scale, rng) + 0.5 * _noise(
        rows, columns, 40 * scale, 900 * scale, rng
    )
    shade = 1 + rng.uniform(0.06, 0.16) * grain
    step = int(rng.uniform(0.15, 0.4) * rows)
    for at in range(int(rng.integers(step)), rows, step):
        shade[at : at + max(1, round(3 * scale))] *= rng.uniform(0.3, 0.7)
    shade = shade.T if upright else shade
    return np.clip(shade[..., None] * _colour(rng, _WOODS), 0, 255)


def _cloth(h: int, w: int, rng: np.random.Generator) -> Floats:
    """Checks or stripes of two colours."""
    colours = [(150, 30, 40), (30, 60, 120), (60, 110, 70), (200, 190, 170), (40, 40, 46), (190, 150, 60)]
    first, second = _colour(rng, colours), _colour(rng, colours)
    step = rng.uniform(0.02, 0.07) * max(h, w)
    y, x = np.mgrid[0:h, 0:w]
    mix = 0.5 * (np.sin(2 * np.pi * x / step) > 0) + 0.5 * (np.sin(2 * np.pi * y / step) > 0) * (rng.random() < 0.6)
    weave = 1 + 0.08 * _noise(h, w, 4, 4, rng)
    return np.clip((first + mix[..., None] * (second - first)) * weave[..., None], 0, 255)


def _tiles(h: int, w: int, rng: np.random.Generator) -> Floats:
    colour = _colour(rng, [(120, 120, 118), (92, 80, 70), (150, 128, 104), (70, 84, 96)])
    step, wide = int(rng.uniform(0.12, 0.3) * max(h, w)), max(2, round(0.006 * max(h, w)))
    shade = 1 + 0.07 * _noise(h, w, 60, 60, rng)
    joint = (np.arange(h)[:, None] % step < wide) | (np.arange(w)[None] % step < wide)
    shade = np.where(joint, rng.uniform(0.4, 1.5), shade)
    return np.clip(shade[..., None] * colour, 0, 255)


def _stone(h: int, w: int, rng: np.random.Generator) -> Floats:
    colour = _colour(rng, [(110, 110, 112), (140, 126, 112), (60, 62, 66)])
    speckle = 0.7 * _noise(h, w, 6, 6, rng) + 0.5 * _noise(h, w, 25, 25, rng) + 0.4 * _noise(h, w, 200, 200, rng)
    return np.clip((1 + rng.uniform(0.1, 0.3) * speckle)[..., None] * colour, 0, 255)


def _plain(h: int, w: int, rng: np.random.Generator) -> Floats:
    colour = _colour(rng, [(40, 40, 42), (120, 86, 60), (90, 110, 140), (150, 150, 150), (70, 100, 80)])
    return np.clip((1 + 0.03 * _noise(h, w, 300, 300, rng))[..., None] * colour, 0, 255)


def _things(h: int, w: int, rng: np.random.Generator) -> Floats:
    """A plain or wooden table with rectangles: books, a keyboard, a ruler."""
    table = (_wood if rng.random() < 0.5 else _plain)(h, w, rng)
    for _ in range(int(rng.integers(4, 12))):
        tall, wide = (int(v) for v in rng.uniform(0.04, 0.3, 2) * max(h, w))
        y, x = int(rng.integers(-tall // 2, h - 2)), int(rng.integers(-wide // 2, w - 2))
        part = table[max(0, y) : y + tall, max(0, x) : x + wide]
        part[:] = rng.uniform(20, 190, 3)
        if rng.random() < 0.6 and min(part.shape[:2]) > 30:  # keys, or marks of a ruler
            step = int(rng.integers(10, 30))
            part[::step], part[:, ::step] = rng.uniform(0, 255), rng.uniform(0, 255)
    return table
