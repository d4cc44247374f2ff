"""Downloads from a server on this machine: resuming, mirrors, wrong files, and unpacking."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glassnet.data import CATALOGUE, RemoteFile, catalogue, data_places, find, get, load
from glassnet.data.download import Limits, fetch, unpack
from support.data_files import idx_bytes, one_line_error, write_mnist

BODY = gzip.compress(bytes(range(256)) * 400, mtime=0) + b"tail" * 5000
SUM = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves BODY; the path says how: good, norange, cut, cutonce, html, quiet-html, wrong, missing, offset; or one of
    the ways of `unusual`.
    """

    seen: list[tuple[str, str | None]]
    over: threading.Event  # the test has ended

    def unusual(self, how: str) -> bool:
        """drip, drip-header: a byte now and then; stall: some bytes, then silence; refuse-rest: status 416 for any
        part; endless: no length; packed: compressed on the way; labelled: only said to be; cut-norange: whole files
        only, and broken off.
        """
        wanted, body = self.headers.get("Range"), BODY
        if how == "refuse-rest" and wanted:
            self.send_error(416)
            return True
        if how == "drip-header":
            self.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: x\r\n" * 10_000)
            return True
        kinds = ("drip", "stall", "refuse-rest", "endless", "packed", "labelled", "cut-norange")
        if how not in kinds:
            return False
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and how != "cut-norange" else 0  # type: ignore[index]
        if how == "packed":
            start, body = 0, gzip.compress(BODY, mtime=0)
        self.send_response(206 if start else 200)
        if how != "endless":
            self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if how in ("packed", "labelled"):
            self.send_header("Content-Encoding", "gzip" if how == "packed" else "x-gzip")
        self.end_headers()
        if how == "drip":
            self.drip(body[start:])
        elif how == "stall":
            self.wfile.write(body[start : start + 3000])
            self.wfile.flush()
            self.over.wait(20)
        else:
            self.wfile.write(body[start:4000] if how == "cut-norange" else body[start:])
        self.close_connection = True
        return True

    def drip(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the other side has gone
            for byte in data:
                self.wfile.write(bytes([byte]))
                if self.over.wait(0.02):
                    break

    def do_GET(self) -> None:
        how = self.path.strip("/").split("/")[0]
        wanted = self.headers.get("Range")
        first_time = not any(path == self.path for path, _ in self.seen)
        self.seen.append((self.path, wanted))
        if self.unusual(how):
            return
        if how == "missing":
            self.send_error(404)
            return
        body = {"html": b"<!DOCTYPE html><p>sorry", "quiet-html": b"\n<html>sorry", "wrong": BODY[:-1] + b"?"}.get(
            how, BODY
        )
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and how != "norange" else 0  # type: ignore[index]
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8" if how == "html" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            at = start + 1 if how == "offset" else start
            self.send_header("Content-Range", f"bytes {at}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        stop = start + 3000 if how == "cut" or (how == "cutonce" and first_time) else len(body)
        self.wfile.write(body[start:stop])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Handler.seen, Handler.over = [], threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        Handler.over.set()
        running.shutdown()
        thread.join()


def remote(*addresses: str, size: int | None = len(BODY), sha256: str | None = SUM) -> RemoteFile:
    return RemoteFile("x.gz", addresses, size, sha256)


def test_a_plain_download(server: str, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int | None]] = []
    target = fetch(remote(f"{server}/good"), tmp_path / "in" / "x.gz", lambda *call: calls.append(call))
    assert target.read_bytes() == BODY and [p.name for p in target.parent.iterdir()] == ["x.gz"]
    assert calls[-1] == ("x.gz", len(BODY), len(BODY))
    fetch(remote(f"{server}/good"), target)
    assert len(Handler.seen) == 1  # what is there is not fetched again


@pytest.mark.parametrize("known", [True, False])
def test_a_partial_file_is_resumed(server: str, tmp_path: Path, known: bool) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY[:5000])
    file = remote(f"{server}/good") if known else remote(f"{server}/good", size=None, sha256=None)
    assert fetch(file, tmp_path / "x.gz").read_bytes() == BODY
    assert Handler.seen == [("/good", "bytes=5000-")]


def test_a_server_without_ranges(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY[:5000])
    assert fetch(remote(f"{server}/norange"), tmp_path / "x.gz").read_bytes() == BODY


def test_a_partial_file_of_something_else(server: str, tmp_path: Path) -> None:
    for partial in (b"\x1f\x8b" + bytes(5000), bytes(len(BODY)), bytes(len(BODY) + 9)):
        (tmp_path / "x.gz.partial").write_bytes(partial)
        target = fetch(remote(f"{server}/good"), tmp_path / "x.gz")
        assert target.read_bytes() == BODY
        target.unlink()


def test_a_complete_partial_of_unknown_size(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY)
    assert fetch(remote(f"{server}/good", size=None), tmp_path / "x.gz").read_bytes() == BODY


def test_a_cut_connection_goes_on(server: str, tmp_path: Path) -> None:
    assert fetch(remote(f"{server}/cutonce"), tmp_path / "x.gz").read_bytes() == BODY
    assert Handler.seen == [("/cutonce", None), ("/cutonce", "bytes=3000-")]


def test_what_arrived_is_kept_for_the_next_mirror_or_call(server: str, tmp_path: Path) -> None:
    with one_line_error("x.gz", "the connection", "kept"):
        fetch(remote(f"{server}/cut"), tmp_path / "x.gz")
    assert (tmp_path / "x.gz.partial").read_bytes() == BODY[:9000] and not (tmp_path / "x.gz").exists()
    fetch(remote(f"{server}/missing", f"{server}/good"), tmp_path / "x.gz")
    assert Handler.seen[-1] == ("/good", "bytes=9000-")


@pytest.mark.parametrize("how", ["missing", "html", "quiet-html", "wrong"])
def test_a_bad_mirror_is_passed_over_and_named(server: str, tmp_path: Path, how: str) -> None:
    word = {"missing": "404", "wrong": "SHA-256"}.get(how, "web page")
    with one_line_error(f"/{how}", word):
        fetch(remote(f"{server}/{how}"), tmp_path / "x.gz")
    assert not (tmp_path / "x.gz").exists()
    assert fetch(remote(f"{server}/{how}", f"{server}/good"), tmp_path / "x.gz").read_bytes() == BODY


def test_a_wrong_range_or_size(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY[:5000])
    with one_line_error("another part"):
        fetch(remote(f"{server}/offset"), tmp_path / "x.gz")
    with one_line_error("bytes"):
        fetch(remote(f"{server}/good", size=100), tmp_path / "y.gz")
    zipped = RemoteFile("z.zip", (f"{server}/good",), None, None)
    with one_line_error("not a .zip file"):
        fetch(zipped, tmp_path / "z.zip")


def test_no_server_and_no_place(server: str, tmp_path: Path) -> None:
    with one_line_error("no connection"):
        fetch(remote("http://127.0.0.1:9/x"), tmp_path / "x.gz")
    (tmp_path / "file").write_text("")
    with one_line_error("GLASSNET_DATA"):
        fetch(remote(f"{server}/good"), tmp_path / "file" / "x.gz")


@pytest.mark.parametrize("how", ["drip", "drip-header"])
def test_a_server_that_drips_is_given_up(server: str, tmp_path: Path, how: str) -> None:
    patient = Limits(silence=10.0, patience=0.3, rate=1e6, tries=2)  # every byte comes well within the silence
    with one_line_error(how, "too slow", "kept"):
        fetch(remote(f"{server}/{how}"), tmp_path / "x.gz", limits=patient)
    partial = tmp_path / "x.gz.partial"
    arrived = partial.read_bytes() if partial.exists() else b""
    assert BODY.startswith(arrived) and bool(arrived) == (how == "drip")
    fetch(remote(f"{server}/{how}", f"{server}/good"), tmp_path / "x.gz", limits=patient)
    assert (tmp_path / "x.gz").read_bytes() == BODY
    assert Handler.seen[-1] != ("/good", None) or how == "drip-header"  # what dripped is not fetched again


def test_a_slow_server_may_take_as_long_as_its_size_needs(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "BODY", BODY[:40])  # in 0.8 seconds, four times the patience
    file = RemoteFile("x.gz", (f"{server}/drip",), 40, hashlib.sha256(BODY[:40]).hexdigest())
    assert fetch(file, tmp_path / "x.gz", limits=Limits(patience=0.2, rate=10.0, tries=1)).stat().st_size == 40


def test_bytes_before_a_stall_are_kept(server: str, tmp_path: Path) -> None:
    with one_line_error("nothing came", "kept"):
        fetch(remote(f"{server}/stall"), tmp_path / "x.gz", limits=Limits(silence=0.3, tries=2))
    assert Handler.seen == [("/stall", None), ("/stall", "bytes=3000-")]
    assert (tmp_path / "x.gz.partial").read_bytes() == BODY[:6000]
    assert fetch(remote(f"{server}/good"), tmp_path / "x.gz").read_bytes() == BODY
    assert Handler.seen[-1] == ("/good", "bytes=6000-")


@pytest.mark.parametrize("known", ["all", "size", "nothing"])
def test_a_false_refusal_of_the_rest(server: str, tmp_path: Path, known: str) -> None:
    """Status 416 for a part that the server has: the whole file is asked for, and the bytes here are not lost."""
    file = remote(
        f"{server}/refuse-rest", size=None if known == "nothing" else len(BODY), sha256=SUM if known == "all" else None
    )
    (tmp_path / "x.gz.partial").write_bytes(BODY[:5000])
    assert fetch(file, tmp_path / "x.gz").read_bytes() == BODY
    assert Handler.seen == [("/refuse-rest", "bytes=5000-"), ("/refuse-rest", None)]


def test_a_refusal_is_believed_when_the_checksum_is_right(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY)
    assert fetch(remote(f"{server}/refuse-rest", size=None), tmp_path / "x.gz").read_bytes() == BODY
    assert len(Handler.seen) == 1


def test_a_server_without_ranges_does_not_take_bytes_back(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.gz.partial").write_bytes(BODY[:5000])
    with one_line_error("the connection", "kept"):
        fetch(remote(f"{server}/cut-norange"), tmp_path / "x.gz")
    assert (tmp_path / "x.gz.partial").read_bytes() == BODY[:5000]  # 4000 came each time, all of them here already
    (tmp_path / "x.gz.partial").write_bytes(BODY[:3000] + b"?" * 2000)
    with one_line_error("the connection"):
        fetch(remote(f"{server}/cut-norange"), tmp_path / "x.gz")
    assert (tmp_path / "x.gz.partial").read_bytes() == BODY[:4000]


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_was_packed_on_its_way(server: str, tmp_path: Path, known: bool) -> None:
    size, digest = (len(BODY), SUM) if known else (None, None)
    file = RemoteFile("x.bin", (f"{server}/packed",), size, digest)
    with one_line_error("Content-Encoding 'gzip'"):
        fetch(file, tmp_path / "x.bin")
    assert not list(tmp_path.iterdir())
    asked = RemoteFile("x.gz", (f"{server}/labelled",), size, digest)  # only said to be packed: it is a .gz file
    assert fetch(asked, tmp_path / "x.gz").read_bytes() == BODY


def test_without_a_checksum_the_length_is_checked(server: str, tmp_path: Path) -> None:
    file = RemoteFile("x.gz", (f"{server}/cut",), None, None)
    with one_line_error(f"of {len(BODY)} bytes"):
        fetch(file, tmp_path / "x.gz")
    with one_line_error("how long the file is"):
        fetch(RemoteFile("y.gz", (f"{server}/endless",), None, None), tmp_path / "y.gz")
    assert fetch(remote(f"{server}/endless", size=None), tmp_path / "z.gz").read_bytes() == BODY


def make_tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
        for name, goal in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, goal
            tar.addfile(entry)
    return path


def test_unpacking_cannot_leave_its_folder(tmp_path: Path) -> None:
    members = {"../../a.bin": b"1", "/abs/b.bin": b"2", "in/c.bin": b"3", "in/d.txt": b"4", "..": b"5"}
    archive = make_tar(tmp_path / "x.tgz", members, {"e.bin": "/etc/passwd"})
    found = unpack(archive, tmp_path / "deep" / "in", r".*\.bin|\.\.")
    assert sorted(p.name for p in found) == ["a.bin", "b.bin", "c.bin"]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.bin", "b.bin", "c.bin", "x.tgz"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("../f.bin", b"6")
        packed.writestr("..\\g.bin", b"7")
    assert {p.name for p in unpack(tmp_path / "x.zip", tmp_path / "z", r".*\.bin")} == {"f.bin", "g.bin"}


@pytest.mark.parametrize("length", [0, 20, 60])
def test_damaged_archives(tmp_path: Path, length: int) -> None:
    archive = make_tar(tmp_path / "x.tgz", {"a.bin": bytes(100)})
    archive.write_bytes(archive.read_bytes()[:length])
    with one_line_error("x.tgz"):
        unpack(archive, tmp_path / "in", r".*\.bin")
    assert [p.name for p in tmp_path.iterdir()] == ["x.tgz"]


def test_archives_with_nothing_or_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_tar(tmp_path / "x.tgz", {"a.bin": bytes(100)})
    with one_line_error("none of the expected"):
        unpack(archive, tmp_path / "in", r"other")
    monkeypatch.setattr("glassnet.data.download._MOST_UNPACKED", 99)
    with one_line_error("hostile"):
        unpack(archive, tmp_path / "in", r".*\.bin")


# The catalogue


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSNET_DATA", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    monkeypatch.setattr("os.pathsep", ":")
    assert data_places() == [tmp_path / "a", tmp_path / "b"]
    assert find("mnist") is None
    write_mnist(tmp_path / "b" / "mnist")
    assert find("mnist") == tmp_path / "b" / "mnist" == get("mnist")
    assert load("mnist").name == "mnist"
    monkeypatch.delenv("GLASSNET_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_places() == [tmp_path / "cache" / "glassnet"]
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert data_places() == [Path.home() / ".cache" / "glassnet"]


def test_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    with one_line_error("Did you mean 'mnist'?", "cifar10"):
        load("mnits")
    for name in {name for name, entry in CATALOGUE.items() if entry.open is not None} - {"digits"}:
        with one_line_error(f"glassnet.data.get('{name}')"):
            load(name)
    with one_line_error("letters36", "characters62"):
        get("letters36")
    with one_line_error("resize 9 9"):
        load("digits", image_size=(9, 9))
    for wrong in ("", "a\0b", "x" * 5000, "."):
        with one_line_error():
            load(wrong)
    (tmp_path / "strange.xyz").write_bytes(b"?")
    with one_line_error("of no known kind"):
        load(tmp_path / "strange.xyz")


def test_entries_are_complete() -> None:
    for entry in CATALOGUE.values():
        assert entry.title and entry.licence and entry.homepage.startswith("http")
        # The classes of ImageNet's pictures are named by the index beside them; what sets are made of has none.
        assert len(entry.classes) >= 2 or entry.name.startswith("imagenet") or entry.open is None
        assert entry.files or entry.by_hand or entry.made_of or entry.name == "digits"
        assert all(name in CATALOGUE for name in entry.made_of)
        assert entry.open is not None or any(entry.name in other.made_of for other in CATALOGUE.values())
        for file in entry.files:
            assert file.addresses and (file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256))


def test_getting_a_set(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    sources = tmp_path / "sources"
    write_mnist(sources)
    packed = make_tar(tmp_path / "x.tgz", {f"deep/{p.name}": p.read_bytes() for p in sources.iterdir()})
    monkeypatch.setitem(globals(), "BODY", packed.read_bytes())
    entry = CATALOGUE["mnist"]
    file = RemoteFile("x.tgz", (f"{server}/good",), None, None, take=r".*ubyte\.gz")
    changed = {**CATALOGUE, "mnist": type(entry)(**{**entry.__dict__, "files": (file,)})}
    monkeypatch.setattr(catalogue, "CATALOGUE", changed)
    assert get("mnist") == tmp_path / "data" / "mnist"
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mnist"]
    assert len(load("mnist").train) == 12


def test_digits() -> None:
    parts = load("digits")
    assert len(parts.train) == 1437 and parts.test is not None and len(parts.test) == 360
    assert parts.train.image_shape == (8, 8, 1) and parts.train.images.max() == 255
    assert set(parts.train.images.ravel().tolist()) == {round(255 * k / 16) for k in range(17)}
    assert parts.test.counts().min() >= 34 and find("digits") is not None
    held = load("digits", validation=0.1, seed=4)
    assert held.valid is not None and len(held.valid) == 144
    assert idx_bytes(parts.test.labels)[:3] == b"\0\0\x08"


def test_an_interrupted_set_is_completed(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    write_mnist(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert find("mnist") is None  # three of four files are not a set yet
    with one_line_error("t10k-labels-idx1-ubyte.gz"):
        load(tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz")


def test_a_damaged_archive_does_not_stand_in_the_way(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    entry = CATALOGUE["flowers17"]
    file = RemoteFile("x.tgz", (f"{server}/good",), None, None, take=r".*")  # BODY is not a tar archive
    changed = {**CATALOGUE, "flowers17": type(entry)(**{**entry.__dict__, "files": (file,)})}
    monkeypatch.setattr(catalogue, "CATALOGUE", changed)
    with one_line_error("Cannot unpack"):
        get("flowers17")
    assert list((tmp_path / "data").rglob("*.tgz")) == []


def test_a_file_that_the_user_has_put_there(tmp_path: Path) -> None:
    """Where no download works: it is taken under its own name, checked, and stays."""
    file = RemoteFile("set.gz", ("http://127.0.0.1:9/set.gz",), len(BODY), SUM)
    own, hidden = tmp_path / "set.gz", tmp_path / ".data-set.gz"
    own.write_bytes(BODY)
    assert fetch(file, hidden) == own and not hidden.exists()
    own.write_bytes(b"x" + BODY[1:])
    with one_line_error(str(own), "SHA-256", "Remove it"):
        fetch(file, hidden)
    assert own.exists()


def test_the_user_is_told_when_no_checksum_is_known() -> None:
    assert "No source states" in CATALOGUE["flowers17"].checksum_note
    assert "is checked" in CATALOGUE["mnist"].checksum_note and CATALOGUE["digits"].checksum_note == ""
