"""Photographs beside a video: matched to what was done to its frames, and how much of the loss that accounts for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from glassnet.attack import corrupt
from glassnet.data import Preprocess, Reading
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.watch import MATCHED, Match, StillsBesideVideo, compare_stills, watch_video
from support.videos import write_video

pytest.importorskip("av")

Array = np.ndarray
SIDE = 64


@pytest.fixture(scope="module")
def model() -> Model:
    """It calls a picture bright or dark, by whether its mean is above the middle."""
    network = Network("flatten -> linear 2", (SIDE, SIDE, 3))
    weights = np.tile(np.array([[1, -1]], np.float32), (SIDE * SIDE * 3, 1)) * 40 / (SIDE * SIDE * 3)
    bias = np.array([-20, 20], np.float32)
    network.load_arrays({name: weights if a.ndim == 2 else bias for name, a in network.arrays().items()})
    preprocess = Preprocess.restore("scale", {"input_shape": np.array([SIDE, SIDE, 3])})
    reading = Reading.parse(f"shortest-side {SIDE} -> centre-crop")
    return Model(network, preprocess, (SIDE, SIDE, 3), ("bright", "dark"), SoftmaxCrossEntropy(), {}, reading)


@pytest.fixture(scope="module")
def stills() -> Array:
    """Sixteen grey pictures of soft clouds, a little brighter than the middle."""
    rough = np.random.default_rng(0).normal(0, 1, (16, SIDE, SIDE, 1))
    soft = ndimage.gaussian_filter(rough, (0, 1.2, 1.2, 0))
    soft = (soft - soft.mean(axis=(1, 2), keepdims=True)) / soft.std()
    return np.clip(150 + 30 * soft, 0, 255).astype(np.uint8).repeat(3, axis=3)


def beside(model: Model, stills: Array, frames: Array, folder: Path, **settings: object) -> StillsBesideVideo:
    watched = watch_video(model, write_video(folder / "a.mp4", list(frames)), expect=(0,), window=0.0)
    labels = np.zeros(len(stills), np.int64)
    return compare_stills(model, stills, labels, watched, name="clouds", **settings)  # type: ignore[arg-type]


def by_kind(found: StillsBesideVideo) -> dict[str, Match]:
    return {match.kind: match for match in found.matches}


@pytest.mark.parametrize(
    ("kind", "severity", "tolerance"),
    [("blur", 1.5, 0.2), ("noise", 2.0, 0.3), ("contrast", 1.4, 0.1), ("brightness", 3.5, 0.1), ("jpeg", 4.0, 0.6)],
)
def test_the_severity_of_the_video_is_found(
    model: Model, stills: Array, tmp_path: Path, kind: str, severity: float, tolerance: float
) -> None:
    """Frames are the photographs themselves, corrupted: so the severity is known."""
    frames = corrupt(stills, kind, severity, seed=5, sign=-1)
    match = by_kind(beside(model, stills, frames, tmp_path))[kind]
    assert match.severity == pytest.approx(severity, abs=tolerance) and match.applies and not match.reason
    assert match.reached == pytest.approx(match.frames, abs=0.25 * abs(match.frames - match.stills))


def test_what_one_corruption_accounts_for(model: Model, stills: Array, tmp_path: Path) -> None:
    """Dark frames are taken for dark ones: brightness accounts for all that is lost, and nothing is left."""
    rng = np.random.default_rng(2)
    frames = np.clip(stills.astype(int) - 77 + rng.integers(-9, 10, (16, 1, 1, 1)), 0, 255).astype(np.uint8)
    found = beside(model, stills, frames.repeat(3, axis=0), tmp_path, sizes=[(SIDE, SIDE)] * 16)
    assert found.accuracy == 1 and found.frames.value == 0 and found.loss.value == 1
    match = by_kind(found)["brightness"]
    assert match.severity == pytest.approx(3.8, abs=0.3)
    gap = found.lost(match)
    assert gap.value == 1 and 0.6 < gap.interval.low < gap.interval.high <= 1
    assert found.lost_together.value == 1 and found.remainder.value == 0
    assert found.curves["brightness"][0] == 16 > found.curves["brightness"][4]
    if found.loss.sure:
        assert found.share(gap) == 1 and "brightness" in found.verdict()
    assert by_kind(found)["crop"].severity == 0 and found.lost(by_kind(found)["crop"]).value == 0
    told = found.to_dict()
    assert [row["corruption"] for row in told["corruptions"]] == list(MATCHED)
    assert told["corruptions"][3]["lost"]["value"] == 1 and told["remainder"]["value"] == 0


def test_what_cannot_be_matched_is_said(model: Model, stills: Array, tmp_path: Path) -> None:
    frames = corrupt(corrupt(stills, "contrast", 5), "contrast", 3)  # a factor of 0.1 * 0.35
    found = by_kind(beside(model, stills, frames, tmp_path))
    assert math.isnan(found["contrast"].severity) and found["contrast"].right is None
    assert "beyond severity 5" in found["contrast"].reason and found["noise"].severity == 0
    for kind in ("scale", "rotation", "crop"):
        assert "cannot be matched" in found[kind].reason and not found[kind].applies
    assert found["noise"].reason == "the video is no worse in this"


def test_a_wide_video_shows_less_of_the_picture(model: Model, stills: Array, tmp_path: Path) -> None:
    """Of frames twice as wide as high half is seen. Photographs lose as much where 1 - sqrt(1/2) of a side goes."""
    frames = np.concatenate([stills, stills], axis=2)
    match = by_kind(beside(model, stills, frames, tmp_path, sizes=[(SIDE, SIDE)] * 16))["crop"]
    assert (match.stills, match.frames) == (1, 0.5)
    assert match.severity == pytest.approx(10 * (1 - math.sqrt(0.5)), abs=0.1)


def test_an_easier_video_leaves_nothing_to_account_for(model: Model, stills: Array, tmp_path: Path) -> None:
    labels = np.zeros(16, np.int64)
    watched = watch_video(model, write_video(tmp_path / "a.mp4", list(stills[:2])), expect=(0,), window=0.0)
    dark = corrupt(stills, "brightness", 5, sign=-1)
    found = compare_stills(model, dark, labels, watched, name="dark clouds")
    assert found.loss.value == -1 and math.isnan(found.loss.interval.low) and found.frames.reason
    assert math.isnan(found.share(found.lost_together)) and "no harder" in found.verdict()
    assert found.to_dict()["loss"]["interval"] is None
