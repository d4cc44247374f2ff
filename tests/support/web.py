"""A page that is served in this process, and a browser to open it in."""

from __future__ import annotations

import importlib.util
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from glassnet.actions.open import Opened
from glassnet.web.server import listen, make_server

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
"""Debian's Chromium; Playwright's own is not fetched."""


@contextmanager
def served(opened: Opened) -> Iterator[str]:
    """The address of a page; the server ends with the block."""
    listening = listen()
    server, address = make_server(opened, listening.getsockname()[1])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
    assert not thread.is_alive()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser; without one, or without Playwright, the test is skipped with the reason."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if BROWSER is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def serious_findings(page: Any) -> list[tuple[str, str]]:
    """(rule, element) of what axe-core finds serious or critical in a page; without axe-core the test is skipped."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    page.evaluate(Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], node["html"][:200])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def stroke(page: Any, points: list[tuple[float, float]], sheet: int = 0) -> None:
    """Draw a line with the mouse; points are shares of the sheet's sides."""
    box = page.locator(".pad").nth(sheet).bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def digit_file(path: Path) -> Path:
    """A seven in dark ink on white paper."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(picture).line([(50, 40), (110, 40), (70, 125)], fill="black", width=14, joint="curve")
    picture.save(path)
    return path
