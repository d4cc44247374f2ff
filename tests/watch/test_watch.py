"""Every frame of a video: labels, the share that is right, smoothing, the table, the copy with labels drawn in."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.actions.watch import watch
from glassnet.data import Preprocess, Reading
from glassnet.data.video import Video
from glassnet.errors import DataError, ModelError, RecipeError
from glassnet.metrics import wilson_interval
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.watch import MovingMean, expected_classes, smoothing, watch_video
from support.videos import coloured, write_video

pytest.importorskip("av")

Array = np.ndarray
RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


@pytest.fixture(scope="module")
def model() -> Model:
    """It names a plain picture by its strongest colour: scores are the means of red, green and blue."""
    network = Network("flatten -> linear 3", (4, 4, 3))
    weights = np.tile(np.eye(3, dtype=np.float32), (16, 1)) * 0.5
    arrays = network.arrays()
    network.load_arrays({name: weights if a.ndim == 2 else np.zeros(3, np.float32) for name, a in arrays.items()})
    preprocess = Preprocess.restore("scale", {"input_shape": np.array([4, 4, 3])})
    reading = Reading.parse("shortest-side 4 -> centre-crop")
    return Model(network, preprocess, (4, 4, 3), ("red", "green, light", "blue"), SoftmaxCrossEntropy(), {}, reading)


@pytest.fixture(scope="module")
def model_file(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "colours.safetensors"
    model.save(path)
    return path


# ---- smoothing


@pytest.mark.parametrize("seconds", [0.0, 0.25, 1.0, 50.0])
def test_the_moving_mean_is_the_mean_over_the_window(seconds: float) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([0.0, 0.04, 0.1, 0.7], 60))
    rows = rng.random((60, 3)).astype(np.float32)
    mean, found = MovingMean(seconds), []
    for time, row in zip(times, rows, strict=True):
        found += list(mean.push(float(time), row))
    found += list(mean.close())
    naive = [rows[np.abs(times - time) <= seconds / 2 + 1e-6].mean(axis=0) for time in times]
    np.testing.assert_allclose(found, rows if seconds == 0 else naive, rtol=1e-5)


def test_a_window_of_any_stamps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoothing, "_MOST", 200)
    mean = MovingMean(1.0)
    gone = sum(len(list(mean.push(0.0, np.zeros(1, np.float32)))) for _ in range(500))
    assert len(mean._rows) <= 201 and gone + len(list(mean.close())) == 500


# ---- what is seen


def test_labels_and_shares(model: Model, tmp_path: Path) -> None:
    """30 red frames, of which one in five flickers to blue, then 10 blue ones."""
    colours = [BLUE if number % 5 == 4 else RED for number in range(30)] + [BLUE] * 10
    found = watch_video(model, write_video(tmp_path / "a.mp4", coloured(colours)), expect=(0,), window=0.45)
    labels = [0 if colour == RED else 2 for colour in colours]
    assert found.timeline.labels.tolist() == labels
    assert found.raw is not None and found.raw.value == 24 / 40
    np.testing.assert_allclose(found.timeline.times, np.arange(40) / 10)
    # A mean over five frames holds four red ones at least, until those before the first blue ones to stay.
    assert found.timeline.smoothed.tolist()[:27] == [0] * 27 and found.timeline.smoothed.tolist()[32:] == [2] * 8
    assert found.after is not None and found.after.value > found.raw.value
    assert found.gain is not None and found.gain.value == pytest.approx(found.after.value - found.raw.value)
    assert found.smoothed_changes == 1 < found.changes
    assert found.counts()[0][:2] == (0, 24) and found.seconds == pytest.approx(4.0)


def test_frames_are_prepared_as_picture_files_are(model: Model, tmp_path: Path) -> None:
    """A wide frame, whose middle is taken, turned upright by the file."""
    rng = np.random.default_rng(1)
    picture = np.kron(rng.integers(0, 256, (3, 6, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    path = write_video(tmp_path / "a.mp4", [picture] * 2, turn=(90,))
    with Video(path) as video:
        pixels = [frame.pixels() for frame in video.frames()]
    Image.fromarray(pixels[0]).save(tmp_path / "frame.png")
    expected = model.predict_files([tmp_path / "frame.png"])[0]
    found = watch_video(model, path, window=0.0, top=3)
    row = np.zeros(3)
    row[found.timeline.classes[0]] = found.timeline.probabilities[0]
    np.testing.assert_allclose(row, expected, rtol=1e-5)
    assert found.size == (48, 96) and found.raw is None


def test_ink_is_brought_to_the_manner_of_digits_as_in_a_file(tmp_path: Path) -> None:
    from support.classifiers import digits

    manner = {"border": 0.0, "mean": 0.2, "ink_side": 0.8}  # light on dark
    recogniser = replace(digits(), card={"pictures": manner})
    picture = np.full((96, 96, 3), 255, np.uint8)
    picture[20:80, 44:54] = 0
    with Video(write_video(tmp_path / "a.mp4", [picture])) as video:
        pixels = next(video.frames()).pixels()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    from_file, changes = recogniser.read(tmp_path / "a.png")
    from_frame, same = recogniser.read(pixels)
    np.testing.assert_array_equal(from_file, from_frame)
    assert changes == same and changes


def test_thumbnails_are_few_and_spread(model: Model, tmp_path: Path) -> None:
    found = watch_video(model, write_video(tmp_path / "a.mp4", coloured([RED] * 110)))
    numbers = [small.number for small in found.thumbnails]
    assert 12 <= len(numbers) <= 24 and set(np.diff(numbers)) == {8}


def test_a_perfect_video_has_an_interval_by_blocks(model: Model, tmp_path: Path) -> None:
    shades = np.random.default_rng(0).integers(120, 250, 60)
    found = watch_video(model, write_video(tmp_path / "a.mp4", coloured([(s, 20, 20) for s in shades])), expect=(0,))
    assert found.raw is not None and found.raw.value == 1.0 and found.raw.method == "Wilson, by blocks"
    assert found.raw.interval == wilson_interval(found.raw.blocks, found.raw.blocks)


def test_expected_classes(model: Model) -> None:
    assert expected_classes(model, "green, light") == (1,)
    assert expected_classes(model, "Red,blue, red") == (0, 2)
    with pytest.raises(ModelError, match="Did you mean 'blue'"):
        expected_classes(model, "red,bleu")


# ---- what is written


def test_the_files(model_file: Path, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 2.0]
    path = write_video(tmp_path / "a.mp4", coloured([RED, RED, BLUE, RED, GREEN]), times, sound=True)
    result = watch(path, model_file, expect="red", window=0.3, top=2, out=tmp_path / "out")
    (seen,) = result.each
    names = [file.relative_to(tmp_path / "out").as_posix() for file in seen.files]
    assert names == ["watch.html", "frames.csv", "annotated.mp4", "figures/timeline.png", "figures/probability.png"]
    with (tmp_path / "out" / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["time"]) for row in rows] == times
    assert [row["label"] for row in rows] == ["red", "red", "blue", "red", "green, light"]
    assert [row["right"] for row in rows] == ["1", "1", "0", "1", "0"]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in rows)
    page = (tmp_path / "out" / "watch.html").read_text(encoding="utf-8")
    assert "60.0" in page and "annotated.mp4" in page and "no interval" in page
    plain = result.to_dict()
    assert plain["complete"] and plain["videos"][0]["share_right"]["value"] == 0.6
    with Video(tmp_path / "out" / "annotated.mp4") as video:
        frames = list(video.frames())
        assert video.codec == "h264" and [frame.time for frame in frames] == pytest.approx(times, abs=1e-4)


def test_labels_are_drawn_below_each_frame(model_file: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", coloured([RED] * 3 + [BLUE] * 3, (120, 160)))
    watch(path, model_file, expect="red", window=0, out=tmp_path / "out")
    with Video(tmp_path / "out" / "annotated.mp4") as video:
        shown = [frame.pixels().astype(int) for frame in video.frames()]
    assert shown[0].shape[1] == 480 and shown[0].shape[0] > 360
    for pixels, colour, right in ((shown[0], RED, True), (shown[5], BLUE, False)):
        assert np.abs(pixels[20:340, 20:-20] - colour).mean() < 8
        strip = pixels[364:]
        reddish = (strip[..., 0] > strip[..., 2] + 60) & (strip[..., 0] > strip[..., 1] + 20)
        greenish = (strip[..., 1] > strip[..., 0] + 60)[: 2 * len(strip) // 3]  # above the bar
        assert (greenish.sum() > 40) == right and (reddish.sum() > 40) == (not right)


def test_a_folder_has_a_table_and_a_page_for_each(model_file: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    (clips / "in").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "b.mkv", "in/a.mp4"):
        write_video(clips / name, coloured([RED, BLUE]))
    (clips / "bad.mp4").write_bytes(b"no video")
    result = watch(clips, model_file, expect="red", annotate=False, out=tmp_path / "out")
    pages = [seen.files[0].relative_to(tmp_path / "out").as_posix() for seen in result.each]
    assert pages == ["a/watch.html", "b.mkv/watch.html", "b.mp4/watch.html", "in/a/watch.html"]
    table = result.files[0].read_text(encoding="utf-8")
    assert all(f'href="{page}"' in table for page in pages) and "bad.mp4" in table
    assert not result.complete and [path.name for path, _ in result.unread] == ["bad.mp4"]


def test_wrong_input(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = write_video(tmp_path / "a.mp4", coloured([RED]))
    for error, call in {
        "no class 'rot'": lambda: watch(path, model_file, expect="rot", out=tmp_path / "out"),
        "smoothed over": lambda: watch(path, model_file, window=-1, out=tmp_path / "out"),
        "at least 1": lambda: watch(path, model_file, top=0, out=tmp_path / "out"),
        "holds no videos": lambda: watch(tmp_path / "empty", model_file, out=tmp_path / "out"),
        "There is no video": lambda: watch(tmp_path / "b.mp4", model_file, out=tmp_path / "out"),
    }.items():
        with pytest.raises((DataError, ModelError, RecipeError), match=error):
            call()
    assert not (tmp_path / "out").exists()
