"""Learning one hand: what changes, what stays, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassnet.actions.events import Events
from glassnet.actions.learn import learn_hand
from glassnet.errors import ReaderError
from glassnet.model import Model
from glassnet.reader.lines.alphabet import encode
from glassnet.reader.lines.hands import HandWriter
from glassnet.reader.lines.layout import strip_of
from glassnet.reader.lines.learning import LEARNING, KnownLine, learn
from glassnet.reader.lines.packaged import packaged
from glassnet.reader.lines.recogniser import LineRecogniser
from glassnet.reader.lines.writing import Writing
from glassnet.reader.pages import write_pages
from support.shell import Shell

QUICK = replace(LEARNING, steps=6, batch=4)


@pytest.fixture(scope="module")
def lines() -> list[KnownLine]:
    rng = np.random.default_rng(0)
    known = []
    for text in ("Meet me at noon", "the rain in May", "nine 42 and 7"):
        strokes, written = HandWriter().write(text, rng)
        strip = strip_of(Writing.of(written, strokes, 100.0), rng, widths=(1, 1024), variation=0.0, damage=0.0)
        assert strip is not None
        known.append(KnownLine(np.rint(255 * strip).astype(np.uint8), written))
    return known


def _loss(model: Model, lines: list[KnownLine]) -> float:
    """Minus the log-probability of the texts, by CTC's own definition."""
    torch = pytest.importorskip("torch")
    total = 0.0
    for line, scores in zip(lines, LineRecogniser(model).scores([line.picture for line in lines]), strict=True):
        logs = torch.log_softmax(torch.tensor(np.asarray(scores, np.float64)), 1)[:, None]
        labels = torch.tensor([encode(line.text)])
        blank = logs.shape[2] - 1
        total += float(
            torch.nn.functional.ctc_loss(logs, labels, [len(logs)], [labels.shape[1]], blank=blank, reduction="sum")
        )
    return total


def test_what_is_learnt_becomes_likelier(lines: list[KnownLine]) -> None:
    model = packaged()
    before = {name: array.copy() for name, array in model.network.arrays().items()}
    learnt = learn(model, lines, settings=replace(QUICK, steps=12, kept=0.0))
    assert _loss(learnt, lines) < 0.7 * _loss(model, lines)
    assert all(np.array_equal(array, before[name]) for name, array in model.network.arrays().items())
    assert learnt.precision == model.precision
    assert learnt.card["learnt_lines"] == 3


def test_equal_seeds_give_equal_bits(lines: list[KnownLine]) -> None:
    first, again, other = (learn(packaged(), lines, seed=seed, settings=QUICK) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256


def test_the_weights_are_the_mean_of_before_and_after(lines: list[KnownLine]) -> None:
    same, half, whole = (
        learn(packaged(), lines, settings=replace(QUICK, kept=kept)).network.arrays() for kept in (1.0, 0.5, 0.0)
    )
    for name, before in packaged().network.arrays().items():
        assert np.array_equal(same[name], before)
        # each is kept in float16, with a relative precision of 2^-11
        assert np.allclose(half[name], (before + whole[name]) / 2, rtol=2e-3, atol=1e-6), name


def test_a_character_that_is_not_known_is_named(lines: list[KnownLine]) -> None:
    with pytest.raises(ReaderError, match="'Grün' has 'ü'"):
        learn(packaged(), [KnownLine(lines[0].picture, "Grün")])
    with pytest.raises(ReaderError, match="no lines"):
        learn(packaged(), [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages; the text of the last has many lines more."""
    found = tmp_path_factory.mktemp("hand")
    list(write_pages(found, 3, "HELLO WORLD\nROSE 12", seed=1))
    with (found / "page-003.txt").open("a") as text:
        text.write("one more\n" * 9)
    return found


def test_pages_are_learnt_and_those_whose_lines_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []

    class Kept(Events):
        def say(self, text: str) -> None:
            said.append(text)

    found = learn_hand(folder, tmp_path / "mine.safetensors", settings=QUICK, events=Kept())
    assert found.lines == 4
    assert len(found.left_out) == 1 and found.left_out[0].startswith("page-003.jpg: ")
    assert found.left_out[0].endswith("lines were found, and its text has 11")
    assert said == [f"{found.left_out[0]}; left out"]
    assert found.before is None is found.after  # too few lines to say
    assert Model.load(found.file).card["learnt_lines"] == 4


def test_what_is_learnt_from_one_half_is_tried_on_the_other(tmp_path: Path) -> None:
    list(write_pages(tmp_path, 5, "HELLO WORLD\nROSE 12", seed=1))
    found = learn_hand(tmp_path, tmp_path / "mine.safetensors", settings=QUICK)
    assert found.lines >= 6
    assert found.before is not None and found.after is not None
    assert 0 <= found.after <= 1 and 0 <= found.before <= 1


def test_what_cannot_be_learnt_from_leaves_nothing(folder: Path, tmp_path: Path, shell: Shell) -> None:
    pages, out = tmp_path / "pages", tmp_path / "mine.safetensors"
    pages.mkdir()
    for name in ("page-003.jpg", "page-003.txt"):
        (pages / name).write_bytes((folder / name).read_bytes())
    for arguments, why in (
        (["--learn", pages, "--out", out], "as many lines as were found"),
        (["--learn", pages], "--out mine.safetensors"),
        (["--learn", pages, "--out", pages], "is a folder"),
        (["--learn", pages, "--evaluate", pages, "--out", out], "no --evaluate"),
        (["--learn", tmp_path / "none", "--out", out], "is not a folder"),
    ):
        assert why in " ".join(shell.error("read", *arguments).split())
    assert not out.exists()
