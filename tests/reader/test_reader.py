"""The reader's stages: one by one they give what `read` gives, threads share one reader, settings reach their stage."""

from __future__ import annotations

import ast
import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import reader as package
from glassnet.errors import ReaderError
from glassnet.reader import Page, PageState, PieceReader, ReaderSettings, read
from glassnet.reader.evaluate import fold
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Camera, Layout, Paper, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT

FOLDER = Path(package.__file__).parent
TEXT = "READ 25 PAGES\nslowly, with care."


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    rng = np.random.default_rng(11)
    return synthesise(TEXT, rng, hand=HAND, layout=LAYOUT, paper=Paper(), camera=CAMERA)[0]


def same(a: Page, b: Page) -> bool:
    """Bit for bit, what the network saw included."""
    if a != b:
        return False
    return all(np.array_equal(c.crop, d.crop) for c, d in zip(a.characters, b.characters, strict=True))


# ---- stages


@pytest.mark.parametrize("quarter", [0, 1])
def test_the_stages_one_by_one_give_what_read_gives(pixels: np.ndarray, quarter: int) -> None:
    reader = PieceReader(alphabet="A-Z0-9", words={"slowly", "pages"})
    turned = np.ascontiguousarray(np.rot90(pixels, quarter))
    s = reader.open(turned)
    s = reader.segment(reader.deskew(reader.binarise(s)))
    s = reader.recognise(reader.group(reader.orient(s)))
    s = reader.assemble(reader.rescore(reader.select(s)))
    assert s.page is not None and s.page.text
    assert same(s.page, reader.read(turned))


def test_a_stage_changes_nothing_of_the_state_before(pixels: np.ndarray) -> None:
    reader = PieceReader()
    states = [reader.open(pixels)]
    for stage in reader.stages:
        states.append(stage(states[-1]))
    kept = states[3]
    assert kept.components is not None
    before = (list(kept.components.items), kept.components.labels.copy())
    again = kept
    for stage in reader.stages[3:]:
        again = stage(again)
    assert same(again.page, states[-1].page)
    assert kept.components.items == before[0] and np.array_equal(kept.components.labels, before[1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept.turned = 3.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        reader.alphabet = "A"  # type: ignore[misc]


def test_what_each_stage_finds(pixels: np.ndarray) -> None:
    reader = PieceReader()
    new: list[set[str]] = []
    state = reader.open(pixels)
    for stage in reader.stages:
        found = stage(state)
        names = [f.name for f in dataclasses.fields(PageState)]
        new.append({n for n in names if getattr(state, n) is None and getattr(found, n) is not None})
        state = found
    first = [{"ink"}, set(), {"components", "marks"}, set(), {"segments"}]
    assert new == [*first, {"characters"}, set(), {"words"}, {"page"}]
    assert state.words is not None and state.page is not None
    assert [["".join(c.text for c in w) for w in line] for line in state.words] == [
        [w.text for w in line.words] for line in state.page.lines
    ]


def test_a_stage_that_was_left_out_is_named(pixels: np.ndarray) -> None:
    reader = PieceReader()
    start = reader.open(pixels)
    for stage, earlier in [
        (reader.deskew, "binarise"), (reader.segment, "binarise"), (reader.orient, "binarise"),
        (reader.group, "segment"), (reader.select, "recognise"), (reader.assemble, "rescore"),
    ]:  # fmt: skip
        with pytest.raises(ReaderError, match=f"after '{earlier}'"):
            stage(start)


def test_where_nothing_is_found_the_later_stages_pass() -> None:
    reader = PieceReader()
    state = reader.binarise(reader.open(np.full((200, 300), 200, np.uint8)))
    assert "darker or lighter" in state.nothing
    for stage in reader.stages[1:-1]:
        assert stage(state) is state
    page = reader.assemble(state).page
    assert page is not None and page.lines == () and page.nothing == state.nothing
    assert (page.width, page.height) == (300, 200)


def test_docs_name_the_stages_in_their_order() -> None:
    names = [stage.__name__ for stage in PieceReader().stages]
    assert " -> ".join(names) in (sys.modules[PieceReader.__module__].__doc__ or "")
    text = (FOLDER.parents[2] / "docs" / "reader.md").read_text(encoding="utf-8")
    steps = [line for line in text.splitlines() if line[:1].isdigit() and line[1:5] == ". **"]
    assert [line.split("**")[1].lower() for line in steps] == names


# ---- threads


@pytest.mark.parametrize("reads", [3, pytest.param(25, marks=pytest.mark.long)])
def test_threads_share_a_reader(reads: int) -> None:
    reader = PieceReader()
    layout, camera = Layout(capital=24.0), Camera(blur=0.4, noise=1.0)
    pictures = [
        synthesise(text, np.random.default_rng(k), layout=layout, paper=Paper(), camera=camera)[0]
        for k, text in enumerate(("ROSE 12", "tulip", "NO 7"))
    ]
    alone = [reader.read(picture) for picture in pictures]
    assert len({page.text for page in alone}) == 3
    wrong: list[str] = []

    def work(first: int) -> None:
        try:
            for k in range(first, first + reads):
                if not same(reader.read(pictures[k % 3]), alone[k % 3]):
                    wrong.append(f"{first}: {k}")
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- settings


def attributes(kind: type) -> dict[str, str]:
    """Name and text of every entry under `Attributes` of a docstring: four spaces, then eight."""
    found: dict[str, str] = {}
    listed = (kind.__doc__ or "").partition("----------\n")[2].partition("    Examples\n")[0]
    for line in listed.splitlines():
        if line.startswith("        "):
            found[list(found)[-1]] += line.strip() + " "
        elif line.strip():
            found[line.partition(" : ")[0].strip()] = ""
    return found


def groups(settings: Any) -> Iterator[Any]:
    yield settings
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from groups(value)


@pytest.mark.parametrize("group", list(groups(DEFAULTS)), ids=lambda group: type(group).__name__)
def test_every_setting_is_documented(group: Any) -> None:
    documented = attributes(type(group))
    assert list(documented) == [f.name for f in dataclasses.fields(group)]
    assert all(len(text.split()) >= 2 for text in documented.values())
    assert "`python -m benchmarks." in (type(group).__doc__ or "").split("Attributes")[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(group, dataclasses.fields(group)[0].name, 0)


def test_no_threshold_stands_outside_the_settings() -> None:
    """No module of a stage names a number of its own but the shares that are part of a formula."""
    known = {"binarise.py": {"_UPPER_QUARTILE"}, "geometry.py": set(), "context.py": {"KINDS"}}
    for name in ("assembly", "binarise", "components", "context", "decoding", "deskew", "geometry", "group", "orient",
                 "recogniser", "rescoring", "rules", "segmentation", "selection", "spacing", "reader"):  # fmt: skip
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        numbers = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.UnaryOp)
            for target in node.targets
            if isinstance(target, ast.Name) and not isinstance(getattr(node.value, "value", 0), str)
        }
        assert numbers == known.get(f"{name}.py", set()), name


@pytest.mark.parametrize(
    "change",
    [
        {"binarise": {"clear": 1e6}},
        {"segment": {"sure": 1.1}},
        {"group": {"spacing": {"usual": 9.0, "least": 9.0}}},
        {"recognise": {"split": {"wide": 0.2, "thin": 99.0}, "decode": {"cut": -50.0}}},
        {"recognise": {"place": {"spread": 1e-3}}},
        {"select": {"page": 1e6}},
        {"rescore": {"alternatives": 1}},
        {"alternatives": 0},
    ],
    ids=json.dumps,
)
def test_a_setting_reaches_its_stage(pixels: np.ndarray, change: dict[str, Any]) -> None:
    assert not same(PieceReader(settings=changed(DEFAULTS, change)).read(pixels), read(pixels))


def changed(settings: Any, change: dict[str, Any]) -> ReaderSettings:
    new = {k: changed(getattr(settings, k), v) if isinstance(v, dict) else v for k, v in change.items()}
    result: ReaderSettings = dataclasses.replace(settings, **new)
    return result


def test_nothing_is_turned_that_may_not_be(pixels: np.ndarray) -> None:
    turned = np.ascontiguousarray(np.rot90(pixels))
    assert abs(read(turned).turned) > 80
    assert fold(read(turned).text) == fold(read(pixels).text)
    assert PieceReader(settings=changed(DEFAULTS, {"orient": {"upright": 9.0}})).read(turned).turned == pytest.approx(
        0, abs=1
    )


# ---- what is imported


def test_reading_imports_no_training_data() -> None:
    script = (
        "import sys, numpy as np; from glassnet.reader import PieceReader, read; read(np.zeros((50, 50), np.uint8));"
        "print([m for m in sys.modules if m.startswith(('glassnet.reader.characters', 'multiprocessing'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    for file in FOLDER.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        if file.name != "characters.py":
            assert "glassnet.data.idx" not in text and "glassnet.data.letters36" not in text, file.name
