"""README.md and docs/: every command and every block of Python runs as it stands, and every link leads somewhere.

A new page or command is tested without a line here; `support/markdown.py` says what is taken for one, and
`support/stand_ins.py` what stands for the reader's own files. What would take long runs with the additions of
`support/shortened.py`, on small data; the tests marked `long` run it in full, on the real data.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import functools
import http.server
import importlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase as fnmatch
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from glassnet.cli import main
from glassnet.cli.commands import COMMANDS, load
from glassnet.data import CATALOGUE, find
from glassnet.data.download import RemoteFile, fetch
from support import python_path
from support.commands import Server
from support.data_files import REAL, needs_real_data
from support.markdown import ROOT, Example, anchors, examples, links, missed, pages, prose, titles
from support.shortened import SHORTER, TOO_LONG, runs_in_full, shorter
from support.stand_ins import StandIns, data_folder

PAGES = {page.relative_to(ROOT).as_posix(): page for page in pages()}
EXAMPLES = {name: examples(page) for name, page in PAGES.items()}

SERVING = "glassnet open"  # it does not end by itself: in full it would never


# ---- the places where pages are tried


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIns, Path]]:
    """Makes the reader's own files, and a data folder."""
    data = data_folder(tmp_path_factory.mktemp("data") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSNET_DATA", str(data))
        yield StandIns(tmp_path_factory.mktemp("stand-ins")), data


class Place:
    """A folder in which the examples of a page are tried, each once and in order."""

    def __init__(self, page: str, folder: Path, stand_ins: StandIns, data: Path) -> None:
        self.examples, self.folder, self.data = EXAMPLES[page], folder, data
        self.untouched = stand_ins.lay_out(PAGES[page].read_text(encoding="utf-8"), folder)
        self.names: dict[str, Any] = {"__name__": "page"}
        self.tried = 0

    def arguments(self, command: str) -> list[str]:
        """The words of a command, patterns of files replaced. A file that it writes itself is no stand-in's."""
        words = []
        for word in shlex.split(command):
            found = sorted(self.folder.glob(word)) if re.fullmatch(r"[\w/.-]*\*[\w/.*-]*", word) else []
            words += [str(path.relative_to(self.folder)) for path in found] or [word]
        for before, word in pairwise(words):
            if before == "--out" and self.folder / word in self.untouched:
                self.untouched.discard(self.folder / word)
                shutil.rmtree(self.folder / word) if (self.folder / word).is_dir() else (self.folder / word).unlink()
        return words


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, stand_ins: tuple[StandIns, Path]) -> Callable[[str], Place]:
    """The place of each page."""

    @functools.cache
    def place(page: str) -> Place:
        return Place(page, tmp_path_factory.mktemp("page"), *stand_ins)

    return place


@contextlib.contextmanager
def downloads(place: Place) -> Iterator[Path]:
    """An empty data folder, whose downloads come from a server on this machine that has the files of the place's."""
    served = {file.name: file for file in place.data.rglob("*") if file.is_file()}
    empty = place.folder / "downloads"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served[Path(self.path).name].read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    def from_here(file: RemoteFile, *rest: Any) -> Path:
        address = f"http://127.0.0.1:{server.server_address[1]}/{file.name}"
        return fetch(replace(file, addresses=(address,), size=None, sha256=None), *rest)

    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for module in [module for name, module in sys.modules.items() if name.startswith("glassnet.")]:
            if getattr(module, "fetch", None) is fetch:
                patch.setattr(module, "fetch", from_here)
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setenv("GLASSNET_DATA", str(empty))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield empty
        server.shutdown()
        thread.join()


# ---- trying


def parses(script: str, arguments: list[str], module: bool) -> None:
    """Let a script of benchmarks/ or tools/ parse its arguments, and do nothing of what it is for. One that parses none
    is only compiled.
    """
    if not module and "parse_args" not in (text := (ROOT / script).read_text(encoding="utf-8")):
        compile(text, script, "exec")
        return

    class Parsed(BaseException):
        """The arguments are right."""

    parse = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: Any) -> None:
        parse(parser, *given)
        raise Parsed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Parsed):
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        patch.setattr(sys, "argv", [script, *arguments])
        patch.syspath_prepend(str(ROOT))
        importlib.import_module(script).main() if module else runpy.run_path(str(ROOT / script), run_name="__main__")


def run_python(example: Example, place: Place) -> None:
    """The block, with the names of the page's earlier ones. A `print` whose comment is a list or a shape prints it."""
    code = "\n" * (example.line - 1) + example.text
    with contextlib.chdir(place.folder), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, str(example.page), "exec"), place.names)
    for shown in re.findall(r"^print\(.*\)  # ([\[(][^\])]*[\])])", example.text, re.MULTILINE):
        assert shown in printed.getvalue(), shown


def run_shell(text: str, place: Place, status: int) -> str:
    """A line of several commands, `glassnet` among them. Returns what it printed."""
    command = place.folder / ".bin" / "glassnet"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W ignore -m glassnet "$@"\n', "utf-8")
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": python_path(), "GLASSNET_DATA": str(place.data)}
    found = subprocess.run(["sh", "-c", text], cwd=place.folder, env=environment, capture_output=True, text=True)
    assert found.returncode == status, found.stderr
    return found.stdout + found.stderr


def run_command(example: Example, place: Place, server: Server) -> str:
    """The command, made shorter. Returns what it printed."""
    addition, reason = shorter(example.text)
    if addition is None:
        pytest.skip(reason)
    if far := [word for word in shlex.split(example.text) if word in CATALOGUE and find(word) is None]:
        pytest.skip(f"nothing stands for {far[0]}; the long tests take it from GLASSNET_DATA")
    text = f"{example.text} {addition}"
    words = place.arguments(text)
    if "|" in words:
        return run_shell(text, place, example.status)
    if words[0] == "python":
        module = words[1] == "-m"
        parses(words[2] if module else words[1], words[3 if module else 2 :], module)
        return ""
    found = server.run(place.folder, *words[1:], environment={"GLASSNET_DATA": str(place.data)})
    assert found.status == example.status, found.err + found.out
    return found.out + found.err


# Rounding errors, where they are largest, seconds, and the rules of tables that hold them.
VARIES = re.compile(r"[+-]?\d[\d.]*e[+-]\d+|\[[\d, ]+\]|[\d.]+(?= s\b)|-{3,}")


def agrees(shown: str, printed: str) -> bool:
    """Whether the output on a page is what was printed, but for what varies; `...` stands for anything."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(VARIES.sub("N", shown), VARIES.sub("N", printed), flags)


def run(example: Example, place: Place, server: Server) -> None:
    """The example, made shorter, as the page says that it goes."""
    if example.is_python:
        run_python(example, place)
    elif example.text.startswith("glassnet data get "):
        with downloads(place) as folder:
            assert main(shlex.split(example.text)[1:]) == example.status and any(folder.rglob("*"))
    else:
        printed = run_command(example, place, server)
        assert example.output is None or agrees(example.output, printed), printed


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, id=example.name)
        for page, found in EXAMPLES.items()
        for number, example in enumerate(found)
    ],
)
def test_it_runs(page: str, number: int, places: Callable[[str], Place], server: Server) -> None:
    place = places(page)
    earlier, place.tried = place.examples[place.tried : number], number + 1
    for example in earlier:  # where only some of a page are tried; these have tests of their own
        with contextlib.suppress(Exception, pytest.skip.Exception):
            run(example, place, server)
    run(place.examples[number], place, server)


@needs_real_data
@pytest.mark.long
@pytest.mark.parametrize("page", [page for page, found in EXAMPLES.items() if any(map(runs_in_full, found))])
def test_it_runs_in_full(page: str, tmp_path: Path, stand_ins: tuple[StandIns, Path]) -> None:
    place = Place(page, tmp_path, stand_ins[0], Path(REAL))
    environment = {**os.environ, "GLASSNET_DATA": REAL}
    for example in place.examples:
        if example.is_python:
            run_python(example, place)
        elif runs_in_full(example):
            text = f"{example.text} --list" if example.text.startswith(SERVING) else example.text
            command = [sys.executable, "-m", *place.arguments(text)]
            found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert found.returncode == example.status, found.stderr


# ---- what is no example


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_out(page: str) -> None:
    assert not missed(PAGES[page])


def test_what_is_made_shorter_is_there() -> None:
    texts = [f"{example.text} " for found in EXAMPLES.values() for example in found]
    for begin in (*SHORTER, *TOO_LONG):
        assert any(fnmatch(text, f"{begin} *") for text in texts), begin


@functools.cache
def options_of(command: str) -> set[str]:
    """All options of a command, of its sub-commands too."""
    found, names = set(), [load(command)]
    while names:
        each = names.pop()
        names += getattr(each, "commands", {}).values()
        found |= {option for parameter in each.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return found | {"--help", "--version"}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_in_the_text_exist(page: str) -> None:
    every = set().union(*map(options_of, COMMANDS))
    for code in re.findall(r"`([^`\n]+)`", prose(PAGES[page].read_text(encoding="utf-8"))):
        words = code.split()
        ours = words[0] == "glassnet" and len(words) > 1
        if ours:
            assert words[1] in COMMANDS or words[1].startswith("-") or words[1].isupper(), code
        known = options_of(words[1]) if ours and words[1] in COMMANDS else every
        options = re.findall(r"(?<!\S)--[a-z][a-z-]*", code)
        assert words[0] in ("python", "pip", "git") or set(options) <= known, code


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    here = PAGES[page]
    for link in links(here.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (here.parent / name).resolve() if name else here
        assert target.exists() and target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES)
def test_headings_go_down_one_by_one(page: str) -> None:
    levels = [level for level, _ in titles(PAGES[page].read_text(encoding="utf-8"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_index_lists_every_page_once() -> None:
    index = ROOT / "docs" / "README.md"
    listed = [link for link in links(index.read_text(encoding="utf-8")) if not link.startswith("../")]
    there = [page.relative_to(index.parent).as_posix() for page in pages() if page.is_relative_to(index.parent)]
    assert sorted(listed) == sorted(set(there) - {"README.md"})
    assert "docs/theory" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in pages() for link in links(page.read_text(encoding="utf-8"))}
    assert set((ROOT / "docs" / "images").iterdir()) <= shown


def test_the_ratios_of_the_benchmarks_are_those_of_their_times() -> None:
    page = PAGES["docs/benchmarks.md"].read_text(encoding="utf-8")
    rows = re.findall(r"\| \d \| ([\d.]+) \(.*?\) \| ([\d.]+) \| ([\d.]+) \|", page)
    assert len(rows) == 26
    for theirs, ours, ratio in rows:
        rounding = 0.06 if float(ours) < 0.01 else 0.005  # the shortest step is stated to two digits
        assert float(theirs) / float(ours) == pytest.approx(float(ratio), rel=rounding)
    drawn = runpy.run_path(str(ROOT / "tools" / "speed_chart.py"))["ratios"](page)
    assert [str(f"{ratio:.2f}") for each in drawn.values() for ratio in each.values()] == [row[2] for row in rows]
