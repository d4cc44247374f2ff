"""A copy of a video with the labels drawn in, as H.264: below each frame what the model sees in it, and when."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from glassnet.data.video import ByteStream, Video, pyav
from glassnet.errors import GlassnetError
from glassnet.files import atomic_write
from glassnet.text import shorten
from glassnet.watch.timeline import Watched

__all__ = ["draw_labels", "write_annotated"]

_LONGEST, _NARROWEST = 1280, 480  # pixels: a larger video is shrunk, a narrower one made wider
_TICKS = 90_000  # of a second, as MPEG counts
_BLACK, _WHITE, _GREY = (17, 21, 28), (240, 243, 247), (150, 160, 174)
_RIGHT, _WRONG = (64, 190, 140), (240, 130, 60)  # told apart by colour-blind readers
_SURE = "{:.1f} %"

Pixels = NDArray[np.uint8]


def write_annotated(
    watched: Watched, target: str | Path, *, progress: Callable[[int, int], None] = lambda done, frames: None
) -> Path:
    """Read the video of `watched` again and write it with its labels, each frame at its own time, without sound.

    Parameters
    ----------
    watched : Watched
        What was seen in a video.
    target : path
        The file, `.mp4`.
    progress : callable
        Told now and then how many frames of how many are drawn.

    Raises
    ------
    GlassnetError
        The video cannot be read any more, or the file cannot be written.

    Examples
    --------
    >>> import av
    >>> import tempfile
    >>> import glassnet
    >>> from glassnet.watch import watch_video, write_annotated
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with av.open(f"{folder}/film.mp4", "w") as film:
    ...         stream = film.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
    ...         frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
    ...         film.mux([*stream.encode(frame), *stream.encode()])
    ...     write_annotated(watch_video(model, f"{folder}/film.mp4"), f"{folder}/labelled.mp4").name
    'labelled.mp4'
    """
    av, target, line = pyav(), Path(target), watched.timeline
    ticks = _ticks(line.times)
    with Video(watched.path) as video, atomic_write(target) as file:
        rate = video.rate if video.rate and 1 <= video.rate <= 240 else Fraction(25)
        try:
            with av.open(ByteStream(file), "w", format="mp4") as container:
                stream = None
                for frame in video.frames():
                    if frame.number >= len(line):
                        break
                    picture = draw_labels(watched, frame.number, frame.pixels(_LONGEST))
                    if stream is None:
                        stream = _stream(container, picture, rate)
                    drawn = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    drawn.pts, drawn.time_base = int(ticks[frame.number]), Fraction(1, _TICKS)
                    drawn.duration = int(ticks[frame.number + 1] - ticks[frame.number])
                    container.mux(stream.encode(drawn))
                    progress(frame.number + 1, len(line))
                if stream is not None:
                    container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise GlassnetError(f"Cannot write the video '{target}': {error.strerror or error}.") from error
    return target


def _ticks(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """When each frame begins and the last one ends (N + 1,), in ticks; players need every one after the one before."""
    begins = np.rint((times - times[0]) * _TICKS).astype(np.int64)
    usual = int(np.median(np.diff(begins))) if len(begins) > 1 else _TICKS // 25
    ticks = np.append(begins, begins[-1] + max(1, usual))
    steps = np.arange(len(ticks))
    later: NDArray[np.int64] = np.maximum.accumulate(ticks - steps) + steps
    return later


def _stream(container: Any, picture: Pixels, rate: Fraction) -> Any:
    stream = container.add_stream("libx264", rate=rate, options={"preset": "superfast", "crf": "23"})
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, _TICKS)
    stream.codec_context.thread_count = 2
    return stream


def draw_labels(watched: Watched, number: int, pixels: Pixels) -> Pixels:
    """A frame (H, W, 3) with a strip below it: label, smoothed label, time, and a bar of the expected probability.

    Both sides of what comes back are even, as H.264 wants them.
    """
    picture = Image.fromarray(pixels)
    if picture.width < _NARROWEST:
        size = _NARROWEST, round(picture.height * _NARROWEST / picture.width)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    width = picture.width - picture.width % 2
    text = max(14, width // 40)
    strip = 4 * text
    high = picture.height + strip
    canvas = Image.new("RGB", (width, high + high % 2), _BLACK)
    canvas.paste(picture, (0, 0))
    draw, line = ImageDraw.Draw(canvas), watched.timeline
    top, gap = picture.height, text // 2
    rows = [("", int(line.labels[number]), float(line.probabilities[number, 0]))]
    if watched.window:
        sure = float(line.smoothed_probability[number])
        rows.append((f"{watched.window:g} s mean: ", int(line.smoothed[number]), sure))
    most = max(12, int(width / (0.62 * text)) - 26)
    for row, (head, label, sure) in enumerate(rows):
        colour = _WHITE if not watched.expect else _RIGHT if label in watched.expect else _WRONG
        words = f"{head}{shorten(watched.class_names[label], most)}  {_SURE.format(100 * sure)}"
        place = gap, top + gap + row * (text + gap)
        draw.text(place, words, fill=colour if row == 0 else _mixed(colour), font=_font(text))
    clock = _clock(float(line.times[number]))
    draw.text((width - gap, top + gap), clock, fill=_GREY, font=_font(text), anchor="ra")
    if line.expected is not None:
        begin = top + strip - gap
        draw.rectangle((0, begin, width - 1, top + strip - 1), fill=(48, 55, 66))
        share = round(float(line.expected[number]) * (width - 1))
        draw.rectangle((0, begin, share, top + strip - 1), fill=_RIGHT)
    return np.asarray(canvas)


def _mixed(colour: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple((3 * part + grey) // 4 for part, grey in zip(colour, _GREY, strict=True))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with Matplotlib: it has the letters of most alphabets."""
    import matplotlib  # takes its time, and only this needs it

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
