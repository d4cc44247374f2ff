"""Carries out runs in forked children, so that a killed run costs no start-up. One JSON job a line on standard input.

A job is `{"folder": ..., "recipe": ... or null, "calls": ..., "delay": ..., "report": bool}`: begin a run of the
recipe (or resume the folder's) and let it die by SIGKILL within the writing of a file, at the `calls`-th call, or after
`delay` seconds, where these are not null. Answered is the child's wait status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from pathlib import Path
from typing import Any

os.environ["GLASSNET_THREADS"] = "1"
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one that lives on in a forked child

from glassnet.experiments import resume, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.interop import is_installed
from glassnet.report.pages import write_run_page
from support.runs import write_small_reports


def die_at(calls: int) -> None:
    """Replace the calls that write files by ones that count, the last of which kills this process half-way."""
    left = [calls]
    original_fsync, original_replace = os.fsync, os.replace

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def count() -> bool:
        left[0] -= 1
        return left[0] == 0

    def fsync(handle: int) -> None:
        if count():
            size = os.fstat(handle).st_size
            os.ftruncate(handle, size // 2)  # half a file, as a crash leaves it
            die()
        original_fsync(handle)

    def replace(*names: Any, **named: Any) -> None:
        if count():
            die()
        original_replace(*names, **named)
        if count():
            die()

    os.fsync, os.replace = fsync, replace


def work(job: dict[str, Any]) -> int:
    if job["calls"]:
        die_at(job["calls"])
    on_finish = [write_run_page] if job["report"] else []
    folder = Path(job["folder"])
    try:
        if job["recipe"] is None:
            resume(folder, on_finish=on_finish)
        else:
            run_recipe(recipe_from(tomllib.loads(job["recipe"])), folder, on_finish=on_finish)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def warm_up(recipe: str) -> None:
    """Load every library and compiled function before the first fork."""
    write_small_reports()
    if is_installed():
        importlib.import_module("glassnet.engines.torch.engine")
    with tempfile.TemporaryDirectory() as folder:
        run_recipe(recipe_from(tomllib.loads(recipe)), Path(folder) / "run", on_finish=[write_run_page])


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        if "warm" in job:
            warm_up(job["warm"])
            gc.freeze()  # or each child would look for garbage in all that is loaded
            print(0, flush=True)
            continue
        child = os.fork()
        if child == 0:
            os._exit(work(job))
        if job["delay"] is not None:
            time.sleep(job["delay"])
            os.kill(child, signal.SIGKILL)  # nobody has asked for its end yet, so its number still stands
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
