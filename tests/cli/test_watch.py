"""`glassnet watch` as it is typed: what it prints, and with which status it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from support.classifiers import digits
from support.shell import Shell
from support.videos import write_sound, write_video

pytest.importorskip("av")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of digits, a video of noise, and one that was cut short."""
    folder = tmp_path_factory.mktemp("watch")
    digits().save(folder / "digits.safetensors")
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(30)]
    write_video(folder / "video.mp4", pictures)
    cut = write_video(folder / "cut.mp4", pictures, options={"movflags": "faststart"})
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    write_sound(folder / "sound.mp4")
    return folder


def test_a_video(shell: Shell, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = shell("watch", place / "video.mp4", "--model", place / "digits.safetensors", "--expect", "3,8")
    assert "30 frames, 3.00 s, 64x48" in told
    assert "frames right" in told and ("blocks of" in told or "no interval" in told)
    assert (tmp_path / "video-watch" / "watch.html").exists()


def test_a_damaged_end_is_named_and_ends_with_status_3(shell: Shell, place: Path, tmp_path: Path) -> None:
    given = ("watch", place / "cut.mp4", "--model", place / "digits.safetensors", "--out", tmp_path, "--no-annotated")
    found = shell.json(*given, status=3)
    assert "of 3.0 seconds; what could be read was used" in shell.err
    assert found["complete"] is False and 10 <= found["videos"][0]["frames"] <= 20
    assert not (tmp_path / "annotated.mp4").exists()


def test_one_line_for_what_cannot_be_done(
    shell: Shell, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = ("--model", place / "digits.safetensors", "--out", tmp_path)
    assert "Did you mean" in shell.error("watch", place / "video.mp4", *end, "--expect", "33")
    assert "no video stream" in shell.error("watch", place / "sound.mp4", *end)
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'glassnet[video]'" in shell.error("watch", place / "video.mp4", *end)
