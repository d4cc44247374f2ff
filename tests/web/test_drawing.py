"""The room Draw, used as people use it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.actions.open import Opened
from support.web import digit_file, stroke

SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.6, 0.5), (0.45, 0.8)]


@pytest.fixture
def studio(page: Any, address: str, ids: dict[str, str]) -> Any:
    """The room with the convolutional run."""
    page.goto(f"{address}#draw?model={ids['large']}")
    page.wait_for_selector(".layer canvas")
    return page


def answer(page: Any, sheet: int = 0) -> str:
    return str(page.locator(".verdictline").nth(sheet).inner_text())


def answered(page: Any, said: str = "%", sheet: int = 0) -> str:
    """The answer, once it holds this."""
    page.wait_for_function(
        "([n, said]) => document.querySelectorAll('.verdictline')[n]?.textContent.includes(said)", arg=[sheet, said]
    )
    return answer(page, sheet)


def test_a_blank_sheet_is_no_digit(studio: Any) -> None:
    answered(studio, "Nothing drawn")
    assert studio.locator(".bars li").count() == 0


def test_layers_react_to_a_stroke(studio: Any) -> None:
    before = studio.locator(".layer canvas").first.evaluate("c => c.toDataURL()")
    stroke(studio, SEVEN)
    answered(studio)
    assert studio.locator(".bars li").count() == 10
    assert studio.locator(".layer canvas").first.evaluate("c => c.toDataURL()") != before
    assert studio.locator(".layer").count() == 5
    assert studio.locator(".layer b").all_inner_texts() == ["1.conv", "2.relu", "3.maxpool", "4.flatten", "5.linear"]


def test_probabilities_are_those_of_the_model(studio: Any, opened: Opened, ids: dict[str, str]) -> None:
    asked: list[Any] = []
    studio.on("request", lambda request: asked.append(request) if "/react" in request.url else None)
    stroke(studio, SEVEN)
    answered(studio)
    studio.wait_for_timeout(500)
    grey = np.frombuffer(asked[-1].post_data_buffer, np.uint8).reshape(140, 140, 1)
    model = opened.model(ids["large"])
    expected = model.predict_proba(model.read(grey)[0][None])[0]
    assert answer(studio).startswith(f"{model.class_names[int(expected.argmax())]}, ")
    shown = [float(text.removesuffix(" %")) / 100 for text in studio.locator(".bars .share").all_inner_texts()]
    assert shown == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_dot_is_said_to_be_one(studio: Any) -> None:
    stroke(studio, [(0.5, 0.5), (0.505, 0.5)])
    answered(studio, "Only a dot")


@pytest.mark.parametrize("size", [0.1, 0.9])
@pytest.mark.parametrize("corner", [(0.02, 0.02), (0.45, 0.4)])
def test_tiny_huge_and_off_centre_drawings_have_an_answer(
    studio: Any, size: float, corner: tuple[float, float]
) -> None:
    stroke(studio, [(min(0.98, corner[0] + size * x), min(0.98, corner[1] + size * y)) for x, y in SEVEN])
    answered(studio, "%")


def test_clear(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.get_by_role("button", name="Clear").click()
    answered(studio, "Nothing drawn")


def test_what_the_network_sees_is_shown_and_said(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    assert "light and dark exchanged" in studio.locator(".seen span").inner_text()
    assert studio.locator(".seen img").evaluate("i => [i.naturalWidth, i.naturalHeight]") == [8, 8]


def test_a_unit_shows_the_sum_that_made_it(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.locator(".layer canvas").first.click(position={"x": 30, "y": 20})
    expression = studio.locator("#expression").inner_text()
    said = studio.locator(".panel .quiet").first.inner_text()
    assert str(eval(expression, {"math": math})) in said


def test_the_sum_follows_the_drawing_and_closes(studio: Any) -> None:
    studio.locator(".layer canvas").first.click(position={"x": 30, "y": 20})
    before = studio.locator("#expression").inner_text()
    stroke(studio, SEVEN)
    studio.wait_for_function("before => document.querySelector('#expression').textContent !== before", arg=before)
    studio.get_by_role("button", name="Close the sum").click()
    assert not studio.locator(".panel").is_visible()


def test_where_the_evidence_lies(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.get_by_role("button", name="Where is the evidence?").click()
    studio.wait_for_selector(".strip canvas", timeout=60_000)
    assert studio.locator(".strip figure").count() >= 3


def test_fool_it(studio: Any) -> None:
    stroke(studio, SEVEN)
    best = answered(studio).split(",")[0]
    target = "3" if best != "3" else "5"
    studio.get_by_label("The class to fool it into").select_option(target)
    studio.get_by_role("button", name="Fool it into").click()
    studio.wait_for_selector(".strip img", timeout=60_000)
    assert f"it is taken for {target}" in studio.locator(".questions .quiet").inner_text()
    assert studio.locator(".strip figcaption").last.inner_text().split("\n")[1].startswith(f"{target}, ")


def test_fooling_it_into_what_it_is_is_refused_in_a_line(studio: Any) -> None:
    stroke(studio, SEVEN)
    studio.get_by_label("The class to fool it into").select_option(answered(studio).split(",")[0])
    studio.get_by_role("button", name="Fool it into").click()
    studio.wait_for_selector("#trouble:not([hidden])")
    assert "already" in studio.locator("#trouble").inner_text()


def test_a_question_about_nothing(studio: Any) -> None:
    studio.get_by_role("button", name="Where is the evidence?").click()
    studio.wait_for_selector("#trouble:not([hidden])")
    assert "nothing drawn" in studio.locator("#trouble").inner_text()


def test_the_nearest_training_pictures(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.get_by_role("button", name="Nearest training pictures").click()
    studio.wait_for_selector(".strip img", timeout=60_000)
    assert studio.locator(".strip img").count() == 8


def test_a_model_by_itself_has_no_training_pictures(page: Any, address: str, ids: dict[str, str]) -> None:
    page.goto(f"{address}#draw?model={ids['alone']}")
    page.wait_for_selector(".layer canvas")
    assert not page.get_by_role("button", name="Nearest training pictures").is_visible()


def test_two_drawings(studio: Any) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.get_by_role("button", name="Two drawings").click()
    stroke(studio, [(0.5, 0.2), (0.5, 0.8)], sheet=1)
    answered(studio, "%", sheet=1)
    assert studio.locator(".layer").first.locator("canvas").count() == 2
    studio.get_by_role("button", name="Two drawings").click()
    assert studio.locator(".pad").count() == 1


def test_the_same_drawing_through_each_epoch(studio: Any, opened: Opened, ids: dict[str, str]) -> None:
    stroke(studio, SEVEN)
    last = answered(studio)
    asked: list[Any] = []
    studio.on("request", lambda request: asked.append(request) if "/react" in request.url else None)
    studio.get_by_label("Epoch of the training").focus()
    for _ in range(3):
        studio.keyboard.press("ArrowLeft")
    assert studio.locator(".when").inner_text() == "epoch 1"
    studio.wait_for_function("last => document.querySelector('.verdictline').textContent !== last", arg=last)
    studio.wait_for_timeout(300)
    grey = np.frombuffer(asked[-1].post_data_buffer, np.uint8).reshape(140, 140, 1)
    model = opened.model(ids["large"], 1)
    expected = model.predict_proba(model.read(grey)[0][None])[0]
    assert answer(studio) == f"{model.class_names[int(expected.argmax())]}, {100 * expected.max():.1f} %"
    assert "epoch=1" in studio.url
    studio.reload()
    studio.wait_for_selector(".layer canvas")
    assert studio.locator(".when").inner_text() == "epoch 1"
    studio.get_by_label("Model").select_option(ids["small"])
    studio.wait_for_function("() => document.querySelectorAll('.layer').length === 1")
    assert not studio.locator(".time").is_visible(), "its epochs were not kept"


def test_another_model_is_in_the_address(studio: Any, ids: dict[str, str]) -> None:
    stroke(studio, SEVEN)
    answered(studio)
    studio.get_by_label("Model").select_option(ids["small"])
    studio.wait_for_function("() => document.querySelectorAll('.layer').length === 1")
    assert ids["small"] in studio.url
    studio.go_back()
    studio.wait_for_function("() => document.querySelectorAll('.layer').length === 5")


def test_a_picture_from_a_file(studio: Any, tmp_path: Path) -> None:
    studio.locator(".hand input[type=file]").set_input_files(digit_file(tmp_path / "seven.png"))
    answered(studio)


def test_a_picture_that_is_dropped(studio: Any) -> None:
    studio.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 90, height: 90});
          const context = canvas.getContext('2d');
          context.fillStyle = '#fff'; context.fillRect(0, 0, 90, 90);
          context.fillStyle = '#000'; context.fillRect(40, 15, 12, 60);
          const blob = await new Promise(done => canvas.toBlob(done));
          const data = new DataTransfer();
          data.items.add(new File([blob], 'one.png', {type: 'image/png'}));
          const how = {dataTransfer: data, bubbles: true, cancelable: true};
          document.querySelector('.pad').dispatchEvent(new DragEvent('drop', how));
        }"""
    )
    answered(studio)


def test_a_file_that_is_no_picture(studio: Any, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    studio.locator(".hand input[type=file]").set_input_files(tmp_path / "no.png")
    studio.wait_for_selector("#trouble:not([hidden])")
    assert "no.png" in studio.locator("#trouble").inner_text()


def test_drawing_by_keyboard(studio: Any) -> None:
    studio.locator(".pad").focus()
    for key in ("ArrowUp",) * 8 + (" ",) + ("ArrowDown",) * 16 + (" ",):
        studio.keyboard.press(key)
    answered(studio, "%")
    studio.keyboard.press("Delete")
    answered(studio, "Nothing drawn")


def test_a_unit_by_keyboard(studio: Any) -> None:
    studio.locator(".layer canvas").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        studio.keyboard.press(key)
    studio.wait_for_selector("#expression")
    assert studio.locator(".panel h3").inner_text().startswith("map 0 at 1, 2 of 1.conv")


def test_a_finger_draws(browser: Any, address: str, ids: dict[str, str]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}#draw?model={ids['small']}")
    page.wait_for_selector(".layer canvas")
    session = context.new_cdp_session(page)
    box = page.locator(".pad").bounding_box()
    for number, (x, y) in enumerate(SEVEN):
        point = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        session.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": [point]}
        )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    answered(page, "%")
    context.close()
