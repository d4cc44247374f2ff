"""A run: a recipe carried out in a folder of its own, from the data to the report."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Dataset, Splits, hold_out, join, load
from glassnet.errors import Fix, RecipeError, TrainingError, TrainingInterrupted
from glassnet.files import exists, first_free, read_json, remove_partial, write_json, write_text
from glassnet.locking import LOCK, locked
from glassnet.look import first_weights
from glassnet.metrics import Evaluation, Reconstruction, evaluate_reconstruction
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.recipes.environment import environment, going_on
from glassnet.recipes.recipe import Recipe, load_recipe
from glassnet.train import History, Progress, Trainer, best_epoch, read_history

__all__ = ["Run", "carry_out", "new_folder", "reopen", "resume"]

HELD_OUT = "The set has no test part of its own: the test figure is of pictures held out of its training part."
_STREAM_LIMIT = 0x11317  # keeps the choice of a limited data set apart from all other random streams


@dataclass
class Run:
    """A finished training.

    Attributes
    ----------
    recipe, model, history : what was asked, what came out, and what happened
    splits : the data
    evaluation : figures on the test part (else the validation part, named by `evaluated_on`); None for a network that
        rebuilds its input, which has `reconstruction` instead
    folder : the run folder, or None
    files : the files written
    """

    recipe: Recipe
    model: Model
    history: History
    splits: Splits
    evaluated_on: str
    evaluation: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    folder: Path | None = None
    files: list[Path] = field(default_factory=list)

    @property
    def evaluated(self) -> Dataset:
        """The part of the data that the final figures are of."""
        return evaluated_part(self.splits)[1]

    @property
    def seconds(self) -> float:
        """Time the training took, in seconds."""
        epochs = self.history.epochs
        return float(epochs[-1]["seconds"]) if epochs else 0.0

    def figures(self) -> dict[str, Any]:
        """The final figures by plain name; those on validation are of the epoch whose network was kept."""
        found: dict[str, Any] = {"seconds": self.seconds}
        if self.evaluation is not None:
            low, high = self.evaluation.accuracy_interval
            found |= {
                "accuracy": self.evaluation.accuracy,
                "accuracy_interval": [low, high],
                "loss": self.evaluation.loss,
            }
        if self.reconstruction is not None:
            found |= {"psnr": self.reconstruction.psnr, "mean_squared_error": self.reconstruction.mean_squared_error}
        kept = best_epoch(self.history.epochs) or {}
        return found | {name: kept[name] for name in ("valid_accuracy", "valid_psnr", "valid_loss") if name in kept}


def load_splits(recipe: Recipe, given: Splits | None = None) -> Splits:
    """The data of a recipe, with validation and test parts held out as it says (both 'not at all' with 0).

    Where the recipe says how much to hold out for validation, a validation part of the set's own goes back into
    training first. `given` are the data themselves, where the recipe only names them.
    """
    data, seed = recipe.data, recipe.settings.seed
    splits = given or load(data.source, image_size=data.image_size)
    train, valid, test = splits.train, splits.valid, splits.test
    if data.validation is not None and valid is not None:
        train, valid = join(train, valid), None
    if test is not None and data.test is not None:
        note = f"data.test = {data.test} has no effect: '{splits.name}' has a test part of its own"
        train = replace(train, notes=(*train.notes, note))
    if test is None and data.test != 0:
        train, test = hold_out(train, 0.2 if data.test is None else data.test, seed)
        test = replace(test, notes=(*test.notes, HELD_OUT))
    if data.train_limit:
        train = _first(train, data.train_limit, seed)
    if test is not None and data.test_limit:
        test = _first(test, data.test_limit, seed)
    share = 0.1 if data.validation is None else data.validation
    if valid is None and share:
        train, valid = hold_out(train, share, seed)
    return Splits(train, valid, test)


def evaluated_part(splits: Splits) -> tuple[str, Dataset]:
    """What the final figures are of, by name: the test part, else validation, else training."""
    if splits.test is not None:
        return "test", splits.test
    return ("training", splits.train) if splits.valid is None else ("validation", splits.valid)


def _first(dataset: Dataset, limit: int, seed: int) -> Dataset:
    """The first `limit` examples of a seeded permutation."""
    order = np.random.default_rng([seed, _STREAM_LIMIT]).permutation(len(dataset))
    return dataset if limit >= len(dataset) else dataset.subset(np.sort(order[:limit]))


def build(recipe: Recipe, splits: Splits) -> Trainer:
    """The trainer of a recipe, its preprocessing fitted on the training part."""
    with threads.single_blas_thread():  # the number of BLAS threads would show in the last bits
        preprocess = recipe.make_preprocess().fit(splits.train.images)
    shape = preprocess.output_shape(splits.train.image_shape)
    loss = recipe.make_loss()
    outputs = len(splits.train.class_names) if loss.classifies else int(np.prod(shape))
    settings = recipe.settings
    return Trainer(
        Network(recipe.model.network, shape, outputs, seed=settings.seed),
        preprocess=preprocess,
        loss=loss,
        optimizer=recipe.make_optimizer(),
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        **vars(settings),
    )


def carry_out(
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    progress: Progress | None = None,
    splits: Splits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Run:
    """Carry a recipe out. With `folder` (new or empty) everything is kept there and the run can be resumed.

    Raises `GlassnetError` for anything wrong with recipe, data or folder.
    """
    with threads.use(recipe.threads):
        splits = splits or load_splits(recipe)
        trainer = build(recipe, splits)
        trainer.check(splits.train, splits.valid)  # before anything is written
        path = Path(folder) if folder is not None else None
        created = contextlib.nullcontext() if path is None else _created(path, recipe, splits)
        with created, _resumable(path):
            say(_introduction(trainer.network, splits, path))
            return _train(recipe, trainer, splits, path, progress, say, resuming=False)


def _introduction(network: Network, splits: Splits, folder: Path | None) -> str:
    parts = (("training", splits.train), ("validation", splits.valid), ("test", splits.test))
    sizes = ", ".join(f"{len(part):,} for {name}" for name, part in parts if part is not None)
    text = f"{splits.name}: {sizes}; a network of {network.size:,} weights"
    return text if folder is None else f"{text}; run folder {folder}"


def resume(
    folder: str | Path, *, progress: Progress | None = None, say: Callable[[str], None] = lambda text: None
) -> Run:
    """Go on with the run of a folder, from its latest checkpoint, as if it had never stopped.

    It goes on with as many threads as it was begun with; where that cannot be, or the processor is another one, `say`
    is given a line: the bits will differ.

    Raises `TrainingError` when the folder holds no run, is being written by another process, or its data have changed.
    """
    path = Path(folder)
    if not exists(path / "recipe.toml"):
        raise TrainingError(f"'{path}' is no run folder: it has no recipe.toml.", Fix.NAME_RUN)
    with locked(path):
        remove_partial(path)
        return _resume(path, progress, say)


def reopen(folder: str | Path, splits: Splits) -> Run:
    """The finished run of a folder, evaluated anew on its data; nothing is trained or written.

    Raises `GlassnetError` when its files cannot be read or the data are others.
    """
    path = Path(folder)
    recipe, model, history = load_recipe(path / "recipe.toml"), Model.load(path), History()
    _same_data(read_json(path / "environment.json"), environment(splits), path)
    history.records = read_history(path / "metrics.jsonl")
    run = Run(recipe, model, history, splits, evaluated_part(splits)[0], folder=path)
    _evaluate(run)
    figures = sorted((path / "figures").glob("*.png"))
    run.files = [file for file in (path / "model.safetensors", path / "report.html", *figures) if file.exists()]
    return run


def _resume(path: Path, progress: Progress | None, say: Callable[[str], None]) -> Run:
    recipe = load_recipe(path / "recipe.toml")
    kept = path / "environment.json"
    before = read_json(kept) if kept.exists() else {}
    with threads.use(recipe.threads), threads.use(going_on(before, say)):
        splits = load_splits(recipe)
        if kept.exists():
            _same_data(before, environment(splits), path)
        with _resumable(path):
            return _train(recipe, build(recipe, splits), splits, path, progress, say, resuming=True)


@contextlib.contextmanager
def _resumable(folder: Path | None) -> Iterator[None]:
    """Tell whoever interrupts the work on a run folder how to go on with it, whatever is done at that moment."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is None:
            raise
        raise TrainingInterrupted(
            "Interrupted; the run is kept as of its latest checkpoint.", Fix.RESUME, folder=folder
        ) from None


@contextlib.contextmanager
def _created(path: Path, recipe: Recipe, splits: Splits) -> Iterator[None]:
    """A run folder of this recipe, new and locked within the block."""
    try:
        _refuse_occupied(path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecipeError(f"Cannot make the run folder '{path}': {error.strerror or error}.") from error
    with locked(path):
        _refuse_occupied(path)  # by a run that began in between
        remove_partial(path)
        write_json(path / "environment.json", environment(splits))
        write_text(path / "recipe.toml", recipe.to_toml())
        yield


def _refuse_occupied(path: Path) -> None:
    """Raise `RecipeError` where a new run would overwrite something.

    A run that was killed before its recipe was written leaves its environment, its lock and half a file, and may be
    begun again.
    """
    if path.exists() and (not path.is_dir() or any(not is_left_over(inside.name) for inside in path.iterdir())):
        fix = Fix.RESUME if (path / "recipe.toml").exists() else Fix.CHOOSE_OUTPUT
        raise RecipeError(f"'{path}' exists and is not empty; a run never overwrites another.", fix, folder=path)


def is_left_over(name: str) -> bool:
    """Whether a file of this name says nothing of a run or sweep: its writer was killed before there was one."""
    return name in ("environment.json", LOCK) or (name.startswith(".") and name.endswith(".partial"))


def _same_data(before: Any, now: dict[str, Any], path: Path) -> None:
    theirs = before.get("data") if isinstance(before, dict) else None
    if theirs != now["data"]:
        raise TrainingError(
            f"Cannot resume '{path}': the data have changed since it was started (another SHA-256). Start a new run."
        )


def _train(
    recipe: Recipe,
    trainer: Trainer,
    splits: Splits,
    folder: Path | None,
    progress: Progress | None,
    say: Callable[[str], None],
    *,
    resuming: bool,
) -> Run:
    first = _first_weights(trainer.network)
    before = None if first is None else first.copy()
    model = trainer.fit(
        splits.train,
        splits.valid,
        checkpoint_path=folder / "checkpoint.safetensors" if folder else None,
        history_path=folder / "metrics.jsonl" if folder else None,
        resume=resuming,
        progress=progress,
    )
    run = Run(recipe, model, trainer.history, splits, evaluated_part(splits)[0], folder=folder)
    _evaluate(run)
    model.card = card(run, trainer)
    if folder is not None:
        _write(run, before, say)
    return run


def _first_weights(network: Network) -> Array | None:
    found = first_weights(network)
    return None if found is None else found[1].parameters["weight"].value


def _evaluate(run: Run) -> None:
    if run.model.loss.classifies:
        run.evaluation = run.model.evaluate(run.evaluated)
    else:
        run.reconstruction = _reconstruct(run.model, run.evaluated)


def _reconstruct(model: Model, part: Dataset) -> Reconstruction:
    target = model.preprocess.transform(part.images).reshape(len(part), -1)
    return evaluate_reconstruction(target, model.predict(part.images))


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
    if trainer.progression.best_epoch:
        found["best_epoch"] = trainer.progression.best_epoch
    if run.evaluation is not None:
        found |= {"accuracy": run.evaluation.accuracy, "accuracy_interval": list(run.evaluation.accuracy_interval)}
    if run.reconstruction is not None:
        found["psnr"] = run.reconstruction.psnr
    return found


def _write(run: Run, before: Array | None, say: Callable[[str], None]) -> None:
    from glassnet.recipes.reporting import write_run_report

    assert run.folder is not None
    run.model.save(run.folder / "model.safetensors")
    say("writing the report")
    run.files = [run.folder / "model.safetensors", *write_run_report(run, before)]


def new_folder(recipe: Recipe, parent: str | Path = "runs") -> Path:
    """A folder name that is still free: `runs/<data>-<number>`."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(recipe.data.source).name).strip("-").lower() or "run"
    return first_free(Path(parent) / f"{stem}-{number}" for number in count(1))
