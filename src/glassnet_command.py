"""Where the `glassnet` command begins: it answers Ctrl-C and SIGTERM before it loads anything that takes time.

A module of its own beside the package, for importing anything of the package runs `glassnet/__init__.py` first. Nothing
is open yet that would have to be put away, so a signal ends the process at once; `glassnet.cli` takes the signals over.
"""

import os
import signal
from typing import Any

__all__ = ["main"]


def _end(number: int, frame: Any) -> None:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)


def main() -> int:
    """The command; see `glassnet.cli.main`."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)
    from glassnet.cli import main as command

    return command()
