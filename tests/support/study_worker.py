"""Carries out studies in forked children and kills them. One JSON job a line on standard input.

A job is `{"folder": ..., "recipe": ... or null, "space": ..., "trials": ..., "writes": ..., "delay": ...}`: begin a
study (or go on with the folder's) and let it die by SIGKILL at the `writes`-th write of a file, or after `delay`
seconds, where these are not null. Answered is the child's wait status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import tomllib
import traceback
from typing import Any

os.environ["GLASSNET_THREADS"] = "1"
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one that lives on in a forked child

import optuna  # noqa: F401  (before the first fork)

from glassnet.experiments import resume_study, tune
from glassnet.experiments.recipe import recipe_from
from glassnet.experiments.search import space_from


def die_at(writes: int) -> None:
    """Kill this process at a write; of a line that is being added to a file every second time only half is there."""
    left, original = [writes], os.fsync

    def fsync(handle: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            if writes % 2:
                os.ftruncate(handle, max(0, os.fstat(handle).st_size - 9))
            os.kill(os.getpid(), signal.SIGKILL)
        original(handle)

    os.fsync = fsync


def die_after(seconds: float) -> None:
    """Kill this process after a while, whatever it does."""

    def wait() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def work(job: dict[str, Any]) -> int:
    if job["writes"]:
        die_at(job["writes"])
    if job["delay"]:
        die_after(job["delay"])
    try:
        if job["recipe"] is None:
            resume_study(job["folder"], trials=job["trials"], confirm=1)
        else:
            recipe = recipe_from(tomllib.loads(job["recipe"]))
            tune(recipe, space_from(job["space"]), job["folder"], trials=job["trials"], confirm=1)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(work(json.loads(line)))
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
