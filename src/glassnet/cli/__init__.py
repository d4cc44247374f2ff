"""The command line: options, an action, and its result as lines, tables and JSON; one file per command."""

from glassnet.cli.main import main

__all__ = ["main"]
