"""`glassnet audit --video` as it is typed: photographs of what a video shows, beside its frames."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import Preprocess
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from support.shell import Shell
from support.videos import write_video

pytest.importorskip("av")

SIDE = 16


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tells bright from dark, photographs of both, and a dark video of what is bright."""
    folder = tmp_path_factory.mktemp("audit")
    network = Network("flatten -> linear 3", (SIDE, SIDE, 3))
    weights = np.tile(np.array([[1, -1, 0]], np.float32), (SIDE * SIDE * 3, 1)) * 40 / (SIDE * SIDE * 3)
    bias = np.array([-20, 20, -9], np.float32)
    network.load_arrays({name: weights if a.ndim == 2 else bias for name, a in network.arrays().items()})
    preprocess = Preprocess.restore("scale", {"input_shape": np.array([SIDE, SIDE, 3])})
    names = ("bright thing", "dark", "neither")
    Model(network, preprocess, (SIDE, SIDE, 3), names, SoftmaxCrossEntropy()).save(folder / "model.safetensors")
    rng = np.random.default_rng(0)
    for name, level in (("bright thing", 170), ("dark", 80)):
        (folder / "photographs" / name).mkdir(parents=True)
        for number in range(8):
            picture = np.clip(level + rng.normal(0, 8, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / "photographs" / name / f"{number}.png")
    frames = [np.clip(rng.normal(90 + 9 * (n % 3), 8, (48, 64, 3)), 0, 255).astype(np.uint8) for n in range(40)]
    write_video(folder / "bright-thing.mp4", frames)
    write_video(folder / "other.mp4", frames)
    return folder


def line(place: Path, video: str, out: Path) -> list[object]:
    return ["audit", place / "model.safetensors", place / "photographs", "--video", place / video, "--out", out]


def test_photographs_of_what_the_video_shows(shell: Shell, place: Path, tmp_path: Path) -> None:
    given = line(place, "bright-thing.mp4", tmp_path / "out")
    told = shell(*given)
    assert "all together" in told and "what is left" in told and "scale: cannot be matched" in told
    assert "40 of" in told and "right: bright thing" in told and "robust accuracy" not in told
    assert "note: one of 8 photographs is 12.5 points" in shell.err
    found = shell.json(*given)
    beside = found["stills_beside_video"]
    assert beside["pictures"] == found["pictures"] == 8 and beside["accuracy"] == 1
    assert beside["video"]["share_right"]["value"] == 0 and beside["loss"]["value"] == 1
    brightness = next(row for row in beside["corruptions"] if row["corruption"] == "brightness")
    assert brightness["accuracy"] == 0 and brightness["lost"]["value"] == 1 and beside["remainder"]["value"] == 0
    assert found["robustness"] == [] and found["flags"] == [] and set(found["corruptions"]) > {"brightness", "crop"}
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "Photographs beside the video" in page and "Under attack" not in page
    assert (tmp_path / "out" / "figures" / "stills-and-video.png").exists()


def test_where_the_set_has_none_all_its_photographs_are_taken(shell: Shell, place: Path, tmp_path: Path) -> None:
    given = [*line(place, "other.mp4", tmp_path), "--expect", "neither", "--norm", "linf", "--effort", "quick"]
    found = shell.json(*given)
    beside = found["stills_beside_video"]
    assert beside["pictures"] == 16 and any("has no photographs of neither" in note for note in beside["notes"])
    assert found["robustness"] and "flags" in found


def test_one_line_for_what_cannot_be_done(
    shell: Shell, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "named after none" in shell.error(*line(place, "other.mp4", tmp_path))
    assert "Did you mean 'dark'" in shell.error(*line(place, "other.mp4", tmp_path), "--expect", "drak")
    assert "no video" in shell.error(*line(place, "gone.mp4", tmp_path), "--expect", "dark")
    assert "--video" in shell.error("audit", place / "model.safetensors", place / "photographs", "--expect", "dark")
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'glassnet[video]'" in shell.error(*line(place, "other.mp4", tmp_path))
