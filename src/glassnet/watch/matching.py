"""Photographs are corrupted until they are as blurred, noisy, dark or blocky as the frames of a video.

What each corruption changes is measured on both: on the pixels that the network sees, but for blocks, which lie at the
video's own pixels. The strength is chosen at which the photographs' median is the frames' median, interpolated between
the severities of `glassnet.attack.CORRUPTIONS`. A quantity in which the video is no worse gives strength 0; one that no
severity reaches, or that nothing measures, cannot be matched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glassnet.attack import CORRUPTIONS, SEVERITIES, corrupt
from glassnet.data.video import Video
from glassnet.metrics import blockiness, blur, brightness, contrast, noise
from glassnet.model import Model
from glassnet.watch.stills import Match, StillsBesideVideo
from glassnet.watch.timeline import Watched

__all__ = ["MATCHED", "compare_stills"]

_FRAMES, _STILLS = 100, 100  # so many of each are measured at most, evenly spread
_LARGEST = 8.0  # times that a photograph is enlarged to the video's pixels at most

Pictures = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Quantity:
    """What a corruption changes.

    Attributes
    ----------
    name : str
        In a few words.
    measure : callable or None
        Of a picture's pixels; None for the share of a picture that is seen, which follows from its size.
    way : int
        1 where a stronger corruption raises it, -1 where it lowers it, 0 where it goes either way.
    """

    name: str
    measure: Callable[[NDArray[Any]], float] | None
    way: int


# In the order in which light comes to a picture file: what the lens sees and how, the sensor, the coder.
MATCHED: dict[str, Quantity | str] = {
    "scale": "nothing in a frame says how large what it shows should be",
    "crop": Quantity("share of the picture seen", None, -1),
    "rotation": "frames are upright by the file, and nothing in them says otherwise",
    "brightness": Quantity("mean luma", brightness, 0),
    "contrast": Quantity("deviation of the luma", contrast, -1),
    "blur": Quantity("blur effect, 0 sharp to 1", blur, 1),
    "noise": Quantity("noise in the luma", noise, 1),
    "jpeg": Quantity("steps between blocks", blockiness, 1),
}
"""By corruption what is measured, or why nothing is."""


def compare_stills(
    model: Model,
    stills: Pictures,
    labels: NDArray[np.int64],
    watched: Watched,
    *,
    name: str,
    sizes: Sequence[tuple[int, int]] | None = None,
    notes: tuple[str, ...] = (),
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> StillsBesideVideo:
    """Photographs beside the frames of a video.

    Parameters
    ----------
    model : Model
        A recogniser.
    stills : (n, H, W, C) uint8 array
        Photographs as the model takes them.
    labels : (n,) array
        Their classes. Those of an expected class are right where any of the expected classes is seen, as frames are.
    watched : Watched
        What the model saw in the video; with expected classes.
    name : str
        What the photographs are, in words.
    sizes : sequence of (int, int), optional
        Height and width of the photographs' files.
    notes : tuple of str
        What a reader must know.
    seed : int
        Of the corruptions' random numbers.
    progress : callable
        Called with what is done, and how much of how much.

    Examples
    --------
    >>> import av
    >>> import tempfile
    >>> import glassnet
    >>> from glassnet.watch import compare_stills, watch_video
    >>> run = glassnet.fit("digits", "linear", epochs=1, verbose=False)
    >>> test = run.splits.test
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with av.open(f"{folder}/film.mp4", "w") as film:
    ...         stream = film.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
    ...         frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
    ...         film.mux([*stream.encode(frame), *stream.encode()])
    ...     watched = watch_video(run.model, f"{folder}/film.mp4", expect=(3,))
    ...     both = compare_stills(run.model, test.images[:20], test.labels[:20], watched, name="twenty digits")
    >>> both.stills, both.right.shape, len(both.matches) > 5
    ('twenty digits', (20,), True)
    """
    work = _Work(model, stills, labels, watched, sizes, seed)
    total = len(MATCHED) * (len(SEVERITIES) + 1) + 2
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        progress(what, done, total)
        done += 1

    tell("photographs as they are")
    right = work.right(stills)
    curves: dict[str, list[int]] = {}
    matches = []
    for kind in MATCHED:
        curves[kind] = []
        for severity in SEVERITIES:
            tell(f"corruption: {kind}")
            curves[kind].append(int(work.right(work.corrupted(stills, kind, severity)).sum()))
        tell(f"corruption: {kind}, matched to the video")
        matches.append(work.match(kind, right))
    tell("all corruptions together")
    together = stills
    for match in matches:
        if match.applies:
            together = work.corrupted(together, match.kind, match.severity, work.sign(match))
    same = together is stills
    after = {} if same else {m.kind: work.median(m.kind, together) for m in matches if work.sees(m.kind)}
    return StillsBesideVideo(
        name, watched, right, curves, tuple(matches), right if same else work.right(together), after, notes
    )


class _Work:
    """The photographs, what was measured of the frames, and how both are compared."""

    def __init__(
        self, model: Model, stills: Pictures, labels: NDArray[np.int64], watched: Watched,
        sizes: Sequence[tuple[int, int]] | None, seed: int,
    ) -> None:  # fmt: skip
        self.model, self.stills, self.labels, self.seed = model, stills, labels, seed
        self.expect = np.array(watched.expect)
        self.few = stills[_spread(len(stills), _STILLS)]
        wide, high = watched.size
        self.zoom = min(_LARGEST, max(1.0, min(high, wide) / (model.reading.shortest_side or min(stills.shape[1:3]))))
        self.seen = (
            math.nan if not sizes else float(np.median([_seen(model, size) for size in sizes])),
            _seen(model, (high, wide)),
        )
        self.frames = self._of_frames(watched)

    def _of_frames(self, watched: Watched) -> dict[str, float]:
        """By corruption the median over frames of what it changes."""
        chosen = set(_spread(len(watched.timeline), _FRAMES).tolist())
        found: dict[str, list[float]] = {kind: [] for kind in MATCHED if self.sees(kind) or kind == "jpeg"}
        with Video(watched.path) as video:
            for frame in video.frames():
                if frame.number in chosen:
                    pixels = frame.pixels()
                    read, _ = self.model.read(pixels)
                    for kind, values in found.items():
                        values.append(_measure(kind, pixels if kind == "jpeg" else read))
                if frame.number >= max(chosen):
                    break
        return {kind: float(np.median(values)) for kind, values in found.items()}

    @staticmethod
    def sees(kind: str) -> bool:
        """Whether what a corruption changes is measured on the pixels that the network sees."""
        quantity = MATCHED[kind]
        return isinstance(quantity, Quantity) and quantity.measure is not None and kind != "jpeg"

    def right(self, pictures: Pictures) -> Bools:
        """Which pictures (n,) are right."""
        found = self.model.predict_proba(pictures).argmax(axis=1)
        expected = np.isin(self.labels, self.expect)
        right: Bools = np.where(expected, np.isin(found, self.expect), found == self.labels)
        return right

    def corrupted(self, pictures: Pictures, kind: str, severity: float, sign: int = 0) -> Pictures:
        """As `corrupt` does, JPEG at the pixels of the video."""
        if kind != "jpeg":
            return corrupt(pictures, kind, severity, seed=self.seed, sign=sign)
        return np.stack([self._brought(self._coded(picture, severity), picture.shape) for picture in pictures])

    def _coded(self, picture: Pictures, severity: float) -> Pictures:
        """A picture enlarged to the pixels of the video, and coded."""
        large = tuple(round(self.zoom * side) for side in picture.shape[:2])
        coded: Pictures = corrupt(self._brought(picture, large)[None], "jpeg", severity)[0]
        return coded

    @staticmethod
    def _brought(picture: Pictures, size: Sequence[int]) -> Pictures:
        if picture.shape[:2] == tuple(size[:2]):
            return picture
        grey = picture.shape[2] == 1
        image = Image.fromarray(picture[:, :, 0] if grey else picture)
        found = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
        return found[:, :, None] if grey else found

    def median(self, kind: str, pictures: Pictures) -> float:
        """The median over some pictures of what a corruption changes, on the pixels that the network sees."""
        return float(np.median([_measure(kind, picture) for picture in pictures[_spread(len(pictures), _STILLS)]]))

    def at(self, kind: str, severity: float, sign: int) -> float:
        """The photographs' median at a severity."""
        if kind == "crop":
            return self.seen[0] * (1 - CORRUPTIONS[kind].strength(severity)) ** 2
        if kind == "jpeg":
            return float(np.median([_measure(kind, self._coded(picture, severity)) for picture in self.few]))
        return self.median(kind, self.corrupted(self.few, kind, severity, sign))

    @staticmethod
    def sign(match: Match) -> int:
        """The way of a corruption that goes either way: towards the video."""
        return (1 if match.frames > match.stills else -1) if CORRUPTIONS[match.kind].either_way else 0

    def match(self, kind: str, clean: Bools) -> Match:
        """A corruption by itself, as strong as the video has it."""
        quantity = MATCHED[kind]
        if isinstance(quantity, str):
            return Match(kind, "", reason=f"cannot be matched: {quantity}")
        stills = self.at(kind, 0.0, 0)
        frames = self.seen[1] if kind == "crop" else self.frames[kind]
        if math.isnan(stills):
            return Match(
                kind, quantity.name, stills, frames, reason="cannot be matched: the files' sizes are not known"
            )
        asked = Match(kind, quantity.name, stills, frames)
        sign, way = self.sign(asked), quantity.way or (1 if frames > stills else -1)
        if (frames - stills) * way <= 0:
            return Match(kind, quantity.name, stills, frames, 0.0, stills, clean, "the video is no worse in this")
        before = stills
        for severity in SEVERITIES:
            value = self.at(kind, severity, sign)
            if (value - frames) * way >= 0:
                found = severity - 1 + (frames - before) / (value - before)
                right = self.right(self.corrupted(self.stills, kind, found, sign))
                return Match(kind, quantity.name, stills, frames, found, self.at(kind, found, sign), right)
            before = value
        reason = f"cannot be matched: the video is beyond severity {SEVERITIES[-1]} ({before:.3g})"
        return Match(kind, quantity.name, stills, frames, reason=reason)


def _measure(kind: str, picture: Pictures) -> float:
    quantity = MATCHED[kind]
    assert isinstance(quantity, Quantity) and quantity.measure is not None
    return quantity.measure(picture)


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Up to `most` of `count` places, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _seen(model: Model, size: tuple[int, int]) -> float:
    """The share of a picture of this size, (height, width), that the model sees."""
    side = model.reading.shortest_side
    if side is None:
        return 1.0
    height, width = model.image_shape[:2]
    return height * width / (side * side * max(size) / min(size))
