"""A disk that is full, or a folder that cannot be written: one line, status 2, and every file whole or absent."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glassnet.files import atomic_write, read_json
from glassnet.nn import model_file
from glassnet.train import read_history
from support.bad_input import is_refusal, refused, run, untrained

TRAIN = ("train", "digits", "--model", "linear", "--epochs", "2", "--set", "data.train_limit=100")


def assert_whole(folder: Path) -> None:
    """Every file in a run folder can be read, and no temporary one is left."""
    for path in folder.rglob("*"):
        assert not path.name.endswith(".partial"), path
        if path.suffix == ".safetensors":
            model_file.read(path)
        elif path.suffix == ".json":
            read_json(path)
        elif path.suffix == ".jsonl":
            read_history(path)
        elif path.suffix == ".html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), path
        elif path.suffix == ".png":
            assert path.read_bytes()[-8:-4] == b"IEND", path


class FullDisk:
    """Lets so many calls through and then says that no space is left."""

    def __init__(self, original: Any, allowed: int) -> None:
        self.original, self.allowed, self.calls = original, allowed, 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls > self.allowed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.original(*arguments, **named)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_up_at_any_file(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = FullDisk(getattr(os, call), 10**9)
    monkeypatch.setattr(os, call, counted)
    assert run(*TRAIN, "--out", tmp_path / "whole").status == 0
    assert counted.calls >= 4
    # The first files are those of the run itself; those after them are the report and its figures.
    first = range(5) if call == "fsync" else (0, 2)
    for allowed in (*first, counted.calls - 1):
        folder = tmp_path / f"run-{allowed}"
        monkeypatch.setattr(os, call, FullDisk(counted.original, allowed))
        refused((call, allowed), *TRAIN, "--out", folder, says="No space left on device")
        assert_whole(folder)
    monkeypatch.setattr(os, call, counted.original)
    last = tmp_path / f"run-{counted.calls - 1}"
    assert run("train", "--resume", last).status == 0  # with space again, the run goes on
    assert_whole(last)


def test_a_history_that_cannot_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.open

    def full(self: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if "a" in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return original(self, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", full)
    refused("history", *TRAIN, "--out", tmp_path / "run", says="No space left on device")
    assert_whole(tmp_path / "run")


def test_an_older_file_outlives_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    model = untrained(path, (4, 4, 1), ("a", "b"))
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", FullDisk(os.fsync, 0))
    with pytest.raises(Exception, match="No space left on device"):
        model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    refused("picture", "data", "show", "digits", "--out", tmp_path / "grid.png", says="No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    for kind in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(kind), atomic_write(tmp_path / "file") as file:
            file.write(b"half")
            raise kind
    assert not list(tmp_path.iterdir())


def test_what_a_kill_left_behind_goes_when_the_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(*TRAIN, "--out", folder).status == 0
    for place in (folder, folder / "figures"):
        (place / ".curves.png.1a2b3c4d.partial").write_bytes(b"half")
    assert run("train", "--resume", folder).status == 0
    assert_whole(folder)


LIMITED = """
import json, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from glassnet.cli import main
arguments, sizes = json.loads(sys.argv[1]), json.loads(sys.argv[2])
main([*arguments, "--out", f"{sys.argv[3]}/whole"])  # every library sets itself up while it may write
for size in sizes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    status = main([*arguments, "--out", f"{sys.argv[3]}/run-{size}"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print("STATUS", status, flush=True)
    print("END", file=sys.stderr, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits on the size of files are those of Linux")
def test_files_that_the_system_cuts_short(tmp_path: Path) -> None:
    """The system itself refuses to let a file grow: no part of it stays."""
    sizes = [0, 500, 5000, 20_000, 100_000]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, json.dumps(TRAIN), json.dumps(sizes), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MPLCONFIGDIR": str(tmp_path / "matplotlib")},
    )
    statuses = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("STATUS")]
    assert statuses == [2] * len(sizes), done.stderr
    for said in done.stderr.split("END\n")[:-1]:
        assert said.startswith("error: ") and said.count("\n") == 1 and "File too large" in said, said
    for size in sizes:
        if (tmp_path / f"run-{size}").exists():
            assert_whole(tmp_path / f"run-{size}")


SMALL_DISK = """
mount -t tmpfs -o size=$1 tmpfs "$2" || exit 77
shift; folder=$1; shift
"$@" --out "$folder/run"
status=$?
find "$folder" -name '*.partial' | grep -q . && exit 78
cp -r "$folder/run" "$folder.copy" 2>/dev/null
exit $status
"""


@pytest.mark.skipif(sys.platform != "linux", reason="small disks are made by Linux's tmpfs")
@pytest.mark.parametrize("size", ["12k", "100k"])
def test_a_disk_that_is_really_full(size: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [sys.executable, "-c", "import sys; from glassnet.cli import main; sys.exit(main())", *TRAIN]
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c", SMALL_DISK, "sh", size, str(disk), *command],
            capture_output=True,
            text=True,
            timeout=300,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode in (1, 77) and "glassnet" not in done.stderr and "error: " not in done.stderr:
        pytest.skip("this user may not mount a small disk")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "No space left on device" in done.stderr, done.stderr
    copy = Path(f"{disk}.copy")
    if copy.exists():
        assert_whole(copy)


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "run", "/proc/none/run", "/dev/null/run"):
        refused(out, *TRAIN, "--out", out)
    for out in (tmp_path / "file" / "x.png", tmp_path, "/proc/x.png"):
        refused(out, "data", "show", "digits", "--out", out)
    assert (tmp_path / "file").read_bytes() == b"in the way"
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    if not os.access(closed, os.W_OK):  # the administrator may write everywhere
        found = run(*TRAIN, "--out", closed / "run")
        assert is_refusal(found) and not list(closed.iterdir())
