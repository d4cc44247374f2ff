"""The registries: one list of formats, one catalogue of known sets, and sets that rooms above register."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassnet import plugins
from glassnet.data import CATALOGUE, Dataset, ReadOptions, Splits, arrange, catalogue, load, register
from glassnet.data.formats import FORMATS
from glassnet.data.split import HELD_OUT


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_data_room_names_no_room_above_it() -> None:
    import glassnet.data

    for file in Path(glassnet.data.__file__).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "glassnet.reader" not in text and "import_module" not in text and "__import__" not in text, file


def test_sets_of_rooms_above_are_loaded_when_they_are_asked_for() -> None:
    reader = "'glassnet.reader' in sys.modules"
    printed = run(
        "import sys; from glassnet.data import CATALOGUE, known\n"
        f"known('mnist'); print({reader}); print('hand-printed' in CATALOGUE, {reader}); print(len(CATALOGUE))"
    )
    assert printed.split("\n") == ["False", "True True", "14"]


def test_what_is_announced_is_loaded_once() -> None:
    calls: list[str] = []
    plugins.announce("test", lambda: calls.append("loaded"))
    assert calls == []
    plugins.load("test"), plugins.load("test"), plugins.load("nothing of this kind")
    assert calls == ["loaded"]

    def fails() -> None:
        raise ImportError("not here")

    plugins.announce("failing", fails)
    for _ in range(2):  # it is not taken for loaded
        with pytest.raises(ImportError):
            plugins.load("failing")


def test_a_registered_set_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hand-printed" in CATALOGUE  # loaded before the list is copied
    monkeypatch.setattr(catalogue._catalogue, "_sets", dict(catalogue._catalogue._sets))
    given: list[tuple[Path, ReadOptions]] = []
    part = Dataset(np.zeros((4, 3, 3, 1), np.uint8), np.array([0, 1, 0, 1]), ("a", "b"), "mine")

    def open_it(path: Path, options: ReadOptions) -> Splits:
        given.append((path, options))
        return Splits(part)

    entry = replace(CATALOGUE["sun8"], name="mine", open=open_it, place=lambda: tmp_path)
    register(entry)
    assert list(CATALOGUE)[-1] == "mine" and load("mine", image_size=(5, 5), validation=2).valid is not None
    assert given == [(tmp_path, ReadOptions((5, 5)))]


def test_every_format_has_a_name_of_its_own_and_gives_way_to_formats_there_are() -> None:
    names = [one.name for one in FORMATS]
    assert len(set(names)) == len(names)
    assert all(set(one.before) <= {*names, "*"} for one in FORMATS)


def test_parts_are_arranged_as_asked_for() -> None:
    def part(count: int) -> Dataset:
        return Dataset(np.arange(count * 9, dtype=np.uint8).reshape(count, 3, 3, 1), np.arange(count) % 2, ("a", "b"))

    alone, own = Splits(part(40)), Splits(part(40), part(10), part(20))
    assert arrange(own).train is own.train and arrange(own).valid is own.valid and arrange(alone).test is None
    for splits, asked, sizes in (
        (alone, {"validation": 0.25, "test": 8, "seed": 1}, (24, 8, 8)),
        (alone, {"validation": 0, "test": 0}, (40, 0, 0)),
        (own, {"validation": 0}, (50, 0, 20)),
        (own, {"validation": 5, "test": 8}, (45, 5, 20)),  # it has a test part of its own
        (own, {"validation": 4, "train_limit": 10, "test_limit": 3}, (6, 4, 3)),
    ):
        found = arrange(splits, **asked)  # type: ignore[arg-type]
        assert tuple(len(p) if p else 0 for p in (found.train, found.valid, found.test)) == sizes
        assert (HELD_OUT in found.notes) is (splits is alone and sizes[2] > 0)
