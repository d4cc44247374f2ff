"""The room Train, used as people use it; what is started here ends with the page."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassnet.actions.open import open_place
from glassnet.experiments import Run
from glassnet.train import read_history
from glassnet.train.callbacks.epochs import kept_epochs
from support.web import digit_file, served

NETWORK = "linear 16 -> relu -> linear"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and a folder of two classes of pictures."""
    from PIL import Image

    from support.classifiers import digits

    folder = tmp_path_factory.mktemp("shop")
    digits().save(folder / "alone.safetensors")
    for name, box in (("tall", (30, 5, 40, 75)), ("wide", (5, 30, 75, 40))):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(6):
            picture = Image.new("L", (80, 80), 255)
            picture.paste(i, box)
            picture.resize((20, 20)).save(folder / "photos" / name / f"{i}.png")
    digit_file(folder / "page.png")
    return folder


@pytest.fixture(scope="module")
def address(shop: Path) -> Iterator[str]:
    before = set(multiprocessing.active_children())  # other tests may have a pool that waits
    with served(open_place(shop)) as found:
        yield found
    assert not set(multiprocessing.active_children()) - before
    assert "trainings" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def room(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{address}#train")
    page.wait_for_selector("[name=data] option", state="attached")
    yield page
    page.evaluate("""async () => {
      for (const {id} of (await (await fetch('trainings')).json()).trainings)
        await fetch(`tell?training=${id}&word=stop`, {method: 'POST'});
    }""")
    context.close()
    assert not wrong


def begin(page: Any, count: int, data: str = "digits", **more: str) -> None:
    page.locator("[name=data]").select_option(label=data)
    for name, text in {"network": NETWORK, "epochs": str(count), **more}.items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_role("button", name="Train").click()


def wait(page: Any, said: str, timeout: float = 20_000) -> str:
    page.wait_for_function(
        "said => document.querySelector('.verdictline').textContent.startsWith(said)", arg=said, timeout=timeout
    )
    return str(page.locator(".verdictline").inner_text())


def steps(page: Any) -> int:
    return int(page.locator(".verdictline").inner_text().split("step ")[1].split(", loss")[0].replace(",", ""))


def test_a_training_from_start_to_end(room: Any, shop: Path) -> None:
    begin(room, 8)
    assert "accuracy" in wait(room, "Finished")
    room.wait_for_function("() => document.querySelectorAll('.charts svg').length === 3")
    assert room.locator(".kernels").evaluate("image => image.naturalWidth") > 30
    assert room.locator(".findings li").count() >= 1
    assert room.locator(".charts .legend li").count() == 2, "two layers have gradients"
    name = room.locator(".quiet").all_inner_texts()
    run = Run.open(shop / "runs" / next(text for text in name if "run " in text).split("run ")[1].split(" ")[0])
    assert len(run.history.epochs) == 8 and run.recipe.model.network == NETWORK
    assert kept_epochs(run.folder or shop) == tuple(range(1, 9))
    room.get_by_role("link", name="Draw with it").click()
    room.wait_for_selector(".layer canvas")
    assert room.locator("#model").evaluate("s => s.selectedOptions[0].text") == f"runs/{run.folder and run.folder.name}"


def test_pause_step_and_go_on(room: Any) -> None:
    begin(room, 900)
    wait(room, "Trains")
    room.get_by_role("button", name="Pause").click()
    wait(room, "Paused: epoch")
    room.wait_for_timeout(400)
    before = steps(room)
    room.wait_for_timeout(400)
    assert steps(room) == before, "nothing is computed"
    room.get_by_role("button", name="One step").click()
    room.wait_for_function("n => document.querySelector('.verdictline').textContent.includes(n)", arg=f"{before + 1:,}")
    room.get_by_role("button", name="Go on", exact=True).click()
    wait(room, "Trains")
    room.get_by_role("button", name="Stop").click()
    wait(room, "Stopped. ")


def test_back_to_an_epoch_with_another_rate(room: Any, shop: Path) -> None:
    begin(room, 900)
    room.get_by_label("Where to go on from").select_option("5")
    room.locator(".back input[placeholder]").first.fill("0.0001")
    room.locator(".back input[placeholder]").last.fill("8")
    room.get_by_role("button", name="Go on from there").click()
    room.wait_for_function("() => document.querySelector('#room').textContent.includes('from epoch 5, lr')")
    wait(room, "Finished")
    newest = max((shop / "runs").iterdir(), key=lambda folder: int(folder.name.split("-")[1]))
    old, new = newest.with_name(f"digits-{int(newest.name[7:]) - 1}"), Run.open(newest)
    before = [record["loss"] for record in read_history(old / "metrics.jsonl") if record["kind"] == "epoch"]
    losses = [record["loss"] for record in new.history.epochs]
    assert len(losses) == 8 and losses[:5] == before[:5] and losses[5:] != before[5:8]
    assert new.model.card["begun_from"] == {
        "run": old.name, "epoch": 5, "changed": {"optimizer.lr": 0.0001, "train.epochs": 8}
    }  # fmt: skip
    room.wait_for_selector(".charts path.old", state="attached")


def test_what_goes_wrong_is_said_by_the_doctor(room: Any) -> None:
    begin(room, 4, rate="1e20")
    assert "no longer finite" in wait(room, "Failed") or "became" in room.locator(".verdictline").inner_text()
    assert "optimizer.lr" in room.locator(".findings").inner_text()


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("network", "linar 3", "linear"),
        ("rate", "fast", "a number"),
        ("epochs", "0", "at least 1"),
        ("augment", "fly", "f"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_line(room: Any, field: str, text: str, said: str) -> None:
    begin(room, 2, **{field: text})
    room.wait_for_selector("#trouble:not([hidden])")
    assert said in room.locator("#trouble").inner_text()


def test_one_at_a_time_with_a_queue_and_the_address_has_it_all(room: Any) -> None:
    begin(room, 900)
    wait(room, "Trains")
    begin(room, 901)
    wait(room, "Waits")
    assert "network=linear" in room.url and "epochs=901" in room.url
    room.reload()
    wait(room, "Waits")
    assert room.locator("[name=network]").input_value() == NETWORK
    room.go_back()
    room.go_back()
    wait(room, "Trains")
    room.get_by_role("button", name="Stop").click()
    wait(room, "Stopped")
    room.get_by_role("link", name=f"digits: {NETWORK}").last.click()
    wait(room, "Trains")


def test_a_folder_of_pictures_by_class(room: Any) -> None:
    begin(room, 900, data="photos")
    wait(room, "Trains")
    assert "photos" in room.locator("#room").inner_text()


def test_by_keyboard(room: Any) -> None:
    room.locator("[name=data]").select_option(label="digits")
    room.locator("[name=epochs]").focus()
    room.keyboard.type("2")
    room.keyboard.press("Enter")
    room.wait_for_function("() => location.hash.includes('training=')")


def test_ten_started_and_stopped_leave_nothing(shop: Path) -> None:
    import psutil

    from glassnet.actions.page_training import order_of
    from glassnet.actions.trainings import ENDED, Trainings

    opened, me = open_place(shop), psutil.Process()
    data = next(each.id for each in opened.data if each.name == "digits")
    trainings, files = Trainings(), me.num_fds()
    before = set(me.children(recursive=True))
    threads = {thread.name for thread in threading.enumerate()}
    for number in range(10):
        job = trainings.add(order_of(opened, data, {"model.network": NETWORK, "train.epochs": 500}))
        if number % 2:
            trainings.tell(job.id, "stop")
    trainings.close()
    assert all(job.state in ENDED for job in trainings)
    assert all("tracker" in " ".join(each.cmdline()) for each in set(me.children(recursive=True)) - before)
    assert me.num_fds() <= files + 2  # to the tracker, which is Python's own
    assert {thread.name for thread in threading.enumerate()} <= threads
