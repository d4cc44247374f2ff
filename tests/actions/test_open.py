"""What is found in a folder that is opened, and what its pages and runs come to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.actions.open import open_place
from glassnet.actions.read_page import correct, export_page, keep, read_page
from glassnet.actions.runs import compare_runs, list_runs
from glassnet.errors import DataError, GlassnetError, ModelError, ReaderError
from glassnet.reader import make_reader
from glassnet.reader.evaluate import known_texts
from support.classifiers import digits

SAMPLE = Path(__file__).parents[2] / "src/glassnet/reader/sample.jpg"


@pytest.fixture
def folder(finished_folder: Path, tmp_path: Path) -> Path:
    """Two runs, a model, and things that are passed over."""
    place = tmp_path / "place"
    for name in ("runs/b", "runs/a"):
        shutil.copytree(finished_folder, place / name)
    digits().save(place / "alone.safetensors")
    (place / "broken.safetensors").write_bytes(b"\xff" * 40)
    (place / ".hidden").mkdir()
    digits().save(place / ".hidden" / "no.safetensors")
    digits().save(tmp_path / "outside.safetensors")
    (place / "link").symlink_to(tmp_path)
    (place / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    deep = place / "1" / "2" / "3" / "4" / "5"
    deep.mkdir(parents=True)
    digits().save(deep / "deep.safetensors")
    return place


def test_runs_and_models_are_found_and_nothing_outside(folder: Path) -> None:
    found = open_place(folder)
    assert [(each.name, each.kind) for each in found.entries] == [
        ("runs/a", "run"),
        ("runs/b", "run"),
        ("alone.safetensors", "model"),
    ]
    assert len({each.id for each in found.entries}) == 3
    assert [each.id for each in open_place(folder).entries] == [each.id for each in found.entries]


@pytest.mark.parametrize("name", ["runs/b", "alone.safetensors"])
def test_what_was_named_comes_first(folder: Path, name: str) -> None:
    found = open_place(folder / name)
    assert found.entries[0].id == found.first and found.entries[0].name == Path(name).name
    assert found.folder == (folder / name).parent.resolve()


def test_folders_with_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model, no run and no picture"):
        open_place(tmp_path)
    with pytest.raises(ModelError, match="no model file or run folder"):
        open_place(tmp_path / "absent")
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(GlassnetError):
        open_place(tmp_path / "broken.safetensors")
    shutil.copy(SAMPLE, tmp_path / "page.jpg")
    assert open_place(tmp_path).pictures == 1


def test_a_model_is_read_again_when_its_file_changes(folder: Path) -> None:
    opened = open_place(folder / "alone.safetensors")
    before = opened.model(opened.first)
    assert opened.model(opened.first) is before
    digits("linear 5 -> relu -> linear").save(folder / "alone.safetensors")
    os.utime(folder / "alone.safetensors", ns=(0, 1))
    assert opened.model(opened.first).network.notation().startswith("linear 5")
    with pytest.raises(ModelError, match="no such model"):
        opened.model("../outside")


def test_runs_are_listed_and_compared(folder: Path) -> None:
    (folder / "runs" / "b" / "predictions.npz").write_bytes(b"damaged")
    opened = open_place(folder)
    good, damaged = list_runs(opened)
    assert good.to_dict()["accuracy"] == good.run.evaluation.accuracy  # type: ignore[union-attr]
    assert damaged.run is None and damaged.to_dict()["unread"]
    with pytest.raises(DataError, match="two different"):
        compare_runs(opened, good.entry.id, good.entry.id)


def test_pictures_that_only_one_run_gets_right(folder: Path, tmp_path: Path) -> None:
    """Of one run two answers are changed by hand, so what differs is known."""
    from dataclasses import replace

    from glassnet.experiments.predictions import Predictions

    file = folder / "runs" / "b" / "predictions.npz"
    kept = Predictions.load(file)
    assert kept.probabilities is not None
    right = kept.probabilities.argmax(axis=1) == kept.labels
    changed = np.concatenate([np.flatnonzero(right)[:3], np.flatnonzero(~right)[:2]])
    probabilities = kept.probabilities.copy()
    for row in changed:
        wanted = kept.labels[row] if not right[row] else (kept.labels[row] + 1) % 10
        probabilities[row] = np.eye(10)[wanted]
    replace(kept, probabilities=probabilities).save(file)
    recipe = folder / "runs" / "b" / "recipe.toml"  # of another seed, or it would be the same run twice
    recipe.write_text(recipe.read_text("utf-8").replace("seed = 0", "seed = 1"), "utf-8")
    opened = open_place(folder)
    a, b = (each.id for each in opened.runs)
    found = compare_runs(opened, a, b)
    assert (found.only_first, found.only_second) == (3, 2)
    assert [each.first_right for each in found.pictures] == [True] * 3 + [False] * 2
    turned = compare_runs(opened, b, a)
    assert (turned.only_first, turned.only_second) == (2, 3)
    for each in found.pictures:
        assert (each.first == each.true) == each.first_right and (each.second == each.true) != each.first_right


@pytest.fixture(scope="module")
def page() -> object:
    return read_page(make_reader(), SAMPLE, "../a letter.jpg")


def test_a_page_with_its_stages_as_files(page: object) -> None:
    assert [stage.name for stage in page.stages][:2] == ["ink", "lines"]  # type: ignore[attr-defined]
    assert all(stage.picture.dtype == np.uint8 and stage.picture.ndim == 3 for stage in page.stages)  # type: ignore[attr-defined]
    assert export_page(page, "text").decode() == page.page.text + "\n"  # type: ignore[arg-type,attr-defined]
    assert export_page(page, "pdf").startswith(b"%PDF")  # type: ignore[arg-type]
    with pytest.raises(ReaderError, match="text, hocr or pdf"):
        export_page(page, "exe")  # type: ignore[arg-type]


def test_corrections_change_words_and_are_kept(page: object, tmp_path: Path) -> None:
    words = page.page.lines[0].words  # type: ignore[attr-defined]
    changed = correct(page, 0, 1, "two words")  # type: ignore[arg-type]
    line = changed.page.lines[0]
    assert [word.text for word in line.words] == [words[0].text, "two", "words", *(word.text for word in words[2:])]
    assert line.words[1].confidence == 1.0
    assert line.words[1].box.left == words[1].box.left and line.words[2].box.right == pytest.approx(words[1].box.right)
    first = keep(changed, tmp_path)
    assert first[0].name == "a-letter.jpg" and keep(changed, tmp_path)[0].name == "a-letter-2.jpg"
    again = correct(changed, 0, 1, "")
    assert keep(again, tmp_path, first) == first
    assert [known.text for known in known_texts(tmp_path / "corrected") if known.file == first[0]] == [
        again.page.text + "\n"
    ]
    for place in ((9, 0), (0, 99), (-1, 0)):
        with pytest.raises(ReaderError, match="no word"):
            correct(page, *place, "x")  # type: ignore[arg-type]
    for text in ("a\nb", "x" * 201, "\x00"):
        with pytest.raises(ReaderError, match="at most"):
            correct(page, 0, 0, text)  # type: ignore[arg-type]


def test_a_page_without_text_is_not_kept(tmp_path: Path) -> None:
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    shown = read_page(make_reader(), tmp_path / "blank.png", "blank.png")
    with pytest.raises(ReaderError, match="no text"):
        keep(shown, tmp_path)
