"""The room Data, used as people use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.actions.open import open_place
from support.web import served

WRONG = 18  # one label in so many


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Digits by class, some in the wrong folder; a folder with a link, which is passed over."""
    from sklearn.datasets import load_digits

    folder, digits = tmp_path_factory.mktemp("pictures"), load_digits()
    for number, (image, label) in enumerate(zip(digits.images[:700], digits.target, strict=False)):
        name = int(label) if number % WRONG else (int(label) + 3) % 10
        place = folder / "photos" / f"digit {name}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15.9).astype(np.uint8)).save(place / f"{number}.png")
    for name in ("a", "b"):
        (folder / "linked" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "linked" / name / "1.png")
    (folder / "linked" / "a" / "2.png").symlink_to(folder / "photos" / "digit 1" / "1.png")
    with served(open_place(folder)) as found:
        yield found


@pytest.fixture
def room(page: Any, address: str) -> Any:
    page.goto(f"{address}#data")
    page.wait_for_selector(".draws img")
    return page


def test_pictures_by_class_in_pages(room: Any) -> None:
    assert room.locator("[name=data] option").all_inner_texts() == ["photos", "digits"], "no link is followed"
    assert room.locator(".strip img").count() == 60
    room.locator("[name=class]").select_option("digit 4")
    room.wait_for_function("() => [...document.querySelectorAll('.strip b')].every(b => b.textContent === 'digit 4')")
    assert "page 1 of 2" in room.locator("#room").inner_text()
    room.get_by_role("button", name="Next page").click()
    room.wait_for_function("() => document.querySelector('#room').textContent.includes('page 2 of 2')")
    assert room.get_by_role("button", name="Next page").is_disabled()
    room.reload()
    room.wait_for_function("() => document.querySelector('#room').textContent.includes('page 2 of 2')")
    assert room.locator("[name=class]").input_value() == "digit 4"


def test_an_augmentation_is_previewed(room: Any) -> None:
    room.get_by_role("textbox", name="Augmentation").fill("rotate 40")
    room.keyboard.press("Enter")
    room.wait_for_function("() => location.hash.includes('rotate')")
    room.wait_for_timeout(300)
    sources = [img.get_attribute("src") for img in room.locator(".draws tbody tr").first.locator("img").all()]
    assert len(sources) == 8 and len(set(sources)) == 8
    room.get_by_role("textbox", name="Augmentation").fill("rotat 40")
    room.keyboard.press("Enter")
    room.wait_for_selector("#trouble:not([hidden])")
    assert "Did you mean 'rotate'?" in room.locator("#trouble").inner_text()


def test_wrong_labels_are_one_click_away(room: Any) -> None:
    room.get_by_role("button", name="Look for faults").click()
    room.wait_for_selector(".findings li")
    room.wait_for_selector(".findings ~ .strip img")
    doubted = room.locator(".findings ~ .strip figcaption").all_inner_texts()
    numbers = [int(text.split("\n")[-1].removesuffix(".png")) for text in doubted]
    assert len(numbers) > 25 and np.mean([number % WRONG == 0 for number in numbers]) > 0.8
