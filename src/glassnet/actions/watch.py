"""What a model sees in every frame of a video, or of each video of a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from glassnet.actions.events import Events
from glassnet.actions.places import writable_folder
from glassnet.data.video import pyav, videos_below
from glassnet.errors import DataError, GlassnetError, RecipeError
from glassnet.files import write_text
from glassnet.imagenet import open_model
from glassnet.report.pages.watch import write_videos_page, write_watch_page
from glassnet.watch import Watched, expected_classes, watch_video, write_annotated

__all__ = ["WatchedVideo", "WatchedVideos", "watch"]

_PAGE, _TABLE, _VIDEO, _FIGURES = "watch.html", "frames.csv", "annotated.mp4", "figures"


@dataclass(frozen=True, eq=False)
class WatchedVideo:
    """What was seen in a video, and the files that say so, the page first."""

    found: Watched
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.found.to_dict(), "files": list(self.files)}


@dataclass(frozen=True, eq=False)
class WatchedVideos:
    """What was seen in each video.

    Attributes
    ----------
    each : tuple of WatchedVideo
        The videos that could be read.
    unread : tuple of (Path, GlassnetError)
        The others, and why.
    files : tuple of Path
        The page of all, where a folder was given.
    """

    each: tuple[WatchedVideo, ...]
    unread: tuple[tuple[Path, GlassnetError], ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything could be read."""
        return not self.unread and not any(video.found.damage for video in self.each)

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "videos": [video.to_dict() for video in self.each],
            "unread": [{"video": path, "reason": str(error)} for path, error in self.unread],
            "files": list(self.files),
            "complete": self.complete,
        }


def watch(
    video: str | Path,
    model: str | Path,
    *,
    expect: str = "",
    window: float = 1.0,
    top: int = 5,
    annotate: bool = True,
    out: str | Path | None = None,
    weights: str | Path | None = None,
    events: Events | None = None,
) -> WatchedVideos:
    """Classify every frame of a video, and write a page, a table of the frames and a copy with its labels drawn in.

    Parameters
    ----------
    video : str or path
        A video, or a folder of videos and of folders.
    model : str or path
        A model file, a run folder or a pretrained network.
    expect : str
        The classes that are right, with commas between them; "" expects nothing.
    window : float
        Seconds that the class probabilities are smoothed over, for what is said beside the frames as they are; 0 does
        not smooth.
    top : int
        How many classes of each frame the table has.
    annotate : bool
        Whether the copy is written.
    out : path, optional
        The folder to write into; None takes NAME-watch. Of a folder of videos each has a folder in it.
    weights : path, optional
        A pretrained network's weights.
    events : Events, optional
        Told the progress.

    Raises
    ------
    GlassnetError
        PyAV is not installed; a model that cannot be read or knows no classes, or not those; no video that can be read.
    """
    pyav()
    given, events = Path(video), events or Events()
    if not 0 <= window <= 3600:
        raise RecipeError(f"The probabilities are smoothed over 0 to 3600 seconds. Got {window:g} instead.")
    if top < 1:
        raise RecipeError(f"The number of classes must be at least 1. Got {top}.")
    folder = writable_folder(Path(f"{given.stem or given.name or 'videos'}-watch") if out is None else Path(out))
    whole = given.is_dir()
    paths = videos_below(given) if whole else [given]
    if not paths:
        raise DataError(f"Folder '{given}' holds no videos, nor do the folders in it.")
    loaded = open_model(model, weights)
    loaded.task.require_classes("'watch' needs a recogniser.")
    loaded.network.pack()
    numbers = expected_classes(loaded, expect) if expect.strip() else ()
    places = _places(given, paths) if whole else [Path()]
    each: list[WatchedVideo] = []
    unread: list[tuple[Path, GlassnetError]] = []
    for place, path in zip(places, paths, strict=True):
        try:
            found = watch_video(loaded, path, expect=numbers, window=window, top=top, progress=_telling(events, path))
        except DataError as error:
            if not whole:
                raise
            unread.append((path, error))
            continue
        each.append(WatchedVideo(found, _write(found, folder / place, _name(model), annotate, events)))
    if not each:
        raise DataError(f"None of {len(unread)} videos can be read. The first: {unread[0][1]}")
    pages: tuple[Path, ...] = ()
    if whole:
        rows = [(_address(folder, seen.files[0]), seen.found) for seen in each]
        reasons = [(path, str(error)) for path, error in unread]
        pages = (write_videos_page(folder / "index.html", _name(model), rows, reasons),)
    return WatchedVideos(tuple(each), tuple(unread), pages)


def _name(model: str | Path) -> str:
    return Path(str(model)).name


def _places(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Where the files of each video go, in the folder of all: by its name, with the ending where two share one."""
    stems = [path.relative_to(folder).with_suffix("") for path in paths]
    return [
        path.relative_to(folder) if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)
    ]


def _address(folder: Path, page: Path) -> str:
    return quote(page.relative_to(folder).as_posix(), errors="surrogateescape")


def _telling(events: Events, path: Path) -> Any:
    def tell(frames: int, seconds: float, total: float | None) -> None:
        what = f"{frames:,} frames of {path.name}"
        if total:
            events.progress(what, min(seconds, total), total)
        else:
            events.progress(what, seconds, None, "s")

    return tell


def _write(found: Watched, folder: Path, model: str, annotate: bool, events: Events) -> tuple[Path, ...]:
    table = folder / _TABLE
    write_text(table, _csv(found))
    made = [table]
    if annotate:
        made.append(
            write_annotated(
                found,
                folder / _VIDEO,
                progress=lambda done, frames: events.progress(
                    f"{done:,} of {frames:,} frames drawn of {found.path.name}", done, frames
                ),
            )
        )
    page = folder / _PAGE
    pages = write_watch_page(
        page, model, found, video=_VIDEO if annotate else "", frames=_TABLE, figures=folder / _FIGURES
    )
    return (pages[0], *made, *pages[1:])


def _csv(found: Watched) -> str:
    """A row for each frame: time, label, smoothed label, what was expected, and the next most probable classes."""
    line, names = found.timeline, found.class_names
    head = ["frame", "time", "label", "probability", "smoothed_label", "smoothed_probability"]
    if found.expect:
        head += ["right", "smoothed_right", "expected_probability", "smoothed_expected_probability"]
    for rank in range(2, line.classes.shape[1] + 1):
        head += [f"class_{rank}", f"probability_{rank}"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    right, after = found.right.astype(np.int64), found.smoothed_right.astype(np.int64)
    for i in range(len(line)):
        cells: list[Any] = [i, f"{line.times[i]:.6f}", names[line.classes[i, 0]], f"{line.probabilities[i, 0]:.6f}"]
        cells += [names[line.smoothed[i]], f"{line.smoothed_probability[i]:.6f}"]
        if line.expected is not None and line.smoothed_expected is not None:
            cells += [right[i], after[i], f"{line.expected[i]:.6f}", f"{line.smoothed_expected[i]:.6f}"]
        for label, sure in zip(line.classes[i, 1:], line.probabilities[i, 1:], strict=True):
            cells += [names[label], f"{sure:.6f}"]
        writer.writerow(cells)
    return text.getvalue()
