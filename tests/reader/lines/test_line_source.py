"""Batches of strips: drawn anew and yet always the same, of one width, with labels that fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.data import epoch_order
from glassnet.data.ahead import Ahead
from glassnet.data.unipen import PenSamples
from glassnet.errors import DataError
from glassnet.nn.functional.ctc import columns_needed
from glassnet.reader.lines.alphabet import decode
from glassnet.reader.lines.held_out import HeldOut
from glassnet.reader.lines.layout import strip_of
from glassnet.reader.lines.marks import AFTER, AROUND, mark
from glassnet.reader.lines.pens import UnipenWriters
from glassnet.reader.lines.source import ByLength, LineSource
from glassnet.reader.lines.widths import padded_width
from glassnet.reader.lines.writing import Inked, Writing, varied
from support.pens import CAPITAL, CHARACTERS, WORDS, pens, writers_of, written


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> PenSamples:
    return pens(tmp_path_factory.mktemp("pen"))


@pytest.fixture(scope="module")
def source(samples: PenSamples) -> LineSource:
    return LineSource("train", samples=samples, examples_per_epoch=70, seed=3)


def test_a_batch_has_one_width_and_labels_that_fit(source: LineSource) -> None:
    widths = set()
    for first in range(0, 70, 7):
        x, labels = source.take(np.arange(first, first + 7), 0)
        assert x.dtype == np.float32 and x.shape[:2] == (7, 32) and x.min() >= 0 and x.max() <= 1
        widths.add(x.shape[2])
        for strip, own in zip(x, labels, strict=True):
            assert columns_needed(own) < x.shape[2] // 4
            assert strip.max() > 0.2 or not own
    assert len(widths) > 3 and widths <= set(source.widths)
    assert source.widths[:6] == [64, 80, 96, 112, 128, 160] and source.widths[-1] == 1024
    assert all(padded_width(width) == width for width in source.widths)


def test_the_same_key_gives_the_same_bits(source: LineSource, samples: PenSamples) -> None:
    x, labels = source.take(np.array([5, 9, 2]), 1)
    again, same = LineSource("train", samples=samples, examples_per_epoch=70, seed=3).take(np.array([5, 9, 2]), 1)
    assert x.tobytes() == again.tobytes() and labels == same
    alone, own = source.take(np.array([5]), 1)
    assert alone[0].tobytes() == x[0].tobytes() and own[0] == labels[0]
    for other in (source.take(np.array([5, 9, 2]), 2), source.take(np.array([6, 9, 2]), 1)):
        assert other[0].shape != x.shape or other[0].tobytes() != x.tobytes()


def test_texts_are_those_that_were_written(source: LineSource) -> None:
    for _ in range(3):
        _, labels = source.take(np.arange(40), 3)
        words = " ".join(decode(own) for own in labels).split()
        plain = {word.strip("".join(AROUND) + AFTER) for word in words}
        assert len(plain & set(WORDS)) >= 5


def test_strips_without_writing(samples: PenSamples) -> None:
    x, labels = LineSource("train", samples=samples, nothing=1.0).take(np.arange(8), 0)
    assert labels == 8 * [[]] and len(x) == 8


def test_a_part_without_writers(samples: PenSamples) -> None:
    with pytest.raises(DataError, match="The parts are"):
        LineSource("all", samples=samples)


# ---- what is written ------------------------------------------------------------------------------------------------


def test_words_stand_on_their_baseline_in_heights_of_a_capital(samples: PenSamples) -> None:
    hands = UnipenWriters(samples, "train")
    for index in hands.whole:
        drawn = np.concatenate(written(samples.labels[index]))
        points = hands.writing(int(index)).points
        off = points[:, 1] - drawn[:, 1] / CAPITAL
        assert np.ptp(points[:, 1]) == pytest.approx(np.ptp(drawn[:, 1]) / CAPITAL, rel=0.15)
        assert abs(np.median(off)) < 0.1, samples.labels[index]


def test_words_side_by_side_read_as_their_text(samples: PenSamples) -> None:
    hands = UnipenWriters(samples, "train")
    rng = np.random.default_rng(0)
    for _ in range(20):
        line = hands.words(rng, 12.0)
        assert line is not None
        strokes = np.split(line.points, line.starts[1:-1])
        spans = sorted((float(s[:, 0].min()), float(s[:, 0].max())) for s in strokes)
        reached, gaps = spans[0][1], []
        for left, right in spans[1:]:
            gaps.append(left - reached)
            reached = max(reached, right)
        spaces = line.text.count(" ")
        assert spaces >= 1 and sum(gap > 0.04 for gap in gaps) >= spaces
        assert reached - spans[0][0] < 1.2 * 12.0
        assert {word.strip("".join(AROUND) + AFTER) for word in line.text.split(" ")} <= set(WORDS)


def test_a_text_set_from_characters_has_those_that_there_are(samples: PenSamples) -> None:
    hands = UnipenWriters(samples, "train")
    line = hands.spelt(np.random.default_rng(1), "A  13 zz 0b")
    assert line is not None and line.text == "A 13 0b"
    assert hands.spelt(np.random.default_rng(1), "zz yy") is None
    assert set("zy").isdisjoint(CHARACTERS)


def test_marks_stand_where_they_belong() -> None:
    rng = np.random.default_rng(0)
    for character in AFTER + "".join(AROUND):
        points = np.concatenate([np.concatenate(mark(character, rng)) for _ in range(20)])
        top, bottom = points[:, 1].min(), points[:, 1].max()
        assert -1.8 < top < bottom < 0.5
        assert (character in ".,") == (top > -0.3) and (character in "'\"") == (bottom < -0.4)


def test_variation_of_nothing_changes_nothing() -> None:
    line = Writing.of("ink", written("ink"), CAPITAL)
    assert (varied(line, np.random.default_rng(0), 0.0).points == line.points).all()
    assert (varied(line, np.random.default_rng(0), 1.0).points != line.points).any()


def test_a_strip_has_its_ink_in_the_middle_rows() -> None:
    line = Writing.of("happy pens", written("happy pens"), CAPITAL)
    strip = strip_of(line, np.random.default_rng(0), widths=(1, 1024), variation=0.0, damage=0.0)
    assert strip is not None
    rows, columns = np.flatnonzero(strip.max(axis=1) > 0.3), np.flatnonzero(strip.max(axis=0) > 0.3)
    assert 0 <= rows[0] <= 5 and 27 <= rows[-1] <= 31
    assert columns[0] >= 2 and columns[-1] < strip.shape[1] - 2
    shape = np.ptp(np.concatenate(written("happy pens")), axis=0)
    assert (columns[-1] - columns[0]) / (rows[-1] - rows[0]) == pytest.approx(shape[0] / shape[1], rel=0.15)
    assert strip_of(line, np.random.default_rng(0), widths=(1, 40), variation=0.0) is None


def test_a_line_of_ink_keeps_its_shape() -> None:
    ink = np.zeros((52, 300), np.float32)
    ink[:, 50] = ink[10, :] = 1.0
    strip = strip_of(Inked("a", ink), np.random.default_rng(0), widths=(1, 400), variation=0.0, damage=0.0)
    assert strip is not None
    size = 26 * 0.95 / 52
    columns, tall = strip.sum(axis=0), int(strip.sum(axis=0).argmax())
    before, after = columns[: tall - 1].sum(), columns[tall + 2 :].sum()  # the tall stroke may be in two columns
    assert before / (50 * size**2) == pytest.approx(1, abs=0.1)
    assert after / (249 * size**2) == pytest.approx(1, abs=0.03)
    assert strip.sum() == pytest.approx(size**2 * ink.sum(), rel=1e-4)


class _Ink:
    """Writes blocks of ink, a square for each character."""

    def __init__(self, strokes: bool) -> None:
        self.strokes = strokes

    def line(self, rng: np.random.Generator, characters: int) -> tuple[Any, str]:
        text = "x" * characters
        if self.strokes:
            return [np.array([[100.0 * k, -100.0], [100.0 * k + 90, 0.0]]) for k in range(characters)], text
        return np.ones((30, 30 * characters), np.float32), text


@pytest.mark.parametrize("strokes", [False, True])
def test_others_write_too(samples: PenSamples, strokes: bool) -> None:
    source = LineSource("train", samples=samples, others=[(ByLength(_Ink(strokes)), 1.0)], nothing=0.0)
    seen = set()
    for first in range(6):
        x, labels = source.take(np.arange(3 * first, 3 * first + 3), 0)
        for own in labels:
            assert set(decode(own)) == {"x"}
            seen.add(len(own))
            assert 0.5 * x.shape[2] / 26 - 2 < len(own) < 2 * x.shape[2] / 26 + 1
    assert len(seen) > 2


# ---- strips to measure on -------------------------------------------------------------------------------------------


def test_held_out_strips_are_the_same_each_time(samples: PenSamples) -> None:
    held = HeldOut(samples=samples, others={"blocks": (ByLength(_Ink(False)), 3)})
    again = HeldOut(samples=samples, others={"blocks": (ByLength(_Ink(False)), 3)})
    assert [strip.ink.tobytes() for strip in held.strips] == [strip.ink.tobytes() for strip in again.strips]
    wanted = sum(samples.kind[i] < 2 and samples.writer[i] in writers_of("valid") for i in range(len(samples)))
    assert len(held) == len(held.strips) == wanted + 3 and held.left_out == 0
    assert {strip.writer for strip in held.strips} == {*map(str, writers_of("valid")), "blocks"}
    assert {strip.kind for strip in held.strips} == {"line", "word"}
    seen = []
    for indices in held.groups(4):
        seen += list(indices)
        x, labels = held.take(indices, 0)
        assert len(indices) <= 4 and {padded_width(held.strips[i].ink.shape[1]) for i in indices} == {x.shape[2]}
        for strip, own, index in zip(x, labels, indices, strict=True):
            ink = held.strips[index].ink
            assert decode(own) == held.strips[index].text and strip[:, ink.shape[1] :].max(initial=0) == 0
            np.testing.assert_allclose(strip[:, : ink.shape[1], 0], ink / 255, atol=1e-6)
    assert seen == list(range(len(held)))


def test_some_held_out_strips_of_every_kind_and_writer(samples: PenSamples) -> None:
    some = HeldOut(samples=samples, most=8)
    assert len(some) == 8 and len({strip.writer for strip in some.strips}) == 2
    assert {(strip.kind, strip.style) for strip in some.strips} == {
        (strip.kind, strip.style) for strip in HeldOut(samples=samples).strips
    }


# ---- made ahead -----------------------------------------------------------------------------------------------------


class _Counting:
    """A source that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], int]] = []

    def __len__(self) -> int:
        return 10

    def take(self, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, int]:
        self.asked.append((tuple(map(int, indices)), epoch))
        return indices * 2, epoch


def test_the_next_batch_is_made_ahead_and_is_the_same() -> None:
    counting = _Counting()
    ahead = Ahead(counting, seed=4)
    for epoch in (0, 1):
        order = epoch_order(10, 4, epoch)
        for start in range(0, 10, 4):
            made, of = ahead.take(order[start : start + 4], epoch)
            assert (made == order[start : start + 4] * 2).all() and of == epoch
    ahead.close()
    orders = [epoch_order(10, 4, epoch) for epoch in (0, 1, 2)]
    wanted = [(tuple(map(int, o[s : s + 4])), e) for e, o in enumerate(orders) for s in (0, 4, 8)]
    assert counting.asked[:6] == wanted[:6]  # none twice, though each but the first was made before it was asked for
    made, _ = ahead.take(np.array([3, 1]), 0)  # another order works as well
    assert made.tolist() == [6, 2]
    ahead.close()


def test_what_goes_wrong_ahead_is_told() -> None:
    class Broken(_Counting):
        def take(self, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, int]:
            if self.asked:
                raise DataError("The pens are empty.")
            return super().take(indices, epoch)

    ahead = Ahead(Broken(), seed=4)
    order = epoch_order(10, 4, 0)
    ahead.take(order[:4], 0)
    with pytest.raises(DataError, match="The pens are empty"):
        ahead.take(order[4:8], 0)
    ahead.close()
