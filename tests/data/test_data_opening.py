"""What is opened, and as what: only the formats that are meant, only plain files, and sizes known from a header."""

from __future__ import annotations

import ast
import io
import os
import shutil
import signal
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, features

import glassnet
from glassnet import files
from glassnet.actions.classic.fit_affine import read_pairs
from glassnet.data import load, read_picture
from glassnet.data.cifar import is_cifar_binary, read_cifar_binary, read_cifar_python
from glassnet.data.idx import is_idx, read_idx
from glassnet.data.imagenet import ClassIndex
from glassnet.data.mat import is_mat
from glassnet.data.matlab5 import read_matlab5
from glassnet.data.pictures import picture_info, pictures_in
from glassnet.errors import DataError, GlassnetError
from glassnet.experiments import load_recipe
from glassnet.filters.files import read_filter
from glassnet.model import Model
from glassnet.nn.torchvision import read_tensors
from glassnet.reader import read_words
from support.data_files import one_line_error, write_picture

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)

# A header's size is the decoded one

AVIF = features.check_module("avif")
ORIENTED = {  # how each format that has an orientation is saved, and whether its pixels come back unchanged
    "PNG": ("png", {}),
    "JPEG": ("jpg", {"quality": 95}),
    "TIFF": ("tif", {}),
    "TIFF of strips": ("tif", {"compression": "tiff_deflate"}),
    "WEBP": ("webp", {"lossless": True}),
    **({"AVIF": ("avif", {"quality": 95})} if AVIF else {}),
}


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
@pytest.mark.parametrize("kind", ORIENTED)
def test_a_header_gives_the_shape_of_the_turned_picture(tmp_path: Path, kind: str, orientation: int | None) -> None:
    suffix, options = ORIENTED[kind]
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = tmp_path / f"x.{suffix}"
    Image.fromarray(COLOUR).save(file, exif=exif, **options)
    with Image.open(file) as picture:
        truth = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    sideways = orientation in (5, 6, 7, 8)
    assert truth.shape == ((10, 6, 3) if sideways else (6, 10, 3))
    assert picture_info(file) == truth.shape and (read_picture(file) == truth).all()


def test_turned_pictures_of_one_size_are_not_squeezed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        write_picture(tmp_path / name / "x.tif", COLOUR, exif=exif)
    found = load(tmp_path).train
    assert found.image_shape == (10, 6, 3) and (found.images[0] == np.rot90(COLOUR, -1)).all()


@pytest.mark.parametrize("suffix", ["bmp", "gif", "pgm", "ppm", "pbm", "jfif", "png"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_header_gives_the_shape_of_every_format(tmp_path: Path, suffix: str, mode: str) -> None:
    Image.fromarray(COLOUR).convert(mode).save(tmp_path / f"x.{suffix}")
    assert pictures_in(tmp_path) == [tmp_path / f"x.{suffix}"]
    assert picture_info(tmp_path / f"x.{suffix}") == read_picture(tmp_path / f"x.{suffix}").shape


# 16 bits and transparency (PNG specification, third edition, 11.2.1 and 11.3.1.1)


def png(width: int, depth: int, colour_type: int, values: list[int], transparent: tuple[int, ...] = ()) -> bytes:
    """One row of samples."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    samples = struct.pack(f">{len(values)}{'H' if depth == 16 else 'B'}", *values)
    trns = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour_type, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + samples))
    return b"\x89PNG\r\n\x1a\n" + header + trns + body + chunk(b"IEND", b"")


def test_sixteen_bit_grey_with_a_transparent_value(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(png(4, 16, 0, [0, 0x1234, 0x1235, 65535], (0x1234,)))
    assert picture_info(file) == (1, 4, 1) and read_picture(file)[0, :, 0].tolist() == [0, 255, 0x12, 255]


def test_sixteen_bit_grey_with_an_alpha_channel_is_grey(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(png(3, 16, 4, [0x1200, 65535, 0x1200, 0, 0, 65535]))
    assert picture_info(file) == (1, 3, 1) and read_picture(file)[0, :, 0].tolist() == [0x12, 255, 0]


def test_sixteen_bit_colour_with_a_transparent_value(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(png(2, 16, 2, [0x1234, 0x5678, 0x9ABC, 0x1234, 0x5678, 0x0000], (0x1234, 0x5678, 0x9ABC)))
    assert read_picture(file)[0].tolist() == [[255, 255, 255], [0x12, 0x56, 0]]


# Only the formats that are meant

POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
0 0 8 8 rectfill showpage
%%EOF
"""


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.eps", "x.tif", "x.gif"])
def test_a_picture_is_never_run_as_a_program(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands PostScript to Ghostscript, whatever the file is called; a stand-in of it would leave a trace."""
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path / 'was-run'}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("gs") == str(ghostscript)
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # not looked for yet
    (tmp_path / name).write_bytes(POSTSCRIPT)
    for read in (read_picture, picture_info):
        with one_line_error(name, "none of PNG"):
            read(tmp_path / name)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("kind", ["EPS", "ICO", "TGA", "PCX", "PDF", "SGI", "DDS", "QOI", "JPEG2000"])
def test_other_formats_are_refused_under_any_name(tmp_path: Path, kind: str) -> None:
    data = io.BytesIO()
    Image.fromarray(COLOUR).save(data, kind)
    for name in ("x.png", "x.tif", f"x.{kind.lower()}"):
        (tmp_path / name).write_bytes(data.getvalue())
        with one_line_error(name, "as a picture"):
            read_picture(tmp_path / name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP"])
def test_a_wrong_ending_does_not_matter(tmp_path: Path, kind: str) -> None:
    data = io.BytesIO()
    Image.fromarray(COLOUR).save(data, kind)
    for name in ("x.png", "x.eps", "x.jp2"):
        (tmp_path / name).write_bytes(data.getvalue())
        assert read_picture(tmp_path / name).shape == (6, 10, 3)


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_pictures_are_opened_in_one_place() -> None:
    root = Path(glassnet.__file__).parent
    places = []
    for file in sorted(root.rglob("*.py")):
        for name, call in called(ast.parse(file.read_text(encoding="utf-8"))):
            if name.endswith(("Image.open", "imread", "EpsImagePlugin")):
                places.append(str(file.relative_to(root)))
                assert any(keyword.arg == "formats" for keyword in call.keywords), file
    assert places == ["data/pictures.py"]


# Only plain files

READERS = {
    "picture": read_picture,
    "header of a picture": picture_info,
    "data": load,
    "IDX": read_idx,
    "CIFAR-10": read_cifar_binary,
    "CIFAR-10, python": read_cifar_python,
    "MATLAB": lambda path: read_matlab5(path, ["train_data"]),
    "class index": ClassIndex.read,
    "model": Model.load,
    "weights": read_tensors,
    "recipe": load_recipe,
    "word list": read_words,
    "kernel": read_filter,
    "pairs": read_pairs,
    "JSON": files.read_json,
}


@pytest.fixture(params=["pipe", "socket", "device", "folder"])
def special(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """(kind, path) of something that is not a plain file; a test that waits on it is ended."""
    path = tmp_path / "x"
    listening = None
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        listening = socket.socket(socket.AF_UNIX)
        monkeypatch.chdir(tmp_path)  # the name of a socket has at most 107 bytes
        listening.bind("x")
    elif request.param == "device":
        path = Path(os.devnull)
    else:
        path.mkdir()

    def too_long(*_: object) -> None:
        raise AssertionError(f"waited on a {request.param}")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(10)
    yield request.param, path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    if listening is not None:
        listening.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("reader", READERS)
def test_nothing_waits_on_a_pipe_or_reads_a_device(reader: str, special: tuple[str, Path]) -> None:
    kind, path = special
    with pytest.raises(GlassnetError) as caught:
        READERS[reader](path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    assert (
        kind in message.replace(str(path), "") or kind == "folder"
    )  # a folder may be a data set or a run, and then is one that lacks files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_questions_about_a_pipe_are_answered(special: tuple[str, Path]) -> None:
    for question in (is_idx, is_mat, is_cifar_binary):
        assert not question(special[1])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_among_the_pictures_of_a_class(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_picture(tmp_path / name / "x.png", COLOUR)
    os.mkfifo(tmp_path / "a" / "y.png")
    with one_line_error("y.png", "pipe"):
        load(tmp_path)


def test_a_link_to_a_plain_file_is_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    assert files.plain_bytes(tmp_path / "y") == b"content"
    with pytest.raises(OSError, match="no file can have that name"):
        files.open_plain("a\0b")
    with pytest.raises(DataError, match="can have that name"):
        read_picture("a\0b")
