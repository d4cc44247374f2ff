"""The goals of the rows, beside the table that they were agreed in, where that lies next to the repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from glassnet.reproduce import rows

TABLE = Path(__file__).parents[3] / "shared" / "published.toml"
# A goal of the table that is a row of its own here.
OWN_ROWS = {"best_two_layer_any_width_and_training": ("cifar10-two-layer-best", "test_accuracy")}


def test_every_row_has_a_goal_and_every_stand_in_one_of_its_own() -> None:
    for row in rows():
        assert row.goal, row.id
        assert bool(row.stand_in) == bool(row.stand_in_goal), row.id


@pytest.mark.skipif(not TABLE.exists(), reason="the table of published figures is not beside the repository")
def test_goals_are_those_of_the_table() -> None:
    ours = {row.id: row for row in rows()}
    compared = stood_in = 0
    for theirs in tomllib.loads(TABLE.read_text(encoding="utf-8"))["result"]:
        row = ours.get(theirs["id"])
        if row is None:
            continue
        goal, published = theirs.get("goal"), theirs.get("published")
        for name, value in goal.items() if isinstance(goal, dict) else ():
            own, figure = OWN_ROWS.get(name, (row.id, name))
            assert ours[own].goal[figure] == value, (row.id, name)
            compared += 1
        for name, value in published.items() if isinstance(published, dict) else ():
            assert row.published.get(name, value) == value, (row.id, name)
        stated = re.search(r"letters36 as the project defines it.*?goal ([\d.]*\d)", theirs.get("data", ""))
        if stated:
            assert list(row.stand_in_goal.values()) == [float(stated[1])], row.id
            stood_in += 1
    assert compared >= 12 and stood_in == 2
