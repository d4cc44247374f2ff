"""Messages quote what they were given: of any length, with any character, on one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glassnet.errors import DataError, GlassnetError, escaped, nearest, one_line
from support.bad_input import refused

COMMAND = "Layer '{}' is not known. Did you mean 'relu'?"


def test_names_are_quoted_with_escapes() -> None:
    name = os.fsdecode(b"a\n  b'c\x1b[2J\xff\x07")
    assert str(DataError(f"Cannot read '{name}': it is\nnot a picture.")) == (
        r"Cannot read 'a\n  b'c\x1b[2J\xff\x07': it is not a picture."
    )
    assert str(GlassnetError("the reader's 'two  words' don't\tfit")) == "the reader's 'two  words' don't fit"
    assert escaped("left\u202eright \u2028 é 日") == r"left\u202eright \u2028 é 日"


@pytest.mark.parametrize("size", [241, 10_000, 1_000_000])
def test_long_names_lose_their_middle(size: int) -> None:
    text = str(DataError(COMMAND.format("q" * size)))
    assert (
        len(text) < 400 and text.startswith("Layer 'qqq") and text.endswith("qqq' is not known. Did you mean 'relu'?")
    )
    assert f"q[... {size - text.count('q'):,} characters ...]q" in text


def test_names_of_usual_length_are_whole() -> None:
    text = COMMAND.format("a" * 240)
    assert str(DataError(text)) == text


def test_a_message_has_an_end() -> None:
    assert len(one_line("it is so. " * 100_000)) < 2_000
    for repeated in ("'", "'a -", "' a", "a'"):
        assert len(one_line(repeated * 300_000)) < 2_000
    assert nearest("a" * 1_000_000, ["a" * 10]) == ""


def test_long_words_on_the_command_line() -> None:
    for arguments in (
        ("check", "lin" * 30_000, "--input", "4"),
        ("predict", "x" * 100_000, "picture.png"),
        ("data", "get", "x" * 100_000),
        ("x" * 100_000,),
        ("train", "digits", "--optimizer", "x" * 100_000),
        ("train", "digits", "--" + "x" * 100_000),
        ("check", "linear", "--input", "4" * 100_000),
    ):
        assert len(refused(arguments[0], *arguments)) < 2_100


def test_what_libraries_print_and_warn_of_does_not_reach_the_user(tmp_path: Path) -> None:
    """Warnings for users become one line each; what speaks to programmers, and raw writes of C code, are dropped."""
    program = """
import os, sys, warnings
from glassnet.cli import process
process.take_over()
import logging, numpy
numpy.float64(1e308) * numpy.float64(10)
logging.getLogger("matplotlib").warning("building the font cache")
for _ in range(2):
    warnings.warn("two\\nlines with \\x1b", stacklevel=1)
warnings.warn("later versions will drop this", DeprecationWarning, stacklevel=1)
os.write(2, b"TIFFReadDirectory: Warning")
class Bad:
    def __del__(self): raise ValueError("not to be raised here")
Bad()
print("the end", file=sys.stderr)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stderr == "note: two lines with \\x1b\nthe end\n"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "GLASSNET_TRACEBACK": "1"}
    ).stderr
    assert all(text in shown for text in ("RuntimeWarning", "font cache", "TIFFReadDirectory", "ValueError"))
