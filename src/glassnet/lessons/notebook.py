"""A lesson as a notebook of one's own."""

from __future__ import annotations

import hashlib
from typing import Any

from glassnet.lessons.page import Lesson

__all__ = ["as_notebook"]


def as_notebook(lesson: Lesson) -> dict[str, Any]:
    """A lesson in Jupyter's format (nbformat 4.5), without outputs.

    Parameters
    ----------
    lesson : Lesson
        Which.

    Returns
    -------
    dict
        What the file of the notebook holds, to be written as JSON.
    """
    cells = []
    for cell in lesson.cells():
        name = hashlib.sha256(f"{cell.line} {cell.text}".encode()).hexdigest()[:8]
        common = {"id": name, "metadata": {}, "source": cell.text.splitlines(keepends=True)}
        if cell.is_code:
            cells.append({"cell_type": "code", "execution_count": None, "outputs": [], **common})
        else:
            cells.append({"cell_type": "markdown", **common})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
