"""`glassnet open`: its address, its end, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from glassnet.model import Model
from support import python_path
from support.shell import Shell

pytest.importorskip("uvicorn")


def test_a_list(shell: Shell, finished_folder: Path) -> None:
    out = shell("open", finished_folder, "--list")
    assert f"run        {finished_folder.name}" in out
    found = shell.json("open", finished_folder, "--list")
    assert found["models"][0] == {"id": found["first"], "name": finished_folder.name, "kind": "run", "draws": True}


def test_a_folder_without_models(shell: Shell, tmp_path: Path) -> None:
    assert "holds no model, no run and no picture to read" in shell.error("open", tmp_path)
    assert "no model file or run folder" in shell.error("open", tmp_path / "absent")


def test_a_port_that_is_taken(shell: Shell, finished_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = shell.error("open", finished_folder, "--port", taken.getsockname()[1], "--no-browser")
    assert "cannot be used: address already in use. Choose another --port" in said


def test_without_the_packages(shell: Shell, finished_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def spec(name: str, *more: Any) -> Any:
        return None if name == "uvicorn" else found(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", spec)
    assert "pip install 'glassnet[web]'" in shell.error("open", finished_folder, "--no-browser")


@pytest.mark.parametrize("browser", ["--no-browser", "--browser"])
def test_it_serves_until_it_is_interrupted(browser: str, finished_folder: Path) -> None:
    """The browser of the second is a program that fails: a note says that none could be started."""
    environment = {**os.environ, "PYTHONPATH": python_path(), "BROWSER": "/bin/false", "DISPLAY": ""}
    command = [sys.executable, "-m", "glassnet", "open", str(finished_folder), browser, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None and process.stderr is not None
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        found = json.loads(lines[-1])
        assert lines[1] == found["address"] + "\n" and found["address"].startswith("http://127.0.0.1:")
        with urllib.request.urlopen(found["address"], timeout=30) as answer:
            assert b"<title>glassnet</title>" in answer.read()
        if browser == "--no-browser":
            training = _begin_training(found["address"])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    noted = "note: no browser could be started; open the address yourself\n" if browser == "--browser" else ""
    assert (process.returncode, out, err) == (130, "", noted + "interrupted\n")
    if browser == "--no-browser":
        run = finished_folder.parent / training
        assert "interrupted after" in Model.load(run).card["unfinished"], "what it started has ended with it"
        shutil.rmtree(run)


def _begin_training(address: str) -> str:
    """Have the page train for long, and wait until some epochs are over; its run folder's name."""

    def ask(path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(address + path, body, timeout=30) as answer:
            return json.loads(answer.read())

    data = next(each["id"] for each in ask("choices")["data"] if each["name"] == "digits")
    ask(f"train?data={data}", b'{"model.network": "linear", "train.epochs": 1000}')
    for _ in range(300):
        found = ask("trainings")["trainings"][0]
        if found["state"] == "training" and found["about"]:
            time.sleep(0.5)
            return str(found["run"])
        time.sleep(0.1)
    raise AssertionError(found)
