"""Many pictures: readings that go on at the same time keep their own settings, and processes end in one line."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import GlassnetError
from glassnet.model import Model
from glassnet.processes import map_in_processes
from glassnet.reader import PieceReader, batch
from glassnet.reader.alphabet import CLASSES
from glassnet.reader.batch import PageOutcome, PageTask, read_all
from glassnet.reader.pages import write_pages

PACKAGED = Path(batch.__file__).with_name("characters.safetensors")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[PageTask]:
    folder = tmp_path_factory.mktemp("pages")
    pages = [written[0] for written in write_pages(folder, 2, "ROSE 1234\nTULIP 5678\n", seed=4, lines=2)]
    return [PageTask(page) for page in pages]


def texts(outcomes: Iterator[PageOutcome]) -> list[str]:
    return [page.text for page, _, error in outcomes if page is not None and error is None]


def test_readings_that_interleave(tasks: list[PageTask]) -> None:
    alphabets = ("A-Z", "0-9")
    alone = [texts(read_all(tasks, PieceReader(alphabet=alphabet))) for alphabet in alphabets]
    assert "".join(alone[0]).replace(" ", "").replace("\n", "").isalpha()
    assert not any(c.isalpha() for c in "".join(alone[1]))
    both = zip(*(read_all(tasks, PieceReader(alphabet=alphabet)) for alphabet in alphabets), strict=True)
    assert [texts(iter(found)) for found in zip(*both, strict=True)] == alone


def test_readings_in_two_threads(tasks: list[PageTask]) -> None:
    """The second begins between two pages of the first."""
    alone = [texts(read_all(tasks, PieceReader(alphabet=alphabet))) for alphabet in ("A-Z", "0-9")]
    first = read_all(tasks, PieceReader(alphabet="A-Z"))
    found = texts(iter([next(first)]))
    other: list[str] = []
    thread = threading.Thread(target=lambda: other.extend(texts(read_all(tasks, PieceReader(alphabet="0-9")))))
    thread.start()
    thread.join()
    assert [found + texts(first), other] == alone


def test_processes_read_with_the_reader_they_are_given(tasks: list[PageTask]) -> None:
    """Its alphabet, its word list and its own model: one whose answers are others."""
    model = Model.load(PACKAGED)
    model.network.layers[-1].parameters["bias"].value[CLASSES.index("8")] += 50.0
    for reader in (PieceReader(alphabet="A-Z", words={"tulap", "rose"}), PieceReader(model, alphabet="0-9")):
        alone = [page.as_json() for page, _, _ in read_all(tasks, reader) if page is not None]
        assert [page.as_json() for page, _, _ in read_all(tasks, reader, jobs=2) if page is not None] == alone
        assert len(alone) == len(tasks)
    assert set("".join(page["text"] for page in alone)) <= set("8 \n") and "8" in alone[0]["text"]


def test_an_error_of_one_picture_leaves_the_others(tasks: list[PageTask], tmp_path: Path) -> None:
    missing = PageTask(tmp_path / "missing.jpg")
    for jobs in (1, 2):
        found = list(read_all([tasks[0], missing, tasks[1]], PieceReader(), jobs=jobs))
        assert [error is None for _, _, error in found] == [True, False, True]
        assert found[1][0] is None and "missing.jpg" in str(found[1][2])


def _die(number: int) -> int:
    if number == 2:
        os._exit(9)  # as when the system is out of memory
    return number


def test_a_process_that_dies_is_told_in_one_line() -> None:
    with pytest.raises(GlassnetError, match="ended before its time"):
        list(map_in_processes(_die, np.arange(4).tolist(), 2))
