"""Every command where its streams, its terminal or its folder are odd: no raw output of anybody else, no crash.

The commands are taken from the command line itself: a new one must be given a quick example here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.cli import main
from glassnet.cli.commands import COMMANDS, load
from glassnet.reader.pages import pages
from support.commands import Server
from support.videos import write_video

HOSTILE = os.fsdecode(b"a \xff\n\x1b[31m'b\x07")  # no UTF-8, a line break, a terminal's red and its bell, a quote

EXAMPLES: dict[str, tuple[object, ...]] = {
    "demo": ("--epochs", 1, "--out", "out"),
    "train": ("pictures", "--model", "linear", "--epochs", 1, "--out", "out"),
    "doctor": ("../run/model.safetensors",),
    "plant": ("labels-shuffled", "../run/recipe.toml", "--out", "out"),
    "lr": ("pictures", "--set", "model.network=linear", "--steps", 40, "--high", 1),
    "tune": (
        "pictures",
        "--set",
        "model.network=linear",
        "--set",
        "train.epochs=1",
        "--trials",
        2,
        "--confirm",
        0,
        "--out",
        "out",
    ),
    "wann search": ("pictures", "--generations", 2, "--population", 4, "--out", "out"),
    "wann show": ("../found",),
    "wann train": ("../found", "--seeds", 2, "--epochs", 1),
    "evaluate": ("../run", "digits"),
    "compare": ("../run", "../run/model.safetensors", "--data", "digits", "--out", "out"),
    "predict": ("../run", "picture.png"),
    "watch": ("video.mp4", "--model", "../run", "--out", "out"),
    "look": ("../run", "--out", "out"),
    "open": ("../run", "--list"),
    "fool": ("../run", "picture.png", "--out", "out"),
    "audit": ("../run", "digits", "--examples", 5, "--effort", "quick", "--no-corruptions", "--out", "out"),
    "filter": ("picture.png", "--kernel", "edges"),
    "read": ("page.png", "--format", "json"),
    "synthesise": ("--lines", 1, "--out", "out"),
    "export": ("../run", "out.onnx"),
    "import": ("../run.onnx", "--out", "out"),
    "check": ("linear 2", "--input", 3),
    "twin": ("linear", "--pair", "native float32, native", "--steps", 2, "--out", "out"),
    "calculus": ("x**2", "--at", 3),
    "descend": ("x**2", "--from", 3, "--out", "out"),
    "lesson": ("descent", "--out", "out"),
    "claims": ("descent",),
    "bench": ("linear 2", "--input", 4, "--runs", 1, "--threads", 1),
    "reproduce": ("affine-fit", "--out", "out"),
    "classic pca": ("pictures", "--out", "out"),
    "classic knn": ("digits", "--limit", 100, "--out", "out"),
    "classic bag-of-words": (
        "pictures",
        "--words",
        4,
        "--cells",
        1,
        "--levels",
        2,
        "--size",
        9,
        "--map",
        "none",
        "--out",
        "out",
    ),
    "classic fit-affine": ("--out", "out"),
    "classic harris": ("picture.png", "--out", "out"),
    "data list": (),
    "data get": ("digits",),
    "data show": ("pictures",),
    "networks": (),
    "install-completion": ("bash", "--show"),
}


def half(of: int) -> list[object]:
    """The commands; those of one half of them are left to the long tests."""
    return [
        pytest.param(name, marks=pytest.mark.long) if number % 2 == of else name for number, name in enumerate(EXAMPLES)
    ]


def commands() -> set[str]:
    """The names of all commands."""
    found = set()
    for name in COMMANDS:
        inside = getattr(load(name), "commands", None)
        found |= {name} if inside is None else {f"{name} {each}" for each in inside}
    return found


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == commands()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a hostile name, pictures of two classes in it, and a trained run beside it."""
    outer = tmp_path_factory.mktemp("odd")
    folder = outer / HOSTILE
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(12):
            noise = rng.integers(0, 256, (9, 9), np.uint8)
            Image.fromarray(noise).save(folder / "pictures" / name / f"{number}.png")
    Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / "picture.png")
    Image.fromarray(next(pages(1, "Hello", seed=1))[0]).save(folder / "page.png")
    write_video(folder / "video.mp4", [rng.integers(0, 256, (16, 16, 3), np.uint8)] * 3)
    train = ("train", "digits", "--model", "linear", "--set", "data.train_limit=50", "--epochs", "1")
    assert main([*train, "--out", str(outer / "run")]) == 0
    assert main(["export", str(outer / "run"), str(outer / "run.onnx")]) == 0
    search = ("wann", "digits", "--limit", "50", "--generations", "2", "--population", "4")
    assert main([*search, "--out", str(outer / "found")]) == 0
    return folder


def arguments(name: str, folder: Path) -> list[object]:
    """The example of a command, its files named in full."""
    whole = [
        str(folder / a) if str(a).startswith(("picture", "page", "video", "out", "../")) else a for a in EXAMPLES[name]
    ]
    if "out" in EXAMPLES[name]:
        whole[-1] = folder / f"out-{name}-{len(list(folder.iterdir()))}"
    return [*name.split(), *whole]


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.mark.parametrize("name", EXAMPLES)
def test_odd_names_and_an_encoding_that_knows_little(name: str, place: Path, server: Server) -> None:
    found = server.run(place, *arguments(name, place), "--json", setting="ascii")
    assert found.status == 0, found.err
    assert found.out.isascii() and not CONTROL.search(found.out), CONTROL.sub("<*>", found.out)
    assert isinstance(json.loads(found.out.splitlines()[-1]), dict)
    assert all(line.startswith("note: ") for line in found.err.splitlines()), found.err
    assert not CONTROL.search(found.err)


@pytest.mark.parametrize("name", half(0))
def test_closed_streams(name: str, place: Path, server: Server) -> None:
    found = server.run(place, *arguments(name, place), setting="closed")
    assert (found.status, found.out, found.err) == (0, "", "")


@pytest.mark.parametrize("name", half(0))
def test_a_full_device(name: str, place: Path, server: Server) -> None:
    found = server.run(place, *arguments(name, place), setting="full")
    assert found.status == 2 and found.err.count("\n") == 1
    assert "No space left on device" in found.err and found.err.startswith("error: ")


@pytest.mark.parametrize("name", half(1))
def test_nobody_reads_on(name: str, place: Path, server: Server) -> None:
    found = server.run(place, *arguments(name, place), setting="gone")
    assert (found.status, found.err) == (0, "")


def glassnet(*command: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glassnet", *map(str, command)],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip


def test_matplotlib_says_nothing_of_its_own(tmp_path: Path) -> None:
    """It would tell of the folder that it cannot write to, of fonts it looks up, of signs that its font lacks."""
    for name in ("日", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("L", (8, 8), number).save(tmp_path / "set" / name / f"{number}.png")
    (tmp_path / "file").write_text("no folder")
    found = glassnet("data", "show", "set", folder=tmp_path, MPLCONFIGDIR=str(tmp_path / "file"))
    assert found.returncode == 0 and "classes: " in found.stdout
    assert all(line.startswith("note: Glyph") for line in found.stderr.splitlines()), found.stderr


def test_libtiff_says_nothing_of_its_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 40), np.uint8)).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    start = data.index(b"\x80")  # within the compressed pixels
    data[start : start + 400] = rng.integers(0, 256, 400, np.uint8).tobytes()
    (tmp_path / "a.tif").write_bytes(data)
    found = glassnet("filter", "a.tif", "--kernel", "edges", folder=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith("error: ") and found.stderr.count("\n") == 1, found.stderr
