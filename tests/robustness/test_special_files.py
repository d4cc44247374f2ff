"""Pipes and devices in the place of files: every command refuses in one line, and none waits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.bad_input import contents, refused, untrained

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")

COMMANDS = [
    ("predict", "MODEL", "x.png"),
    ("predict", "x.safetensors", "good.png"),
    ("look", "MODEL", "--picture", "x.png"),
    ("look", "x.safetensors"),
    ("evaluate", "MODEL", "x"),
    ("evaluate", "x.safetensors", "digits"),
    ("evaluate", "squeezenet-1.1", "digits", "--weights", "x.safetensors"),
    ("train", "x.toml"),
    ("train", "x"),
    ("train", "x.mat"),
    ("train", "train-images-idx3-ubyte"),
    ("data", "show", "x"),
    ("check", "x.safetensors"),
    ("read", "x.png"),
    ("read", "good.png", "--words", "x.txt"),
    ("synthesise", "--text", "x.txt"),
    ("filter", "x.png"),
    ("classic", "harris", "x.png"),
    ("classic", "fit-affine", "x.npy"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a model, a picture, and a pipe under every other name of the commands; waiting is ended."""
    monkeypatch.chdir(tmp_path)
    untrained(tmp_path / "MODEL", (8, 8, 1), ("cat", "dog"))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "good.png")

    def too_long(*_: object) -> None:
        raise AssertionError("the command waited")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_in_the_place_of_a_file(command: tuple[str, ...], folder: Path) -> None:
    name = next(word for word in command if word.startswith(("x", "train-")))
    os.mkfifo(folder / name)
    before = contents(folder)
    refused(command, *command, says=f"'{name}'")
    assert contents(folder) == before


def test_a_device_in_the_place_of_a_file(folder: Path) -> None:
    for command in (("train", os.devnull), ("predict", "MODEL", os.devnull), ("look", os.devnull)):
        assert "device" in refused(command, *command, says=os.devnull)
