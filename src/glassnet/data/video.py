"""Video files become pictures here: decoded one by one, upright, each with the time of its own time stamp.

Only PyAV (FFmpeg) reads them; it is an extra, `glassnet[video]`.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from glassnet.data.pictures import MOST_PIXELS, files_below
from glassnet.errors import DataError
from glassnet.files import open_plain
from glassnet.text import counted

__all__ = ["UNSTAMPED_RATE", "ByteStream", "Frame", "Video", "is_video_name", "pyav", "videos_below"]

UNSTAMPED_RATE = 25
"""Frames a second that are counted where a file has no time stamps at all."""

# The containers that FFmpeg may take a file for, whatever its name says: plain files, no playlists that name others.
_CONTAINERS = (
    "3gp,asf,avi,dv,flv,h264,hevc,ivf,m4v,matroska,mj2,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nut,ogg,webm,wtv"
)
_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".dv", ".flv", ".h264", ".hevc", ".ivf", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".webm", ".wmv",
})  # fmt: skip
_THREADS = 2  # of the decoder; each holds frames of its own in memory
_EARLY = 0.5  # seconds: a video that ends so much before the end that it states lacks frames
_INSTALL = "Videos are read by PyAV, which is not installed. Type: pip install 'glassnet[video]' (or: pip install av)"

Pixels = npt.NDArray[np.uint8]


def pyav() -> ModuleType:
    """PyAV, or `DataError` with what to install."""
    try:
        import av
    except ImportError as error:
        raise DataError(_INSTALL) from error
    return av  # type: ignore[no-any-return]


def is_video_name(path: Path) -> bool:
    """Whether the name is that of a video that is read, and not of a hidden file."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def videos_below(folder: Path) -> list[Path]:
    """The video files of a folder and of all folders in it, hidden ones left out. Raises `DataError`."""
    return files_below(folder, is_video_name)


class ByteStream:
    """An open file without its name, so that nothing is guessed from that, and any name will do."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.write = file.read, file.write
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable


@dataclass(frozen=True)
class Frame:
    """A decoded frame.

    Attributes
    ----------
    number : int
        Counted from 0.
    time : float
        Seconds from the beginning of the video, by the frame's own time stamp.
    """

    number: int
    time: float
    _decoded: Any = field(repr=False)
    _turn: tuple[bool, bool, bool] = field(repr=False)

    def pixels(self, longest: int | None = None) -> Pixels:
        """The frame upright, as (H, W, 3) uint8 RGB; at most `longest` pixels wide and high where that is given."""
        wide, high = self._decoded.width, self._decoded.height
        shrink = 1.0 if longest is None else min(1.0, longest / max(wide, high))
        size = {} if shrink == 1.0 else {"width": max(1, round(wide * shrink)), "height": max(1, round(high * shrink))}
        array: Pixels = self._decoded.to_ndarray(format="rgb24", **size)
        sideways, mirrored, upside_down = self._turn
        array = array.transpose(1, 0, 2) if sideways else array
        return np.ascontiguousarray(array[:: -1 if upside_down else 1, :: -1 if mirrored else 1])


class Video:
    """A video file, for a `with` block: what its header says, and its frames.

    Parameters
    ----------
    path : path
        The file.

    Attributes
    ----------
    path : Path
    size : (int, int)
        Width and height of a frame as it is stored.
    seconds : float or None
        How long the header says that it is; None where it does not.
    rate : Fraction or None
        Mean frames a second, by the header; never used for times.
    codec : str
        Such as "h264".
    damage : list of str
        What was found wrong while the frames were read; complete after the last one.
    notes : list of str
        What else to know, such as that the frames carry no time stamps.

    Raises
    ------
    DataError
        PyAV is not installed; the file is missing, no video, too large, or has no video stream.
    """

    def __init__(self, path: str | Path) -> None:
        av, self.path = pyav(), Path(path)
        try:
            self._file = open_plain(path)
        except FileNotFoundError as error:
            raise DataError(f"There is no video '{path}'; check the name.") from error
        except OSError as error:
            raise DataError(f"Cannot read '{path}' as a video: {error.strerror or error}.") from error
        try:
            self._container = av.open(ByteStream(self._file), options={"format_whitelist": _CONTAINERS})
        except (av.FFmpegError, ValueError) as error:
            self._file.close()
            raise DataError(
                f"Cannot read '{path}' as a video: {_reason(error)}. The file is damaged, cut short before its contents"
                " are listed, or no video."
            ) from error
        try:
            self._choose()
        except BaseException:
            self.close()
            raise

    def _choose(self) -> None:
        streams = [s for s in self._container.streams.video if "attached_pic" not in str(s.disposition.name or "")]
        if not streams:
            others = len(self._container.streams.audio)
            raise DataError(f"'{self.path}' has no video stream{', only sound' if others else ''}; name a video.")
        self._stream = stream = streams[0]
        context = stream.codec_context
        self.size = int(context.width), int(context.height)
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise DataError(
                f"Video '{self.path}' claims {self.size[0]} x {self.size[1]} pixels; at most {MOST_PIXELS // 10**6}"
                " million are read."
            )
        self.codec = str(context.name)
        self.rate: Fraction | None = stream.average_rate or None
        self.seconds = self._stated_seconds()
        self.damage: list[str] = []
        self.notes: list[str] = []

    def _stated_seconds(self) -> float | None:
        """What the header says of the video stream itself, or of the whole file where that is all there is."""
        stream = self._stream
        if stream.duration is not None and stream.duration > 0:
            return float(stream.duration * stream.time_base)
        parts = str(stream.metadata.get("DURATION", "")).split(":")  # Matroska keeps it as text
        try:
            if len(parts) == 3:
                return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])
        except ValueError:
            pass
        whole = self._container.duration
        return whole / 1e6 if whole is not None and whole > 0 else None

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()

    def frames(self) -> Iterator[Frame]:
        """Every frame that can be decoded, in the order of the showing; to be asked for once.

        Times are the frames' own time stamps, from where the file says that it begins. A frame whose stamp is missing
        or not after the one before takes the time of the one before. What is damaged is left out and told in `damage`.
        """
        stream = self._stream
        stream.thread_type, stream.codec_context.thread_count = "AUTO", _THREADS
        begin = (self._container.start_time or 0) / 1e6
        number, last, stamped, odd = 0, 0.0, 0, 0
        turn = (False, False, False)
        for decoded in self._decoded():
            if not number:  # asked of every frame, PyAV would keep each until Python's collector comes by
                turn = _turn_of(decoded)
            if decoded.pts is None:
                time = last
            else:
                time = round(float(decoded.pts * decoded.time_base) - begin, 6)
                if number and time <= last:
                    odd, time = odd + 1, last
                stamped += 1
            if not stamped:
                time = number / UNSTAMPED_RATE
            yield Frame(number, time, decoded, turn)
            number, last = number + 1, time
        self._check_end(number, last, stamped)
        if odd:
            self.notes.append(f"{odd:,} time stamps are not after the one before; those frames take its time")

    def _decoded(self) -> Iterator[Any]:
        """Decoded frames; packets that cannot be decoded are counted, and reading ends where it must."""
        av, bad, marked, patched = pyav(), 0, 0, 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, ValueError) as error:
                self.damage.append(f"reading ended early: {_reason(error)}")
                packet = None
            if packet is None:
                break
            if packet.is_corrupt:
                marked += 1
            try:
                for decoded in packet.decode():
                    patched += bool(decoded.is_corrupt)
                    yield decoded
            except av.FFmpegError:
                bad += 1
        with contextlib.suppress(av.FFmpegError, EOFError):
            yield from self._stream.codec_context.decode(None)  # what it still holds
        if bad or marked:
            self.damage.append(f"{counted(max(bad, marked), 'packet')} cannot be decoded")
        if patched:
            self.damage.append(f"parts of {counted(patched, 'frame')} are missing")

    def _check_end(self, number: int, last: float, stamped: int) -> None:
        if not number:
            return
        if not stamped:
            self.notes.append(f"the frames carry no time stamps; times count {UNSTAMPED_RATE} frames a second")
            return
        step = last / (number - 1) if number > 1 else 0.0
        missing = 0.0 if self.seconds is None else self.seconds - (last + step)
        if missing > max(_EARLY, 2 * step):
            self.damage.append(f"it ends after {last + step:.1f} of {self.seconds:.1f} seconds")


def _turn_of(decoded: Any) -> tuple[bool, bool, bool]:
    """(sideways, then mirrored, then upside down): how a frame is to be turned, by the file's display matrix.

    The matrix [[a, b], [c, d]] takes a stored pixel (x, y) to (a x + c y, b x + d y); it is rounded to quarter turns.
    """
    for data in decoded.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = struct.unpack("<5i" if struct.pack("=i", 1)[0] else ">5i", bytes(data)[:20])
            if abs(b) + abs(c) > abs(a) + abs(d):
                return True, c < 0, b < 0
            return False, a < 0, d < 0
    return False, False, False


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:1].lower() + str(text)[1:]
