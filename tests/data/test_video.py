"""Videos: turned as the file says, timed by their own stamps, read as far as they go, refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from glassnet.data.video import UNSTAMPED_RATE, Frame, Video, videos_below
from glassnet.errors import DataError
from support.videos import coloured, write_sound, write_video

pytest.importorskip("av")

Array = np.ndarray
GREYS = [(value, value, value) for value in range(20, 220, 20)]


def corner() -> Array:
    """(48, 64, 3) grey with a red corner at the upper left, and a blue one at the upper right."""
    picture = np.full((48, 64, 3), 120, np.uint8)
    picture[:16, :16], picture[:16, -16:] = (220, 20, 20), (20, 20, 220)
    return picture


def read(path: Path) -> tuple[list[Frame], Video]:
    with Video(path) as video:
        return list(video.frames()), video


def test_frames_come_with_their_pixels_and_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 2.0]  # a mean rate of 2.5 a second, which no two frames keep
    frames, video = read(write_video(tmp_path / "a.mp4", coloured(GREYS[:5]), times))
    assert [frame.time for frame in frames] == times
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert video.size == (64, 48) and video.codec == "h264" and not video.damage and not video.notes


def test_pixels_are_those_that_were_written(tmp_path: Path) -> None:
    with Video(write_video(tmp_path / "a.mp4", coloured(GREYS))) as video:
        found = [frame.pixels() for frame in video.frames()]
    for pixels, (grey, _, _) in zip(found, GREYS, strict=True):
        assert pixels.shape == (48, 64, 3) and pixels.dtype == np.uint8
        assert np.abs(pixels.astype(int) - grey).max() <= 3


@pytest.mark.parametrize("mirror", ["", "across", "down"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_turned_as_the_file_says(degrees: int, mirror: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [corner()] * 2, turn=(degrees, mirror == "across", mirror == "down"))
    shown = np.rot90(corner(), degrees // 90)
    shown = shown[:, ::-1] if mirror == "across" else shown[::-1] if mirror == "down" else shown
    with Video(path) as video:
        pixels = next(video.frames()).pixels()
    assert pixels.shape == shown.shape
    assert np.abs(pixels.astype(int) - shown).mean() < 10


def test_a_smaller_copy(tmp_path: Path) -> None:
    with Video(write_video(tmp_path / "a.mp4", [corner()], turn=(90,))) as video:
        frame = next(video.frames())
        assert frame.pixels(32).shape == (32, 24, 3) and frame.pixels(100).shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("name", "codec", "options", "settings"),
    [
        ("a.mkv", "libx264", {}, {}),
        ("a.webm", "libvpx", {}, {}),
        ("a.ts", "libx264", {}, {}),
        ("a.avi", "mpeg4", {}, {}),
        ("live.mkv", "libx264", {"live": "1"}, {"format": "matroska"}),  # which does not say how long it is
    ],
)
def test_other_files(name: str, codec: str, options: dict[str, str], settings: dict[str, str], tmp_path: Path) -> None:
    frames, video = read(
        write_video(tmp_path / name, coloured(GREYS), codec=codec, options=options, sound=name == "a.mkv", **settings)
    )
    assert [frame.time for frame in frames] == pytest.approx([number / 10 for number in range(10)], abs=1e-3)
    assert not video.damage
    assert (video.seconds is None) == (name == "live.mkv")


def test_without_any_time_stamps(tmp_path: Path) -> None:
    frames, video = read(write_video(tmp_path / "a.h264", coloured(GREYS), format="h264"))
    assert [frame.time for frame in frames] == [number / UNSTAMPED_RATE for number in range(10)]
    assert video.seconds is None and "no time stamps" in video.notes[0]


def test_one_frame_and_a_large_one(tmp_path: Path) -> None:
    frames, video = read(write_video(tmp_path / "a.mp4", coloured(GREYS[:1], (2160, 3840))))
    assert len(frames) == 1 and frames[0].time == 0 and video.size == (3840, 2160) and not video.damage


def noise(number: int) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(number)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_that_was_cut_short(name: str, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    path = write_video(tmp_path / name, noise(30), options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, video = read(path)
    assert 10 <= len(frames) <= 20
    assert any(text.startswith("it ends after") and text.endswith("of 3.0 seconds") for text in video.damage)


def test_a_hole_in_the_middle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", noise(30))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = bytes(20_000)  # of some 4,500 bytes a frame
    path.write_bytes(content)
    frames, video = read(path)
    assert 20 <= len(frames) < 30 and "cannot be decoded" in video.damage[0]
    assert frames[-1].time == 2.9  # what follows is read


def test_what_is_no_video(tmp_path: Path) -> None:
    write_sound(tmp_path / "sound.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/sound.mp4\n")
    (tmp_path / "list2.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path}/sound.mp4\n")
    cut = write_video(tmp_path / "cut.mp4", noise(10))  # whose list of frames stands at the end
    cut.write_bytes(cut.read_bytes()[:2000])
    for name, words in {
        "sound.mp4": "has no video stream, only sound",
        "empty.mp4": "Cannot read",
        "list.mp4": "Cannot read",  # a list could name any file or address
        "list2.mp4": "Cannot read",
        "cut.mp4": "cut short before its contents are listed",
        "none.mp4": "There is no video",
        ".": "it is a folder",
    }.items():
        with pytest.raises(DataError, match=words) as error:
            Video(tmp_path / name)
        assert "\n" not in str(error.value)


def test_without_pyav_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DataError, match=r"pip install 'glassnet\[video\]'"):
        Video(tmp_path / "a.mp4")


def test_videos_of_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.MP4", "a.mkv", "in/c.mov", "a.txt", ".hidden.mp4"):
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in videos_below(tmp_path)] == ["a.mkv", "b.MP4", "in/c.mov"]
