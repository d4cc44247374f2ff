"""Photographs in ImageNet's way: layouts, the class index, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import Reading, find, holds_picture_files, load, read_picture
from glassnet.data.imagenet import CLASS_INDEX, ClassIndex
from support.data_files import needs_real_data, one_line_error, write_picture

INDEX = [["n00000005", "tench"], ["n00000007", "crane"], ["n00000001", "great_white_shark"], ["n00000009", "crane"]]
NAMES = ("tench", "crane (n00000007)", "great white shark", "crane (n00000009)")


def write_index(folder: Path, entries: Any = INDEX) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLASS_INDEX).write_text(json.dumps({str(i): entry for i, entry in enumerate(entries)}))


def photograph(path: Path, seed: int = 0, shape: tuple[int, ...] = (300, 260, 3)) -> Path:
    return write_picture(path, np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def test_flat_photographs(tmp_path: Path) -> None:
    first = photograph(tmp_path / "n00000001_great_white_shark.JPEG")
    photograph(tmp_path / "n00000009_crane.JPEG", 1, (240, 400))
    write_index(tmp_path)
    found = load(tmp_path)
    data = found.train
    assert data.class_names == NAMES and data.labels.tolist() == [2, 3] and found.valid is None and found.test is None
    assert data.image_shape == (224, 224, 3) and data.reading == Reading(256)
    assert (data.images[0] == read_picture(first, (224, 224, 3), Reading(256))).all()
    assert "2 of the 4 classes" in found.notes[0]
    small = load(tmp_path, image_size=(8, 8)).train
    assert small.reading == Reading() and (small.images[0] == read_picture(first, (8, 8, 3))).all()
    assert load(tmp_path, image_size=(8, 8), reading=Reading(9)).train.reading == Reading(9)
    assert holds_picture_files(tmp_path) and not holds_picture_files("digits")


@pytest.mark.parametrize("above", [False, True])
def test_a_folder_for_each_wordnet_id(tmp_path: Path, above: bool) -> None:
    root = tmp_path / "photographs"
    for number, wordnet in enumerate(("n00000009", "n00000005", "n00000009")):
        photograph(root / wordnet / f"ILSVRC2012_val_{number}.JPEG", number, (10, 12, 3))
    write_index(tmp_path if above else root)
    data = load(root, image_size=(4, 4)).train
    assert data.class_names == NAMES and data.labels.tolist() == [0, 3, 3]


def test_parts(tmp_path: Path) -> None:
    write_index(tmp_path)
    photograph(tmp_path / "val" / "n00000005" / "a.JPEG", 0, (10, 12, 3))
    only = load(tmp_path, image_size=(4, 4))
    assert only.train.labels.tolist() == [0] and only.valid is None
    photograph(tmp_path / "train" / "n00000007" / "a.JPEG", 0, (10, 12))
    both = load(tmp_path, image_size=(4, 4))
    assert both.valid is not None and (both.train.labels.tolist(), both.valid.labels.tolist()) == ([1], [0])
    assert both.train.image_shape == (4, 4, 3)
    assert load(tmp_path / "val", image_size=(4, 4)).train.labels.tolist() == [0]


def test_without_an_index(tmp_path: Path) -> None:
    photograph(tmp_path / "flat" / "n00000005_tench.JPEG")
    with one_line_error("flat", CLASS_INDEX):
        load(tmp_path / "flat")
    for wordnet in ("n00000005", "n00000007"):  # class folders like any others
        photograph(tmp_path / "folders" / wordnet / "a.JPEG", 0, (10, 12, 3))
    assert load(tmp_path / "folders").train.class_names == ("n00000005", "n00000007")


def test_photographs_that_belong_nowhere(tmp_path: Path) -> None:
    photograph(tmp_path / "n00000005_tench.JPEG")
    write_index(tmp_path)
    for name in ("holiday.JPEG", "n99999999_unknown.JPEG", "n000000051_longer.JPEG"):
        file = photograph(tmp_path / name)
        with one_line_error(name, "WordNet id"):
            load(tmp_path)
        file.unlink()
    (tmp_path / "n00000007_broken.JPEG").write_bytes(b"\xff\xd8")
    with one_line_error("n00000007_broken.JPEG"):
        load(tmp_path)
    for folder in ("n00000005", "n00000007"):
        (tmp_path / "empty" / folder).mkdir(parents=True)
    with one_line_error("no photographs"):
        load(tmp_path / "empty")


@pytest.mark.parametrize("text", [
    "", "[1, 2]", "{}", '{"0": ["n00000005", "a"]}', '{"0": ["n00000005", "a"], "2": ["n00000007", "b"]}',
    '{"0": ["n00000005", "a"], "1": ["n00000005", "b"]}', '{"0": ["n5", "a"], "1": ["n00000005", "b"]}',
    '{"0": "n00000005", "1": 3}', '{"0": ["n00000005"], "1": ["n00000007"]}', "[" * 100_000, "5", "null",
])  # fmt: skip
def test_indices_that_make_no_sense(text: str, tmp_path: Path) -> None:
    photograph(tmp_path / "n00000005_tench.JPEG")
    (tmp_path / CLASS_INDEX).write_text(text)
    with one_line_error(CLASS_INDEX):
        load(tmp_path)
    (tmp_path / CLASS_INDEX).write_bytes(b"\xff\xfe")
    with one_line_error(CLASS_INDEX):
        load(tmp_path)


def test_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    photograph(tmp_path / "imagenet-samples" / "n00000005_tench.JPEG")
    assert find("imagenet-samples") is None  # the index is part of it
    with one_line_error("imagenet-samples"):
        load("imagenet-samples")
    write_index(tmp_path / "imagenet-samples")
    assert len(load("imagenet-samples").train) == 1 and holds_picture_files("imagenet-samples")
    assert load("imagenet-samples", image_size=(9, 9)).train.image_shape == (9, 9, 3)


@needs_real_data
def test_the_real_photographs() -> None:
    place = find("imagenet-samples")
    if place is None:
        pytest.skip("'imagenet-samples' is not in GLASSNET_DATA")
    index = ClassIndex.read(place / CLASS_INDEX)
    assert len(index.names) == 1000 == len(set(index.names)) and index.ids == tuple(sorted(index.ids))
    assert [name for name in index.names if name.startswith(("crane", "maillot"))] == [
        "crane (n02012849)", "crane (n03126707)", "maillot (n03710637)", "maillot (n03710721)",
    ]  # fmt: skip
    data = load("imagenet-samples").train
    assert len(data) == 200 and (data.counts() <= 1).all() and data.class_names[data.labels[0]] == "tench"
