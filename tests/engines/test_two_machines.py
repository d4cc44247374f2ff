"""A training on two machines, rehearsed in two network namespaces of this one with a cable between them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

from support import python_path

PATIENCE = 300
NAMES = [f"glassnet-{os.getpid()}-{number}" for number in (1, 2)]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


@contextlib.contextmanager
def cable() -> Iterator[None]:
    """Two namespaces, 10.9.0.1 and 10.9.0.2."""
    with contextlib.ExitStack() as afterwards:
        for name in NAMES:
            ip("netns", "add", name)
            afterwards.callback(ip, "netns", "del", name)
        ip("link", "add", "cable1", "netns", NAMES[0], "type", "veth", "peer", "name", "cable2", "netns", NAMES[1])
        for number, name in enumerate(NAMES, start=1):
            ip("-n", name, "addr", "add", f"10.9.0.{number}/24", "dev", f"cable{number}")
            for device in ("lo", f"cable{number}"):
                ip("-n", name, "link", "set", device, "up")
        yield


def possible() -> bool:
    if shutil.which("ip") is None:
        return False
    try:
        with cable():
            return True
    except (OSError, subprocess.SubprocessError):
        return False


@pytest.mark.long
def test_two_machines(tmp_path: Path) -> None:
    if not possible():
        pytest.skip("this machine lets nobody make network namespaces")
    line = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    line += ["--master-addr", "10.9.0.1", "--master-port", "29400"]
    train = [
        "-m",
        "glassnet",
        "train",
        "digits",
        "--model",
        "linear 8 -> tanh -> linear",
        "--set",
        "data.train_limit=21",
    ]
    train += ["--batch", "5", "--epochs", "1", "--engine", "torch", "--out", "run"]
    with cable():
        running = []
        for rank, name in enumerate(NAMES):
            own = {"PYTHONPATH": python_path(), "GLASSNET_THREADS": "1", "GLOO_SOCKET_IFNAME": f"cable{rank + 1}"}
            (tmp_path / name).mkdir()
            running.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", name, *line, "--node-rank", str(rank), *train],
                    cwd=tmp_path / name, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True,
                )
            )  # fmt: skip
        try:
            said = [process.communicate(timeout=PATIENCE) for process in running]
        finally:
            for process in running:
                process.kill()
    assert [process.returncode for process in running] == [0, 0], said
    assert "wrote run/model.safetensors" in said[0][0] and said[1][0] == ""
    assert (tmp_path / NAMES[0] / "run" / "report.html").exists() and not (tmp_path / NAMES[1] / "run").exists()
