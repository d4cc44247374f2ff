"""A lesson as a notebook of one's own."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any

from glassnet.lessons.page import Lesson

__all__ = ["as_notebook"]

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s:#]+\.md)(?:#[^)]*)?\)")


def as_notebook(lesson: Lesson) -> dict[str, Any]:
    """A lesson in Jupyter's format (nbformat 4.5), without outputs.

    The pages that it links to do not lie beside it: of another lesson the command is named that writes it, of any other
    page its place in the repository.

    Parameters
    ----------
    lesson : Lesson
        Which.

    Returns
    -------
    dict
        What the file of the notebook holds, to be written as JSON.

    Examples
    --------
    >>> from glassnet.lessons import as_notebook, lesson
    >>> as_notebook(lesson("descent"))["nbformat"]
    4
    """
    cells = []
    for cell in lesson.cells():
        name = hashlib.sha256(f"{cell.line} {cell.text}".encode()).hexdigest()[:8]
        text = cell.text if cell.is_code else _LINK.sub(_named, cell.text)
        common = {"id": name, "metadata": {}, "source": text.splitlines(keepends=True)}
        if cell.is_code:
            cells.append({"cell_type": "code", "execution_count": None, "outputs": [], **common})
        else:
            cells.append({"cell_type": "markdown", **common})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _named(link: re.Match[str]) -> str:
    """A link to a page as text that says where to find the page."""
    page = PurePosixPath(link[2])
    if len(page.parts) == 1:
        return f"{link[1]} (`glassnet lesson {page.stem}`)"
    return f"{link[1]} (`{PurePosixPath(*(part for part in page.parts if part != '..'))}`)"
