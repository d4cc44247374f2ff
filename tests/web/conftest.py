"""A folder with two runs, a model and a page, as somebody opens it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassnet.actions.open import Opened, open_place
from support.web import chromium, served

NETWORKS = {"small": "linear", "large": "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear"}


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the digits, one with its report; one model file by itself; one file that is none; one page."""
    from glassnet.experiments import run_recipe
    from glassnet.experiments.recipe import recipe_from
    from glassnet.report.pages import write_run_page
    from glassnet.train.callbacks import KeepEpochs
    from support.classifiers import digits

    folder = tmp_path_factory.mktemp("workshop")
    digits().save(folder / "alone.safetensors")
    (folder / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not a header at all")
    for name, network in NETWORKS.items():
        recipe = recipe_from({
            "data": {"source": "digits", "train_limit": 600, "test_limit": 200},
            "model": {"network": network},
            "optimizer": {"name": "adam", "lr": 0.01},
            "train": {"epochs": 3},
        })  # fmt: skip
        place = folder / "runs" / name
        kept = [KeepEpochs(place)] if name == "large" else []
        run_recipe(recipe, place, on_finish=[write_run_page] if name == "small" else [], callbacks=kept)
    shutil.copy(Path(__file__).parents[2] / "src/glassnet/reader/sample.jpg", folder / "sample.jpg")
    return folder


@pytest.fixture(scope="session")
def opened(workshop: Path) -> Opened:
    """The folder, opened."""
    return open_place(workshop)


@pytest.fixture(scope="session")
def ids(opened: Opened) -> dict[str, str]:
    """The id of each model by its name."""
    return {Path(each.name).stem: each.id for each in opened.entries}


@pytest.fixture(scope="module")
def address(opened: Opened) -> Iterator[str]:
    """Where the folder's page is served."""
    with served(opened) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page in a fresh window; an error in its scripts, a request that goes elsewhere or fails, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    made.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address, "data:", "blob:")) else None)
    yield made
    context.close()
    assert not wrong
