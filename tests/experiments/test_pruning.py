"""Which trials end early: the median of the others at the same share of the epochs, worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from glassnet.experiments.book import Book, Trial
from glassnet.experiments.pruning import is_behind
from glassnet.experiments.search import space_from

RISING = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def others(*scales: float, epochs: int = 6) -> list[tuple[list[float], int]]:
    return [([scale * value for value in RISING[:epochs]], epochs) for scale in scales]


FIVE = others(0.8, 0.9, 1.0, 1.1, 1.2)  # whose median is RISING itself


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0], False),  # a third of six epochs is two
        ([0.0, 0.19], True),
        ([0.0, 0.2], False),  # as good as the median
        ([0.0, 0.21, 0.0], True),  # 0.3 by now
        ([0.35, 0.0, 0.0], False),  # the best so far counts
        ([0.35, 0.0, 0.0, 0.0], True),
        ([math.nan, math.nan], True),
    ],
)
def test_a_trial_behind_the_median_ends(values: list[float], expected: bool) -> None:
    assert is_behind(values, 6, FIVE, higher_is_better=True) is expected
    negative = [([-value for value in theirs], epochs) for theirs, epochs in FIVE]
    assert is_behind([-value for value in values], 6, negative, higher_is_better=False) is expected


def test_longer_trials_are_compared_at_the_same_share() -> None:
    assert not is_behind([0.0, 0.0, 0.0, 0.2], 12, FIVE, higher_is_better=True)  # 4 of 12 epochs: theirs after 2 of 6
    assert is_behind([0.0, 0.0, 0.0, 0.0, 0.24], 12, FIVE, higher_is_better=True)  # 5 of 12: theirs after 2.5, 0.25
    assert not is_behind([0.0, 0.0, 0.0, 0.0, 0.26], 12, FIVE, higher_is_better=True)
    assert is_behind([0.0, 0.59], 2, FIVE, higher_is_better=True)  # all of it: theirs at the end
    assert not is_behind([0.0, 0.6], 2, FIVE, higher_is_better=True)


def test_four_trials_have_no_median_worth_it_and_one_that_stopped_counts_with_its_last_value() -> None:
    assert not is_behind([0.0, 0.0], 6, FIVE[:4], higher_is_better=True)
    stopped = [*FIVE[:4], ([1.0], 6)]  # after 2 epochs: 0.16, 0.18, 0.2, 0.22 and 1.0
    assert is_behind([0.0, 0.19], 6, stopped, higher_is_better=True)
    assert not is_behind([0.0, 0.2], 6, stopped, higher_is_better=True)


def test_a_study_compares_trials_by_the_epochs_that_they_were_given(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space = space_from({"train.epochs": "6..12"})
    book = Book(tmp_path, space, {"train.epochs": 6}, name="x", seed=0, higher_is_better=True, epochs=3)
    ended = []
    for number in range(12):
        with book.next(100) as taken:
            assert taken is not None
            epochs = taken.settings["train.epochs"]
            slope = 0.5 if number == 11 else 1 + 1e-6 * number  # of progress by share of the epochs
            going = all(taken.report(slope * (epoch + 1) / epochs) for epoch in range(epochs))
            ended.append((epochs, going, len(taken.values)))
            outcome = "finished" if going else "pruned"
            book.close(taken, Trial(number, taken.settings, outcome, taken.values[-1], 0.0))
    assert len({epochs for epochs, _, _ in ended}) > 2
    assert all(going for _, going, _ in ended[:11]), "each a little better than those before, if longer"
    epochs, going, done = ended[11]
    assert not going and done == math.ceil(epochs / 3), "at half their pace it ends as soon as it may"
