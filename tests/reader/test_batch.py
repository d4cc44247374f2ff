"""Many pictures: readings that go on at the same time keep their own settings, and processes end in one line."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import GlassnetError, ModelError
from glassnet.processes import map_in_processes
from glassnet.reader.batch import Outcome, Task, read_all
from glassnet.reader.pages import write_pages


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    folder = tmp_path_factory.mktemp("pages")
    pages = [written[0] for written in write_pages(folder, 2, "ROSE 1234\nTULIP 5678\n", seed=4, lines=2)]
    return [Task(page) for page in pages]


def texts(outcomes: Iterator[Outcome]) -> list[str]:
    return [page.text for page, _, error in outcomes if page is not None and error is None]


def test_readings_that_interleave(tasks: list[Task]) -> None:
    alphabets = ("A-Z", "0-9")
    alone = [texts(read_all(tasks, alphabet=alphabet)) for alphabet in alphabets]
    assert "".join(alone[0]).replace(" ", "").replace("\n", "").isalpha()
    assert not any(c.isalpha() for c in "".join(alone[1]))
    both = zip(*(read_all(tasks, alphabet=alphabet) for alphabet in alphabets), strict=True)
    assert [texts(iter(found)) for found in zip(*both, strict=True)] == alone


def test_readings_in_two_threads(tasks: list[Task]) -> None:
    """The second begins between two pages of the first."""
    alone = [texts(read_all(tasks, alphabet=alphabet)) for alphabet in ("A-Z", "0-9")]
    first = read_all(tasks, alphabet="A-Z")
    found = texts(iter([next(first)]))
    other: list[str] = []
    thread = threading.Thread(target=lambda: other.extend(texts(read_all(tasks, alphabet="0-9"))))
    thread.start()
    thread.join()
    assert [found + texts(first), other] == alone


def test_a_wrong_model_is_named_with_several_processes_too(tasks: list[Task], tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    for jobs in (1, 2):
        with pytest.raises(ModelError, match=r"missing\.safetensors"):
            list(read_all(tasks, model=missing, jobs=jobs))


def _die(number: int) -> int:
    if number == 2:
        os._exit(9)  # as when the system is out of memory
    return number


def test_a_process_that_dies_is_told_in_one_line() -> None:
    with pytest.raises(GlassnetError, match="ended before its time"):
        list(map_in_processes(_die, np.arange(4).tolist(), 2))
