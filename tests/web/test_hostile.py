"""Requests that the page itself never makes: none gets in, and the page goes on."""

from __future__ import annotations

import io
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image

from glassnet.actions.open import Opened
from glassnet.web.app import make_app
from support.web import served

pytest.importorskip("starlette")
from starlette.testclient import TestClient

PORT, TOKEN = 8123, "right-token"
HOST = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def client(opened: Opened) -> Iterator[TestClient]:
    app = make_app(opened, PORT, TOKEN, most=200_000, seconds=1.0)
    with TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False) as found:
        yield found
        assert found.get(f"/{TOKEN}/").status_code == 200, "the page goes on"


def test_the_page_itself_gets_in(client: TestClient) -> None:
    for path in ("", "opened", "main.js", "report.css", "page.css"):
        answer = client.get(f"/{TOKEN}/{path}", headers={"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"})
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-frame-options"] == "DENY"
    assert client.get(f"http://localhost:{PORT}/{TOKEN}/").status_code == 200


PATHS = ["", "opened", "react", "runs", "main.js", "pictures", "train", "events"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "token", ["", "/wrong", "/right-toke", "/right-token2", "/RIGHT-TOKEN", "/%72ight-toke", "//right-token"]
)
def test_no_token(client: TestClient, token: str, path: str) -> None:
    assert client.get(f"http://{HOST}{token}/{path}").status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"0.0.0.0:{PORT}",
        f"127.0.0.1.nip.io:{PORT}",
        "",
    ],
)
def test_another_host(client: TestClient, host: str, path: str) -> None:
    assert client.get(f"/{TOKEN}/{path}", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://{HOST}"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_page(client: TestClient, headers: dict[str, str], path: str) -> None:
    for ask in (client.get, client.post):
        assert ask(f"/{TOKEN}/{path}", headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods(client: TestClient, method: str) -> None:
    assert client.request(method, f"/{TOKEN}/opened").status_code == 405


TRAVERSALS = [
    "../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd",
    "static/../app.py", "..\\..\\etc\\passwd", "app.py", "/etc/passwd", "file:///etc/passwd", "main.js%00.css",
    "main.js/..%2fapp.py", "report/..%2f..", "report/%2e%2e", "picture/..%2f..%2fetc%2fpasswd",
    "picture/%2Fetc%2Fpasswd", "download/..%2ftext?picture=x", "~root", "index.html/", "__pycache__/", "picture/",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
def test_paths_that_lead_elsewhere(client: TestClient, path: str) -> None:
    answer = client.get(f"http://{HOST}/{TOKEN}/{path}", follow_redirects=False)
    assert answer.status_code in (400, 403, 404, 307)
    assert b"root:" not in answer.content and b"import" not in answer.content


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/passwd", "a\x00b", "C:\\x.png", "\u202egnp.exe", "x" * 5000])
def test_a_name_is_never_a_path(client: TestClient, opened: Opened, name: str, tmp_path: Any) -> None:
    before = sorted(opened.folder.rglob("*"))
    answer = client.post(f"/{TOKEN}/pictures", params={"name": name}, content=png(8, 8))
    assert answer.status_code == 200 and sorted(opened.folder.rglob("*")) == before
    assert len(answer.json()["name"]) <= 120


@pytest.mark.parametrize("id", ["x", "../runs/small", "/etc/passwd", "0" * 10, "", "runs/small", "%00"])
def test_ids_that_nobody_gave(client: TestClient, id: str) -> None:
    for path, name in (("model", "model"), ("compare", "first"), ("download/text", "picture")):
        assert client.get(f"/{TOKEN}/{path}", params={name: id, "second": id}).status_code == 400
    for path in ("read", "correct"):
        assert client.post(f"/{TOKEN}/{path}", params={"picture": id}).status_code == 400


def png(width: int, height: int, *, real: bool = True) -> bytes:
    """A PNG; where it is not real, one that only claims its size."""
    if real:
        file = io.BytesIO()
        Image.fromarray(np.zeros((height, width), np.uint8)).save(file, "PNG")
        return file.getvalue()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


BOMBS = {
    "huge": png(60_000, 60_000, real=False),
    "wide": png(2**31 - 1, 1, real=False),
    "many": png(9000, 9000, real=False),
    "empty": b"",
    "text": b"hello",
    "script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "cut": png(40, 40)[:40],
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "pdf": b"%PDF-1.4\n",
    "pickle": b"\x80\x04cposix\nsystem\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_files_that_are_no_pictures_or_far_too_large(client: TestClient, name: str) -> None:
    answer = client.post(f"/{TOKEN}/pictures", params={"name": name}, content=BOMBS[name])
    assert answer.status_code == 400 and "\n" not in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]


@pytest.mark.parametrize("name", [name for name in BOMBS if name != "empty"] + ["empty"])
def test_files_that_are_no_pdfs(client: TestClient, name: str) -> None:
    answer = client.post(f"/{TOKEN}/pdf", params={"name": "../x.pdf"}, content=BOMBS[name])
    assert answer.status_code == 400 and "/tmp" not in answer.json()["error"]


@pytest.mark.parametrize("page", ["0", "2", "-1", "", "1e0", "9" * 4000])
def test_pages_of_pdfs_that_are_none(client: TestClient, page: str) -> None:
    """One of a page of 200 inches a side, which is drawn small; and one that nobody gave."""
    file = io.BytesIO()
    Image.new("L", (10, 10), 255).save(file, "PDF", resolution=0.05)
    pdf = client.post(f"/{TOKEN}/pdf", params={"name": "large.pdf"}, content=file.getvalue()).json()
    first = client.post(f"/{TOKEN}/pdf-page", params={"pdf": pdf["id"], "page": 1}).json()
    assert pdf["pages"] == 1 and 1_000_000 < first["height"] * first["width"] <= 8_100_000
    for id in (pdf["id"], "x", "../x", "/etc/passwd"):
        assert client.post(f"/{TOKEN}/pdf-page", params={"pdf": id, "page": page}).status_code == 400


def test_bodies_that_are_too_long(client: TestClient) -> None:
    assert client.post(f"/{TOKEN}/pictures?name=x", content=b"x" * 200_001).status_code == 413
    for length in ("99999999999999999999", "-1", "1e9", "0x10"):
        headers = {"content-length": length}
        assert client.post(f"/{TOKEN}/pictures?name=x", content=iter([b"x"]), headers=headers).status_code == 413

    def without_length() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 10_000

    assert client.post(f"/{TOKEN}/pictures?name=x", content=without_length()).status_code == 413


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({}, b""),
        ({"width": 10, "height": 10}, b"x" * 99),
        ({"width": 0, "height": 10}, b""),
        ({"width": 1025, "height": 1}, b"x" * 1025),
        ({"width": "1e1", "height": 1}, b"x" * 10),
        ({"width": "-3", "height": -3}, b"x" * 9),
        ({"width": "٣", "height": 3}, b"x" * 9),
        ({"width": "9" * 5000, "height": 1}, b"x"),
        ({"picture": "nothing"}, b""),
    ],
)
def test_drawings_that_are_none(client: TestClient, ids: dict[str, str], query: dict[str, object], body: bytes) -> None:
    for path in ("react", "unit", "where", "fool", "nearest"):
        answer = client.post(f"/{TOKEN}/{path}", params={"model": ids["small"], "class": "3", **query}, content=body)
        assert answer.status_code == 400 and answer.json()["error"]


@pytest.mark.parametrize("unit", ["", "-1", "1,2,3,4", "a", "0,0", "99", "1e3", "9" * 4000])
@pytest.mark.parametrize("layer", ["1.flatten", "__class__", "2.linear", ""])
def test_units_that_are_none(client: TestClient, ids: dict[str, str], layer: str, unit: str) -> None:
    query = {"model": ids["small"], "width": 8, "height": 8, "layer": layer, "unit": unit}
    assert client.post(f"/{TOKEN}/unit", params=query, content=b"\x00" * 64).status_code == 400


@pytest.mark.parametrize("epoch", ["", "0", "-1", "99", "1e0", "../1", "00001", "9" * 4000])
def test_epochs_that_are_not_kept(client: TestClient, ids: dict[str, str], epoch: str) -> None:
    for name in ("small", "alone", "large"):
        query = {"model": ids[name], "width": 8, "height": 8, "epoch": epoch}
        status = client.post(f"/{TOKEN}/react", params=query, content=b"\x00" * 64).status_code
        assert status == (200 if (name, epoch) == ("large", "00001") else 400)


def test_a_report_has_no_part_in_this_origin(client: TestClient, ids: dict[str, str]) -> None:
    answer = client.get(f"/{TOKEN}/report/{ids['small']}")
    assert answer.status_code == 200 and answer.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    assert client.get(f"/{TOKEN}/report/{ids['alone']}").status_code == 400


@pytest.mark.parametrize(
    "formula", ["", "x;y", "z", "__import__('os')", "9**9**9**9", "(" * 190, "x" * 5000, "1/0 + x"]
)
def test_formulas_that_are_none(client: TestClient, formula: str) -> None:
    query = {"data": "formula", "formula": formula, "network": "linear", "optimizer": "adam", "seed": 0}
    answer = client.post(f"/{TOKEN}/play", params=query)
    assert answer.status_code == 400 and "\n" not in answer.json()["error"]


# ---- data


def test_pictures_of_data_that_lie_elsewhere(client: TestClient, opened: Opened) -> None:
    outside = [each.id for each in opened.data if each.kind == "known" and each.name != "digits"]
    assert len(outside) == len(opened.data) - 1
    for id in [*outside, "", "x", "digits", "../..", "/etc"]:
        asked = {"data": id, "part": "training", "page": 0, "augment": "", "seed": 0}
        for path in ("set", "page", "augmented", "examined"):
            assert client.get(f"/{TOKEN}/{path}", params=asked).status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"part": "x"}, {"part": "../test"}, {"part": ""}, {"class": "\x00"}, {"class": "10"}, {"page": "-1"},
        {"page": "9" * 4000}, {"page": "999999"}, {"page": "1e0"}, {"page": ""}, {"seed": "-1"}, {"augment": "fly"},
        {"augment": "shift 1 -> " * 200},
    ],
)  # fmt: skip
def test_pages_that_are_none(client: TestClient, opened: Opened, more: dict[str, str]) -> None:
    path = "augmented" if more.keys() & {"seed", "augment"} else "page"
    asked = {"data": data_id(opened), "part": "training", "page": "0", "augment": "", "seed": "0"}
    assert client.get(f"/{TOKEN}/{path}", params=asked).status_code == 200
    assert client.get(f"/{TOKEN}/{path}", params=asked | more).status_code == 400


# ---- trainings


def data_id(opened: Opened) -> str:
    return next(each.id for each in opened.data if each.name == "digits")


@pytest.mark.parametrize("data", ["", "x", "digits", "/etc", "../../etc/passwd", "~", "mnist", "http://evil.example/x"])
def test_data_that_nobody_gave(client: TestClient, data: str) -> None:
    answer = client.post(f"/{TOKEN}/train", params={"data": data}, content=b"{}")
    assert answer.status_code == 400 and "no such data" in answer.json()["error"]


SETTINGS = [
    b"", b"[]", b"1", b"null", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"data.source": "/etc"}',
    b'{"start.model": "/etc/passwd"}', b'{"engine.name": "torch"}', b'{"train.threads": 5000}', b'{"fault.code": "x"}',
    b'{"optimizer.lr": "1"}', b'{"optimizer.lr": true}', b'{"optimizer.lr": NaN}', b'{"optimizer.lr": -1}',
    b'{"train.epochs": 1e3}', b'{"train.epochs": 1001}', b'{"train.epochs": 99999999999999999999}',
    b'{"train.batch": -1}', b'{"train.seed": -1}', b'{"model.network": 3}', b'{"model.network": "linear 99999999999"}',
    b'{"model.network": "linear 64 -> ' + b"relu -> " * 100 + b'linear"}', b'{"model.network": "__import__"}',
    b'{"train.augment": "shift 999999"}', b'{"train.preset": "../best"}', b'{"optimizer.name": "../adam"}',
    b'{"data.train_limit": -5}', b'{"__class__": 1}', b'{"model.network": "(linear 9) x99999"}',
]  # fmt: skip


@pytest.mark.parametrize("body", SETTINGS[1:], ids=range(len(SETTINGS) - 1))
def test_settings_that_are_none(client: TestClient, opened: Opened, body: bytes) -> None:
    answer = client.post(f"/{TOKEN}/train", params={"data": data_id(opened)}, content=body)
    assert answer.status_code == 400 and "\n" not in answer.json()["error"]
    assert client.get(f"/{TOKEN}/trainings").json()["trainings"] == []


@pytest.mark.parametrize("id", ["", "x", "../x", "0" * 10, "/etc/passwd"])
def test_trainings_that_nobody_started(client: TestClient, id: str) -> None:
    assert client.get(f"/{TOKEN}/events", params={"training": id}).status_code == 400
    for path in ("tell", "branch"):
        query = {"training": id, "word": "stop", "epoch": "1"}
        assert client.post(f"/{TOKEN}/{path}", params=query, content=b"{}").status_code == 400


# ---- over a real socket


@pytest.fixture(scope="module")
def real(opened: Opened) -> Iterator[str]:
    with served(opened) as found:
        yield found
        assert httpx.get(found).status_code == 200, "the page goes on"


def raw(address: str, request: bytes, wait: float = 3.0) -> bytes:
    """What the server answers to these very bytes."""
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), timeout=wait) as connection:
        connection.sendall(request)
        try:
            return connection.recv(4096)
        except TimeoutError:
            return b""


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
    ],
)
def test_no_request_at_all(real: str, request_: bytes) -> None:
    answer = raw(real, request_)
    assert not answer.startswith(b"HTTP/1.1 2") and TOKEN.encode() not in answer


def test_slow_clients_hold_up_nobody(real: str) -> None:
    url = httpx.URL(real)
    idle = [socket.create_connection((url.host, url.port)) for _ in range(40)]
    head = f"POST {url.path}pictures?name=x HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nContent-Length: 1000\r\n\r\n"
    for number, connection in enumerate(idle):
        connection.sendall(b"GET / HT" if number % 2 else head.encode())
    assert httpx.get(real, timeout=20).status_code == 200
    for connection in idle:
        connection.close()


def test_a_body_that_does_not_come_is_given_up(opened: Opened) -> None:
    app = make_app(opened, PORT, TOKEN, seconds=0.2)
    sent: list[dict[str, Any]] = []

    async def call() -> None:
        import anyio

        async def receive() -> dict[str, Any]:
            await anyio.sleep(3600)
            return {}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": f"/{TOKEN}/pictures", "raw_path": b"", "query_string": b"name=x",
            "headers": [(b"host", HOST.encode())], "root_path": "", "scheme": "http", "http_version": "1.1",
        }  # fmt: skip
        await app(scope, receive, send)

    import anyio

    anyio.run(call)
    assert sent[0]["status"] == 408


def test_many_at_once(real: str, ids: dict[str, str]) -> None:
    statuses: list[int] = []

    def ask() -> None:
        query = {"model": ids["small"], "width": 20, "height": 20}
        statuses.append(httpx.post(f"{real}react", params=query, content=bytes(400), timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 24
