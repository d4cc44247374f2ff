"""`glassnet train DATA --from MODEL`: a trained model goes on, with a new head where the classes are others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glassnet
from glassnet.data import load
from support.shell import Shell


@pytest.fixture(scope="module")
def odd_and_even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of digits as 16x16 pictures."""
    folder = tmp_path_factory.mktemp("folders") / "odd-and-even"
    digits = load("digits").train
    for number, (image, label) in enumerate(zip(digits.images[:240], digits.labels[:240], strict=True)):
        place = folder / ("odd" if label % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.kron(image[..., 0], np.ones((2, 2), np.uint8))
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small convnet on digits."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    notation = "conv-bn-relu 3x3, 8, pad 1 -> maxpool 2x2 -> conv-bn-relu 3x3, 16, pad 1 -> flatten -> linear"
    glassnet.fit("digits", notation, epochs=4, out=folder)
    return folder


def test_other_classes_get_a_new_head(shell: Shell, odd_and_even: Path, begun: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    found = shell.json("train", odd_and_even, "--from", begun, "--epochs", 6, "--out", out)
    assert found["accuracy"] > 0.85, "a chance of one half, from features of ten digits"
    model, before = glassnet.load(out), glassnet.load(begun)
    assert model.class_names == ("even", "odd") and model.image_shape == (8, 8, 1)
    assert model.network.notation() == before.network.notation().replace("linear 10", "linear 2")
    same = [np.array_equal(array, before.network.arrays()[name]) for name, array in model.network.arrays().items()]
    assert same[:3] == [True] * 3, "the first stage stays as it was"
    assert model.preprocess.notation() == before.preprocess.notation()


def test_pictures_in_colour_start_from_a_model_of_grey_ones(
    shell: Shell, odd_and_even: Path, begun: Path, tmp_path: Path
) -> None:
    for file in odd_and_even.rglob("*.png"):
        place = tmp_path / "colour" / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("RGB").save(place)
    arguments = ("--from", begun, "--epochs", 3, "--freeze", "all")
    grey = shell.json("train", odd_and_even, *arguments, "--out", tmp_path / "grey")
    colour = shell.json("train", tmp_path / "colour", *arguments, "--out", tmp_path / "run")
    assert colour["accuracy"] == grey["accuracy"], "the same pictures once they are grey"


def test_arrays_start_from_a_model(begun: Path) -> None:
    digits = load("digits").train
    large = np.kron(digits.images[:200, :, :, 0], np.ones((2, 2), np.uint8))
    names = np.where(digits.labels[:200] % 2, "odd", "even")
    run = glassnet.fit((large, names), start=begun, freeze="all", epochs=3)
    assert run.model.image_shape == (8, 8, 1) and run.evaluation.accuracy > 0.7
    assert set(run.model.predict(large[:50])) <= {"odd", "even"}


def test_freeze_all_trains_the_head_alone(shell: Shell, odd_and_even: Path, begun: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shell("train", odd_and_even, "--from", begun, "--freeze", "all", "--epochs", 3, "--out", out)
    model, before = glassnet.load(out).network.arrays(), glassnet.load(begun).network.arrays()
    assert [name for name in model if not np.array_equal(model[name], before[name])] == [
        name for name in model if ".linear." in name
    ]


def test_the_same_classes_keep_their_head(shell: Shell, begun: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    settings = ("--set", "start.head_epochs=0", "--lr", 0)
    shell("train", "digits", "--from", begun, "--epochs", 1, *settings, "--out", out)
    model, before = glassnet.load(out).network.arrays(), glassnet.load(begun).network.arrays()
    trained = [name for name in model if "mean" not in name and "variance" not in name]
    assert all(np.array_equal(model[name], before[name]) for name in trained), "a rate of 0 changes no weight"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--from", "nowhere"), "no model file or run folder 'nowhere'"),
        (("digits", "--from", "{run}", "--model", "linear"), "has that model's network"),
        (("digits", "--from", "{run}", "--freeze", "half"), "one of all, stages, none"),
        (("digits", "--freeze", "all"), "start"),
        (("digits", "--from", "{run}", "--adversarial", "fgsm 0.1"), "is not attacked"),
    ],
)
def test_what_cannot_be_is_one_line(
    shell: Shell, begun: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "run"
    assert message in shell.error("train", *(word.format(run=begun) for word in arguments), "--out", out)
    assert not out.exists()
