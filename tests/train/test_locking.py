"""A run folder has one writer at a time, whatever becomes of the one before."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glassnet import experiments, locking
from glassnet.cli import main
from glassnet.errors import GlassnetError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.recipe import recipe_from
from glassnet.locking import LOCK, locked
from glassnet.train import Progress, read_history
from support import script

SETTINGS = {
    "data": {"source": "digits", "train_limit": 200, "test_limit": 40},
    "model": {"network": "linear 16 -> relu -> dropout 0.2 -> linear"},
    "train": {"batch": 10, "threads": 1, "checkpoint_seconds": 0},
}


class InterruptAt(Progress):
    """Presses Ctrl-C after the first step that it sees."""

    def step(self, step: int, loss: float) -> None:
        signal.raise_signal(signal.SIGINT)


def recipe(epochs: int) -> experiments.Recipe:
    return recipe_from({**SETTINGS, "train": {**SETTINGS["train"], "epochs": epochs}})


def begun(folder: Path, epochs: int) -> None:
    """A run that was stopped after its first step."""
    with pytest.raises(TrainingInterrupted):
        experiments.run_recipe(recipe(epochs), folder, progress=InterruptAt())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@contextlib.contextmanager
def workers(*commands: list[str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that run these commands at one signal."""
    made = [
        subprocess.Popen(
            [sys.executable, script("lock_worker"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    try:
        for process in made:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in made:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield made
    finally:
        for process in made:
            process.kill()
            process.communicate()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.02)


def test_a_run_that_is_being_written_cannot_be_resumed_or_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    begun(folder, 100_000)
    assert not (folder / LOCK).exists()
    steps = len(read_history(folder / "metrics.jsonl"))
    with workers(["train", "--resume", str(folder)]) as (holder,):
        wait_for(lambda: len(read_history(folder / "metrics.jsonl")) > steps + 3)
        for command in (["--resume", str(folder)], ["digits", "--out", str(folder)]):
            capsys.readouterr()
            assert main(["train", *command]) == 2
            said = capsys.readouterr().err
            assert said.count("\n") == 1 and ("is not empty" if "--out" in command else f"process {holder.pid}") in said
        lines = len(read_history(folder / "metrics.jsonl"))
        wait_for(lambda: len(read_history(folder / "metrics.jsonl")) > lines)  # the holder was not disturbed
        assert holder.poll() is None
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(30) == -signal.SIGKILL
    assert json.loads((folder / LOCK).read_text())["pid"] == holder.pid  # it could not clear up behind itself
    with pytest.raises(TrainingInterrupted):
        experiments.resume(folder, progress=InterruptAt())
    assert not (folder / LOCK).exists() and not list(folder.rglob(".*"))


def test_of_two_that_resume_at_once_one_does(tmp_path: Path) -> None:
    """And it ends in the bits of a run that nobody disturbed."""
    folder, whole = tmp_path / "run", tmp_path / "whole"
    begun(folder, 60)
    experiments.run_recipe(recipe(60), whole)
    command = ["train", "--resume", str(folder)]
    with workers(command, command) as both:
        said = {process.pid: process.communicate() for process in both}
        statuses = sorted(process.returncode for process in both)
        assert statuses == [0, 2], said
        winner, loser = sorted(both, key=lambda process: process.returncode)
    assert f"is being written by process {winner.pid};" in said[loser.pid][1]
    assert said[loser.pid][1].count("\n") == 1
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    times_apart = [
        [{k: v for k, v in record.items() if k != "seconds"} for record in read_history(f / "metrics.jsonl")]
        for f in (folder, whole)
    ]
    assert times_apart[0] == times_apart[1]


def test_what_a_killed_beginning_leaves_can_be_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / LOCK).write_text('{"pid": 1, "host": "elsewhere", "started": "3"}')
    (folder / ".environment.json.x.partial").write_bytes(b"{")
    begun(folder, 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".mine").write_bytes(b"")
    with pytest.raises(RecipeError, match="not empty"):
        begun(tmp_path / "other", 1)


def test_half_a_figure_is_cleared_away(tmp_path: Path) -> None:
    """A writer that is killed within the report leaves its temporary file in the folder of the figures."""
    folder = tmp_path / "run"
    begun(folder, 1)
    (folder / "figures").mkdir()
    for name in (".report.html.ab12.partial", "figures/.network.png.cd34.partial"):
        (folder / name).write_bytes(b"half")
    experiments.resume(folder)
    assert not list(folder.rglob("*.partial")) and (folder / "model.safetensors").exists()


def test_two_threads_of_one_process(tmp_path: Path) -> None:
    with locked(tmp_path):
        caught: list[BaseException] = []

        def other() -> None:
            try:
                with locked(tmp_path):
                    pass
            except TrainingError as error:
                caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert f"process {os.getpid()};" in str(caught[0])
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["host"] == socket.gethostname()
    assert not (tmp_path / LOCK).exists()


def test_a_lock_is_released_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_many_take_turns(tmp_path: Path) -> None:
    """Eight threads, each of which takes the lock until it had it twenty times: never two within."""
    within, most, done = [0], [0], []

    def work() -> None:
        had = 0
        while had < 20:
            with contextlib.suppress(TrainingError), locked(tmp_path):
                within[0] += 1
                most[0] = max(most[0], within[0])
                time.sleep(0.0005)
                within[0] -= 1
                had += 1
        done.append(had)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [20] * 8 and most[0] == 1


# ---- file systems without locks


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", refuse)
    monkeypatch.setattr(locking, "_SIGNING", 0.0)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def signed(pid: int, host: str | None = None, started: str | None = None) -> str:
    named = {"pid": pid, "host": host or socket.gethostname(), "started": started or ""}
    return json.dumps(named)


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize("left", [None, "", "{", "[1]", "dead", "reused"])
def test_without_locks_what_is_stale_is_taken_over(left: str | None, tmp_path: Path) -> None:
    made: dict[str, Any] = {"dead": lambda: signed(ended_process()), "reused": lambda: signed(os.getpid(), None, "1 x")}
    if left is not None:
        (tmp_path / LOCK).write_text(made.get(left, lambda: left)())
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
        with pytest.raises(TrainingError, match=f"process {os.getpid()};.*remove '.*{LOCK}'"), locked(tmp_path):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_locks")
def test_without_locks_another_machine_counts_as_alive(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(signed(ended_process(), "elsewhere"))
    with pytest.raises(GlassnetError, match="on 'elsewhere'"), locked(tmp_path):
        pass
    assert (tmp_path / LOCK).exists()
