"""A model looks at every frame of a video: decoded, classified in batches, and dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.video import Frame, Video
from glassnet.errors import DataError, ModelError
from glassnet.model import Model
from glassnet.watch.smoothing import MovingMean
from glassnet.watch.timeline import Thumbnail, Timeline, Watched

__all__ = ["Progress", "expected_classes", "watch_video"]

_BATCH = 16  # frames, of which at most so many are in memory at once
_THUMBNAILS, _SIDE = 24, 224  # how many small frames are kept at most, and their longer side in pixels

Progress = Callable[[int, float, "float | None"], None]
"""Called with the frames so far, their seconds, and the seconds of the whole video where they are known."""

Floats = NDArray[np.float32]


def expected_classes(model: Model, names: str) -> tuple[int, ...]:
    """The numbers of classes that are named with commas between them; a name may hold commas itself.

    Raises `ModelError` for a name that is no class, with the nearest.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.watch import expected_classes
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> expected_classes(model, "3, 8")
    (3, 8)
    """
    if names.strip() in model.class_names:
        return (model.class_names.index(names.strip()),)
    given = [name.strip() for name in names.split(",")]
    return tuple(dict.fromkeys(model.class_number(name) for name in given if name))


def watch_video(
    model: Model,
    path: str | Path,
    *,
    expect: tuple[int, ...] = (),
    window: float = 1.0,
    top: int = 5,
    progress: Progress = lambda frames, seconds, total: None,
) -> Watched:
    """Classify every frame of a video.

    Parameters
    ----------
    model : Model
        Of pictures, with classes. Frames are prepared as picture files are.
    path : path
        The video.
    expect : tuple of int
        The classes that are right.
    window : float
        Seconds that the probabilities are smoothed over; 0 does not smooth.
    top : int
        How many of the most probable classes of a frame are kept.
    progress : callable
        Told how far it is, after each batch.

    Returns
    -------
    Watched
        With what could be read, where the video is damaged.

    Raises
    ------
    ModelError
        The model takes no pictures.
    DataError
        The video cannot be opened, or none of its frames can be decoded.

    Examples
    --------
    >>> import av
    >>> import tempfile
    >>> import glassnet
    >>> from glassnet.watch import watch_video
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with av.open(f"{folder}/film.mp4", "w") as film:
    ...         stream = film.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
    ...         frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
    ...         film.mux([*stream.encode(frame), *stream.encode()])
    ...     watched = watch_video(model, f"{folder}/film.mp4", expect=(3,))
    >>> len(watched.timeline.times), watched.expect
    (1, (3,))
    """
    if model.takes_rows:
        raise ModelError(f"This model takes rows of {model.image_shape[2]} features, not pictures.")
    kept = _Kept(window, min(top, len(model.class_names)), expect)
    with Video(path) as video:
        waiting: list[tuple[float, NDArray[np.uint8]]] = []
        size, batch = video.size, min(_BATCH, model.batch)
        for frame in video.frames():
            pixels = frame.pixels()
            size = pixels.shape[1], pixels.shape[0]
            kept.look(frame)
            waiting.append((frame.time, model.read(pixels)[0]))
            if len(waiting) == batch:
                kept.add(model, waiting)
                progress(frame.number + 1, frame.time, video.seconds)
                waiting = []
        if waiting:
            kept.add(model, waiting)
        timeline = kept.timeline()
        if not len(timeline):
            reasons = "; ".join(video.damage) or "it is empty"
            raise DataError(f"No frame of the video '{path}' can be decoded: {reasons}.")
        return Watched(
            Path(path), size, timeline, tuple(model.class_names), expect, window, tuple(video.damage),
            tuple(video.notes), kept.thumbnails,
        )  # fmt: skip


class _Kept:
    """What is kept of the frames so far: some numbers of each, and a few small ones."""

    def __init__(self, window: float, top: int, expect: tuple[int, ...]) -> None:
        self.mean, self.top, self.expect = MovingMean(window), top, list(expect)
        self.times: list[float] = []
        self.raw: list[tuple[NDArray[np.int32], Floats, float]] = []
        self.smoothed: list[tuple[int, float, float]] = []
        self.thumbnails: list[Thumbnail] = []
        self.stride = 1

    def look(self, frame: Frame) -> None:
        """Keep a small copy of every so many frames: of every second one of them when they become too many."""
        if frame.number % self.stride:
            return
        self.thumbnails.append(Thumbnail(frame.number, frame.pixels(_SIDE)))
        if len(self.thumbnails) > _THUMBNAILS:
            self.thumbnails = self.thumbnails[::2]
            self.stride *= 2

    def add(self, model: Model, waiting: list[tuple[float, NDArray[np.uint8]]]) -> None:
        for (time, _), row in zip(waiting, model.predict_proba(np.stack([p for _, p in waiting])), strict=True):
            order = np.argsort(-row, kind="stable")[: self.top].astype(np.int32)
            self.times.append(time)
            self.raw.append((order, row[order].astype(np.float32), self._expected(row)))
            for mean in self.mean.push(time, row):
                self._add_smoothed(mean)

    def _add_smoothed(self, row: Floats) -> None:
        best = int(row.argmax())
        self.smoothed.append((best, float(row[best]), self._expected(row)))

    def _expected(self, row: Floats) -> float:
        return float(row[self.expect].sum())

    def timeline(self) -> Timeline:
        for mean in self.mean.close():
            self._add_smoothed(mean)
        n = len(self.times)
        classes = np.array([order for order, _, _ in self.raw], np.int32).reshape(n, self.top)
        probabilities = np.array([p for _, p, _ in self.raw], np.float32).reshape(n, self.top)
        smoothed = np.array([best for best, _, _ in self.smoothed], np.int32)
        sure = np.array([p for _, p, _ in self.smoothed], np.float32)
        times = np.array(self.times)
        if not self.expect:
            return Timeline(times, classes, probabilities, smoothed, sure)
        expected = np.array([p for _, _, p in self.raw], np.float32)
        after = np.array([p for _, _, p in self.smoothed], np.float32)
        return Timeline(times, classes, probabilities, smoothed, sure, expected, after)
