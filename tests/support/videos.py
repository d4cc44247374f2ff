"""Small videos for tests, written with PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
_TICKS = 1000


def write_video(
    path: Path,
    pictures: Sequence[Array],
    times: Sequence[float] | None = None,
    *,
    codec: str = "libx264",
    turn: tuple[Any, ...] = (),
    sound: bool = False,
    options: Mapping[str, str] | None = None,
    **settings: Any,
) -> Path:
    """Write pictures (H, W, 3) as a video, each at its time in seconds (None: 10 a second), nearly without loss.

    turn: degrees, and whether it is mirrored, as the file's display matrix says; sound: a silent track.
    """
    import av

    times = [number / 10 for number in range(len(pictures))] if times is None else times
    with av.open(str(path), "w", options=dict(options or {}), **settings) as container:
        stream = container.add_stream(codec, rate=10, options={"crf": "1"} if codec == "libx264" else {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        if turn:
            stream.set_display_rotation(*turn)
        audio = container.add_stream("aac", rate=8000) if sound else None
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time * _TICKS), Fraction(1, _TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _silence(container, audio)
    return path


def write_sound(path: Path) -> Path:
    """Write a file with sound and no picture."""
    import av

    with av.open(str(path), "w") as container:
        _silence(container, container.add_stream("aac", rate=8000))
    return path


def _silence(container: Any, stream: Any) -> None:
    import av

    for part in range(4):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 1024 * part
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def coloured(colours: Sequence[tuple[int, int, int]], size: tuple[int, int] = (48, 64)) -> list[Array]:
    """A plain picture (H, W, 3) of each colour."""
    return [np.full((*size, 3), colour, np.uint8) for colour in colours]
