"""Tables and shortened names."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.files import first_free
from glassnet.text import columns, folded, ruled, shorten


def test_columns_are_aligned() -> None:
    rows = [("name", "size"), ("a\n", 10), ("long name", 9)]
    assert columns(rows) == "name       size\na\\n          10\nlong name     9"
    assert columns(rows, left=2) == "name       size\na\\n        10\nlong name  9"
    assert columns(rows, sides="><") == "     name  size\n      a\\n  10\nlong name  9"


def test_rules_stand_under_the_head_and_above_the_foot() -> None:
    assert ruled("a\nbc\ndef") == "a\n---\nbc\ndef\n---"
    assert ruled("a\nbc\ndef", foot=1) == "a\n---\nbc\n---\ndef"


def test_long_texts_are_shortened() -> None:
    assert shorten("abcdef", 6) == "abcdef" and shorten("abcdefg", 6) == "abcde…" and shorten("ab cdefg", 4) == "ab…"
    assert shorten("abcdefgh", 6, "...") == "abc..."


def test_the_first_free_name(tmp_path: Path) -> None:
    (tmp_path / "a-1").mkdir()
    (tmp_path / "a-2").write_text("")
    assert first_free(tmp_path / f"a-{n}" for n in range(1, 9)) == tmp_path / "a-3"


def test_tables_are_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("name", "n", "where it lies"), ("digits", 10, "in the folder of the package"), ("b", 2, "/" + "x" * 30)]
    wide = columns(rows, sides="<><")
    monkeypatch.setenv("COLUMNS", "30")
    assert columns(rows, sides="<><").splitlines() == [
        "name     n  where it lies",
        "digits  10  in the folder of",
        "            the package",
        "b        2  /xxxxxxxxxxxxxxxxx",
        "            xxxxxxxxxxxxx",
    ]
    monkeypatch.setenv("COLUMNS", str(max(map(len, wide.splitlines()))))
    assert columns(rows, sides="<><") == wide


def test_numbers_that_do_not_fit_come_in_several_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "14")
    assert columns([("x", "one", "two", "three"), ("a", 1, 2, 3)]) == ("x  one  two\na    1    2\n\nx  three\na      3")


def test_prose_is_folded_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert folded("a line of several words, and on") == "a line of several\n  words, and on"
    monkeypatch.delenv("COLUMNS")
    assert folded("word " * 50) == "word " * 50  # no terminal
