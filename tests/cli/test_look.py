"""`glassnet look` as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import Preprocess
from glassnet.experiments import Run
from glassnet.model import Model
from glassnet.nn import Network, parse_loss
from support.shell import Shell

CONVNET = "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear 3"
DENSE = "linear 9 -> relu -> linear 3"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)).save(path)
    return path


def saved(folder: Path, notation: str, name: str = "m", loss: str = "softmax-cross-entropy") -> Path:
    images = np.random.default_rng(1).random((4, 8, 8, 3)).astype(np.float32)
    steps, names = Preprocess.parse("scale").fit(images), ("zebra", "horse", "okapi")
    path = folder / f"{name}.safetensors"
    Model(Network(notation, (8, 8, 3)), steps, (8, 8, 3), names, parse_loss(loss)).save(path)
    return path


def names_of(found: dict[str, list[str]]) -> list[str]:
    return [Path(path).name for path in found["files"]]


def test_a_convolutional_network_is_explained(shell: Shell, photo: Path, tmp_path: Path) -> None:
    model = saved(tmp_path, CONVNET)
    found = shell.json("look", model, "--picture", photo, "--out", tmp_path / "inside")
    assert names_of(found) == ["look.html", "evidence.png", "feature_maps.png", "first_layer.png", "network.png"]
    page = (tmp_path / "inside" / "look.html").read_text(encoding="utf-8")
    for text in ("photo.png: taken for ", "What it says", "Grad-CAM", "Occlusion", "What the last layer adds up"):
        assert text in page
    (seen,) = found["pictures"]
    expected = dict(zip(("zebra", "horse", "okapi"), Model.load(model).predict_files([photo])[0].tolist(), strict=True))
    assert {each["class"]: each["probability"] for each in seen["classes"]} == pytest.approx(expected, abs=1e-6)
    shares = [each["probability"] for each in seen["classes"]]
    assert shares == sorted(shares, reverse=True) and seen["true"] is None
    (explained,) = seen["explained"]
    assert explained["class"] == seen["classes"][0]["class"]
    assert [each["method"] for each in explained["maps"]] == ["gradient", "Grad-CAM", "occlusion"]
    assert explained["added_up"]["score"] == pytest.approx(explained["score"], abs=1e-5)
    without = shell.json("look", model, "--out", tmp_path / "plain")
    assert names_of(without) == ["look.html", "first_layer.png", "network.png"]
    shell("look", model, "--picture", tmp_path / "none.png", status=2)


def test_a_dense_network_does_not_ignore_the_picture(shell: Shell, photo: Path, tmp_path: Path) -> None:
    model = saved(tmp_path, DENSE)
    out = shell("look", model, "--picture", photo, "--out", tmp_path / "inside")
    assert "photo.png\n" in out and "gradient x input: " in out and "occlusion: " in out
    assert out.count("%") >= 3 and "wrote " in out
    page = (tmp_path / "inside" / "look.html").read_text(encoding="utf-8")
    assert "Gradient x input: each pixel&#x27;s part" in page and "value × weight" in page


def test_several_pictures_stand_side_by_side(shell: Shell, photo: Path, tmp_path: Path) -> None:
    second = photo.with_name("other.png")
    Image.fromarray(np.full((9, 9, 3), 200, np.uint8)).save(second)
    found = shell.json(
        "look", saved(tmp_path, CONVNET), "--picture", photo, "--picture", second, "--out", tmp_path / "inside"
    )
    assert [seen["picture"] for seen in found["pictures"]] == ["photo.png", "other.png"]
    assert "What the layers see in 2 pictures" in (tmp_path / "inside" / "look.html").read_text(encoding="utf-8")


def test_a_class_is_chosen_by_name(shell: Shell, photo: Path, tmp_path: Path) -> None:
    model = saved(tmp_path, CONVNET)
    for name in ("okapi", "Zebra", "horse"):
        (seen,) = shell.json("look", model, "--picture", photo, "--class", name, "--out", tmp_path / "x")["pictures"]
        assert [each["class"] for each in seen["explained"]] == [name.lower()]
    shell("look", model, "--picture", photo, "--class", "horsey", "--out", tmp_path / "none", status=2)
    assert "no class 'horsey'. Did you mean 'horse'? Known: zebra, horse, okapi." in shell.err
    shell("look", model, "--class", "horse", "--out", tmp_path / "none", status=2)
    assert not (tmp_path / "none").exists()


def test_the_gradient_can_be_smoothed(shell: Shell, photo: Path, tmp_path: Path) -> None:
    found = shell.json("look", saved(tmp_path, CONVNET), "--picture", photo, "--smooth", 3, "--out", tmp_path / "x")
    assert found["pictures"][0]["explained"][0]["maps"][0]["method"] == "smooth gradient"


def test_an_autoencoder_shows_what_it_rebuilds(shell: Shell, photo: Path, tmp_path: Path) -> None:
    model = saved(tmp_path, "linear 9 -> relu -> linear 192", loss="squared-error half")
    found = shell.json("look", model, "--picture", photo, "--out", tmp_path / "x")
    assert "reconstructions.png" in names_of(found) and found["pictures"] == []
    shell("look", model, "--picture", photo, "--class", "zebra", "--out", tmp_path / "none", status=2)
    assert "names no classes" in shell.err


# ---- of a run


def test_the_report_of_a_run_shows_its_inside(finished_folder: Path) -> None:
    page = (finished_folder / "report.html").read_text(encoding="utf-8")
    for text in ("All 4 kernels of the first layer", "test picture #", "The network", "Which kernel runs where"):
        assert text in page
    names = {path.name for path in (finished_folder / "figures").iterdir()}
    assert {"first_layer.png", "feature_maps.png", "network.png"} <= names


def test_pictures_of_a_run_are_found_by_number(shell: Shell, finished_folder: Path, tmp_path: Path) -> None:
    run = Run.open(finished_folder)
    found = shell.json("look", finished_folder, "--picture", 7, "--examples", 2, "--out", tmp_path / "seven")
    names = run.model.class_names
    assert [seen["true"] for seen in found["pictures"]] == [names[run.predictions.labels[i]] for i in (7, 0, 1)]
    assert found["pictures"][0]["picture"] == f"test picture #7 ({found['pictures'][0]['true']})"
    for seen in found["pictures"]:
        answer = seen["classes"][0]["class"]
        wanted = [answer] if answer == seen["true"] else [answer, seen["true"]]
        assert [each["class"] for each in seen["explained"]] == wanted
    shell("look", finished_folder, "--picture", 50, "--out", tmp_path / "none", status=2)
    assert "0 to 49" in shell.err
    shell("look", finished_folder / "model.safetensors", "--picture", 7, "--out", tmp_path / "none", status=2)
    assert "not a run folder" in shell.err and not (tmp_path / "none").exists()


def test_what_units_respond_to_is_found_in_the_runs_data(shell: Shell, finished_folder: Path, tmp_path: Path) -> None:
    first = shell.json("look", finished_folder, "--out", tmp_path / "a")["units"]
    assert (first["layer"], first["units"], first["searched"]) == ("3.relu", 4, 50)
    last = shell.json("look", finished_folder, "--units", "6.linear", "--out", tmp_path / "b")["units"]
    assert last["layer"] == "6.linear" and last["units"] == 10 and last["strongest"][0]["places"] is None
    run = Run.open(finished_folder)
    scores = run.model.scores(run.evaluated.images)
    for each in last["strongest"]:
        assert each["values"] == pytest.approx(np.sort(scores[:, each["unit"]])[::-1][:9].tolist(), rel=1e-5)
        assert scores[each["pictures"], each["unit"]] == pytest.approx(each["values"], rel=1e-5)
    shell("look", finished_folder, "--units", "3.rel", "--out", tmp_path / "none", status=2)
    assert "no layer '3.rel'. Did you mean '3.relu'?" in shell.err and not (tmp_path / "none").exists()
    shell("look", saved(tmp_path, DENSE), "--units", "2.relu", status=2)
    assert "is no run folder" in shell.err


def test_units_are_left_out_where_the_data_are_gone(
    shell: Shell, finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glassnet.errors import DataError

    def gone(self: Run) -> None:
        raise DataError("There is no data.")

    monkeypatch.setattr(Run, "evaluated", property(gone))
    out = shell("look", finished_folder, "--out", tmp_path / "x")
    assert "What the units respond to is not shown: There is no data." in out
    shell("look", finished_folder, "--units", "3.relu", "--out", tmp_path / "none", status=2)


def test_the_page_goes_into_the_run_or_beside_the_working_folder(
    shell: Shell, finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished_folder, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert shell.json("look", "run")["files"][0] == "run/look/look.html"
    assert Run.open("run").predictions.part == "test"
    saved(tmp_path, DENSE, "squeezenet-1.1")
    assert shell.json("look", "squeezenet-1.1.safetensors")["files"][0] == "squeezenet-1.1-look/look.html"


def test_the_object_is_plain_json(shell: Shell, finished_folder: Path, tmp_path: Path) -> None:
    found = shell.json("look", finished_folder, "--picture", 0, "--out", tmp_path / "x")
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"files", "weights", "pictures", "units", "remarks"}
