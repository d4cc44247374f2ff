"""Makes recorded calls of kernels: `together` in this process, or each as the first of a process of its own (`apart`).

    python first_calls.py together|apart CALLS

CALLS is a pickled list of (kernel, arguments). Prints, as JSON, how each child of `apart` ended.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from support.recorded_calls import kernels


def ends_of(calls: list[Any]) -> list[int]:
    """Nothing that was compiled is called here before the fork, so every child is as good as a new process."""
    known, ends = kernels(), []
    for name, arguments in calls:
        child = os.fork()
        if child == 0:
            known[name](*arguments)
            os._exit(0)
        ends.append(os.waitpid(child, 0)[1])
    return ends


def main() -> None:
    way, path = sys.argv[1:]
    calls = pickle.loads(Path(path).read_bytes())
    if way == "apart":
        print(json.dumps(ends_of(calls)))
    else:
        known = kernels()
        for name, arguments in calls:
            known[name](*arguments)


if __name__ == "__main__":
    main()
