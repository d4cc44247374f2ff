"""The folder of a run: begun without overwriting anything, locked while it is written, resumable."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from glassnet.errors import Fix, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.recipe import Recipe
from glassnet.files import exists, first_free, remove_partial, write_json, write_text
from glassnet.locking import LOCK, locked

__all__ = [
    "begun",
    "is_occupied",
    "make_folder",
    "new_folder",
    "require_run",
    "require_same_data",
    "resumable",
    "stem_of",
]


def new_folder(recipe: Recipe, parent: str | Path = "runs") -> Path:
    """A folder name that is still free: `runs/<data>-<number>`.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import new_folder, recipe_for
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     new_folder(recipe_for("digits", {}), folder).name
    'digits-1'
    """
    stem = stem_of(recipe.data.source, "run")
    return first_free(Path(parent) / f"{stem}-{number}" for number in count(1))


def stem_of(source: str | Path, otherwise: str) -> str:
    """The name of data in letters, digits and hyphens, for that of a folder; `otherwise` where nothing is left."""
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(source).name).strip("-").lower() or otherwise


@contextlib.contextmanager
def begun(path: Path, recipe: Recipe, environment: dict[str, Any]) -> Iterator[None]:
    """A run folder of this recipe, new and locked within the block."""
    _refuse_occupied(path)
    make_folder(path, "run folder")
    with locked(path):
        _refuse_occupied(path)  # by a run that began in between
        remove_partial(path)
        write_json(path / "environment.json", environment)
        write_text(path / "recipe.toml", recipe.to_toml())
        yield


@contextlib.contextmanager
def resumable(folder: Path | None) -> Iterator[None]:
    """Tell whoever interrupts the work on a run folder how to resume it, whatever is done at that moment."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is None:
            raise
        raise TrainingInterrupted(
            "Interrupted; the run is kept as of its latest checkpoint.", Fix.RESUME, folder=folder
        ) from None


def require_run(path: Path) -> None:
    """Raise `TrainingError` where a folder is not that of a run."""
    if not exists(path / "recipe.toml"):
        raise TrainingError(f"'{path}' is not a run folder: it has no recipe.toml.", Fix.NAME_RUN)


def require_same_data(before: Any, now: dict[str, Any], path: Path) -> None:
    """Raise `TrainingError` where a run began in an environment `before` with other data than there are `now`."""
    theirs = before.get("data") if isinstance(before, dict) else None
    if theirs != now["data"]:
        raise TrainingError(
            f"Cannot resume '{path}': the data have changed since it was started (another SHA-256). Start a new run."
        )


def _refuse_occupied(path: Path) -> None:
    """Raise `RecipeError` where a new run would overwrite something."""
    if is_occupied(path, "run folder"):
        fix = Fix.RESUME if (path / "recipe.toml").exists() else Fix.CHOOSE_OUTPUT
        raise RecipeError(f"'{path}' exists and is not empty; a run never overwrites another.", fix, folder=path)


def is_occupied(path: Path, what: str) -> bool:
    """Whether a path is a file, or a folder that holds more than what says nothing: the environment, the lock and half
    a file of a writer that was killed before it had begun.

    Raises `RecipeError`, which calls the folder `what`, where that cannot be seen.
    """
    with _told(path, what):
        return path.exists() and (not path.is_dir() or any(not _is_left_over(inside.name) for inside in path.iterdir()))


def make_folder(path: Path, what: str) -> None:
    """Make a folder where it is not there. Raises `RecipeError`, which calls it `what`."""
    with _told(path, what):
        path.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecipeError(f"Cannot make the {what} '{path}': {error.strerror or error}.") from error


def _is_left_over(name: str) -> bool:
    return name in ("environment.json", LOCK) or (name.startswith(".") and name.endswith(".partial"))
