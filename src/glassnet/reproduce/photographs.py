"""The published row of a pretrained network on categories of photographs, and on every frame of a video."""

from __future__ import annotations

from pathlib import Path

from glassnet.data.catalogue import find_folder
from glassnet.errors import DataError
from glassnet.experiments.for_model import fitted, load_for
from glassnet.imagenet import pretrained
from glassnet.metrics import Evaluation
from glassnet.report.html import element
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.pages.watch import write_watch_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.reproduce.place import Place
from glassnet.watch import Watched, expected_classes, watch_video
from glassnet.weights import find_weights

__all__ = ["imagenet_category_and_video"]

_MODEL, _SET, _VIDEO, _EXPECT = "efficientnet-lite0", "imagenette", "flamingo.mp4", "flamingo"


def imagenet_category_and_video(place: Place) -> dict[str, float]:
    """EfficientNet-Lite0 on imagenette over all 1,000 classes, and on every frame of `videos/flamingo.mp4`.

    Returns the accuracy over all photographs, the lowest and the highest recall of a category, and the share of frames
    that are right, raw and smoothed over a second; writes a page of each into the folder. Raises `DataError` where the
    photographs, the video or the weights are not on this machine.
    """
    videos = find_folder("videos")
    if videos is None or not (videos / _VIDEO).is_file():
        raise DataError(f"There is no 'videos/{_VIDEO}' in a folder that GLASSNET_DATA names.")
    if find_weights(_MODEL) is None:
        raise DataError(f"The weights of '{_MODEL}' are not on this machine yet.")
    model = pretrained(_MODEL)
    splits = load_for(model, _SET)
    found = model.evaluate(fitted(model, splits.test or splits.valid or splits.train))
    watched = watch_video(model, videos / _VIDEO, expect=expected_classes(model, _EXPECT))
    write_watch_page(place.folder / "video.html", _MODEL, watched)
    _write_page(place.folder / "report.html", found, watched)
    recalls = [score.recall for score in found.per_class if score.support]
    assert watched.raw is not None and watched.after is not None
    return {
        "imagenette_accuracy": found.accuracy,
        "lowest_category": min(recalls),
        "highest_category": max(recalls),
        "frames_right": watched.raw.value,
        "frames_right_smoothed": watched.after.value,
    }


def _write_page(path: Path, found: Evaluation, watched: Watched) -> None:
    rows = []
    for place, score in enumerate(found.per_class):
        if score.support:
            others = [pair for pair in found.taken_for(place) if pair.predicted != place][:3]
            taken = ", ".join(f"{found.class_names[pair.predicted]} {pair.count}" for pair in others)
            rows.append([
                Cell(element("span", score.name, class_="words"), score.name),
                Cell(number(score.support), score.support),
                Cell(percent(score.recall), score.recall),
                Cell(interval_text(*score.recall_interval), score.recall_interval.low),
                Cell(element("span", taken, class_="words long"), taken),
            ])  # fmt: skip
    headings = [("category", False), ("pictures", True), ("right", True), ("95 % interval", True), ("taken for", False)]
    link = element("p", element("a", "Every frame of the video", href="video.html"))
    cards = [("accuracy over 1,000 classes", percent(found.accuracy), interval_text(*found.accuracy_interval))]
    if watched.raw is not None:
        cards.append(("frames right", percent(watched.raw.value), f"{number(len(watched.timeline))} frames"))
    panels = [
        Panel("categories", "Categories", body=table(headings, rows, sortable=True)),
        Panel("video", "The video", body=link),
    ]
    write_page(path, Heading(f"{_MODEL} on categories and a video", "", cards), panels)
