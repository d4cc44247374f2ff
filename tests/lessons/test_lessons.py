"""Lessons: their cells, their claims, how one runs without a notebook, and how it becomes one."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from glassnet.errors import GlassnetError
from glassnet.lessons import ClaimError, Lesson, LessonError, as_notebook, claim, lesson, lessons, run_lesson
from glassnet.lessons.claims import MIME, collected
from support.markdown import ROOT
from support.shell import Shell

PAGE = """---
kernelspec:
  name: python3
---

# A title

Text with a number.

```{code-cell} python
from glassnet.lessons import claim

x = 2
```
```{code-cell} python
claim("double", 2 * x, EXPECTED, 0.5)
print("dropped")
```

The end.
"""


def written(folder: Path, text: str) -> Lesson:
    path = folder / "small.md"
    path.write_text(text, "utf-8")
    return Lesson(path)


def test_cells_know_their_lines(tmp_path: Path) -> None:
    small = written(tmp_path, PAGE)
    lines = PAGE.split("\n")
    assert small.title == "A title" and small.name == "small"
    assert [cell.is_code for cell in small.cells()] == [False, True, True, False]
    for cell in small.cells():
        assert lines[cell.line - 1] == cell.text.split("\n")[0]


@pytest.mark.parametrize(("expected", "holds"), [("4", True), ("4.5", True), ("4.6", False), ("float('nan')", False)])
def test_a_claim_holds_within_its_tolerance(expected: str, holds: bool, tmp_path: Path) -> None:
    (found,) = run_lesson(written(tmp_path, PAGE.replace("EXPECTED", expected)))
    assert found.holds is holds and found.value == 4
    assert found.verdict == ("holds" if holds else "DRIFTED")


def test_a_claim_that_drifts_raises_where_nobody_collects() -> None:
    with pytest.raises(ClaimError, match=r"speed: 3 \(claimed: 2 within 0.5\)"):
        claim("speed", 3, 2, 0.5)
    with collected() as found:
        claim("speed", 3, 2, 0.5)
        claim("not a number", math.nan, 1, 0.5)
        claim("seconds", 30, 2, None)
    assert [each.holds for each in found] == [False, False, True]


def test_a_claim_is_kept_by_a_notebook() -> None:
    with collected() as found:
        claim("two", 2, 2)
    kept = found[0]._repr_mimebundle_()
    assert kept[MIME]["name"] == "two" and "two: 2" in kept["text/html"] and kept["text/plain"].startswith("two: 2")


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [("x = 1 / 0", 13, "ZeroDivisionError"), ("x = (", 13, "SyntaxError"), ("x = y", 13, "NameError")],
)
def test_a_cell_that_raises_is_named_by_file_and_line(broken: str, line: int, says: str, tmp_path: Path) -> None:
    small = written(tmp_path, PAGE.replace("x = 2", broken))
    with pytest.raises(LessonError, match=f"small.md:{line}: {says}"):
        run_lesson(small)


def test_a_lesson_as_a_notebook(tmp_path: Path) -> None:
    small = written(tmp_path, PAGE)
    found = as_notebook(small)
    assert [cell["cell_type"] for cell in found["cells"]] == ["markdown", "code", "code", "markdown"]
    assert ["".join(cell["source"]) for cell in found["cells"]] == [cell.text for cell in small.cells()]
    assert len({cell["id"] for cell in found["cells"]}) == 4 and (found["nbformat"], found["nbformat_minor"]) == (4, 5)


def test_a_notebook_names_what_the_lesson_links_to(tmp_path: Path) -> None:
    linked = "See [the\nother](descent.md#a) and [docs](../../docs/a/b.md), [far](https://a.b/c.md)."
    (cell,) = as_notebook(written(tmp_path, linked))["cells"]
    assert "".join(cell["source"]) == (
        "See the\nother (`glassnet lesson descent`) and docs (`docs/a/b.md`), [far](https://a.b/c.md)."
    )


@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_what_a_notebook_names_is_there(each: Lesson) -> None:
    text = "".join(line for cell in as_notebook(each)["cells"] for line in cell["source"])
    assert not re.search(r"\]\((?!https?:)", text)
    assert set(re.findall(r"`glassnet lesson ([\w-]+)`", text)) <= {other.name for other in lessons()}
    assert all((ROOT / page).is_file() for page in re.findall(r"`(docs/[\w/-]+\.md)`", text))


def test_code_of_a_lesson_fits_on_a_page() -> None:
    """88 columns, as code formatters have them: longer lines are cut off or scroll on a page and in a notebook."""
    wide = [
        f"{each.name}.md:{cell.line + n}"
        for each in lessons()
        for cell in each.cells()
        if cell.is_code
        for n, line in enumerate(cell.text.split("\n"))
        if len(line) > 88
    ]
    assert wide == []


def test_the_commands(shell: Shell, tmp_path: Path) -> None:
    listed = shell.json("lesson")
    assert [each["name"] for each in listed["lessons"]] == [each.name for each in lessons()]
    file = tmp_path / "mine.ipynb"
    shell.json("lesson", "descent", "--out", file)
    assert json.loads(file.read_text("utf-8"))["cells"][0]["source"][0] == "# Fitting by descent\n"
    assert "may hold your work" in shell.error("lesson", "descent", "--out", file)
    assert "descent" in shell.error("lesson", "decent")


def test_claims_that_drift_end_with_status_1(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.lessons.page.PAGES", tmp_path)
    written(tmp_path, PAGE.replace("EXPECTED", "4"))
    assert shell.json("claims")["claims"][0]["holds"] is True
    written(tmp_path, PAGE.replace("EXPECTED", "7"))
    assert shell.json("claims", status=1)["claims"][0]["holds"] is False
    written(tmp_path, PAGE.replace("x = 2", "raise OSError"))
    assert "small.md:13" in shell.json("claims", status=1)["errors"]["small"]


def test_there_is_no_other_lesson() -> None:
    with pytest.raises(GlassnetError, match="There is no lesson"):
        lesson("alchemy")


def test_the_index_lists_every_lesson() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    places = [index.index(f"(../src/glassnet/lessons/pages/{each.name}.md)") for each in lessons()]
    assert places == sorted(places)


@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_every_lesson_claims_asks_and_answers(each: Lesson) -> None:
    text = each.text
    assert text.count("claim(") >= 3 and text.count("plt.subplots") >= 1
    assert text.count("<details>\n<summary>") == text.count("\n</details>") >= 3
    assert [cell.line for cell in each.cells()] == sorted(cell.line for cell in each.cells())


@pytest.mark.long
@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_every_claim_holds(each: Lesson) -> None:
    assert [str(found) for found in run_lesson(each) if not found.holds] == []
