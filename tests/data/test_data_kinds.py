"""Which kind of set a folder holds, what in it is not read, and what its parts have in common."""

from __future__ import annotations

import gzip
import re
import string
import warnings
from pathlib import Path

import numpy as np
import pytest

from glassnet.cli import main
from glassnet.data import Dataset, Preprocess, Splits, holds_picture_files, load
from glassnet.data.imagenet import ClassIndex
from glassnet.errors import DataError, GlassnetError, ModelError
from glassnet.experiments import load_recipe, load_splits, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.files import read_json
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.reader import read_words
from glassnet.report.pages import write_run_page
from support.data_files import idx_bytes, one_line_error, write_cifar_binary, write_classes, write_mnist, write_picture

GREY = np.arange(63, dtype=np.uint8).reshape(9, 7)


def pictures(folder: Path, count: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for number in range(count):
        write_picture(folder / f"{number}.png", rng.integers(0, 256, (9, 7), np.uint8))


# Parts and classes


@pytest.mark.parametrize(
    "names",
    [("train", "test"), ("Train", "TEST"), ("training", "testing"), ("train", "val"), ("train", "dev"), ("train",),
     ("train", "eval"), ("train", "test1"), ("training_set", "test_set"), ("train-images", "test-images"),
     ("train2017", "val2017", "test2017"), ("cat", "dog", "test"), ("cat", "dog", "validation"),
     ("trainset", "testset"), ("cat", "train", "valid")],
)  # fmt: skip
def test_parts_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        pictures(tmp_path / name, 3)
    wrong = [name for name in names if name not in ("cat", "dog")]
    with one_line_error(*(f"'{name}' (3 pictures" for name in wrong), "CLASS"):
        load(tmp_path)
    assert holds_picture_files(tmp_path)


@pytest.mark.parametrize("words", [
    ("train", "val", "test"), ("training", "validation", "testing"), ("TRAIN", "Dev", "Test"),
    ("train_images", "valid_images", "test_images"), ("training_set", "val_set", "test_set"),
])  # fmt: skip
def test_parts_by_their_many_names(tmp_path: Path, words: tuple[str, str, str]) -> None:
    for count, word in zip((4, 2, 1), words, strict=True):
        write_classes(tmp_path / word, each=count)
    found = load(tmp_path, image_size=(9, 7))
    assert found.valid is not None and found.test is not None
    assert (len(found.train), len(found.valid), len(found.test)) == (8, 4, 2)
    assert found.train.class_names == ("cat", "dog")


def test_a_class_of_trains(tmp_path: Path) -> None:
    for name in ("bus", "car", "train"):
        pictures(tmp_path / name, 2, len(name))
    assert load(tmp_path).train.class_names == ("bus", "car", "train")
    pictures(tmp_path / "train" / "old", 1, 9)
    found = load(tmp_path)
    assert found.train.class_names == ("bus", "car", "train") and "1 pictures in 'train/old'" in found.notes[0]


def test_two_folders_for_one_part(tmp_path: Path) -> None:
    for name in ("train", "val", "dev"):
        write_classes(tmp_path / name)
    with one_line_error("'dev'", "'val'", "valid"):
        load(tmp_path)


def test_parts_without_one_to_train_on(tmp_path: Path) -> None:
    for name in ("dev", "test"):
        write_classes(tmp_path / name)
    with one_line_error("'dev'", "'test'", "none to train on"):
        load(tmp_path)


def test_a_part_whose_name_is_unclear(tmp_path: Path) -> None:
    for name in ("train", "eval"):
        write_classes(tmp_path / name)
    with one_line_error("eval", "'valid' or to 'test'"):
        load(tmp_path)


# What is not read


def test_what_is_not_read_is_said_with_counts(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        write_classes(tmp_path / part, each=2)
    assert not [note for note in load(tmp_path).notes if "Not read" in note]
    pictures(tmp_path / "test", 5)
    pictures(tmp_path / "train" / "cat" / "more", 2)
    pictures(tmp_path, 3)
    for name in ("a.heic", "b.HEIC", "c.svg"):
        (tmp_path / "train" / "dog" / name).write_bytes(b"?")
    for name in (".hidden.png", "notes.txt", "Thumbs.db"):
        (tmp_path / "train" / "dog" / name).write_bytes(b"?")
    found = load(tmp_path)
    notes = [note for note in found.notes if note.startswith("Not read")]
    assert len(notes) == 1 and len(found.train) == 4
    for words in ("5 pictures in 'test'", "3 pictures beside the folders", "2 pictures in 'train/cat/more'",
                  "2 .heic files", "1 .svg files"):  # fmt: skip
        assert words in notes[0], words
    assert "txt" not in notes[0] and "hidden" not in notes[0]
    assert load(tmp_path, validation=0.25).notes[0] == notes[0]


def test_pictures_that_no_list_names(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "train_files.txt").write_text("cat/0.png\ncat/../dog/0.png\n")
    (tmp_path / "train_labels.txt").write_text("0\n1\n")
    assert load(tmp_path).notes == ("Not read: 2 pictures in 'cat'; 2 pictures in 'dog'.",)


def test_a_missing_cifar_batch(tmp_path: Path) -> None:
    write_cifar_binary(tmp_path)
    assert not load(tmp_path).train.notes
    (tmp_path / "data_batch_1.bin").unlink()
    (tmp_path / "test_batch.bin").unlink()
    found = load(tmp_path)
    assert len(found.train) == 20 and "data_batch_1.bin, test_batch.bin" in found.notes[0]


def test_a_test_figure_from_the_training_part_says_so(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", each=10)
    recipe = recipe_from({"data": {"source": str(tmp_path)}, "model": {"network": "linear"}})
    assert any("held out of its training part" in note for note in load_splits(recipe).notes)
    write_classes(tmp_path / "test", each=2)
    assert not any("held out" in note for note in load_splits(recipe).notes)


def test_a_run_and_its_evaluation_say_what_their_figures_are_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_classes(tmp_path / "data", each=10)
    pictures(tmp_path / "data", 2)
    recipe = recipe_from({
        "data": {"source": str(tmp_path / "data")}, "model": {"network": "linear"}, "train": {"epochs": 1}
    })  # fmt: skip
    run_recipe(recipe, tmp_path / "run", on_finish=[write_run_page])
    assert "held out of its training part" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert main(["evaluate", str(tmp_path / "run"), str(tmp_path / "data")]) == 0
    assert "note: Not read: 2 pictures beside the folders." in capsys.readouterr().out


# The kind, from all that is there


def test_class_folders_win_over_a_loose_file(tmp_path: Path) -> None:
    write_classes(tmp_path)
    write_picture(tmp_path / "image_0001.jpg", GREY)
    write_mnist(tmp_path)
    found = load(tmp_path)
    assert found.train.class_names == ("cat", "dog") and len(found.train) == 6
    assert found.notes == ("Not read: 1 pictures beside the folders; 4 IDX files.",)
    assert holds_picture_files(tmp_path)


def test_numbered_photographs_are_not_flowers(tmp_path: Path) -> None:
    for number in range(1, 6):
        write_picture(tmp_path / f"image_{number:04d}.jpg", GREY)
    with one_line_error("one folder of pictures per class"):
        load(tmp_path)


def test_flowers_beside_other_pictures_are_ambiguous(tmp_path: Path) -> None:
    for number in (1, 81, 1360):
        write_picture(tmp_path / "jpg" / f"image_{number:04d}.jpg", GREY)
        write_picture(tmp_path / "trimaps" / f"image_{number:04d}.png", GREY)
    with one_line_error("Flowers-17", "class folders"):
        load(tmp_path)


def test_two_kinds_of_data_files_are_ambiguous(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_cifar_binary(tmp_path)
    for use in (load, holds_picture_files):
        with one_line_error("IDX", "CIFAR-10"):
            use(tmp_path)


def test_a_set_one_or_two_folders_down_is_named(tmp_path: Path) -> None:
    write_classes(tmp_path / "archive" / "animals")
    for place in (tmp_path, tmp_path / "archive"):
        with one_line_error(str(tmp_path / "archive"), "animals", "name that folder"):
            load(place)
    write_cifar_binary(tmp_path / "archive" / "cifar")
    with one_line_error("animals", "cifar", "name one of them"):
        load(tmp_path / "archive")


@pytest.mark.parametrize("deep", ["", "MNIST"])
def test_the_raw_folder_of_torchvision(tmp_path: Path, deep: str) -> None:
    write_mnist(tmp_path / deep / "raw")
    found = load(tmp_path)
    assert len(found.train) == 12 and found.train.image_shape == (28, 28, 1)
    assert found.name == (deep or tmp_path.name)
    assert not holds_picture_files(tmp_path)


# EMNIST


def write_emnist(folder: Path, name: str, labels: list[int], *, packed: bool = True) -> np.ndarray:
    """Train and test files of a set of EMNIST; returns the upright pictures, the same in both."""
    folder.mkdir(parents=True, exist_ok=True)
    upright = np.random.default_rng(len(name)).integers(0, 256, (len(labels), 28, 28), np.uint8)
    for part in ("train", "test"):
        # As published: each picture's columns lie where its rows belong.
        for what, array in (("images-idx3", upright.swapaxes(1, 2)), ("labels-idx1", np.asarray(labels, np.uint8))):
            data = idx_bytes(array)
            file = folder / f"emnist-{name}-{part}-{what}-ubyte{'.gz' if packed else ''}"
            file.write_bytes(gzip.compress(data) if packed else data)
    return upright


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mapped", [False, True])
def test_emnist_letters(tmp_path: Path, packed: bool, mapped: bool) -> None:
    labels = [*range(1, 27), 5]
    upright = write_emnist(tmp_path, "letters", labels, packed=packed)
    if mapped:  # the published lines: label, capital, small letter
        lines = [f"{n} {64 + n} {96 + n}" for n in range(1, 27)]
        (tmp_path / "emnist-letters-mapping.txt").write_text("\r\n".join(lines), encoding="utf-8-sig")
    found = load(tmp_path)
    assert found.test is not None and found.train.class_names == tuple(string.ascii_uppercase)
    assert found.train.labels.tolist() == [n - 1 for n in labels]
    assert (found.train.images[..., 0] == upright).all() and (found.test.images == found.train.images).all()
    assert any("upright" in note for note in found.notes)


def test_the_sets_of_emnist(tmp_path: Path) -> None:
    digits, capitals = string.digits, string.ascii_uppercase
    sets = {"digits": digits, "mnist": digits, "byclass": digits + capitals + string.ascii_lowercase,
            "balanced": digits + capitals + "abdefghnqrt", "bymerge": digits + capitals + "abdefghnqrt"}  # fmt: skip
    for name, characters in sets.items():
        write_emnist(tmp_path, name, list(range(len(characters))))
    with one_line_error("several sets", "emnist-digits", "train-images"):
        load(tmp_path)
    for name, characters in sets.items():
        whole = load(tmp_path / f"emnist-{name}-train-images-idx3-ubyte.gz")
        assert whole.train.class_names == tuple(characters) and whole.test is not None
        test = load(tmp_path / f"emnist-{name}-test-images-idx3-ubyte.gz")
        assert test.test is None and test.train.class_names == tuple(characters)


@pytest.mark.parametrize("mapping", ["1", "1 65\n2 B", "1 -5", "1 99999999", "27 65"])
def test_a_mapping_that_does_not_fit(tmp_path: Path, mapping: str) -> None:
    write_emnist(tmp_path, "letters", [1, 2])
    (tmp_path / "emnist-letters-mapping.txt").write_text(mapping + "\n28 66\n")
    with one_line_error("emnist-letters"):
        load(tmp_path)


def test_classes_without_examples_are_said(tmp_path: Path) -> None:
    arrays = write_mnist(tmp_path, packed=False)
    assert arrays["t10k-labels-idx1-ubyte"].tolist() == [0, 1, 2, 3, 4, 5]
    assert any("6 of the 10 classes" in note and "test" in note and "'9'" in note for note in load(tmp_path).notes)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(1, 13)))  # counted from 1
    assert any("12 of the 13 classes" in note and "none: '0'" in note for note in load(tmp_path).notes)


# Names


@pytest.mark.parametrize(("one", "other"), [
    ("caf\u00e9", "cafe\u0301"), ("cat", "cat "), ("cat", " cat"), ("cat", "c\u200bat"), ("cat", "\ufeffcat"),
    ("a b", "a  b"), ("a b", "a\u00a0b"), ("cat", "cat\u2060"),
])  # fmt: skip
def test_names_that_look_alike(tmp_path: Path, one: str, other: str) -> None:
    for name in (one, other):
        pictures(tmp_path / name, 2)
    with one_line_error("look alike", ascii(one), ascii(other).replace("  ", r" \x20")):
        load(tmp_path)
    with pytest.raises(DataError, match="look alike"):
        Dataset(np.zeros((2, 2, 2, 1), np.uint8), np.arange(2), (one, other))


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x1b[31mb", "a\x00b", "a\u2028b", "caf\udce9", "a\x7f"])
def test_names_that_cannot_be_printed(name: str) -> None:
    with one_line_error(ascii(name)):
        Dataset(np.zeros((2, 2, 2, 1), np.uint8), np.arange(2), ("cat", name))


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u00a0"])
def test_names_that_show_nothing(name: str) -> None:
    with one_line_error("shows nothing"):
        Dataset(np.zeros((2, 2, 2, 1), np.uint8), np.arange(2), ("cat", name))


def test_a_folder_with_a_new_line_in_its_name(tmp_path: Path) -> None:
    for name in ("cat", "d\nog"):
        pictures(tmp_path / name, 2)
    with one_line_error(r"'d\nog'"):
        load(tmp_path)


def test_one_name_in_two_spellings_is_one_class(tmp_path: Path) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    for part, name in (("train", apart), ("test", composed)):
        pictures(tmp_path / part / name, 2)
        pictures(tmp_path / part / "zoo", 2, 1)
    found = load(tmp_path)
    assert found.train.class_names == (composed, "zoo") and found.test is not None
    assert found.test.labels.tolist() == [0, 0, 1, 1]


def test_a_model_knows_its_classes_in_either_spelling(tmp_path: Path) -> None:
    images = np.zeros((2, 2, 2, 1), np.uint8)
    network = Network("linear", (2, 2, 1), 2)
    names = ("cafe\u0301", "zoo")
    model = Model(network, Preprocess.parse("scale").fit(images), (2, 2, 1), names, SoftmaxCrossEntropy())
    model.save(tmp_path / "m.safetensors")
    data = Dataset(images, np.arange(2), names)
    assert Model.load(tmp_path / "m.safetensors").evaluate(data).n == 2


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "zoo ", ""])
def test_a_model_whose_class_names_would_deceive(tmp_path: Path, name: str) -> None:
    images = np.zeros((2, 2, 2, 1), np.uint8)
    preprocess = Preprocess.parse("scale").fit(images)
    Model(Network("linear", (2, 2, 1), 2), preprocess, (2, 2, 1), (name, "zoo"), SoftmaxCrossEntropy()).save(
        tmp_path / "m.safetensors"
    )
    with pytest.raises(ModelError, match=re.escape(ascii(name))):
        Model.load(tmp_path / "m.safetensors")


def test_byte_order_marks(tmp_path: Path) -> None:
    write_classes(tmp_path)
    texts = {"train_files": "cat/0.png\ndog/0.png", "train_labels": "0\n1", "class_names": "cat\ndog"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text + "\n", encoding="utf-8-sig")
    assert load(tmp_path).train.class_names == ("cat", "dog")
    write_cifar_binary(tmp_path / "cifar")
    (tmp_path / "cifar" / "batches.meta.txt").write_text("\n".join("abcdefghij"), encoding="utf-8-sig")
    assert load(tmp_path / "cifar").train.class_names == tuple("abcdefghij")
    (tmp_path / "r.toml").write_text('title = "é"\n[data]\nsource = "digits"\n', encoding="utf-8-sig")
    assert load_recipe(tmp_path / "r.toml").title == "é"
    (tmp_path / "words.txt").write_text("cat\ndog\n", encoding="utf-8-sig")
    assert read_words(tmp_path / "words.txt") == {"cat", "dog"}
    (tmp_path / "x.json").write_text('{"a": 1}', encoding="utf-8-sig")
    assert read_json(tmp_path / "x.json") == {"a": 1}
    (tmp_path / "index.json").write_text('{"0": ["n00000001", "a"], "1": ["n00000002", "b"]}', encoding="utf-8-sig")
    assert ClassIndex.read(tmp_path / "index.json").names == ("a", "b")


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cat\ndog\n", encoding="utf-16")
    for read in (read_words, read_json):
        with pytest.raises(GlassnetError, match="not UTF-8"):
            read(tmp_path / "words.txt")


# What the parts have in common


def numbered(first: int, count: int, labels: list[int] | None = None) -> Dataset:
    """Pictures that differ: their number, in bytes."""
    numbers = np.arange(first, first + count, dtype=">u4")
    images = numbers.view(np.uint8).reshape(count, 2, 2, 1)
    return Dataset(images, np.zeros(count, int) if labels is None else np.asarray(labels), ("cat", "dog", "fox"))


def test_pictures_in_two_parts_are_counted() -> None:
    said = [note for note in Splits(numbered(0, 50), numbered(47, 20), numbered(60, 30)).notes if "pixel" in note]
    assert len(said) == 2
    assert said[0].startswith("3 of the 20 validation pictures are in the training part too")
    assert said[1].startswith("7 of the 30 test pictures are in the validation part too")
    assert not [note for note in Splits(numbered(0, 50), None, numbered(50, 50)).notes if "pixel" in note]


def test_pictures_under_two_labels_are_counted() -> None:
    twice = numbered(0, 4, [0, 1, 2, 0]).subset([0, 1, 2, 3, 1, 1])
    torn = Dataset(twice.images, np.asarray([0, 1, 2, 0, 2, 1]), twice.class_names)
    said = [note for note in Splits(torn).notes if "label" in note]
    assert said == ["1 picture stands under more than one label, pixel for pixel; the first under 'dog' and 'fox'."]
    same = Dataset(twice.images, twice.labels, twice.class_names)  # twice under one label is not a contradiction
    assert not [note for note in Splits(same).notes if "label" in note]
    over = Splits(numbered(0, 4, [0, 1, 2, 0]), None, numbered(3, 1, [1]))
    assert any("1 picture stands under more than one label" in note for note in over.notes)


def test_equal_pictures_of_a_folder_are_said(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_classes(tmp_path / part, each=3)  # the same seed
    assert any("6 of the 6 test pictures are in the training part too" in note for note in load(tmp_path).notes)


# Channels first


@pytest.mark.parametrize("shape", [(4, 3, 32, 32), (4, 1, 28, 28), (4, 3, 20, 30)])
def test_channels_first_is_warned_of(shape: tuple[int, ...]) -> None:
    with pytest.warns(UserWarning, match="transpose") as caught:
        data = Dataset(np.zeros(shape, np.uint8), np.arange(4) % 2, ("a", "b"))
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert any("transpose" in note for note in data.subset([0, 1]).notes)  # said once
        Dataset(np.zeros(shape, np.uint8).transpose(0, 2, 3, 1), np.arange(4) % 2, ("a", "b"))
        Dataset(np.zeros((4, 3, 3, 1), np.uint8), np.arange(4) % 2, ("a", "b"))
