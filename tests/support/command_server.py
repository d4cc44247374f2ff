"""Runs commands in forked children, so that none pays for the imports again. One JSON job a line on standard input.

A job is `{"arguments": [...], "folder": ..., "setting": ..., "signals": [[delay, number, whole group], ...],
"environment": {...}}`: run the command in the folder, with its streams set up as `setting` says (see `set_up`) and
variables added to the environment, and send it the signals, each so many seconds after the one before, the first after
the command has set itself up. Answered is one JSON line with its exit
status (minus the signal that ended it), what it printed (bytes as Latin-1), and how many of its processes were left.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["GLASSNET_THREADS"] = "1"
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one that lives on in a forked child

import glassnet

PATIENCE = 120.0  # seconds after which a command counts as hung
SETTINGS = ("plain", "ascii", "closed", "full", "gone")


def set_up(setting: str) -> None:
    """Set the standard streams of a child up.

    ascii: an encoding that knows little; closed: no standard streams at all; full: what is printed goes to a full
    device; gone: nobody reads what is printed.
    """
    if setting == "ascii":
        sys.stdout.reconfigure(encoding="ascii", errors="strict")  # type: ignore[union-attr]
    elif setting == "closed":
        for number in (0, 1, 2):
            os.close(number)
        sys.stdin = sys.stdout = sys.stderr = None  # type: ignore[assignment]
    elif setting in ("full", "gone"):
        if setting == "full":
            end = os.open("/dev/full", os.O_WRONLY)
        else:
            start, end = os.pipe()
            os.close(start)
        os.dup2(end, 1)
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]


def child(job: dict[str, Any], ready: int, out: int, err: int) -> int:
    """The command itself; its exit status, or whatever it raises."""
    from glassnet.cli import events, main, process

    os.setsid()
    events.time = SimpleNamespace(monotonic=lambda: 0.0)  # type: ignore[assignment]  # no line of progress falls due
    os.environ.update(job["environment"])
    os.chdir(job["folder"].encode("latin-1"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    set_up(job["setting"])
    take_over = process.take_over

    def tell() -> None:
        take_over()
        os.write(ready, b".")

    process.take_over = tell
    sys.argv = ["glassnet", *(os.fsdecode(argument.encode("latin-1")) for argument in job["arguments"])]
    return main()


def end_as_python_does(status: int) -> None:
    """End this process, the taking apart of every module left out: it takes seconds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def left(group: int) -> int:
    """How many processes of the group are alive, the dead that nobody has asked about not counted."""
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = stat.read_text("latin-1").rpartition(")")[2].split()[:4]
            found += int(session) == group and state not in "ZX"
    return found


def watch(pid: int, job: dict[str, Any], ready: int) -> tuple[int | None, int]:
    """Send the signals and wait. Returns the exit status (None: hung) and the number of processes left."""
    status = None
    if job["signals"]:
        os.read(ready, 1)
    for delay, number, group in job["signals"]:
        time.sleep(delay)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            (os.killpg if group else os.kill)(pid, number)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(0.002)
    else:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return None, 0
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = code
    waited = time.monotonic()
    while left(pid) and time.monotonic() < waited + 5:  # workers notice the end of their parent
        time.sleep(0.01)
    remaining = left(pid)
    if remaining:
        os.killpg(pid, signal.SIGKILL)
    return status, remaining


def work(job: dict[str, Any]) -> dict[str, Any] | None:
    """Carry a job out; None in the child."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start, end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(start)
            end_as_python_does(child(job, end, out.fileno(), err.fileno()))
        os.close(end)
        try:
            status, remaining = watch(pid, job, start)
        finally:
            os.close(start)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("latin-1"))
    return {"status": status, "out": texts[0], "err": texts[1], "left": remaining}


def warm_up() -> None:
    """Load libraries and compiled functions before the first fork."""
    for module in pkgutil.walk_packages(glassnet.__path__, "glassnet."):
        if not module.name.startswith(("glassnet.interop", "glassnet.bench.pytorch", "glassnet.__main__")):
            importlib.import_module(module.name)
    from support.runs import finished_run, write_small_reports

    glassnet.bench.report.is_installed = lambda: False  # its processes would take seconds to import PyTorch
    glassnet.bench.worker.SECONDS, glassnet.bench.machine.gemm_speed = 0.05, lambda threads: 1.0
    write_small_reports()
    with tempfile.TemporaryDirectory() as folder:
        finished_run(Path(folder) / "run")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warm_up()
    gc.freeze()  # or each child would look for garbage in all that is loaded
    gc.set_threshold(10_000, 10, 10)
    print(json.dumps(True), flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
