"""An evaluation says how many of its pictures the model has seen, and takes sets that differ from its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.actions.evaluate import Evaluated, evaluate
from glassnet.data import Dataset, load, read_picture, with_classes, with_shape
from glassnet.data.reading import STRETCHED
from glassnet.errors import DataError, TrainingError
from glassnet.experiments import KnownPictures, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.metrics import wilson_interval
from support.shell import Shell

EACH = 20  # pictures of a class


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pictures`, a folder of three classes of digits, and `run`: 43 to train on, 5 to choose by, 12 held out."""
    place = tmp_path_factory.mktemp("evaluate")
    digits = load("digits").train
    for label, name in enumerate(("null", "one", "two")):
        (place / "pictures" / name).mkdir(parents=True)
        for number, image in enumerate(digits.images[digits.labels == label][:EACH]):
            Image.fromarray(image[..., 0]).save(place / "pictures" / name / f"{number:02}.png")
    recipe = recipe_from({"data": {"source": str(place / "pictures")}, "train": {"epochs": 4}})
    run_recipe(recipe, place / "run")
    return place


def test_the_run_s_own_data_are_measured_on_what_it_held_out(place: Path) -> None:
    found = evaluate(place / "run", place / "pictures")
    assert found.part == "test" and found.own and found.evaluation.n == 12
    assert found.seen is not None and found.seen.new == 12 and found.seen.sentence() == ""
    kept = json.loads((place / "run" / "evaluation.json").read_text(encoding="utf-8"))
    assert found.evaluation.accuracy == kept["accuracy"]
    beside = evaluate(place / "run" / "model.safetensors", f"{place}/run/../pictures")
    assert beside.to_dict() == found.to_dict()


def test_pictures_that_were_trained_on_are_counted(place: Path) -> None:
    found = evaluate(place / "run", place / "pictures", "all")
    held_out = evaluate(place / "run", place / "pictures").evaluation
    seen = found.seen
    assert seen is not None and (seen.n, seen.trained_on, seen.chosen_by, seen.new) == (60, 43, 5, 12)
    assert seen.accuracy == held_out.accuracy
    assert seen.accuracy_interval == wilson_interval(round(12 * held_out.accuracy), 12)
    assert seen.sentence().startswith(
        "43 of the 60 pictures were trained on, and the best epoch was chosen by 5 more; on"
    )
    plain = found.to_dict()["seen"]
    assert (plain["trained_on"], plain["chosen_by"], plain["new"]) == (43, 5, 12)
    assert plain["accuracy_on_new"] == held_out.accuracy


def test_copies_under_other_names_are_known(place: Path, tmp_path: Path) -> None:
    for name in ("two", "one"):
        shutil.copytree(place / "pictures" / name, tmp_path / "copy" / name)
    found = evaluate(place / "run", tmp_path / "copy")
    assert found.seen is not None and found.seen.n == 40 and not found.own and found.seen.trained_on >= 20
    assert "2 of the model's 3 classes have pictures here; none: 'null'." in found.notes
    assert found.evaluation.class_names == ("null", "one", "two")
    assert found.evaluation.confusion.sum(axis=1).tolist() == [0, 20, 20]


def test_changed_data_are_not_the_run_s_own(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "pictures", tmp_path / "pictures")
    run_recipe(recipe_from({"data": {"source": str(tmp_path / "pictures")}, "train": {"epochs": 1}}), tmp_path / "run")
    (tmp_path / "pictures" / "one" / "00.png").unlink()
    found = evaluate(tmp_path / "run", tmp_path / "pictures")
    assert not found.own and found.part == "all" and found.seen is not None and found.seen.trained_on > 30


def without_run(place: Path, tmp_path: Path, part: str) -> Evaluated:
    shutil.copy(place / "run" / "model.safetensors", tmp_path / "alone.safetensors")
    return evaluate(tmp_path / "alone.safetensors", place / "pictures", part)


def test_a_model_alone_knows_its_data_by_name(place: Path, tmp_path: Path) -> None:
    found = without_run(place, tmp_path, "all")
    assert found.seen is None and any("may have seen some of these pictures" in note for note in found.notes)


def test_a_model_alone_knows_the_very_pictures_that_it_was_trained_on(place: Path, tmp_path: Path) -> None:
    run_recipe(
        recipe_from({
            "data": {"source": str(place / "pictures"), "test": 0, "validation": 0}, "train": {"epochs": 1}
        }),
        tmp_path / "run",
    )  # fmt: skip
    shutil.move(tmp_path / "run" / "model.safetensors", tmp_path / "alone.safetensors")
    found = evaluate(tmp_path / "alone.safetensors", place / "pictures")
    assert any(note.startswith("these are the very pictures") for note in found.notes)


def test_unknown_classes_are_refused_by_name(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "pictures", tmp_path / "pictures")
    (tmp_path / "pictures" / "two").rename(tmp_path / "pictures" / "deux")
    with pytest.raises(
        DataError, match=r"of a class that the model does not know: 'deux'\. Its classes are 'null', 'one'"
    ):
        evaluate(place / "run", tmp_path / "pictures")


def test_a_command_line_warns(place: Path, shell: Shell) -> None:
    out = shell("evaluate", place / "run", place / "pictures")
    assert "(test, 12 pictures, held out by the run itself)" in out and "warning" not in out
    out = shell("evaluate", place / "run", place / "pictures", "--part", "train")
    assert "warning: 43 of the 60 pictures were trained on" in out
    assert shell.json("evaluate", place / "run", place / "pictures")["seen"]["trained_on"] == 0


# ---- hashes


def test_known_pictures_are_kept(tmp_path: Path) -> None:
    digits = load("digits")
    known = KnownPictures.of(digits)
    known.save(tmp_path / "pictures.npz")
    again = KnownPictures.load(tmp_path / "pictures.npz")
    assert again is not None and np.array_equal(again.training, known.training) and len(again.validation) == 0
    assert digits.test is not None and again.evaluated is not None
    assert int(again.evaluated[-1]) == int.from_bytes(digits.test.picture_digests[-1][:8], "little")
    KnownPictures(known.training, known.validation).save(tmp_path / "before.npz")  # as runs were kept before
    before = KnownPictures.load(tmp_path / "before.npz")
    assert before is not None and before.evaluated is None and np.array_equal(before.training, known.training)
    first = int.from_bytes(digits.train.picture_digests[0][:8], "little")
    assert int(again.training[0]) == first
    trained, chosen = again.among(digits.train.subset([3, 4]))
    assert trained.tolist() == [True, True] and chosen.tolist() == [False, False]
    assert KnownPictures.load(tmp_path / "missing.npz") is None
    (tmp_path / "pictures.npz").write_bytes(b"PK no archive")
    with pytest.raises(TrainingError, match="damaged"):
        KnownPictures.load(tmp_path / "pictures.npz")


# ---- a set that differs from the model's


def small(images: np.ndarray, names: tuple[str, ...] = ("a", "b")) -> Dataset:
    return Dataset(images, np.arange(len(images)) % len(names), names)


def test_labels_follow_the_names() -> None:
    fitted = with_classes(small(np.zeros((4, 2, 2, 1), np.uint8), ("b", "a")), ("a", "b"))
    assert fitted.labels.tolist() == [1, 0, 1, 0] and fitted.notes == ()


def test_a_class_without_pictures_may_be_unknown() -> None:
    data = Dataset(np.zeros((1, 2, 2, 1), np.uint8), np.array([1]), ("other", "a"))
    assert with_classes(data, ("a", "b")).labels.tolist() == [0]


def test_arrays_are_resized_as_files_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 20, 30, 3), np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    for shape in ((8, 8, 3), (8, 8, 1), (40, 50, 3)):
        fitted = with_shape(small(images), shape, STRETCHED)
        expected = np.stack([read_picture(tmp_path / f"{number}.png", shape) for number in range(3)])
        np.testing.assert_array_equal(fitted.images, expected)
        assert fitted.notes and fitted.notes[0].startswith("The pictures were brought from 20x30 (colour) to")


def test_pixels_from_0_to_1_are_resized_too() -> None:
    fitted = with_shape(small(np.full((2, 4, 4, 1), 0.5, np.float32)), (8, 8, 3), STRETCHED)
    assert fitted.images.shape == (2, 8, 8, 3) and np.unique(fitted.images[:]).tolist() == [128]


def test_other_channels_are_refused() -> None:
    with pytest.raises(DataError, match="the model takes"):
        with_shape(small(np.zeros((2, 8, 8, 2), np.uint8)), (8, 8, 3), STRETCHED)


def test_one_category(place: Path, shell: Shell) -> None:
    """Recall, interval and what it is taken for, counted by hand from the predictions."""
    found = evaluate(place / "run", place / "pictures", "all", category="one").to_dict()["category"]
    evaluation = evaluate(place / "run", place / "pictures", "all").evaluation
    own = evaluation.predictions[evaluation.labels == 1]
    right = int((own == 1).sum())
    assert (found["name"], found["n"], found["recall"]) == ("one", EACH, right / EACH)
    assert found["recall_interval"] == list(wilson_interval(right, EACH))
    taken = {entry["class"]: entry["count"] for entry in found["taken_for"]}
    assert taken == {name: int((own == k).sum()) for k, name in enumerate(("null", "one", "two")) if (own == k).any()}
    counts = [entry["count"] for entry in found["taken_for"]]
    assert counts == sorted(counts, reverse=True) and sum(entry["share"] for entry in found["taken_for"]) == 1
    told = shell("evaluate", place / "run", place / "pictures", "--part", "all", "--category", "one")
    assert f"one: {right} of {EACH} pictures right" in told and "taken for" in told
    assert "Did you mean 'two'" in shell.error("evaluate", place / "run", place / "pictures", "--category", "twoo")


def test_a_category_without_pictures(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "pictures", tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / "two")
    with pytest.raises(DataError, match=r"no pictures of 'two'. It has null, one\."):
        evaluate(place / "run", tmp_path / "some", category="two")
