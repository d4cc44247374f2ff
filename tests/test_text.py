"""Tables and shortened names."""

from __future__ import annotations

from pathlib import Path

from glassnet.files import first_free
from glassnet.text import columns, ruled, shorten


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
