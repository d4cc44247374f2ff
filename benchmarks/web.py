"""How soon the page of `glassnet open` reacts, in headless Chromium: a stroke to all layers drawn, and the first paint.

    python -m benchmarks.web MODEL [--picture photo.jpg] [--strokes 200]

MODEL is a model file, a run folder or a pretrained network. A stroke's time runs from the pointer's event in the
browser to the layers' colours on their canvases; strokes that come while another is on its way are answered together.
With a picture it is dropped again and again instead. Every request that goes anywhere but the page's own server is
counted.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from glassnet.actions.open import open_place
from glassnet.web.server import listen, make_server

CHROMIUM = "/usr/bin/chromium"
PAUSE = 60  # milliseconds between the moves of the pen


def draw(page: Any, strokes: int) -> None:
    """Moves of a pen that changes its direction, the sheet cleared after each twenty."""
    box = page.locator(".pad").bounding_box()
    rng = np.random.default_rng(0)
    place = np.array([0.5, 0.5])
    for number in range(strokes):
        if number % 20 == 0:
            page.mouse.up()
            page.get_by_role("button", name="Clear").click()
            place = rng.uniform(0.3, 0.7, 2)
            page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
            page.mouse.down()
        place = np.clip(place + rng.normal(0, 0.07, 2), 0.15, 0.85)
        page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
        page.wait_for_timeout(PAUSE)
    page.mouse.up()


def drop(page: Any, picture: Path, times: int) -> None:
    """The same picture again and again."""
    for number in range(times):
        page.locator(".hand input[type=file]").set_input_files(picture)
        page.wait_for_function("n => window.times.length > n", arg=number)


def main() -> None:
    """Serve a model's page, use it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--strokes", type=int, default=200)
    given = parser.parse_args()
    listening = listen()
    server, address = make_server(open_place(given.model), listening.getsockname()[1])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        elsewhere: list[str] = []
        page.on("request", lambda r: elsewhere.append(r.url) if not r.url.startswith((address, "data:")) else None)
        page.on("requestfailed", lambda r: elsewhere.append(r.url))
        page.goto(address)
        page.wait_for_selector(".layer canvas", timeout=120_000)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
        page.evaluate("window.times = []; document.addEventListener('reacted', event => times.push(event.detail))")
        if given.picture:
            drop(page, given.picture, given.strokes)
        else:
            draw(page, given.strokes)
        page.wait_for_timeout(500)
        times = np.array(page.evaluate("window.times"))
        browser.close()
    server.should_exit = True
    thread.join(10)
    median, late = np.percentile(times, [50, 95])
    print(f"first paint {paint:.0f} ms; requests elsewhere or failed: {len(elsewhere)}")
    print(f"{len(times)} reactions: median {median:.0f} ms, 95 % under {late:.0f} ms")


if __name__ == "__main__":
    main()
