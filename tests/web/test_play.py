"""The room Play, used as people use it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def plane(page: Any, address: str) -> Any:
    page.goto(f"{address}#play?data=circles")
    page.wait_for_function("() => document.querySelector('.verdictline')?.textContent.startsWith('Step 0')")
    return page


def step(page: Any) -> int:
    return int(page.locator(".verdictline").inner_text().split(":")[0].removeprefix("Step ").replace(",", ""))


def test_it_learns_while_one_watches_and_pauses(plane: Any) -> None:
    before = plane.locator(".plane").evaluate("c => c.toDataURL()")
    plane.get_by_role("button", name="Train").click()
    plane.wait_for_function(
        "() => parseFloat(document.querySelector('.verdictline').textContent.split(', ').pop()) > 95"
    )
    plane.get_by_role("button", name="Pause").click()
    plane.wait_for_timeout(200)
    reached = step(plane)
    plane.wait_for_timeout(300)
    assert step(plane) == reached > 20
    assert plane.locator(".plane").evaluate("c => c.toDataURL()") != before
    assert plane.locator(".charts svg").count() == 1


def test_single_steps_and_a_new_start(plane: Any) -> None:
    for count in (1, 2):
        plane.get_by_role("button", name="One step").click()
        plane.wait_for_function(f"() => document.querySelector('.verdictline').textContent.startsWith('Step {count}:')")
    plane.get_by_role("button", name="Start again").click()
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Step 0:')")


def test_another_rate_goes_on_and_another_network_starts_again(plane: Any) -> None:
    plane.get_by_role("button", name="One step").click()
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Step 1:')")
    plane.get_by_label("Learning rate").select_option("0.1")
    plane.get_by_role("button", name="One step").click()
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Step 2:')")
    assert "rate=0.1" in plane.url
    plane.get_by_role("textbox").fill("linear 3 -> relu -> linear")
    plane.get_by_role("textbox").press("Enter")
    plane.wait_for_function("() => document.querySelectorAll('.layer').length === 3")
    assert step(plane) == 0


def test_a_network_that_cannot_be_is_refused_in_a_line(plane: Any) -> None:
    plane.get_by_role("textbox").fill("linear 3 -> rellu -> linear")
    plane.get_by_role("textbox").press("Enter")
    plane.wait_for_selector("#trouble:not([hidden])")
    assert "rellu" in plane.locator("#trouble").inner_text()


def test_points_of_ones_own(plane: Any) -> None:
    plane.get_by_role("button", name="Take own points away").click()
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Add points')")
    for x in (0.2, 0.3):
        plane.locator(".plane").click(position={"x": x * 400, "y": 200})
    plane.get_by_role("button", name="Add orange points").click()
    plane.locator(".plane").click(position={"x": 320, "y": 200})
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Step 0')")
    plane.get_by_role("button", name="Train").click()
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.includes('100 % right')")


def test_a_formula_of_ones_own(plane: Any) -> None:
    plane.locator(".play select").first.select_option("formula")
    field = plane.get_by_label("Blue where this is above 0")
    field.fill("x*y + 0.2*x")
    field.press("Enter")
    plane.wait_for_function("() => location.hash.includes('formula=x')")
    plane.wait_for_function("() => document.querySelector('.verdictline').textContent.startsWith('Step 0')")
    field.fill("x*y + z")
    field.press("Enter")
    plane.wait_for_selector("#trouble:not([hidden])")
    assert "formula of x and y" in plane.locator("#trouble").inner_text()


def test_leaving_the_room_stops_the_training(plane: Any) -> None:
    plane.get_by_role("button", name="Train").click()
    plane.locator("nav a[data-room=runs]").click()
    plane.wait_for_selector("#room h1:has-text('Runs')")
    plane.wait_for_timeout(300)
    asked: list[str] = []
    plane.on("request", lambda request: asked.append(request.url))
    plane.wait_for_timeout(400)
    assert not [url for url in asked if "/step" in url]
