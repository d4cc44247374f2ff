"""The command line: one file a command, no logic of its own."""

from glassnet.cli.main import main

__all__ = ["main"]
