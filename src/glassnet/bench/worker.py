"""One measurement in a process of its own: `python -m glassnet.bench.worker REQUEST` prints its result as JSON.

Two pools of threads in one process fight, and memory that one side freed would hide what the other takes; so every
measurement of either side is a fresh process, and they run in turn. The request and the answer are one JSON object
each; an answer is {"result": ...} or {"error": "one line"}.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any, Literal

from glassnet.bench.cases import Case
from glassnet.errors import GlassnetError
from glassnet.processes import run_process

__all__ = ["SECONDS", "Side", "measure"]

Side = Literal["ours", "pytorch"]
SECONDS = 1.5  # for which each way of a side is stepped through, after its warm-up


def measure(side: Side, what: Literal["time_step", "memory"], case: Case, threads: int, way: str = "") -> Any:
    """The result of `ours` or `pytorch`'s function `what`, from a fresh process. Raises `GlassnetError`."""
    request = {"side": side, "what": what, "case": asdict(case), "threads": threads, "way": way, "seconds": SECONDS}
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    done = run_process(
        [sys.executable, "-m", "glassnet.bench.worker", json.dumps(request)],
        {**os.environ, **dict.fromkeys(names, str(threads))},
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        who = "PyTorch" if side == "pytorch" else "glassnet"
        raise GlassnetError(f"Measuring {case.name} with {who} failed: {last}")
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise GlassnetError(answer["error"])
    return answer["result"]


def _answer(request: dict[str, Any]) -> Any:
    from glassnet.bench import ours, pytorch

    side = ours if request["side"] == "ours" else pytorch
    case, threads = Case(**request["case"]), int(request["threads"])
    if request["what"] == "memory":
        return side.memory(case, threads, request["way"])
    return side.time_step(case, threads, request["seconds"])


def main() -> None:
    try:
        answer = {"result": _answer(json.loads(sys.argv[1]))}
    except GlassnetError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
