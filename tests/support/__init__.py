"""What several rooms' tests share, and the scripts that they start in processes of their own."""

from __future__ import annotations

import os
from pathlib import Path

import glassnet

FOLDER = Path(__file__).parent


def script(name: str) -> str:
    """The path of a script of this package."""
    return str(FOLDER / f"{name}.py")


def python_path() -> str:
    """`PYTHONPATH` of a process that imports the package under test, and this one."""
    return os.pathsep.join([str(Path(glassnet.__file__).parents[1]), str(FOLDER.parent)])
