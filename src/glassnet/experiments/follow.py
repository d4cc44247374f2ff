"""Taking part in a training that another process carries out: the same steps, and nothing written or told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.experiments.build import build
from glassnet.experiments.carry_out import planned_again
from glassnet.experiments.defaults import prepare
from glassnet.experiments.folder import require_run
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.train.callbacks import Histograms

__all__ = ["follow", "follow_resumed"]


def follow(recipe: Recipe) -> None:
    """Make the steps of a recipe that process 0 carries out by `run_recipe`.

    Raises
    ------
    GlassnetError
        Recipe or data are wrong, or another process ended.

    Examples
    --------
    >>> from glassnet.experiments import follow, recipe_for
    >>> follow(recipe_for("digits", {"model.network": "linear", "train.epochs": 1}))  # it writes nothing
    """
    recipe.engine.maker()  # before any data are read
    _fit(recipe, None)


def follow_resumed(folder: str | Path, *, epochs: int | None = None, engine: Mapping[str, Any] | None = None) -> None:
    """The same of a run that process 0 resumes by `resume`; its folder is only read here.

    Parameters
    ----------
    folder : path-like
        The run folder, where this process sees it.
    epochs : int, optional
        As of `resume`.
    engine : mapping of str to value, optional
        As of `resume`.

    Raises
    ------
    GlassnetError
        The folder holds no run, it has that many epochs already, or another process ended.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import follow_resumed, recipe_for, run_recipe
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = run_recipe(recipe_for("digits", {"model.network": "linear", "train.epochs": 1}), f"{folder}/run")
    ...     follow_resumed(f"{folder}/run", epochs=2)  # the second epoch, beside the process that writes it
    """
    path = Path(folder)
    require_run(path)
    recipe = planned_again(load_recipe(path / "recipe.toml"), path, epochs, engine or {})
    _fit(recipe, path / "checkpoint.safetensors")


def _fit(recipe: Recipe, checkpoint: Path | None) -> None:
    with threads.use(recipe.threads):
        recipe, splits = prepare(recipe)
        build(recipe, splits).fit(
            splits.train,
            splits.valid,
            resume=checkpoint is not None,
            begin_from=checkpoint,
            callbacks=[Histograms()],  # as process 0 has it
        )
