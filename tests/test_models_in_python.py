"""Models as Python users have them: predictions in their own labels, scores, and what a prompt or a notebook shows."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glassnet
from glassnet.data import PictureFiles
from glassnet.errors import DataError, ModelError, RecipeError, TrainingError
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.train.notebook import NotebookProgress, in_notebook

pandas = pytest.importorskip("pandas")


def rows(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Features in three units whose signs say the class, one of three."""
    rng = np.random.default_rng(0)
    numbers = np.arange(n) % 3
    centres = np.array([[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    return (centres[numbers] + 0.3 * rng.normal(size=(n, 3))) * [1000.0, 0.01, -1.0] + [5000, -2, 7], numbers


@pytest.fixture(scope="module")
def digits() -> glassnet.Run:
    return glassnet.fit("digits", "linear", epochs=3, lr=0.03)


# ---- labels of the users' own kind


@pytest.mark.parametrize(
    "names", [["x", "y", "z"], [7, -1, 30], [False, True, True], pandas.Categorical(["mid", "low", "high"])]
)
def test_rows_are_told_apart_and_answered_in_their_own_labels(names: Any, tmp_path: Path) -> None:
    x, numbers = rows()
    y = pandas.Series(names, name="class").iloc[numbers].reset_index(drop=True)
    frame = pandas.DataFrame(x, columns=["weight", "share", "offset"])
    run = glassnet.fit((frame, y), "linear 8 -> relu -> linear", epochs=30, lr=0.05, out=tmp_path / "run")
    assert run.evaluation is not None and run.evaluation.accuracy == 1
    assert run.model.preprocess.notation() == "scale -> standardise"
    for model in (run.model, glassnet.load(tmp_path / "run")):
        for given in (frame, x, x.tolist(), frame[["offset", "weight", "share"]]):
            answers = model.predict(given)
            assert answers.dtype.kind == np.asarray(list(names)).dtype.kind
            assert answers.tolist() == y.tolist()
        assert model.score(frame, y) == 1
        assert model.takes_rows and model.predict(x[0]).tolist() == y[:1].tolist()
        with pytest.raises(ModelError, match="rows of 3 features, not pictures"):
            model.predict_files([tmp_path / "p.png"])
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "rows of features" in page and 'id="mistakes"' not in page and 'id="confusion"' in page


def test_rows_do_as_the_classifier_of_scikit_learns_kind() -> None:
    x, numbers = rows()
    model = glassnet.fit((x, numbers), "linear", epochs=30, lr=0.05).model
    scaled = (x - np.asarray(model.preprocess.arrays()["2.standardise.mean"])) / model.preprocess.arrays()[
        "2.standardise.std"
    ]
    arrays = model.network.arrays()
    scores = scaled @ arrays["1.linear.weight"] + arrays["1.linear.bias"]
    np.testing.assert_allclose(model.scores(x.astype(np.float32)[:, None, None]), scores, rtol=1e-3, atol=1e-3)


def test_a_picture_layer_on_rows_says_what_to_give() -> None:
    with pytest.raises(glassnet.errors.NotationError, match=r"does not fit.*rows of features; pictures are given as"):
        glassnet.fit(rows(), "conv 3x3, 4 -> linear")


@pytest.mark.parametrize("setting", [{"augment": "shift 1"}, {"adversarial": "pgd 0.1, steps 2"}])
def test_what_is_for_pictures_is_refused_for_rows(setting: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="for pictures; leave them out for rows"):
        glassnet.fit(rows(), "linear", **setting)


# ---- pictures


def test_every_form_of_the_same_pictures_gives_the_same_bits(digits: glassnet.Run) -> None:
    model, images = digits.model, digits.evaluated.images
    assert isinstance(images, np.ndarray)
    wanted = model.predict_proba(images)
    for given in (images[..., 0], images.astype(int), images.tolist(), list(images)):
        np.testing.assert_array_equal(model.predict_proba(given), wanted)
    np.testing.assert_array_equal(model.predict(images), np.asarray(model.class_names)[wanted.argmax(axis=1)])
    np.testing.assert_array_equal(model.predict_proba(images[0]), model.predict_proba(images[:1]))
    enlarged = images.repeat(3, axis=1).repeat(3, axis=2)
    assert (model.predict(enlarged) == model.predict(images)).mean() > 0.95
    assert model.predict(images[:0]).shape == (0,) and model.predict_proba(images[:0]).shape == (0, 10)


def test_other_sizes_are_read_as_their_files_are(digits: glassnet.Run, tmp_path: Path) -> None:
    from PIL import Image

    model = digits.model
    pixels = np.random.default_rng(0).integers(0, 256, (4, 31, 17, 3), np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(len(pixels))]
    for picture, path in zip(pixels, paths, strict=True):
        Image.fromarray(picture).save(path)
    np.testing.assert_array_equal(model.predict_proba(pixels), model.predict_files(paths))
    np.testing.assert_array_equal(model.predict_proba(PictureFiles(paths, (8, 8, 1))), model.predict_files(paths))


def test_the_score_is_the_accuracy(digits: glassnet.Run) -> None:
    part, found = digits.evaluated, digits.evaluation
    assert found is not None
    for y in (part.labels, part.labels.tolist(), [part.class_names[label] for label in part.labels]):
        assert digits.model.score(part.images, y) == found.accuracy
    with pytest.raises(DataError, match="Got 360 and 359"):
        digits.model.score(part.images, part.labels[1:])
    with pytest.raises(DataError, match="Got 0 and 0"):
        digits.model.score(part.images[:0], [])
    with pytest.raises(DataError, match=r"takes pictures of shape \(N, 8, 8, 1\)"):
        digits.model.evaluate(glassnet.Dataset(np.zeros((10, 9, 9, 1), np.uint8), np.arange(10), part.class_names))


def test_a_network_that_names_no_classes_has_no_score() -> None:
    run = glassnet.fit("digits", "linear 4 -> relu -> linear 64", loss="squared-error", epochs=2)
    with pytest.raises(ModelError, match="no accuracy"):
        run.model.score(run.evaluated.images, run.evaluated.labels)
    assert run.model.predict(run.evaluated.images[0]).shape == (1, 64)
    assert "PSNR" in repr(run) and "<svg" in run._repr_html_() and "reconstructs" in repr(run.model)


# ---- what is shown


class Balanced(HTMLParser):
    """Fails on a tag that is not closed in its turn, or that could run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        assert tag not in ("script", "img", "iframe")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(lines: int) -> Page:
    box = Box(0, 0, 1, 1)
    word = Word(tuple(Character(text, box, 0.9, (("O", 0.1),) * 20) for text in "<b>"))
    return Page((Line((word,) * 8),) * lines, 100, 200)


def test_what_the_prompt_and_a_notebook_show_is_short(digits: glassnet.Run) -> None:
    model = digits.model
    things = [digits, model, model.network, digits.history, digits.evaluation, page(300), page(0), digits.splits]
    for thing in things:
        assert len(repr(thing)) < 300 and "\n" not in repr(thing)
    for thing in things[:-1]:
        shown = thing._repr_html_()  # type: ignore[union-attr]
        Balanced(shown)
        assert len(shown) < 10_000
    assert "<svg" in digits._repr_html_() and "95 % interval" in digits._repr_html_()
    assert "&lt;b&gt;" in page(3)._repr_html_() and "200 more lines" in page(300)._repr_html_()
    assert str(page(2)) == page(2).text == "\n".join([" ".join(["<b>"] * 8)] * 2)


def test_names_of_classes_are_escaped() -> None:
    x, numbers = rows(30)
    run = glassnet.fit((x, np.array(["<script>", "&", "c"])[numbers]), "linear", epochs=1)
    for thing in (run, run.model, run.evaluation):
        Balanced(thing._repr_html_())  # type: ignore[union-attr]


def test_a_summary_looks_at_the_prompt_as_it_is_printed(digits: glassnet.Run) -> None:
    network = digits.model.network
    assert repr(network.summary()) == network.summary() == str(network)
    assert network.summary().splitlines()[-1].split() == ["total", "650", "1,280"]
    np.testing.assert_array_equal(network(np.ones((2, 8, 8, 1))), network.infer(np.ones((2, 8, 8, 1))))


# ---- in a notebook


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown in the one output of a notebook's cell, drawing by drawing."""
    drawings: list[str] = []

    class Handle:
        def update(self, thing: Any) -> None:
            drawings.append(thing._repr_html_())

    def display(thing: Any, display_id: bool) -> Handle:
        assert display_id and not drawings
        drawings.append(thing._repr_html_())
        return Handle()

    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", ipython)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[arg-type]
    return drawings


def test_a_notebook_shows_the_training_while_it_runs(
    notebook: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("glassnet.train.notebook._SECONDS", 0)
    run = glassnet.fit("digits", "linear", epochs=3)
    assert len(notebook) > 3 and all(len(drawing) < 8000 for drawing in notebook)
    for drawing in notebook[:-1]:
        assert "<progress" in drawing
        Balanced(drawing)
    assert any("epoch 2/3" in drawing and "<svg" in drawing for drawing in notebook)
    assert "<progress" not in notebook[-1] and "epoch 3/3" in notebook[-1]
    assert f"{run.history.epochs[-1]['loss']:.4f}" in notebook[-1]
    assert capsys.readouterr().out == ""


def test_verbose_says_what_is_shown(notebook: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    glassnet.fit("digits", "linear", epochs=2, verbose=False)
    assert not notebook and capsys.readouterr().out == ""
    glassnet.fit("digits", "linear", epochs=2, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert not notebook and [line.split()[1] for line in lines if line.startswith("epoch")] == ["1/2", "2/2"]


def test_a_training_that_fails_says_where(notebook: list[str]) -> None:
    with pytest.raises(TrainingError):
        glassnet.fit("digits", "linear", epochs=2, lr=1e38)
    assert "stopped in epoch 1/2" in notebook[-1]


def test_no_notebook_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    glassnet.fit("digits", "linear", epochs=1)
    assert capsys.readouterr().out == ""
    for shell in (None, SimpleNamespace(), SimpleNamespace(kernel=None)):  # plain Python, IPython in a terminal
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))  # type: ignore[arg-type]
        assert not in_notebook()


def test_a_remark_is_shown_under_the_bar(notebook: list[str]) -> None:
    with NotebookProgress() as progress:
        progress.start(2, 10, 0)
        progress.say("compiling <kernels>")
    assert "compiling &lt;kernels&gt;" in notebook[1]
