"""Every page on a phone: one style sheet, nothing beyond the edge, and a hint on each box that scrolls."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glassnet
from glassnet.filters import Filter, apply_filter, make_filter
from glassnet.nn import Network
from glassnet.reader.evaluate import compare, summarise
from glassnet.reader.evaluation_page import write_evaluation
from glassnet.reader.page import Page
from glassnet.report import Heading, Panel, write_page
from glassnet.report.pages import SweepRun, sweep_report, write_filter_page
from glassnet.report.panels.inside import network_panel
from glassnet.report.panels.results import classes_panel, confusion_panel, curves_panel, reliability_panel
from glassnet.report.panels.text import commands_panel, details_panel
from glassnet.report.tables import Cell, table
from support.reports import made_up_evaluation, made_up_history, parse

PHONE = 390
LONG = "a-class-with-a-very-long-name-that-has-no-place-to-break"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A page of each kind, with long names and many columns."""
    folder = tmp_path_factory.mktemp("pages")
    found = made_up_evaluation(4, names=[f"{LONG} {i}" for i in range(4)])
    panels = [
        curves_panel(made_up_history(3)), confusion_panel(found), classes_panel(found), reliability_panel(found),
        network_panel(Network("conv 3x3, 8 -> relu -> linear 9 -> relu -> linear 3", (8, 8, 1))),
        commands_panel([f"glassnet predict runs/{LONG}/{LONG}/model.safetensors PICTURE.png"]),
        details_panel(f"network = '{LONG}'", {LONG: {LONG: LONG}}),
        Panel("many", "Many", body=table([("n", True)] * 30, [[Cell(f"{10**9}", 1.0)] * 30] * 70)),
    ]  # fmt: skip
    write_page(folder / "run.html", Heading(LONG, LONG, [(LONG, LONG, LONG)]), [p for p in panels if p is not None])
    history = made_up_history(2)
    rates = [SweepRun(f"lr = {lr}", history, settings={"optimizer.lr": lr, "train.batch": 16}) for lr in (0.1, 1.0)]
    failed = SweepRun("lr = 9", [], failed=LONG, settings={"optimizer.lr": 9, "train.batch": 16})
    sweep_report(folder / "sweep.html", [*rates, failed])
    picture = np.random.default_rng(0).integers(0, 256, (60, 900, 3), np.uint8)
    kernel: Filter = make_filter("edges")
    write_filter_page(folder / "filter.html", LONG, picture, apply_filter(picture, kernel), kernel, "reflect")
    Image.fromarray(picture).save(folder / "page.png")
    scores = summarise([compare("page.png", "THE QUICK FAX", "THE QUICK FOX")])
    write_evaluation(scores, [[(folder / "page.png", None, Page((), 900, 60))]], folder / "reading.html")
    return sorted(folder.glob("*.html"))


def test_all_pages_have_one_style_and_a_viewport(written: list[Path]) -> None:
    styles = {re.search(r"<style>(.*?)</style>", path.read_text(encoding="utf-8"), re.S).group(1) for path in written}  # type: ignore[union-attr]
    assert len(styles) == 1 and "prefers-color-scheme: dark" in styles.pop()
    for path in written:
        attributes = parse(path.read_text(encoding="utf-8")).attributes
        assert ("meta", "content", "width=device-width, initial-scale=1") in attributes
    sources = Path(glassnet.__file__).parent.rglob("*.py")
    assert [p.name for p in sources if "<!doctype html>" in p.read_text(encoding="utf-8")] == ["html.py"]


def test_every_picture_is_described_and_every_box_that_scrolls_has_its_hint(written: list[Path]) -> None:
    boxes = 0
    for path in written:
        text = path.read_text(encoding="utf-8")
        for image in re.findall(r"<img [^>]*>", text):
            assert re.search(r' alt="[^"]+"', image)
        scrolling = re.findall(r'<div class="scroll[ "][^>]*>', text)
        assert all('tabindex="0"' in box and 'aria-label="' in box for box in scrolling)
        assert text.count('class="hint"') == len(scrolling) == text.count('class="scrolls"')
        assert not scrolling or '.querySelectorAll(".scroll")' in text, "the script shows the hints"
        boxes += len(scrolling)
    assert boxes > 6


def test_the_style_sheet_sets_no_width_that_a_phone_has_not() -> None:
    css = (Path(glassnet.__file__).parent / "report" / "report.css").read_text(encoding="utf-8")
    widths = re.findall(r"(?:[^-\w(]|min-)width: ?([\d.]+)(px|rem)", css)
    assert widths and all(float(size) * (16 if unit == "rem" else 1) <= PHONE for size, unit in widths)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
def test_no_page_is_wider_than_a_phone(written: list[Path], tmp_path: Path) -> None:
    """Measured in the browser: frames of the width of a phone, because its windows are wider."""
    frames = "".join(f'<iframe src="{html.escape(p.as_uri())}" width="{PHONE}" height="700"></iframe>' for p in written)
    script = (
        "onload = function () { document.title = Array.from(document.querySelectorAll('iframe')).map(function (f) {"
        "return f.contentDocument.documentElement.scrollWidth; }).join(' '); };"
    )
    (tmp_path / "frames.html").write_text(f"<!doctype html><title></title><script>{script}</script>{frames}")
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--allow-file-access-from-files", "--dump-dom",
        f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "frames.html").as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    widths = re.search(r"<title>([\d ]*)</title>", shown)
    assert widths is not None and [int(width) for width in widths.group(1).split()] == [PHONE] * len(written)
