"""What is wrong with pictures and labels is named; sets with nothing wrong raise no alarm. It is planted on digits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data import Dataset, load
from glassnet.doctor import Finding, examine_pictures
from glassnet.doctor.near import near_pairs
from glassnet.doctor.pictures import look_at
from glassnet.doctor.sketches import sketch
from glassnet.errors import DataError

Parts = dict[str, Dataset]
WHITE = 16 * 15  # digits are stored as 0..16 times 15


@pytest.fixture(scope="module")
def digits() -> Parts:
    """The digits as they are."""
    splits = load("digits")
    assert splits.test is not None
    return {"training": splits.train, "test": splits.test}


def names(parts: Mapping[str, Dataset]) -> list[str]:
    """The names of all findings."""
    return [finding.name for finding in examine_pictures(parts)]


def only(parts: Mapping[str, Dataset], name: str) -> Finding:
    """The one finding there is, which has this name."""
    findings = examine_pictures(parts)
    assert [finding.name for finding in findings] == [name], [finding.evidence for finding in findings]
    return findings[0]


def part(dataset: Dataset, change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Dataset:
    """The set with other pixels."""
    return replace(dataset, images=change(np.array(dataset.images[:])))


def flipped(labels: np.ndarray[Any, Any], share: float, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(labels of which a share is changed to any other, which rows are changed)."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    changed = labels.copy()
    changed[rows] = (changed[rows] + rng.integers(1, 10, len(rows))) % 10
    return changed, rows


# ---- nothing wrong


def test_digits_as_they_are_raise_no_alarm(digits: Parts) -> None:
    assert examine_pictures(digits) == ()


@pytest.mark.parametrize("count", [20, 200, 500])
def test_few_digits_raise_no_alarm(digits: Parts, count: int) -> None:
    assert examine_pictures({"training": digits["training"].subset(slice(count))}) == ()


def test_pictures_sorted_by_class_raise_no_alarm(digits: Parts) -> None:
    order = np.argsort(digits["training"].labels, kind="stable")
    assert examine_pictures({**digits, "training": digits["training"].subset(order)}) == ()


def test_rows_of_features_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 100)
    rows = rng.normal(labels[:, None] * 5.0, 1.0, (300, 4)).astype(np.float32).reshape(300, 1, 1, 4)
    assert examine_pictures({"training": Dataset(rows, labels, ("a", "b", "c"))}) == ()


@pytest.mark.skipif("GLASSNET_DATA" not in os.environ, reason="needs GLASSNET_DATA")
def test_mnist_as_it_is_raises_no_alarm() -> None:
    assert examine_pictures({"training": load("mnist").train.subset(slice(3000))}) == ()


# ---- copies


def test_training_pictures_in_the_test_part_are_a_leak(digits: Parts) -> None:
    training, test = digits["training"], digits["test"]
    images = np.concatenate([test.images[:], training.images[:40]])
    labels = np.concatenate([test.labels, training.labels[:40]])
    found = only({"training": training, "test": replace(test, images=images, labels=labels)}, "leak")
    assert found.severity == "failure" and found.where == "test"
    assert "40 of the 400 test pictures are in the training part too (pixel for pixel)" in found.evidence
    assert "test 360 is training 0" in found.evidence


def brighter(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Less contrast, more light."""
    return np.rint(images * 0.8 + 25).astype(np.uint8)


def test_brightened_copies_are_a_leak_and_not_pixel_for_pixel(digits: Parts) -> None:
    training, test = digits["training"], digits["test"]
    images = np.concatenate([test.images[:], brighter(training.images[:10])])
    labels = np.concatenate([test.labels, training.labels[:10]])
    found = only({"training": training, "test": replace(test, images=images, labels=labels)}, "leak")
    assert "10 of the 370 test pictures are in the training part too (nearly the same)" in found.evidence


def test_shifted_copies_are_found_and_no_others(digits: Parts) -> None:
    small = (Image.fromarray(picture[..., 0]).resize((28, 28)) for picture in digits["training"].images[:300])
    large = np.pad(np.stack([np.asarray(picture) for picture in small]), ((0, 0), (4, 4), (4, 4)))
    shifted = np.zeros_like(large[:30])
    shifted[:, 1:, 2:] = large[:30, :-1, :-2]
    images, labels = np.concatenate([large, shifted])[..., None], digits["training"].labels
    both = replace(digits["training"], images=images, labels=np.concatenate([labels[:300], labels[:30]]))
    found = near_pairs(sketch({"training": both}), np.arange(330))
    wanted = {(number, 300 + number) for number in range(30)}
    pairs = {tuple(pair) for pair in found.pairs.tolist()}
    assert pairs <= wanted and len(pairs) >= 27


def test_copies_within_a_part_are_counted_without_the_first(digits: Parts) -> None:
    training = digits["training"]
    doubled = training.subset(np.concatenate([np.arange(len(training)), np.arange(100)]))
    found = only({**digits, "training": doubled}, "duplicates")
    assert found.evidence.startswith("100 of the 1,537 training pictures are there before (pixel for pixel)")


def test_a_picture_under_two_labels_is_named(digits: Parts) -> None:
    training = digits["training"]
    twice = training.subset(np.append(np.arange(len(training)), 0))
    labels = twice.labels.copy()
    labels[-1] = (labels[0] + 1) % 10
    found = only({**digits, "training": replace(twice, labels=labels)}, "two-labels")
    first, second = labels[0], labels[-1]
    assert f"training 0 ('{first}') and training 1,437 ('{second}')" in found.evidence


def test_two_classes_of_the_same_pictures_are_named(digits: Parts) -> None:
    training = digits["training"]
    threes = np.flatnonzero(training.labels == 3)
    images = np.concatenate([training.images[:], training.images[threes]])
    labels = np.concatenate([training.labels, np.full(len(threes), 10)])
    both = Dataset(images, labels, (*training.class_names, "three"))
    findings = examine_pictures({"training": both})
    assert findings[0].name == "same-class-twice" and "'3', 'three'" in findings[0].evidence


# ---- labels


@pytest.mark.parametrize("seed", [0, 1])
def test_five_per_cent_of_wrong_labels_are_found_and_most_are_listed(digits: Parts, seed: int) -> None:
    labels, rows = flipped(digits["training"].labels, 0.05, seed)
    found = look_at({**digits, "training": replace(digits["training"], labels=labels)}, seed=seed)
    assert [finding.name for finding in found.findings] == ["suspicious-labels"]
    assert found.findings[0].where == "training" and found.judged is not None
    training = np.flatnonzero(found.sketches.of("training")[found.judged.numbers])
    listed = found.judged.numbers[found.judged.suspects(training)]
    right = np.isin(listed, rows)
    assert right.mean() >= 0.9 and right.sum() >= 0.6 * len(rows)


def test_shuffled_labels_are_said_to_have_nothing_to_do_with_the_pictures(digits: Parts) -> None:
    shuffled = np.random.default_rng(0).permutation(digits["training"].labels)
    found = examine_pictures({"training": replace(digits["training"], labels=shuffled)})
    assert [finding.name for finding in found] == ["labels-random"]


def test_labels_of_one_part_that_are_off_by_one_are_found(digits: Parts) -> None:
    moved = replace(digits["test"], labels=(digits["test"].labels + 1) % 10)
    found = examine_pictures({**digits, "test": moved})
    assert found[0].name == "labels-disagree" and found[0].where == "test"


def test_a_part_of_one_class_is_named(digits: Parts) -> None:
    same = replace(digits["test"], labels=np.zeros(len(digits["test"]), np.int64))
    assert "one-label" in names({**digits, "test": same})


# ---- classes


def test_imbalance_names_both_classes(digits: Parts) -> None:
    training = digits["training"]
    fives = np.flatnonzero(training.labels == 5)
    kept = np.setdiff1d(np.arange(len(training)), fives[8:])
    found = only({"training": training.subset(kept)}, "imbalance")
    assert "8 of '5'" in found.evidence


def test_a_class_without_pictures_in_a_part_is_named(digits: Parts) -> None:
    test = digits["test"]
    found = only({**digits, "test": test.subset(test.labels != 7)}, "absent-classes")
    assert found.where == "test" and "'7'" in found.evidence


def test_other_proportions_in_the_test_part_are_named(digits: Parts) -> None:
    test = digits["test"]
    kept = np.concatenate([np.flatnonzero(test.labels == 0), np.flatnonzero(test.labels != 0)[::4]])
    found = only({**digits, "test": test.subset(kept)}, "other-proportions")
    assert "'0'" in found.evidence and found.where == "test"


@pytest.mark.parametrize(
    ("called", "finding"),
    [
        (("dog", "Dogs"), "alike-names"),
        (("ice_cream", "ice cream"), "alike-names"),
        (("class", "classes"), "alike-names"),
        (("train", "test"), "part-names"),
        (("A", "a"), None),
        (("bus", "train"), None),
        (("glass", "grass"), None),
    ],
)
def test_class_names(digits: Parts, called: tuple[str, str], finding: str | None) -> None:
    training = digits["training"]
    two = training.subset(training.labels < 2)
    assert names({"training": replace(two, class_names=called)}) == ([] if finding is None else [finding])


# ---- pixels


def test_inverted_pictures_are_found_in_a_part_and_among_others(digits: Parts) -> None:
    whole = only({**digits, "test": part(digits["test"], lambda x: 255 - x)}, "inverted")
    assert whole.severity == "failure" and whole.where == "test" and "360 of the 360" in whole.evidence

    def some(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        images[::20] = 255 - images[::20]
        return images

    few = only({**digits, "training": part(digits["training"], some)}, "inverted")
    assert few.severity == "warning" and "72 of the 1,437" in few.evidence


def test_blank_pictures_are_named(digits: Parts) -> None:
    def some(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        images[[3, 50]] = 0
        return images

    first = examine_pictures({**digits, "training": part(digits["training"], some)})[0]
    assert first.name == "blank-pictures" and "training 3, training 50" in first.evidence


def test_pixels_that_are_no_numbers_are_named(digits: Parts) -> None:
    training = part(digits["training"], lambda x: x.astype(np.float32) / 255)
    training.images[7, 2, 2] = np.nan  # after the set was checked, as by a step of one's own
    assert examine_pictures({"training": training})[0].name == "not-finite"
    assert "training 7" in examine_pictures({"training": training})[0].evidence


@pytest.mark.parametrize(
    "change",
    [
        lambda x: (x // 128).astype(np.uint8),  # 0 and 1 as bytes
        lambda x: x.astype(np.float32) / 255**2,  # divided twice
        lambda x: x.astype(np.float32) / 127.5 - 1,  # -1..1
    ],
)
def test_another_unit_in_the_test_part_is_found(digits: Parts, change: Any) -> None:
    found = examine_pictures({**digits, "test": part(digits["test"], change)})
    assert found[0].name == "value-range" and found[0].where == "test"


def coloured(dataset: Dataset) -> Dataset:
    """Orange ink on black."""
    return part(dataset, lambda x: np.rint(x * np.array([1.0, 0.6, 0.2])).astype(np.uint8))


def test_channels_that_are_exchanged_or_grey_in_one_part_are_found(digits: Parts) -> None:
    training, test = coloured(digits["training"]), coloured(digits["test"])
    assert examine_pictures({"training": training, "test": test}) == ()
    assert names({"training": training, "test": part(test, lambda x: x[..., ::-1])}) == ["swapped-channels"]
    grey = part(test, lambda x: np.repeat(x[..., :1], 3, axis=-1))
    assert names({"training": training, "test": grey}) == ["grey-part"]


def test_a_frame_about_one_class_is_a_shortcut(digits: Parts) -> None:
    training = digits["training"]
    fours = training.labels == 4

    def framed(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        ring = np.ones((8, 8), bool)
        ring[1:-1, 1:-1] = False
        images[np.ix_(fours)] = np.where(ring[..., None], 200, images[fours])
        return images

    found = [f for f in examine_pictures({"training": part(training, framed)}) if f.name == "shortcut"]
    assert "'4'" in found[0].evidence


# ---- files


def saved(folder: Path, sizes: Mapping[str, int]) -> None:
    """Ten noisy pictures of each class, as large as told."""
    rng = np.random.default_rng(0)
    for name, size in sizes.items():
        (folder / name).mkdir()
        for number in range(10):
            pixels = rng.integers(0, 255, (size, size), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_files_of_one_class_that_have_a_size_of_their_own_are_a_shortcut(tmp_path: Path) -> None:
    saved(tmp_path, {"cat": 20, "dog": 31})
    found = only({"training": load(tmp_path, image_size=(16, 16)).train}, "shortcut")
    assert "20x20" in found.evidence and "'cat'" in found.evidence


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    saved(tmp_path, {"cat": 20, "dog": 20})
    (tmp_path / "cat" / "broken.png").write_bytes(b"no picture")
    found = only({"training": load(tmp_path, image_size=(16, 16), skip_bad=True).train}, "unread-files")
    assert "broken.png" in found.evidence


def test_pictures_on_the_disk_give_the_same_findings(tmp_path: Path) -> None:
    saved(tmp_path, {"cat": 20, "dog": 31})
    kept, streamed = (load(tmp_path, image_size=(16, 16), memory_share=share).train for share in (0.5, 0.0))
    assert not isinstance(streamed.images, np.ndarray)
    assert examine_pictures({"training": streamed}) == examine_pictures({"training": kept})


# ---- wrong input


def test_no_part_and_parts_that_do_not_fit_are_refused(digits: Parts) -> None:
    with pytest.raises(DataError, match="no part"):
        examine_pictures({})
    smaller = part(digits["test"], lambda x: x[:, :4])
    with pytest.raises(DataError, match="one shape"):
        examine_pictures({**digits, "test": smaller})
