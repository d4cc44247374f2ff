"""The page of several classifiers on the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.data import Dataset
from glassnet.errors import DataError
from glassnet.metrics import Evaluation, evaluate
from glassnet.report.pages.side_by_side import Contestant, compare_pairs, write_side_by_side_page

N = 40
NAMES = ("cats & dogs", "<birds>")
LABELS = np.arange(N) % 2


def says(wrong: list[int], labels: np.ndarray = LABELS) -> Evaluation:
    """A classifier that is 80 % sure, and wrong in these pictures."""
    answers = labels.copy()
    answers[wrong] = 1 - answers[wrong]
    return evaluate(np.where(np.eye(2, dtype=bool)[answers], 0.8, 0.2), labels, NAMES)


@pytest.fixture
def three() -> list[Contestant]:
    return [
        Contestant("good", "by hand", says([0])),
        Contestant("bad", "by chance", says(list(range(20)))),
        Contestant("fair", "", says([0, 1, 2])),
    ]


def test_pairs(three: list[Contestant]) -> None:
    found = compare_pairs(three)
    test, adjusted = found["good", "bad"]
    assert (test.only_first, test.only_second, test.neither) == (19, 0, 1)
    assert test.p == pytest.approx(2 * 0.5**19) and adjusted == pytest.approx(3 * test.p)
    assert found["good", "fair"][0].p == 0.5 and found["good", "fair"][1] == 0.5
    with pytest.raises(DataError, match="same pictures"):
        compare_pairs([three[0], Contestant("other", "", says([0], 1 - LABELS))])
    with pytest.raises(DataError, match="same name"):
        compare_pairs([three[0], three[0]])


def test_page(three: list[Contestant], tmp_path: Path) -> None:
    part = Dataset(np.zeros((N, 4, 4, 3), np.uint8), LABELS, NAMES)
    text = write_side_by_side_page(tmp_path / "page.html", "Three", three, part).read_text(encoding="utf-8")
    assert "2 of 3 pairs differ" in text and "good is better" in text and "may be chance" in text
    assert "cats &amp; dogs" in text and "&lt;birds&gt;" in text and "<birds>" not in text
    assert text.count('<figure class="tile"') == 20  # those that anyone has wrong
    assert "1 picture no classifier has right, 20 all have" in text.replace("\n", " ")
    with pytest.raises(DataError, match="not evaluated on these pictures"):
        write_side_by_side_page(
            tmp_path / "no.html", "", three, Dataset(np.zeros((N, 4, 4, 3), np.uint8), 1 - LABELS, NAMES)
        )
    assert not (tmp_path / "no.html").exists()


def test_nobody_is_wrong(tmp_path: Path) -> None:
    part = Dataset(np.zeros((N, 4, 4, 3), np.uint8), LABELS, NAMES)
    pair = [Contestant("a", "", says([])), Contestant("b", "", says([]))]
    text = write_side_by_side_page(tmp_path / "page.html", "Two", pair, part).read_text(encoding="utf-8")
    assert "0 of 1 pairs differ" in text and "every classifier has every picture right" in text
