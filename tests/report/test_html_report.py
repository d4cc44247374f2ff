"""Pages: whole, balanced, self-contained, and safe against whatever a class or a folder is called."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from glassnet.check import Row
from glassnet.errors import DataError, GlassnetError
from glassnet.nn import Network
from glassnet.report import Chart, Heading, Panel, write_page
from glassnet.report.html import element
from glassnet.report.pages import SweepRun, best_run, sweep_report
from glassnet.report.panels.gallery import mistakes_panel, reconstructions_panel
from glassnet.report.panels.inside import first_layer_panel, network_panel
from glassnet.report.panels.results import (
    classes_panel,
    confusion_panel,
    curves_panel,
    reliability_panel,
    updates_panel,
)
from glassnet.report.panels.text import commands_panel, details_panel, gradients_panel
from glassnet.report.tables import key_value_table, number
from support.reports import made_up_evaluation, made_up_history, parse

HOSTILE = '<script>alert("1")</script>&\'"><img src=x onerror=alert(2)>'


def full_panels(classes: int = 4, name: str = "class") -> list[Panel]:
    """One panel of every kind."""
    found = made_up_evaluation(classes, names=[f"{name}{i}" for i in range(classes)], skill=1.0)
    pictures = np.random.default_rng(0).random((found.n, 4, 4, 1))
    network, untrained = (Network("linear 9 -> relu -> linear 3", (4, 4, 1), seed=seed) for seed in (1, 2))
    rows = [gradient_row("1.linear.weight", 2e-10, True), gradient_row(name, math.nan, False)]
    environment = {"python": "3.12", "hardware": {name: name, "threads": 2}, "list": [name, 1]}
    panels = [
        curves_panel(made_up_history()),
        confusion_panel(found),
        classes_panel(found),
        mistakes_panel(found, pictures),
        reconstructions_panel(pictures[:3], pictures[:3] * 0.9),
        first_layer_panel(network, untrained),
        reliability_panel(found),
        updates_panel(made_up_history()),
        gradients_panel(rows),
        network_panel(network),
        commands_panel(["# a remark " + name, f"glassnet predict {name}"]),
        details_panel(f"data = {name!r}", environment),
    ]
    return [panel for panel in panels if panel is not None]


def gradient_row(name: str, error: float, passed: bool) -> Row:
    return Row(name, "training", (16, 9), 144, error, error, error, (3, 4), 1.0, 1.0, 0, 0, False, "", passed)


def embedded(page: str) -> dict[str, bytes]:
    """The pictures of a page by what they are said to show."""
    parsed = parse(page)
    images = [value or "" for tag, name, value in parsed.attributes if (tag, name) == ("img", "src")]
    names = [value or "" for tag, name, value in parsed.attributes if (tag, name) == ("img", "alt")]
    return {name: base64.b64decode(image.partition(",")[2]) for name, image in zip(names, images, strict=True)}


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


def test_a_page_shows_every_panel_and_lists_it(tmp_path: Path) -> None:
    panels = full_panels()
    written = write_page(tmp_path / "report.html", Heading("t"), panels, figures_folder=tmp_path / "figures")
    parsed = check_page(written[0])
    keys = [value for _, name, value in parsed.attributes if name == "id"]
    assert keys == [panel.key for panel in panels] == [
        "curves", "confusion", "classes", "mistakes", "reconstructions", "weights", "reliability", "updates",
        "gradients", "network", "next", "details",
    ]  # fmt: skip
    links = [value for tag, name, value in parsed.attributes if (tag, name) == ("a", "href")]
    assert links == [f"#{keys[0]}", *(f"#{key}" for key in keys)], "the first skips the links"
    assert parsed.tags.count("script") == 1
    assert [path.stem for path in written[1:]] == [
        "learning_curves", "confusion", "per_class", "mistakes", "reconstructions", "first_layer", "reliability",
        "update_ratios", "network",
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "report.html"], "no temporary file is left"


def test_a_figure_is_drawn_once_and_the_page_has_the_bytes_of_the_file(tmp_path: Path) -> None:
    panels = full_panels()
    drawn: list[str] = []

    def watched(chart: Chart) -> Chart:
        def draw() -> Figure:
            drawn.append(chart.name)
            return chart.draw()

        return replace(chart, draw=draw)

    watching = [panel if panel.chart is None else replace(panel, chart=watched(panel.chart)) for panel in panels]
    charts = [panel.chart for panel in panels if panel.chart is not None]
    page = write_page(tmp_path / "r.html", Heading("t"), watching, figures_folder=tmp_path)[0]
    assert drawn == [chart.name for chart in charts]
    pictures = embedded(page.read_text(encoding="utf-8"))
    shown = [chart for chart in charts if chart.on_page]
    assert {chart.name for chart in shown} == {
        "learning_curves", "confusion", "reliability", "update_ratios", "network",
    }  # fmt: skip
    for chart in shown:
        assert pictures[chart.alternative] == (tmp_path / f"{chart.name}.png").read_bytes()
    with Image.open(tmp_path / "confusion.png") as image:
        width, _ = image.size
    assert f'alt="{panels[1].chart.alternative}" width="{width // 2}"' in page.read_text()  # type: ignore[union-attr]
    drawn.clear()
    write_page(tmp_path / "r.html", Heading("t"), watching)
    assert drawn == [chart.name for chart in shown], "without a folder, what is only a file is not drawn"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    cards = [(HOSTILE, HOSTILE, HOSTILE)]
    write_page(tmp_path / "r.html", Heading(HOSTILE, HOSTILE, cards), full_panels(3, HOSTILE))
    parsed = check_page(tmp_path / "r.html")
    assert parsed.tags.count("script") == 1
    assert HOSTILE + "0" in "".join(parsed.words) and parsed.words.count(HOSTILE) > 5


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_escaped(text: str) -> None:
    parsed = parse(element("p", text, title=text))
    assert parsed.tags == ["p"]


@pytest.mark.parametrize("classes", [2, 62])
def test_few_and_many_classes(tmp_path: Path, classes: int) -> None:
    found = made_up_evaluation(classes)
    write_page(tmp_path / "r.html", Heading("t"), [confusion_panel(found), classes_panel(found)])
    parsed = check_page(tmp_path / "r.html")
    assert parsed.tags.count("tr") == classes + 1
    assert parsed.tags.count("li") == len(found.most_confused(12 if classes == 2 else 20))


def test_pages_of_nothing_and_of_broken_numbers(tmp_path: Path) -> None:
    assert write_page(tmp_path / "a.html", Heading("nothing yet"), [], figures_folder=tmp_path / "none") == [
        tmp_path / "a.html"
    ]
    empty = check_page(tmp_path / "a.html")
    assert "section" not in empty.tags and "script" not in empty.tags and "nav" not in empty.tags
    assert curves_panel([]) is None and updates_panel(made_up_history()[-1:]) is None and gradients_panel([]) is None
    history = [{"kind": "epoch", "epoch": 1, "loss": math.inf, "accuracy": math.nan}]
    panel = curves_panel(history)
    assert panel is not None and panel.lead == "The loss should fall and level off."
    write_page(tmp_path / "b.html", Heading("broken"), [panel])
    check_page(tmp_path / "b.html")


def test_lone_surrogates_and_missing_glyphs(tmp_path: Path) -> None:
    write_page(tmp_path / "r.html", Heading("caf\udce9 漢字"), full_panels(2, "caf\udce9 漢字"))
    assert "漢字0" in "".join(check_page(tmp_path / "r.html").words)


def test_weights_of_no_picture_have_no_panel() -> None:
    assert first_layer_panel(Network("avgpool 2x2 -> linear 3", (4, 4, 1))) is None
    assert first_layer_panel(Network("relu", (4, 4, 1))) is None
    assert first_layer_panel(Network("linear 3", (4, 4, 1))) is not None


def test_no_mistakes_are_said_to_be_none(tmp_path: Path) -> None:
    found = made_up_evaluation(3, skill=60.0)
    panel = mistakes_panel(found, np.zeros((found.n, 2, 2, 3), np.uint8))
    written = write_page(tmp_path / "r.html", Heading("t"), [panel], figures_folder=tmp_path)
    assert "There are none" in "".join(check_page(tmp_path / "r.html").words)
    assert [path.name for path in written] == ["r.html", "mistakes.png"]


def test_gradients_are_marked_by_their_verdict() -> None:
    rows = [gradient_row("a", 2e-10, True), gradient_row("b", 0.5, False)]
    panel = gradients_panel(rows)
    assert panel is not None and panel.body is not None
    parsed = parse(panel.body)
    badges = [value for tag, name, value in parsed.attributes if (tag, name) == ("span", "class")]
    assert badges == ["badge good", "badge bad"]
    assert [word for word in parsed.words if word in ("right", "wrong", "2.0e-10", "5.0e-01")] == [
        "right", "2.0e-10", "wrong", "5.0e-01",
    ]  # fmt: skip
    remark = gradients_panel([], "too large")
    assert remark is not None and remark.lead == "too large" and remark.body is None


def test_errors_leave_nothing_behind(tmp_path: Path) -> None:
    found = made_up_evaluation(3)
    with pytest.raises(DataError, match="evaluated"):
        mistakes_panel(found, np.zeros((found.n - 1, 2, 2, 3), np.uint8))

    def fail() -> Figure:
        raise DataError("cannot be drawn")

    panels = [*full_panels(), Panel("broken", "Broken", chart=Chart("broken", fail))]
    with pytest.raises(DataError, match="cannot be drawn"):
        write_page(tmp_path / "r.html", Heading("t"), panels, figures_folder=tmp_path / "figures")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GlassnetError, match="Cannot write"):
        write_page(tmp_path / "file" / "r.html", Heading("t"), [])
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


def test_a_sweep_shows_its_figures_as_they_are_read(tmp_path: Path) -> None:
    figures = {"seconds": 3.25, "accuracy": 0.875, "accuracy_interval": [0.8, 0.95], "loss": 0.5}
    sweep_report(tmp_path / "s.html", [SweepRun("a", made_up_history(1), figures)])
    words = check_page(tmp_path / "s.html").words
    table = words[words.index("run") : words.index("Learning curves", words.index("run"))]
    shown = [word.replace("\u00a0", " ").strip() for word in table if word.strip()]
    assert shown == [
        "run", "result", "test accuracy", "test loss", "seconds", "a", "best", "87.50 %", "80.0 to 95.0 %", "0.5",
        "3.2", "scroll sideways for more →",
    ]  # fmt: skip


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
