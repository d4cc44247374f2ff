"""The rooms Read and Runs, and the page as a whole, used as people use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdf
import pytest

from glassnet.actions.open import Opened, open_place
from glassnet.reader.evaluate import known_texts
from support.web import served

SAMPLE = Path(__file__).parents[2] / "src/glassnet/reader/sample.jpg"
ROOMS = ["draw", "train", "read", "play", "runs", "data"]


@pytest.fixture(scope="module")
def read_page(browser: Any, address: str) -> Any:
    """A window in which the sample page was read."""
    page = browser.new_context(accept_downloads=True).new_page()
    page.goto(f"{address}#read")
    page.locator(".drop input[type=file]").set_input_files(SAMPLE)
    page.wait_for_selector(".sheet", timeout=120_000)
    return page


def test_a_page_is_read_with_its_stages(read_page: Any) -> None:
    assert read_page.locator(".lines li").count() == 4
    assert read_page.locator(".stages figure").count() >= 2
    assert read_page.locator(".paper rect").count() == read_page.locator(".lines button").count() > 10


def test_a_character_shows_what_else_it_may_be(read_page: Any) -> None:
    read_page.locator(".lines button.unsure span").first.hover()
    shown = read_page.locator(".looks").inner_text()
    assert "sure" in shown and "else" in shown
    assert read_page.locator(".paper rect.lit").count() == 1


def test_a_box_on_the_picture_finds_its_word(read_page: Any) -> None:
    read_page.locator(".paper rect").nth(4).hover()
    assert read_page.locator(".lines button").nth(4).get_attribute("class").endswith("lit")


@pytest.mark.parametrize(
    ("label", "suffix"), [("Text", ".txt"), ("hOCR", ".hocr"), ("PDF that can be searched", ".pdf")]
)
def test_downloads(read_page: Any, label: str, suffix: str) -> None:
    with read_page.expect_download() as waiting:
        read_page.get_by_role("link", name=label).click()
    file = waiting.value
    assert file.suggested_filename == f"sample{suffix}"
    content = Path(file.path())
    word = read_page.locator(".lines button").nth(-2).inner_text()
    if suffix == ".pdf":
        assert len(pypdf.PdfReader(content).pages) == 1
    else:
        assert word in content.read_text(encoding="utf-8")


def test_a_corrected_word_is_kept_as_training_data(read_page: Any, opened: Opened) -> None:
    read_page.locator(".lines button").nth(1).click()
    field = read_page.locator(".lines input")
    field.fill("list, and")
    field.press("Enter")
    read_page.wait_for_function("() => document.querySelector('#kept').textContent !== ''")
    assert "corrected/sample.jpg" in read_page.locator("#kept").inner_text()
    (known,) = known_texts(opened.folder / "corrected")
    assert known.text.splitlines()[0].split()[1:3] == ["list,", "and"]
    assert known.file.read_bytes() == SAMPLE.read_bytes()
    read_page.locator(".lines button").nth(2).click()
    read_page.locator(".lines input").fill("")
    read_page.locator(".lines input").press("Enter")
    gone = "!document.querySelector('.lines').textContent.includes('and')"
    read_page.wait_for_function(f"() => !document.querySelector('.lines input') && {gone}")
    (known,) = known_texts(opened.folder / "corrected")
    assert "and" not in known.text.splitlines()[0].split()


def test_escape_leaves_a_word_as_it_is(read_page: Any) -> None:
    button = read_page.locator(".lines button").nth(3)
    before = button.inner_text()
    button.press("Enter")
    read_page.locator(".lines input").fill("something else")
    read_page.keyboard.press("Escape")
    assert read_page.locator(".lines button").nth(3).inner_text() == before


def test_a_blank_page_says_why_there_is_nothing(page: Any, address: str, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    page.goto(f"{address}#read")
    page.locator(".drop input[type=file]").set_input_files(tmp_path / "blank.png")
    page.wait_for_selector("#room h2")
    assert "nothing" in page.locator("#room h2").first.inner_text()


def test_pages_of_a_pdf(page: Any, address: str, tmp_path: Path) -> None:
    from PIL import Image

    sample = Image.open(SAMPLE).convert("RGB")
    sample = sample.crop((0, 0, sample.width, sample.height // 2))
    blank = Image.new("RGB", sample.size, "white")
    blank.save(tmp_path / "two.pdf", save_all=True, append_images=[sample], resolution=200)
    page.goto(f"{address}#read")
    page.locator(".drop input[type=file]").set_input_files(tmp_path / "two.pdf")
    page.wait_for_selector("#room h2")
    assert page.locator("#room h2").first.inner_text().startswith("two-1.png: nothing")
    page.get_by_role("button", name="Page 2").click()
    page.wait_for_selector(".lines li", timeout=120_000)
    assert 1 <= page.locator(".lines li").count() <= 3
    assert page.get_by_role("button", name="Page 2").get_attribute("aria-pressed") == "true"


# ---- Runs


@pytest.fixture
def table(page: Any, address: str) -> Any:
    page.goto(f"{address}#runs")
    page.wait_for_selector(".runs tbody tr")
    return page


def names(page: Any) -> list[str]:
    return [text.split("/")[-1] for text in page.locator(".runs tbody td:nth-child(2) b").all_inner_texts()]


def test_all_runs_are_listed_and_sort(table: Any) -> None:
    assert names(table) == ["large", "small"]
    table.get_by_role("button", name="Run").click()
    assert names(table) == ["small", "large"]
    table.get_by_role("button", name="Weights").click()
    assert table.locator("th[aria-sort]").inner_text() == "Weights"
    weights = [int(text.replace(",", "")) for text in table.locator(".runs tbody td:nth-child(5)").all_inner_texts()]
    assert weights == sorted(weights, reverse=True)


def test_two_runs_are_compared(table: Any, ids: dict[str, str]) -> None:
    for box in table.locator(".runs input").all():
        box.check()
    table.wait_for_selector(".charts svg", timeout=60_000)
    assert "95 % interval" in table.locator(".verdict .word").inner_text()
    only = [int(text.split()[0]) for text in table.locator("#room h3").all_inner_texts() if "only" in text]
    assert len(only) == 2 and table.locator(".strip img").count() == sum(min(count, 12) for count in only)
    assert "compare=" in table.url
    table.reload()
    table.wait_for_selector(".charts svg", timeout=60_000)


def test_a_report_opens(table: Any) -> None:
    assert table.get_by_role("link", name="report").count() == 1
    with table.context.expect_page() as waiting:
        table.get_by_role("link", name="report").click()
    report = waiting.value
    report.wait_for_load_state()
    assert report.evaluate("window.origin") == "null", "it has no part in the page's origin"


# ---- the page


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_everything_without_scrolling_sideways(
    browser: Any, address: str, room: str, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}#{room}")
    page.wait_for_selector("#room h1")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")
    context.close()


def test_the_colours_of_maps_follow_the_scheme(page: Any, address: str, ids: dict[str, str]) -> None:
    page.goto(f"{address}#draw?model={ids['small']}")
    page.wait_for_selector(".layer canvas")
    first = "() => [...document.querySelector('.layer canvas').getContext('2d').getImageData(0, 0, 1, 1).data]"
    light = page.evaluate(first)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => String(({first})()) !== String(light)", arg=light)


def test_rooms_by_keyboard(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#room h1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#room h1').textContent === 'Train'")
    assert page.locator("nav a[aria-current]").inner_text() == "Train"


@pytest.mark.parametrize("room", ROOMS)
def test_everything_that_can_be_used_has_a_name(page: Any, address: str, room: str) -> None:
    page.goto(f"{address}#{room}")
    page.wait_for_selector("#room h1")
    page.wait_for_load_state("networkidle")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, canvas, img, [role]')].filter(each =>
          !(each.getAttribute('aria-label') || each.alt || each.textContent.trim() || each.closest('label')
            || ['status', 'alert'].includes(each.getAttribute('role')))).map(each => each.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1


def test_a_folder_of_pages_opens_in_the_room_to_read(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(SAMPLE.read_bytes())
    with served(open_place(tmp_path)) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#room h1")
        assert page.locator("#room h1").inner_text() == "Read a page"
        page.locator("nav a").first.click()
        page.wait_for_selector("#room .lead")
        assert "no model" in page.locator("#room .lead").inner_text()
        page.close()


def test_a_server_that_is_gone_is_said_so(browser: Any, opened: Opened) -> None:
    page = browser.new_page()
    with served(opened) as address:
        page.goto(address)
        page.wait_for_selector(".layer canvas")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector("#trouble:not([hidden])")
    assert "does not answer" in page.locator("#trouble").inner_text()
    page.close()


def test_the_page_is_small() -> None:
    from glassnet.web.app import STATIC

    assert sum(file.stat().st_size for file in STATIC.iterdir()) < 500_000
