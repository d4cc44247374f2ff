"""The doctor's confusion matrix: how it counts, that it goes on where it stopped, and a sample of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.clinic import matrix
from glassnet.clinic.faults import faults, held_back
from glassnet.clinic.matrix import Exam, Table, exams, sit
from glassnet.errors import RecipeError


def test_it_counts_what_was_found_and_whether_it_is_right() -> None:
    cause = next(iter(faults()["cross-talk"].causes))
    table = Table((
        Exam("dense", 0, "cross-talk", (cause,)),
        Exam("dense", 1, "cross-talk", ("one", "other", cause)),  # the right one is the third
        Exam("dense", 2, "cross-talk", (), ("one-class",)),  # how bad it is, and not why
        Exam("dense", 3, "cross-talk"),
        Exam("dense"),
        Exam("sgd", 0, "", ("overfitting",)),
    ))  # fmt: skip
    assert (table.detected.count, table.detected.of) == (3, 4)
    assert (table.right.count, table.right.of) == (1, 4)
    assert (table.alarms.count, table.alarms.of) == (1, 2)
    assert str(table.right) == "1 of 4 (25.0 %)"
    assert table.of_group("cross-talk" in held_back()).planted == table.planted
    assert table.of_group("cross-talk" not in held_back()).planted == ()
    assert table.to_dict()["all"] == {"detected": {"count": 3, "of": 4}, "right": {"count": 1, "of": 4}}


def test_every_fault_is_examined_where_it_has_a_place() -> None:
    wanted = list(exams(seeds=3))
    assert {exam.fault for exam in wanted if exam.fault} == set(faults())
    assert {exam.recipe for exam in wanted if exam.fault == "batchnorm-frozen"} == {"residual"}
    assert sum(exam.fault == "cross-talk" for exam in wanted) == 9
    assert len({exam.key for exam in wanted}) == len(wanted)
    with pytest.raises(RecipeError, match="There is no network 'dens'"):
        list(exams(networks=["dens"]))


def test_a_table_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sat: list[str] = []

    def examined(exam: Exam) -> Exam:
        if len(sat) == 2:
            raise KeyboardInterrupt
        sat.append(exam.key)
        return Exam(exam.recipe, exam.seed, exam.fault, ("cross-talk",), seconds=1.0)

    monkeypatch.setattr(matrix, "examined", examined)
    wanted = list(exams(["cross-talk"], healthy_ones=False))
    with pytest.raises(KeyboardInterrupt):
        sit(wanted, tmp_path)
    first = list(sat)
    sat.clear()
    table = sit(wanted, tmp_path)
    assert [*first, *sat] == [exam.key for exam in wanted]
    assert table.right.count == 3
    monkeypatch.setattr(matrix, "_source", lambda: "another doctor")
    sat.clear()
    with pytest.raises(KeyboardInterrupt):
        sit(wanted, tmp_path)
    assert len(sat) == 2  # what another doctor found is not taken over


def test_a_sample_is_found_by_its_cause_and_nothing_in_healthy_recipes() -> None:
    sample = ["rate-times-100", "class-missing", "weight-gradient-scale", "not-shuffled"]
    sound = [Exam("dense"), Exam("softmax regression")]
    table = sit([*exams(sample, networks=["dense"], healthy_ones=False), *sound])
    assert [exam.key for exam in table.planted if not exam.right] == []
    assert table.alarms.count == 0
    assert table.reaches_goals
