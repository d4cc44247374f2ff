"""The report of a run begins with its verdict, links the pictures it speaks of, and shows only what shows something."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from glassnet.data import load
from glassnet.experiments import Run, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.nn import Network
from glassnet.nn.named import expand
from glassnet.report.figures.curves import best_epoch
from glassnet.report.figures.histograms import shown_layers
from glassnet.report.figures.structure import neighbour_correlation, shows_something
from glassnet.report.pages import write_run_page
from glassnet.report.words import in_words
from support.shell import Shell


def page_of(run: Run) -> str:
    assert run.folder is not None
    return (run.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    chosen = recipe_from({
        "data": {"source": "digits"},
        "model": {"network": "linear 64, init zeros -> relu -> linear"},
        "train": {"epochs": 3},
    })  # fmt: skip
    return run_recipe(chosen, tmp_path_factory.mktemp("failed") / "the run", on_finish=[write_run_page])


def test_a_failed_run_is_red_before_anything_else(failed: Run) -> None:
    page = page_of(failed)
    box = page.index('<div class="verdict failure"')
    assert page.index("<h1>") < box < page.index('<dl class="cards">') and "The training failed" in page
    assert "All 64 units of 1.linear are the same" in page
    command = f"glassnet train &#x27;{failed.folder}/recipe.toml&#x27; --set &#x27;model.network=linear 64 -&gt; relu"
    assert page.count(command) == 2  # at the top, and under what to do next
    assert "Can its confidence be believed?" not in page and "What the first layer looks for" not in page


def test_a_good_run_is_green(finished: Run) -> None:
    page = page_of(finished)
    assert "digits: one convolution and one linear layer" in page and "How weights and gradients are spread" in page
    assert finished.verdict is not None and f'class="verdict {finished.verdict.severity}"' in page
    assert f"glassnet evaluate {finished.folder} digits" in page


def test_the_command_line_says_the_verdict(shell: Shell, tmp_path: Path) -> None:
    out = shell("train", "digits", "--optimizer", "sgd", "--lr", 10000, "--epochs", 2, "--out", tmp_path / "run")
    words = " ".join(out.split())  # a narrow terminal folds lines
    assert "verdict: FAILED. At chance: " in words
    before, _, command = words.rpartition(" try: glassnet ")
    assert before and command.startswith(f"train {tmp_path}/run/recipe.toml --lr ")
    found = shell.json(*command.split(), "--out", tmp_path / "other")  # what is advised helps
    assert found["verdict"]["severity"] == "good" and found["verdict"]["sentence"].startswith("It learned: ")


def test_mistakes_are_linked_to_their_files(tmp_path: Path) -> None:
    digits = load("digits").train
    for label in (1, 8):
        folder = tmp_path / "pictures" / f"the {label}"
        folder.mkdir(parents=True)
        for number, image in enumerate(digits.images[digits.labels == label][:12]):
            Image.fromarray(image[..., 0]).save(folder / f"no {number} & more.png")
    chosen = recipe_from({
        "data": {"source": str(tmp_path / "pictures"), "test": 0.5}, "optimizer": {"lr": 0.0}, "train": {"epochs": 1}
    })  # fmt: skip
    run = run_recipe(chosen, tmp_path / "runs" / "one", on_finish=[write_run_page])
    page = page_of(run)
    links = re.findall(r'<a href="([^"]*)"[^>]*class="file">([^<]*)</a>', page)
    assert run.evaluation is not None and len(links) == len(run.evaluation.mistakes()) > 0
    assert run.folder is not None and run.evaluated.files is not None
    for (address, name), index in zip(links, run.evaluation.mistakes().tolist(), strict=True):
        assert (run.folder / unquote(address)).resolve() == run.evaluated.files[index]
        assert name == run.evaluated.files[index].name.replace("&", "&amp;") and address.startswith("../../pictures/")
    assert "taken for " in page and " · #" not in page


def test_the_best_epoch_is_the_same_everywhere(tmp_path: Path) -> None:
    chosen = recipe_from({"data": {"source": "digits"}, "train": {"epochs": 40, "batch": 32, "schedule": "cosine"}})
    run = run_recipe(chosen, tmp_path / "run")
    accuracies = [record["valid_accuracy"] for record in run.history.epochs]
    tied = [record for record in run.history.epochs if record["valid_accuracy"] == max(accuracies)]
    assert len(tied) > 1  # a tie, which the loss decides
    best = min(tied, key=lambda record: float(record["valid_loss"]))["epoch"]
    drawn = best_epoch(run.history.records)
    assert drawn is not None and drawn[0] == best == run.model.card["best_epoch"]
    assert best_epoch(Run.open(tmp_path / "run").history.records) == drawn


# ---- what is worth a picture


def test_noise_and_blank_squares_are_no_pictures() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(16 * 16, 20))
    assert not shows_something(noise, (16, 16, 1)) and not shows_something(np.zeros((256, 20)), (16, 16, 1))
    assert not shows_something(np.zeros((5, 5, 1, 8)), (16, 16, 1))
    assert shows_something(rng.normal(size=(5, 5, 1, 8)), (16, 16, 1))
    smooth = noise.reshape(16, 16, 20)
    smooth = smooth + np.roll(smooth, 1, axis=0) + np.roll(smooth, 1, axis=1)
    assert shows_something(smooth.reshape(256, 20), (16, 16, 1))


def test_correlation_of_neighbours() -> None:
    slope = np.arange(10.0)[:, None, None, None] + np.zeros((1, 10, 1, 1))
    assert neighbour_correlation(slope) > 0.9
    board = (-1.0) ** (np.arange(10)[:, None] + np.arange(10))[..., None, None]
    assert neighbour_correlation(board) == pytest.approx(-1.0)


# ---- a network in words


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("two-layer", "one hidden layer of 100 units"),
        ("linear", "a linear classifier"),
        ("linear 64 -> relu -> linear 64 -> relu -> linear", "2 hidden layers of 64 units"),
        ("linear 64 -> relu -> linear 32 -> relu -> linear", "2 hidden layers of 64 and 32 units"),
        ("conv 3x3, 8 -> relu -> linear", "one convolution and one linear layer"),
        ("lenet-5", "lenet-5, 2 convolutions and 3 linear layers"),
        ("squeezenet-1.1", "squeezenet-1.1, 26 convolutions"),
    ],
)
def test_a_network_in_words(network: str, expected: str) -> None:
    assert in_words(Network(expand(network), (64, 64, 1), 10), network) == expected


def test_an_autoencoder_in_words() -> None:
    network = Network("linear 16 -> relu -> linear", (8, 8, 1), 64)
    assert in_words(network, rebuilds=True) == "an autoencoder with one hidden layer of 16 units"


def test_of_many_layers_some_are_drawn() -> None:
    names = [f"weight.{number}.linear.weight" for number in range(20)]
    histograms = {name: np.zeros((2, 41)) for name in names} | {f"{name}.limit": np.zeros(2) for name in names}
    shown = shown_layers(histograms)
    assert len(shown) == 6 and (shown[0], shown[-1]) == ("0.linear.weight", "19.linear.weight")
