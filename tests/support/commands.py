"""Commands in processes of their own, with signals and odd streams; see `command_server`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import python_path, script


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, what it printed, how many of its processes were left."""

    status: int
    out: str
    err: str
    left: int


class Server:
    """The process whose children the commands are."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", script("command_server")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Not the process's own environment, in which readline sets COLUMNS behind Python's back.
            env={**os.environ, "PYTHONPATH": python_path()},
            text=True,
        )
        assert self._answer() is True

    def _answer(self) -> object:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def run(
        self,
        folder: str | Path,
        *arguments: object,
        setting: str = "plain",
        signals: Sequence[tuple[float, int, bool]] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        assert self.process.stdin is not None
        job = {
            "arguments": [os.fsencode(str(argument)).decode("latin-1") for argument in arguments],
            "folder": os.fsencode(folder).decode("latin-1"), "setting": setting, "signals": list(signals),
            "environment": dict(environment or {}),
        }  # fmt: skip
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        found = self._answer()
        assert isinstance(found, dict)
        assert found["status"] is not None, f"the command hung: {arguments}"
        return Ended(**found)

    def close(self) -> None:
        self.process.__exit__(None, None, None)  # closes its streams, upon which it ends, and waits
