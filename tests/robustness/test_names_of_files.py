"""What a user may write where a file or folder is expected: a notation longer than any name, a NUL, nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet
from glassnet.actions.check import check
from glassnet.errors import GlassnetError
from glassnet.experiments import resume
from glassnet.files import exists
from support.bad_input import refused, run

LONG = " -> ".join(["conv 3x3, 8, pad 1 -> relu"] * 20 + ["avgpool global -> linear 3"])  # 545 characters
NAMES = [LONG, "x" * 5000, "a\0b", "7" * 400, "", "  ", "a/" * 3000]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12].replace("\0", "NUL") or "empty")
def test_it_names_no_file(name: str) -> None:
    assert exists(name) is False


def test_it_names_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert exists(tmp_path) and exists(str(tmp_path / "file")) and not exists(tmp_path / "file" / "inside")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_is_an_error(text: str) -> None:
    assert exists(text) in (True, False)


def test_a_long_notation_is_checked() -> None:
    """It is longer than the names of files may be, and no shape is given with it: the shape is what is missing."""
    with pytest.raises(GlassnetError, match="sizes of one example"):
        check(LONG, None)
    assert check(LONG, (6, 6, 1), 3, samples=2).passed


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12].replace("\0", "NUL") or "empty")
def test_every_door_answers_in_one_line(name: str, tmp_path: Path) -> None:
    for open_it in (glassnet.load, glassnet.fit, resume):
        with pytest.raises(GlassnetError) as caught:
            open_it(name)
        assert "\n" not in str(caught.value)
    refused("check", "check", "--", name)
    refused("bench", "bench", name, "--mode", "infer")
    refused("resume", "train", "--resume", name)
    refused("sweep", "train", "digits", "--sweep", "optimizer.lr=0.1", "--out", f"{tmp_path}/{name}" * 20 + name + "\0")


def test_a_picture_whose_number_is_too_long(tmp_path: Path) -> None:
    found = run("train", "digits", "--model", "conv 3x3, 2 -> relu -> linear", "--epochs", 1, "--set",
                "data.train_limit=60", "--set", "data.test_limit=20", "--out", tmp_path / "run")  # fmt: skip
    assert found.status == 0, found.err
    refused("digits", "look", tmp_path / "run", "--picture", "9" * 400, "--out", tmp_path / "out")
