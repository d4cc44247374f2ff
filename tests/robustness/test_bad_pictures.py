"""Damaged pictures: `predict` refuses them in one line, or answers as for any picture when they are still valid."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from support.bad_input import cuts, flipped, mangled, refused, refused_or_normal, untrained

FORMATS = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "PPM": ".ppm",
    **({"WEBP": ".webp"} if features.check("webp") else {}),
}
CASES = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    untrained(path, (8, 8, 1), ("cat", "dog", "fox"))
    return path


def picture_bytes(kind: str, shape: tuple[int, ...] = (24, 20, 3)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def decodes(data: bytes) -> bool:
    """Whether Pillow by itself reads the bytes as one plain picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
                return getattr(picture, "n_frames", 1) == 1 and picture.mode in ("L", "RGB", "P")
    except Exception:
        return False


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_cut_short(kind: str, model: Path, tmp_path: Path) -> None:
    whole = picture_bytes(kind)
    path = tmp_path / f"picture{FORMATS[kind]}"
    for length in cuts(whole, CASES, 1):
        path.write_bytes(whole[:length])
        if length < 0.9 * len(whole):
            refused((kind, length), "predict", model, path, says="picture")
        else:  # some formats end in bytes that no pixel needs
            refused_or_normal((kind, length), "predict", model, path)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_flipped_bit_is_refused_or_gives_a_normal_answer(kind: str, model: Path, tmp_path: Path) -> None:
    whole = picture_bytes(kind)
    path = tmp_path / f"picture{FORMATS[kind]}"
    rng = random.Random(2)
    for _ in range(CASES):
        bit = rng.randrange(8 * (64 if rng.random() < 0.4 else len(whole)))
        data = flipped(whole, bit)
        path.write_bytes(data)
        worked = refused_or_normal((kind, bit), "predict", model, path)
        assert worked or not decodes(data), f"{kind}: bit {bit} leaves a valid picture, which was refused"


@pytest.mark.parametrize("kind", ["BMP", "PPM"])
def test_a_flipped_pixel_bit_always_gives_a_normal_answer(kind: str, model: Path, tmp_path: Path) -> None:
    whole = picture_bytes(kind)
    path = tmp_path / f"picture{FORMATS[kind]}"
    rng = random.Random(3)
    for _ in range(30):
        bit = rng.randrange(8 * 60, 8 * len(whole))
        path.write_bytes(flipped(whole, bit))
        assert refused_or_normal((kind, bit), "predict", model, path), bit


@pytest.mark.parametrize("kind", FORMATS)
def test_structural_damage(kind: str, model: Path, tmp_path: Path) -> None:
    whole = picture_bytes(kind)
    path = tmp_path / f"picture{FORMATS[kind]}"
    rng = random.Random(4)
    for case in range(CASES):
        path.write_bytes(mangled(whole, rng))
        refused_or_normal((kind, case), "predict", model, path)


def test_noise_is_no_picture(model: Path, tmp_path: Path) -> None:
    rng = random.Random(5)
    for case in range(40):
        path = tmp_path / f"noise{rng.choice(list(FORMATS.values()))}"
        path.write_bytes(rng.randbytes(rng.choice((0, 1, 7, 64, 2000))))
        refused(case, "predict", model, path, says=path.name)
    refused("missing", "predict", model, tmp_path / "none.png", says="no picture")
    refused("folder", "predict", model, tmp_path)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (0, 5), (10**6, 1000)])
def test_a_header_that_claims_absurd_sizes(width: int, height: int, model: Path, tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    refused((width, height), "predict", model, path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_ordinary_kind_of_pixel_is_read(mode: str, model: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (9, 11), np.uint8)
    picture = (
        Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    )
    picture.save(tmp_path / "picture.png")
    assert refused_or_normal(mode, "predict", model, tmp_path / "picture.png")
