"""Networks trained on ImageNet, by name: from published weights to figures, answers and a model file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import glassnet
from glassnet.actions.evaluate import load_for
from glassnet.cli import main
from glassnet.data import Reading, find
from glassnet.data.imagenet import CLASS_INDEX
from glassnet.errors import DataError, GlassnetError, ModelError
from glassnet.imagenet import PRETRAINED, open_model
from glassnet.model import Model
from glassnet.nn import Network, model_file
from glassnet.nn.torchvision import to_torchvision

CLASSES = 120
NAME = "squeezenet-1.1"
Command = Callable[..., tuple[int, str, str]]


def wordnet(number: int) -> str:
    return f"n{number + 11:08d}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with random weights, an index of few classes, and photographs of some of them."""
    place = tmp_path_factory.mktemp("data")
    (place / "weights").mkdir()
    (place / "imagenet-samples").mkdir()
    network = Network(NAME, (224, 224, 3), CLASSES, seed=3)
    save_file(to_torchvision(network, NAME), place / "weights" / PRETRAINED[NAME].file)
    index = {str(i): [wordnet(i), f"kind_{i // 2 if i < 4 else i}"] for i in range(CLASSES)}
    (place / "imagenet-samples" / CLASS_INDEX).write_text(json.dumps(index))
    rng = np.random.default_rng(0)
    for number in (0, 3, 50):
        pixels = rng.integers(0, 256, (8, 11, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((300, 240))
        picture.save(place / "imagenet-samples" / f"{wordnet(number)}_{number}.JPEG")
    return place


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("GLASSNET_DATA", str(place))

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        assert status != 2 or (shown.err.startswith("error: ") and shown.err.count("\n") == 1)
        return status, shown.out, shown.err

    return run


def test_evaluate(command: Command, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = command("evaluate", NAME, "imagenet-samples", "--json")
    assert status == 0 and "120 classes, of which 3 have pictures here" in out
    assert "top 5 " in out and out.count("95 % interval") == 2 and "precision  " not in out
    found = json.loads(out.splitlines()[-1])
    assert found["n"] == 3 and found["classes_seen"] == 3 and "confusion" not in found
    assert set(found["top_k"]) == {"1", "2", "3", "5", "10"} == set(found["top_k_intervals"])
    low, high = found["top_k_intervals"]["5"]
    assert low <= found["top_k"]["5"] <= high and 3 <= len(found["per_class"]) <= 6
    # A folder for each id and weights by their own name give the same.
    for photograph in (place / "imagenet-samples").glob("*.JPEG"):
        (tmp_path / "photos" / photograph.name[:9]).mkdir(parents=True)
        (tmp_path / "photos" / photograph.name[:9] / "a.JPEG").write_bytes(photograph.read_bytes())
    (tmp_path / CLASS_INDEX).write_bytes((place / "imagenet-samples" / CLASS_INDEX).read_bytes())
    file = tmp_path / "mine.safetensors"
    file.write_bytes((place / "weights" / PRETRAINED[NAME].file).read_bytes())
    again = json.loads(command("evaluate", NAME, tmp_path / "photos", "--weights", file, "--json")[1].splitlines()[-1])
    assert {k: v for k, v in again.items() if k != "per_class"} == {k: v for k, v in found.items() if k != "per_class"}
    # Without an index beside them, that of the data folder names the classes; without any, the ids stay.
    (tmp_path / CLASS_INDEX).unlink()
    third = json.loads(command("evaluate", NAME, tmp_path / "photos", "--json")[1].splitlines()[-1])
    assert (third["n"], third["accuracy"], third["loss"]) == (3, found["accuracy"], found["loss"])
    glassnet.pretrained(NAME).save(tmp_path / "m.safetensors")
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "nowhere"))
    status, _, err = command("evaluate", tmp_path / "m.safetensors", tmp_path / "photos")
    assert status == 2 and CLASS_INDEX in err


def test_predict(command: Command, place: Path) -> None:
    picture = next((place / "imagenet-samples").glob("*.JPEG"))
    status, out, _ = command("predict", NAME, picture)
    assert status == 0 and out.count("%") == 5
    out = command("predict", NAME, picture, "--top", "1", "--json")[1]
    assert len(json.loads(out.splitlines()[-1])["predictions"][0]["classes"]) == 1


def test_one_file_that_works_by_itself(command: Command, place: Path, tmp_path: Path) -> None:
    ours = glassnet.pretrained(NAME)
    card = ours.card
    assert ours.class_names[:5] == (*(f"kind {i // 2} ({wordnet(i)})" for i in range(4)), "kind 4")
    assert "BSD" in card["licence"] and "download.pytorch.org" in card["source"] and len(card["weights_sha256"]) == 64
    assert card["published_accuracy"] == {"top1": 0.58178, "top5": 0.80624, "pictures": 50_000}
    assert "shortest-side 256 -> centre-crop 224x224 -> scale -> standardise" in card["preprocessing"]
    ours.save(tmp_path / "m.safetensors")
    description, _ = model_file.read(tmp_path / "m.safetensors")
    assert description["version"] == 2 and description["reading"] == "shortest-side 256 -> centre-crop"
    back = Model.load(tmp_path / "m.safetensors")
    assert back.reading == Reading(256) and back.card == card and back.class_names == ours.class_names
    pictures = sorted((place / "imagenet-samples").glob("*.JPEG"))
    np.testing.assert_array_equal(back.predict_files(pictures), ours.predict_files(pictures))
    assert back.predict_files([]).shape == (0, CLASSES)
    first = json.loads(command("evaluate", NAME, "imagenet-samples", "--json")[1].splitlines()[-1])
    second = command("evaluate", tmp_path / "m.safetensors", "imagenet-samples", "--json")[1]
    assert json.loads(second.splitlines()[-1]) == first
    assert command("predict", tmp_path / "m.safetensors", pictures[0], "--weights", "x")[0] == 2


def test_standardised_by_imagenets_numbers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(place))
    steps = glassnet.pretrained(NAME).preprocess
    x = steps.transform(np.full((1, 224, 224, 3), 51, np.uint8))
    np.testing.assert_allclose(x[0, 7, 9], (0.2 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225], rtol=1e-6)


@pytest.mark.parametrize("change", [
    {"reading": "strech"}, {"reading": 3}, {"reading": None}, {"reading": "stretch"}, {"version": 1}, {"version": 3},
    {"reading": "shortest-side 100 -> centre-crop"},
])  # fmt: skip
def test_model_files_whose_reading_makes_no_sense(
    change: dict[str, Any], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(place))
    glassnet.pretrained(NAME).save(tmp_path / "m.safetensors")
    description, arrays = model_file.read(tmp_path / "m.safetensors")
    model_file.write(tmp_path / "m.safetensors", {**description, **change}, arrays)
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        Model.load(tmp_path / "m.safetensors")


def test_what_is_not_there(command: Command, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = command("evaluate", "squeeznet-1.1", "imagenet-samples")
    assert status == 2 and "Did you mean 'squeezenet-1.1'?" in err
    status, _, err = command("predict", "resnet-18", "x.png")
    assert status == 2 and err.endswith("Type: glassnet data get resnet-18 (or name a file with --weights)\n")
    file = place / "weights" / PRETRAINED[NAME].file
    status, _, err = command("predict", "resnet-18", "x.png", "--weights", file)
    assert status == 2 and "lacks 102 of the 102 tensors" in err and "'conv1.weight'" in err
    status, _, err = command("predict", NAME, "x.png", "--weights", tmp_path / "none.safetensors")
    assert status == 2 and "none.safetensors" in err
    with pytest.raises(ModelError, match="Known: squeezenet"):
        glassnet.pretrained("vgg")
    for name in ("", "a\0b", "x" * 5000):
        with pytest.raises(GlassnetError):
            open_model(name)
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    (tmp_path / "w.safetensors").write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=f"names of ImageNet's classes.*get_weights\\('{NAME}'\\)"):
        glassnet.pretrained(NAME, tmp_path / "w.safetensors")


@pytest.mark.parametrize(("name", "right", "among_five"), [(NAME, 125, 176), ("efficientnet-lite0", 175, 196)])
def test_the_real_photographs(name: str, right: int, among_five: int) -> None:
    """Against counts that another implementation gave."""
    if find("imagenet-samples") is None:
        pytest.skip("'imagenet-samples' is not in GLASSNET_DATA")
    try:
        model = glassnet.pretrained(name)
    except ModelError:
        pytest.skip(f"the weights of '{name}' are not in GLASSNET_DATA")
    found = model.evaluate(load_for(model, "imagenet-samples").train)
    assert found.n == 200 and abs(round(200 * found.accuracy) - right) <= 1
    assert abs(round(200 * found.top_k[5]) - among_five) <= 1
