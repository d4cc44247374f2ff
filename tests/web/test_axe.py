"""Every room as axe-core sees it, light and dark: nothing serious. axe-core comes with axe-playwright-python."""

from __future__ import annotations

from typing import Any

import pytest

from support.web import serious_findings, stroke

ROOMS = {
    "draw": ".layer canvas",
    "train": "[name=data] option",
    "read": ".drop",
    "play": ".layer canvas",
    "runs": ".runs td",
    "data": ".draws img",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("room", ROOMS)
def test_nothing_serious(page: Any, address: str, room: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}#{room}")
    page.wait_for_selector(ROOMS[room], state="attached")
    if room == "draw":
        stroke(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
        page.wait_for_selector(".bars li")
        page.locator(".layer canvas").first.click(position={"x": 4, "y": 4})
        page.wait_for_selector(".panel h3")
    if room == "runs":
        for box in page.locator(".runs input").all():
            box.check()
        page.wait_for_selector(".charts svg")
    assert serious_findings(page) == []
