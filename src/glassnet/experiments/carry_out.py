"""Carrying a recipe out: from the data to a run folder with all that came of it, to be stopped and resumed.

Whoever carries a recipe out may add to the folder when it is finished, as a report.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Dataset, Splits
from glassnet.data.ink import Manner
from glassnet.data.split import HELD_OUT
from glassnet.doctor import AuditGradients, Watch, examine, together, write_findings
from glassnet.errors import Fix, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.build import build
from glassnet.experiments.data import evaluated_part, load_splits
from glassnet.experiments.defaults import kind_of, prepare, resolve
from glassnet.experiments.engine import described
from glassnet.experiments.environment import environment, going_on, on_engine
from glassnet.experiments.folder import begun, require_run, require_same_data, resumable
from glassnet.experiments.known import KnownPictures
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.experiments.run import UNFINISHED, WRITTEN, Run
from glassnet.experiments.under_attack import judge
from glassnet.files import atomic_write, exists, plain_bytes, read_json, remove_partial, write_json, write_text
from glassnet.locking import locked
from glassnet.model import PRECISIONS, Model
from glassnet.nn.named import NAMED
from glassnet.train import Callback, Progress, Trainer, read_history, write_csv
from glassnet.train.callbacks import Histograms
from glassnet.train.callbacks.checkpoint import ended
from glassnet.train.callbacks.epochs import epoch_file

__all__ = ["CHANGEABLE", "Finisher", "branch", "planned_again", "resume", "run_recipe"]

CHANGEABLE: Mapping[str, str] = {
    "optimizer.lr": "optimizer",
    "train.schedule": "schedule",
    "train.l2": "l2",
    "train.clip": "clip",
    "train.augment": "augmentation",
    "train.epochs": "epochs",
}
"""Settings that may be others when a training goes on from a checkpoint of another, and how a checkpoint calls them."""
_SHORT = 40  # characters of a network's notation that the first line shows

Finisher = Callable[[Run], Iterable[Path]]  # adds files to a run folder, and says which


def run_recipe(
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    progress: Progress | None = None,
    splits: Splits | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_finish: Sequence[Finisher] = (),
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Carry a recipe out.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    folder : path-like or None
        A new or empty folder, in which everything is kept and from which the run can be resumed; None keeps nothing.
    progress : Progress or None
        Is told of steps and epochs.
    splits : Splits or None
        The recipe's data, where they are at hand.
    say : callable
        Is given a line here and there.
    on_finish : sequence of callables
        Each is called with the finished run where it has a folder, and returns the paths of the files that it adds:
        `glassnet.report.pages.write_run_page`, for one.
    callbacks : sequence of Callback
        What else happens in the training; what a `Watch` among them finds is among the run's findings.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    GlassnetError
        Recipe, data or folder are wrong.
    TrainingInterrupted
        Somebody pressed Ctrl-C; the run can be resumed.

    Examples
    --------
    >>> from glassnet.experiments import recipe_for, run_recipe
    >>> run = run_recipe(recipe_for("digits", {"model.network": "linear", "train.epochs": 2}))
    >>> run.evaluation.n
    360
    """
    recipe.engine.maker()  # before any data are read
    with threads.use(recipe.threads):
        recipe, splits = prepare(recipe, say) if splits is None else (resolve(recipe, splits), splits)
        trainer = build(recipe, splits, say)
        trainer.check(splits.train, splits.valid)  # before anything is written
        path = Path(folder) if folder is not None else None
        created = (
            contextlib.nullcontext()
            if path is None
            else begun(path, recipe, environment(splits, trainer.engine.about()))
        )
        with created, resumable(path):
            for line in _introduction(recipe, trainer, splits, path):
                say(line)
            return _train(recipe, trainer, splits, path, progress, on_finish, say, callbacks, resuming=False)


def _introduction(recipe: Recipe, trainer: Trainer, splits: Splits, folder: Path | None) -> list[str]:
    """What is trained on what: network, picture size, classes, parts; then how, and where it is kept."""
    network = trainer.network
    name, train = recipe.about, splits.train
    height, width, channels = train.image_shape
    if recipe.start is None and name not in NAMED and len(name) > _SHORT:
        name = f"own network of {network.size:,} weights"
    size = f"{height}x{width} {'colour' if channels == 3 else 'grey'}"
    held_out = HELD_OUT in splits.notes
    parts = {"train": train, "validation": splits.valid, "test (held out)" if held_out else "test": splits.test}
    sizes = ", ".join(f"{part} {len(found):,}" for part, found in parts.items() if found is not None)
    what = f"{size}, {train.classes} classes; {sizes}"
    if train.holds_lines:
        what = f"lines {height} pixels high, {train.classes} characters; {sizes.replace(',', ' an epoch,', 1)}"
    lines = [f"{splits.name}: {name}, {what}"]
    preset = recipe.train.get("preset")
    why = f"preset {preset} for {kind_of(splits)}: " if preset else ""
    settings = recipe.settings
    lines.append(f"{why}{network.size:,} weights, {settings.epochs} epochs, {recipe.optimizer.get('name')}")
    if text := recipe.train.get("augment"):
        lines[-1] += f", augment {text}"
    if recipe.engine.name != "native":
        about = trainer.engine.about()
        lines.append(described(about))
        if (count := about.get("processes", 1)) > 1:
            batch = settings.batch or len(splits.train)
            lines[-1] += f", batch {batch} in all, {batch / count:g} a process"
    return lines if folder is None else [*lines, f"run folder {folder}"]


def resume(
    folder: str | Path,
    *,
    epochs: int | None = None,
    engine: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_finish: Sequence[Finisher] = (),
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Resume the run in a folder, from its latest checkpoint, as if it had never stopped.

    It goes on with as many threads as it was begun with; where that cannot be, or the processor is another one, `say`
    is given a line: the bits will differ.

    Parameters
    ----------
    folder : path-like
        A run folder.
    epochs : int, optional
        How many epochs the training is to have in all, more than it has: a finished run goes on as well. The schedule
        is from there on that of a training of so many epochs, which may raise the rate again. None: as many as planned.
    engine : mapping of str to value, optional
        Settings of the recipe's `[engine]` part that are to be others from here on: {"name": "torch"}.
    progress : Progress or None
        As of `run_recipe`.
    say : callable
        As of `run_recipe`.
    on_finish : sequence of callables
        As of `run_recipe`.
    callbacks : sequence of Callback
        As of `run_recipe`.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    TrainingError
        The folder holds no run, is being written by another process, or its data have changed.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import recipe_for, resume, run_recipe
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1})
    ...     _ = run_recipe(recipe, f"{folder}/run")
    ...     run = resume(f"{folder}/run", epochs=2)  # one more
    >>> len(run.history.epochs)
    2
    """
    path = Path(folder)
    require_run(path)
    with locked(path):
        remove_partial(path)
        return _resume(path, epochs, engine or {}, progress, say, on_finish, callbacks)


def _resume(
    path: Path,
    epochs: int | None,
    engine: Mapping[str, Any],
    progress: Progress | None,
    say: Callable[[str], None],
    on_finish: Sequence[Finisher],
    callbacks: Sequence[Callback],
) -> Run:
    planned = load_recipe(path / "recipe.toml")
    recipe = planned_again(planned, path, epochs, engine)
    kept = path / "environment.json"
    before = read_json(kept) if kept.exists() else {}
    with threads.use(recipe.threads), threads.use(going_on(before, say)):
        splits = load_splits(recipe, say)
        if kept.exists():
            require_same_data(before, environment(splits), path)
        trainer = build(recipe, splits, say)
        if (now := on_engine(before, trainer.engine.about(), say)) is not None:
            write_json(kept, now)
        if recipe != planned:
            write_text(path / "recipe.toml", recipe.to_toml())
        with resumable(path):
            return _train(recipe, trainer, splits, path, progress, on_finish, say, callbacks, resuming=True)


def branch(
    start: str | Path,
    folder: str | Path,
    *,
    epoch: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_finish: Sequence[Finisher] = (),
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Go on from a state of one run in another run's folder, with some settings changed; the first stays as it is.

    The new run's history has that of the first up to there. Its environment, and the model's card, say where it began
    (`begun_from`) and what was changed.

    Parameters
    ----------
    start : path-like
        The folder of the first run.
    folder : path-like
        A new or empty folder.
    epoch : int, optional
        The epoch after which it goes on, one that `KeepEpochs` has kept; None takes the latest checkpoint.
    settings : mapping of str to value, optional
        What is changed, by dotted name: those of `CHANGEABLE`.
    progress : Progress or None
        As of `run_recipe`.
    say : callable
        As of `run_recipe`.
    on_finish : sequence of callables
        As of `run_recipe`.
    callbacks : sequence of Callback
        As of `run_recipe`.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    TrainingError
        The folder holds no run, that epoch is not kept or is its last, or the data have changed.
    RecipeError
        A setting that cannot be changed on the way, or the new folder is not empty.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.experiments import branch, recipe_for, run_recipe
    >>> from glassnet.train.callbacks import KeepEpochs
    >>> recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 2})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = Path(folder, "first"), Path(folder, "second")
    ...     _ = run_recipe(recipe, first, callbacks=[KeepEpochs(first)])
    ...     run = branch(first, second, epoch=1, settings={"optimizer.lr": 0.0001})
    >>> run.recipe.optimizer["lr"], len(run.history.epochs)
    (0.0001, 2)
    """
    first, path, changes = Path(start), Path(folder), dict(settings or {})
    require_run(first)
    if other := next((name for name in changes if name not in CHANGEABLE), None):
        raise RecipeError(f"On the way may be changed: {', '.join(CHANGEABLE)}. Got '{other}' instead.")
    checkpoint = first / "checkpoint.safetensors" if epoch is None else epoch_file(first, epoch)
    if not exists(checkpoint):
        what = "has no checkpoint yet" if epoch is None else f"has not kept epoch {epoch}"
        raise TrainingError(f"The run in '{first}' {what}.")
    recipe = load_recipe(first / "recipe.toml").with_settings(changes)
    if ended(checkpoint, recipe.settings.epochs):
        raise TrainingError(f"The training in '{first}' had ended there. To go on, ask for more epochs in all.")
    with threads.use(recipe.threads):
        splits = load_splits(recipe, say)
        require_same_data(read_json(first / "environment.json"), environment(splits), first)
        trainer = build(recipe, splits, say)
        about = {"run": first.name, "epoch": epoch, "changed": changes}
        with (
            begun(path, recipe, {**environment(splits, trainer.engine.about()), "begun_from": about}),
            resumable(path),
        ):
            if exists(history := first / "metrics.jsonl"):
                with atomic_write(path / "metrics.jsonl") as file:
                    file.write(plain_bytes(history))
            for line in _introduction(recipe, trainer, splits, path):
                say(line)
            return _train(
                recipe, trainer, splits, path, progress, on_finish, say, callbacks, resuming=True, begin_from=checkpoint
            )


def _train(
    recipe: Recipe,
    trainer: Trainer,
    splits: Splits,
    folder: Path | None,
    progress: Progress | None,
    on_finish: Sequence[Finisher],
    say: Callable[[str], None],
    callbacks: Sequence[Callback],
    *,
    resuming: bool,
    begin_from: Path | None = None,
) -> Run:
    histograms = Histograms()
    try:
        model = trainer.fit(
            splits.train,
            splits.valid,
            checkpoint_path=folder / "checkpoint.safetensors" if folder else None,
            history_path=folder / "metrics.jsonl" if folder else None,
            resume=resuming,
            begin_from=begin_from,
            changed=() if begin_from is None else CHANGEABLE.values(),
            progress=progress,
            callbacks=[histograms, *callbacks],
        )
    except TrainingInterrupted as error:
        if folder is None:
            raise
        kept = _keep_so_far(recipe, trainer, splits, folder)
        raise TrainingInterrupted(f"{error} {kept}", Fix.RESUME, folder=folder) from None
    model = model.in_precision(recipe.model.precision or PRECISIONS[0])
    predictions = predict(model, *evaluated_part(splits))
    run = Run(recipe, model, trainer.history, predictions, folder=folder, _splits=splits)
    run.judge()
    if trainer.adversary is not None:
        run.under_attack = judge(model, trainer.adversary, evaluated_part(splits)[1])
        say(run.under_attack.describe(trainer.engine))
    model.card = card(run, trainer)
    if begin := _begun_from(folder):
        model.card["begun_from"] = begin
    run.known = None if splits.train.holds_lines else KnownPictures.of(splits)
    run.histograms = histograms.arrays
    found = examine(run.case())
    seen = [
        finding for callback in callbacks if isinstance(callback, Watch | AuditGradients) for finding in callback.found
    ]
    run.findings = together(found, (f for f in seen if f.name not in {finding.name for finding in found}))
    if folder is not None:
        histograms.save(folder / "histograms.npz")
        _write(run, folder)
        run.files[1:1] = [path for finish in on_finish for path in finish(run)]
    return run


def _keep_so_far(recipe: Recipe, trainer: Trainer, splits: Splits, folder: Path) -> str:
    """Write the model of an interrupted training, and say which it is."""
    done, best = trainer.progression.epoch, trainer.progression.best_epoch
    if not done:
        return "There is no model yet: no epoch had ended."
    model = trainer.model_so_far(splits.train).in_precision(recipe.model.precision or PRECISIONS[0])
    model.card = {
        "data": splits.name,
        "training_examples": len(splits.train),
        "data_sha256": splits.train.sha256,
        "epochs": done,
        UNFINISHED: f"interrupted after {done} of {trainer.settings.epochs} epochs",
        **({"best_epoch": best} if best else {}),
    }
    write_csv(folder / "history.csv", trainer.history.records)
    model.save(folder / "model.safetensors")
    which = f"best network so far, of epoch {best}" if best else "latest network"
    return f"'{folder / 'model.safetensors'}' has the {which}."


def planned_again(recipe: Recipe, path: Path, epochs: int | None, engine: Mapping[str, Any]) -> Recipe:
    """The recipe of the run in a folder with what is to be other from here on: `epochs` and `engine` as of `resume`."""
    recipe = recipe.with_settings({f"engine.{name}": value for name, value in engine.items()})
    recipe.engine.maker()  # before any data are read
    return recipe if epochs is None else _for_longer(recipe, epochs, path)


def _for_longer(recipe: Recipe, epochs: int, path: Path) -> Recipe:
    kept = path / "metrics.jsonl"
    done = [r["epoch"] for r in read_history(kept) if r["kind"] == "epoch"] if exists(kept) else []
    if done and epochs <= done[-1]:
        raise TrainingError(
            f"The run in '{path}' has {done[-1]} epochs behind it. To train it longer, ask for more than that"
            f" in all. Got {epochs}."
        )
    return recipe.with_settings({"train.epochs": epochs})


def _begun_from(folder: Path | None) -> dict[str, Any]:
    """Where a run that is a branch of another began; empty for one that is none."""
    kept = folder and folder / "environment.json"
    found = read_json(kept).get("begun_from") if kept and exists(kept) else None
    return found if isinstance(found, dict) else {}


def predict(model: Model, part_name: str, part: Dataset) -> Predictions:
    """What a model says of every example of a part of its data."""
    indices = np.arange(len(part), dtype=np.int64)
    if model.task.reads:
        nothing = np.zeros(0, np.int64)
        return Predictions(part_name, indices, nothing, transcription=model.assess(part))
    if model.task.rebuilds:
        return Predictions(part_name, indices, part.labels, reconstruction=model.assess(part))
    return Predictions(part_name, indices, part.labels, model.predict_proba(part.images))


def card(run: Run, trainer: Trainer) -> dict[str, Any]:
    """What a model file says of itself. It holds no times, so that equal runs give equal files."""
    found: dict[str, Any] = {
        "data": run.splits.name,
        "training_examples": len(run.splits.train),
        "data_sha256": run.splits.train.sha256,
        "epochs": trainer.progression.epoch,
        "stopped": trainer.progression.stopped,
        "evaluated_on": run.evaluated_on,
    }
    if run.splits.train.columns:
        found["columns"] = list(run.splits.train.columns)
    if (train := run.splits.train).label_kind != "text":
        found["labels"] = train.label_kind
    if not train.holds_lines and (manner := Manner.of(train.images)) is not None:
        found["pictures"] = manner.to_dict()
    if trainer.progression.best_epoch:
        found["best_epoch"] = trainer.progression.best_epoch
    if run.evaluation is not None:
        found |= {"accuracy": run.evaluation.accuracy, "accuracy_interval": list(run.evaluation.accuracy_interval)}
    if run.reconstruction is not None:
        found["psnr"] = run.reconstruction.psnr
    if run.transcription is not None:
        characters, words = run.transcription.characters, run.transcription.words
        found |= {"character_error_rate": characters.rate, "character_interval": characters.known_interval}
        found["word_error_rate"] = words.rate
    if run.under_attack is not None:
        found["under_attack"] = run.under_attack.to_dict()
    return found


def _write(run: Run, folder: Path) -> None:
    """Write what came out. The model is last: a folder that has one is that of a finished run."""
    figures = run.evaluation or run.reconstruction or run.transcription
    assert figures is not None
    write_csv(folder / "history.csv", run.history.records)
    run.predictions.save(folder / "predictions.npz")
    data = {"data": run.splits.name, "notes": list(run.splits.notes)}
    attacked = {} if run.under_attack is None else {"under_attack": run.under_attack.to_dict()}
    write_json(folder / "evaluation.json", {"part": run.evaluated_on, **data, **figures.to_dict(), **attacked})
    if run.known is not None:
        run.known.save(folder / "pictures.npz")
    write_findings(folder / "findings.json", run.findings)
    run.model.save(folder / "model.safetensors")
    written = [folder / name for name in ("model.safetensors", *WRITTEN)]
    run.files = [file for file in written if file.exists()]
