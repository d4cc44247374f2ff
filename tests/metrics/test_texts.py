"""Error rates of texts: counted by hand on a few, and their intervals."""

from __future__ import annotations

import json
import math

import pytest

from glassnet.errors import DataError
from glassnet.metrics import error_rate, evaluate_transcription
from glassnet.metrics.texts import GAP, edits

READ = ("hello world", "the cat", "", "1 + 1 = 2x")
TRUE = ("hallo world", "the cat", "ab", "1 + 1 = 2")


def test_rates_counted_by_hand() -> None:
    found = evaluate_transcription(READ, TRUE, [1.0, 0.0, 3.0, 0.5], {"kind": ["a", "a", "b", "b"]})
    assert found.errors.tolist() == [1, 0, 2, 1]
    assert (found.characters.errors, found.characters.size) == (4, 11 + 7 + 2 + 9)
    assert found.characters.rate == 4 / 29 and found.words.rate == (1 + 0 + 1 + 1) / (2 + 2 + 1 + 5)
    assert (found.exact, found.n, found.loss) == (1, 4, 4.5 / 4)
    assert {name: rate.rate for name, rate in found.by_group["kind"].items()} == {"a": 1 / 18, "b": 3 / 11}
    assert found.worst().tolist() == [2, 3, 0]
    assert set(found.confusions) == {("a", "e", 1), ("a", GAP, 1), ("b", GAP, 1), (GAP, "x", 1)}
    assert found.characters.interval.low <= 4 / 29 <= found.characters.interval.high
    assert json.loads(json.dumps(found.to_dict()))["by_group"]["kind"]["b"]["characters"] == 11


def test_edits_say_where() -> None:
    assert list(edits("hello", "hallo!")) == [(1, "a", "e"), (5, "!", GAP)]
    assert list(edits("ab", "")) == [(0, GAP, "a"), (0, GAP, "b")]


def test_a_rate_may_exceed_one_and_one_line_has_no_interval() -> None:
    alone = error_rate([5], [2])
    assert alone.rate == 2.5 and alone.known_interval is None
    assert math.isnan(error_rate([0, 0], [0, 0]).rate)


def test_nothing_to_compare_with() -> None:
    with pytest.raises(DataError, match="no character"):
        evaluate_transcription(["a"], [""], [0.0])
    with pytest.raises(DataError, match="as many texts"):
        evaluate_transcription(["a", "b"], ["a"], [0.0])
