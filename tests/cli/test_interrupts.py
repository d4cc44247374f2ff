"""Ctrl-C and SIGTERM at any moment of any long command: one line, status 130, nothing half-written, nobody left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glassnet.cli import main
from glassnet.files import atomic_write
from glassnet.processes import hold_interrupts, map_in_processes, run_process
from support import python_path
from support.commands import Ended, Server

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes left in /proc")

TRAIN = ("train", "digits", "--model", "linear 16 -> relu -> linear", "--set", "data.train_limit=200")
LONG = {  # commands that take their time
    "train": (*TRAIN, "--epochs", 4, "--out", "out"),
    "sweep": (*TRAIN, "--epochs", 2, "--sweep", "optimizer.lr=0.01,0.02,0.03", "--out", "out"),
    "tune": ("tune", "digits", *TRAIN[4:], "--set", "train.epochs=2", "--trials", 3, "--confirm", 0, "--out", "out"),
    "read": ("read", "../pages", "--jobs", 2, "--overlay", "--out", "out"),
    "synthesise": ("synthesise", "--pages", 20, "--lines", 2, "--out", "out"),
    "bench": ("bench", "linear 2", "--input", 4, "--runs", 1, "--threads", 1),
    "reproduce": ("reproduce", "affine-fit", "--out", "out"),
    "descend": ("descend", "x**2", "--from", 3, "--out", "out"),
    "check": ("check", "conv 3x3, 4 -> relu -> linear 3", "--input", "8x8x1"),
}
HINT = "Resume with: glassnet train --resume out"
HINTS = (HINT, "Go on with: glassnet tune --resume out")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupted")
    assert main(["synthesise", "--pages", "4", "--lines", "1", "--out", str(folder / "pages")]) == 0
    return folder


def judge(found: Ended, folder: Path, case: object) -> bool:
    """The command must have ended as usual or as an interrupted one. Returns whether it was interrupted."""
    assert found.left == 0, case
    assert not list(folder.rglob("*.partial")), case
    if found.status == 0:
        assert found.err == "", (case, found.err)
        return False
    if found.status == -signal.SIGINT or found.status == -signal.SIGTERM:  # it had come to its end
        assert found.err == "", (case, found.err)
        return False
    assert found.status == 130, (case, found)
    assert found.err.endswith("\n") and found.err.count("\n") == 1, (case, found.err)
    assert found.err == "interrupted\n" or any(hint in found.err for hint in HINTS), (case, found.err)
    return True


def trials(name: str, number: int, server: Server, pages: Path, folder: Path, *, twice: bool = False) -> int:
    """Interrupt the command at so many random moments; returns how often it was interrupted before its end."""
    arguments = LONG[name]
    rng = random.Random(f"{name} {twice}")
    count, resumable = 0, None
    (folder / "pages").symlink_to(pages / "pages")
    (folder / "whole").mkdir()
    start = time.monotonic()
    assert server.run(folder / "whole", *arguments).status == 0
    longest = time.monotonic() - start
    for trial in range(number):
        moment = rng.uniform(0, longest) if trial else 0.3 * longest
        which = rng.choice((signal.SIGINT, signal.SIGTERM))
        group = rng.random() < 0.5 and which == signal.SIGINT  # Ctrl-C on a terminal goes to all of its processes
        signals = [(moment, int(which), group)]
        if twice:
            signals.append((rng.uniform(0, 0.05), int(which), group))
        place = folder / str(trial)
        place.mkdir()
        found = server.run(place, *arguments, signals=signals)
        count += judge(found, place, (name, trial, signals))
        if HINT in found.err:
            resumable = place, found.err.split()[-1]
    if resumable is not None and name == "train":
        place, run = resumable
        resumed = server.run(place, "train", "--resume", run)
        assert resumed.status == 0 and resumed.err == "", (name, resumed.err)
        assert (place / run / "report.html").is_file()
    return count


@pytest.mark.parametrize("name", LONG)
def test_an_interrupt_at_any_moment(name: str, server: Server, pages: Path, tmp_path: Path) -> None:
    assert trials(name, 2, server, pages, tmp_path)


@pytest.mark.parametrize("name", ["train", "read"])
def test_a_second_interrupt(name: str, server: Server, pages: Path, tmp_path: Path) -> None:
    assert trials(name, 2, server, pages, tmp_path, twice=True)


@pytest.mark.long
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("name", LONG)
def test_interrupts_at_many_moments(name: str, twice: bool, server: Server, pages: Path, tmp_path: Path) -> None:
    assert trials(name, 50, server, pages, tmp_path, twice=twice)


def answers(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM yet."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_libraries_are_imported(which: int, tmp_path: Path) -> None:
    def reset() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a script ignores it

    for moment in (0.0, 0.15, 0.4):
        process = subprocess.Popen(
            [sys.executable, "-m", "glassnet", *map(str, TRAIN), "--out", str(tmp_path / "out")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=reset,
        )  # fmt: skip
        while not answers(process.pid):
            time.sleep(0.001)
        time.sleep(moment)
        process.send_signal(which)
        out, err = process.communicate()
        assert (process.returncode, out, err) == (130, "", "interrupted\n"), moment
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_before_anything_is_loaded(which: int, tmp_path: Path) -> None:
    """From the first line of the command's own module on, long before its package is there.

    The command is a long one: on a loaded machine a short one could end before the signal comes.
    """
    for moment in (0.0, 0.01, 0.02, 0.04):
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys, glassnet_command; sys.exit(glassnet_command.main())",
             *map(str, TRAIN), "--out", str(tmp_path / "out")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        while not answers(process.pid):
            time.sleep(0.0005)
        time.sleep(moment)
        process.send_signal(which)
        out, err = process.communicate()
        assert (process.returncode, out, err) == (130, "", "interrupted\n"), moment


@pytest.mark.parametrize("module", ["llvmlite.binding.made", "numba.core.codegen", "glassnet.made"])
def test_what_c_owns_is_not_left_half_way(module: str) -> None:
    code = f"""
import os, signal, time
from glassnet.cli import process
process.take_over()
rest = {{"__name__": {module!r}, "os": os, "signal": signal, "done": []}}
exec("def half():\\n os.kill(os.getpid(), signal.SIGTERM)\\n done.append(1)", rest)
try:
    rest["half"]()
    time.sleep(60)
except KeyboardInterrupt:
    print(len(rest["done"]))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert (found.returncode, found.stdout) == (0, "0\n" if module.startswith("glassnet") else "1\n"), found.stderr


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """A command in the background of a script must not be ended by a Ctrl-C that is meant for another."""
    process = subprocess.Popen(
        [sys.executable, "-m", "glassnet", "calculus", "x**2", "--at", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    while not answers(process.pid):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 0 and err == "" and "df1/dx" in out


def test_signals_wait_while_processes_are_started() -> None:
    seen: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append("handled"))
    try:
        with hold_interrupts():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            seen.append("end of the block")
        assert seen == ["end of the block", "handled"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_started_process_never_sees_ctrl_c() -> None:
    found = run_process(
        [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('goes on')"], os.environ
    )
    assert found.stdout == "goes on\n"


def _double(x: int) -> int:
    return 2 * x


def _write(folder: Path) -> None:
    with atomic_write(folder / "file") as file:
        file.write(b"half")
        (folder / "begun").touch()
        time.sleep(60)


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_takes_back_what_it_has_half_written(which: int, tmp_path: Path) -> None:
    """Whether its parent asks it to end or is killed."""
    program = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *python_path().split(os.pathsep)]!r}\n"
        "import signal; signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "from pathlib import Path; from glassnet.processes import map_in_processes\n"
        "from test_interrupts import _write\n"
        f"if __name__ == '__main__': list(map_in_processes(_write, [Path({str(tmp_path)!r})] * 2, 1))\n"
    )
    (tmp_path / "program.py").write_text(program)
    process = subprocess.Popen([sys.executable, str(tmp_path / "program.py")], stderr=subprocess.DEVNULL)
    while not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(which)
    process.wait()
    end = time.monotonic() + 20
    while list(tmp_path.glob(".*.partial")) and time.monotonic() < end:
        time.sleep(0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "program.py"]


def test_work_in_processes_comes_back_in_order() -> None:
    assert list(map_in_processes(_double, range(5), 2)) == [0, 2, 4, 6, 8]


def test_an_interrupted_writer_leaves_no_file(tmp_path: Path) -> None:
    for number in range(40):  # at every instruction of the first steps

        def strike(frame: object, event: str, argument: object, left: list[int] = [number]) -> object:  # noqa: B006
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
            return strike

        sys.settrace(strike)
        try:
            with atomic_write(tmp_path / "file") as file:
                file.write(b"whole")
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert not list(tmp_path.glob(".*")), number
