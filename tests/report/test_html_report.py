"""The HTML report: whole, balanced, self-contained, and safe against whatever a class or a folder is called."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_report import made_up_evaluation, made_up_history, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import DataError, GlassnetError
from glassnet.report import ReportContent, SweepRun, best_run, save_figures, sweep_report, write_report
from glassnet.report.html import element
from glassnet.report.tables import key_value_table, number

HOSTILE = '<script>alert("1")</script>&\'"><img src=x onerror=alert(2)>'


def full_content(classes: int = 4, name: str = "class") -> ReportContent:
    found = made_up_evaluation(classes, names=[f"{name}{i}" for i in range(classes)], skill=1.0)
    rng = np.random.default_rng(0)
    pictures = rng.random((found.n, 4, 4, 1))
    return ReportContent(
        title=f"Run {name}",
        sentence=f"A network learned {name}.",
        history=made_up_history(),
        evaluation=found,
        evaluation_name=name,
        images=pictures,
        weights_before=rng.normal(size=(16, 9)),
        weights_after=rng.normal(size=(16, 9)),
        image_shape=(4, 4, 1),
        network_table=f"layer {name}\nlinear",
        gradient_check=[("1.linear.weight", 144, 2e-10, (3, 4), "ok"), (name, 9, math.nan, None, False)],
        reconstructions=(pictures[:3], pictures[:3] * 0.9),
        configuration=f"data = {name!r}",
        environment={"python": "3.12", "hardware": {name: name, "threads": 2}, "list": [name, 1]},
        commands=["# a remark " + name, f"glassnet predict {name}"],
    )


def check_page(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    parsed = parse(text)
    assert text.startswith("<!doctype html>")
    for tag, name, value in parsed.attributes:
        if name in ("src", "href"):
            assert value is not None and value.startswith(("data:image/png;base64,", "#")), (tag, name)
        assert not name.startswith("on"), f"<{tag} {name}> is a script"
    assert not re.search(r"https?://|@import|url\(", text)
    keys = [value for _, name, value in parsed.attributes if name == "id"]
    assert len(keys) == len(set(keys))
    return parsed


def test_full_report_has_every_section(tmp_path: Path) -> None:
    written = write_report(tmp_path / "report.html", full_content(), figures_folder=tmp_path / "figures")
    parsed = check_page(written[0])
    keys = {value for _, name, value in parsed.attributes if name == "id"}
    assert keys == {
        "curves", "confusion", "classes", "mistakes", "reconstructions", "weights", "reliability", "updates",
        "gradients", "network", "next", "details",
    }  # fmt: skip
    assert parsed.tags.count("script") == 1
    names = {path.stem for path in written[1:]}
    assert names == {
        "learning_curves", "update_ratios", "confusion", "per_class", "reliability", "mistakes", "first_layer",
        "reconstructions",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "report.html"], "no temporary file is left"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", full_content(3, HOSTILE))
    parsed = check_page(tmp_path / "r.html")
    assert parsed.tags.count("script") == 1
    assert HOSTILE + "0" in "".join(parsed.words)


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_escaped(text: str) -> None:
    parsed = parse(element("p", text, title=text))
    assert parsed.tags == ["p"]


@pytest.mark.parametrize("classes", [2, 62])
def test_few_and_many_classes(tmp_path: Path, classes: int) -> None:
    write_report(tmp_path / "r.html", ReportContent(title="t", evaluation=made_up_evaluation(classes)))
    parsed = check_page(tmp_path / "r.html")
    assert parsed.tags.count("tr") == classes + 1


def test_empty_and_broken_content(tmp_path: Path) -> None:
    write_report(tmp_path / "a.html", ReportContent(title="nothing yet"))
    assert "section" not in check_page(tmp_path / "a.html").tags
    assert save_figures(ReportContent(title="nothing yet"), tmp_path / "none") == []
    history = [{"kind": "epoch", "epoch": 1, "loss": math.inf, "accuracy": math.nan}]
    write_report(tmp_path / "b.html", ReportContent(title="broken", history=history))
    check_page(tmp_path / "b.html")


def test_lone_surrogates_and_missing_glyphs(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", full_content(2, "caf\udce9 漢字"))
    check_page(tmp_path / "r.html")


def test_weights_of_another_size_have_no_section(tmp_path: Path) -> None:
    content = ReportContent(title="whitened", weights_after=np.ones((5, 3)), image_shape=(4, 4, 1))
    write_report(tmp_path / "r.html", content, figures_folder=tmp_path / "figures")
    assert "section" not in check_page(tmp_path / "r.html").tags


def test_no_mistakes_are_said_to_be_none(tmp_path: Path) -> None:
    found = made_up_evaluation(3, skill=60.0)
    write_report(
        tmp_path / "r.html", ReportContent(title="t", evaluation=found, images=np.zeros((found.n, 2, 2, 3), np.uint8))
    )
    assert "There are none" in "".join(check_page(tmp_path / "r.html").words)


def test_errors_leave_nothing_behind(tmp_path: Path) -> None:
    content = full_content()
    content.images = content.images[:-1] if content.images is not None else None
    with pytest.raises(DataError, match="evaluated"):
        write_report(tmp_path / "r.html", content)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GlassnetError, match="Cannot write"):
        write_report(tmp_path / "file" / "r.html", ReportContent(title="t"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_sweep_marks_the_best_run(tmp_path: Path) -> None:
    runs = [SweepRun(f"lr = {rate}", made_up_history(4, rate)) for rate in (0.1, 2.0, 0.5)]
    assert best_run(runs) == (1, "valid_accuracy")
    assert best_run(runs, "valid_loss") == (1, "valid_loss")
    sweep_report(tmp_path / "s.html", runs, title="Sweep " + HOSTILE)
    parsed = check_page(tmp_path / "s.html")
    assert parsed.tags.count("tr") == 4
    assert [value for tag, name, value in parsed.attributes if (tag, name) == ("tr", "class")] == ["marked"]
    assert "lr = 2.0, with" in "".join(parsed.words)


def test_sweep_of_odd_runs(tmp_path: Path) -> None:
    broken = [{"kind": "epoch", "epoch": 1, "loss": math.nan, "valid_accuracy": math.nan}]
    runs = [
        SweepRun("same", broken),
        SweepRun("same", []),
        SweepRun("given", made_up_history(1), {"loss": 0.5, "note": "x"}),
    ]
    assert best_run(runs) == (2, "loss")
    assert best_run(runs[:2]) is None
    sweep_report(tmp_path / "s.html", runs)
    check_page(tmp_path / "s.html")
    with pytest.raises(DataError):
        sweep_report(tmp_path / "t.html", [])


def test_numbers_for_reading() -> None:
    assert number(1234567) == "1\u202f234\u202f567"
    assert (number(math.nan), number(None), number(math.inf), number(True)) == ("–", "–", "∞", "True")
    assert number(0.123456) == "0.1235"
    assert "hardware.threads" in key_value_table({"hardware": {"threads": 2}})
