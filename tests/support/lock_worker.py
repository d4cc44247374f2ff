"""Resumes or begins a run when told to: prints `ready`, waits for a line, then runs the command line on its arguments.

python lock_worker.py ARGUMENTS...
"""

from __future__ import annotations

import sys

from glassnet.cli import main
from glassnet.data import load
from glassnet.report import pages  # noqa: F401 - imported before the starting signal

if __name__ == "__main__":
    load("digits")
    print("ready", flush=True)
    sys.stdin.readline()
    sys.exit(main(sys.argv[1:]))
