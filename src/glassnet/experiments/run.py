"""A run: a recipe carried out in a folder of its own, from the data to the figures.

A run folder is complete by itself:

    recipe.toml              what was asked for
    environment.json         versions, hardware, threads, SHA-256 of the data
    metrics.jsonl            the history: a record for each epoch, and for some steps
    checkpoint.safetensors   to resume from
    model.safetensors        the network that was kept
    predictions.npz          what it says of every example of the evaluated part
    evaluation.json          its figures there

Whoever carries a recipe out may add to it when it is finished, as a report.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Dataset, Splits, every_few_seconds
from glassnet.errors import DataError, Fix, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.data import evaluated_part, load_splits
from glassnet.experiments.environment import environment, going_on
from glassnet.experiments.folder import begun, require_run, require_same_data, resumable
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.experiments.start import Start
from glassnet.experiments.under_attack import UnderAttack, judge, kept_in
from glassnet.files import read_json, remove_partial, write_json
from glassnet.locking import locked
from glassnet.metrics import Evaluation, Reconstruction
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.tasks import Task, best_epoch
from glassnet.train import History, Progress, Trainer, read_history

__all__ = ["Finisher", "Run", "resume", "run_recipe"]


@dataclass
class Run:
    """A finished training.

    Attributes
    ----------
    recipe : Recipe
        What was asked for.
    model : Model
        What came out.
    history : History
        What happened.
    predictions : Predictions
        What the model says of every example of the part that it was evaluated on.
    evaluation : Evaluation or None
        The figures of a classifier.
    reconstruction : Reconstruction or None
        The figures of a network that reconstructs its input.
    under_attack : UnderAttack or None
        What a network that was trained under attack gained by it.
    folder : Path or None
        The run folder.
    files : list of Path
        The files written: the model, then what was added at the end, as a report.
    """

    recipe: Recipe
    model: Model
    history: History
    predictions: Predictions
    evaluation: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    under_attack: UnderAttack | None = None
    folder: Path | None = None
    files: list[Path] = field(default_factory=list)
    _splits: Splits | None = field(default=None, repr=False)

    @classmethod
    def open(cls, folder: str | Path, splits: Splits | None = None) -> Run:
        """The finished run of a folder. Nothing is trained, evaluated or written, and no data are loaded.

        Parameters
        ----------
        folder : path-like
            A run folder.
        splits : Splits or None
            Its data where they are at hand; otherwise they are loaded when they are first asked for.

        Returns
        -------
        Run
            With recipe, history, model, figures and every prediction of the evaluated part.

        Raises
        ------
        GlassnetError
            The folder holds no finished run, a file of it cannot be read, or the data are others.
        """
        path = Path(folder)
        require_run(path)
        recipe, model, history = load_recipe(path / "recipe.toml"), Model.load(path), History()
        history.records = read_history(path / "metrics.jsonl")
        if splits is not None:
            require_same_data(read_json(path / "environment.json"), environment(splits), path)
        run = cls(recipe, model, history, Predictions.load(path / "predictions.npz"), folder=path, _splits=splits)
        try:
            _judge(run)
        except DataError as error:
            raise TrainingError(f"The predictions in '{path}' are not those of its model: {error}") from error
        run.under_attack = kept_in(path / "evaluation.json")
        figures = sorted((path / "figures").glob("*.png"))
        known = [path / name for name in ("model.safetensors", "report.html", "predictions.npz", "evaluation.json")]
        run.files = [file for file in (*known, *figures) if file.exists()]
        return run

    @property
    def evaluated_on(self) -> str:
        """The part of the data that the final figures are of: "test", else "validation", else "training"."""
        return self.predictions.part

    @property
    def splits(self) -> Splits:
        """The data; loaded when they are first asked for. Raises `GlassnetError` where they are not there any more."""
        if self._splits is None:
            splits = load_splits(self.recipe)
            if self.folder is not None:
                require_same_data(read_json(self.folder / "environment.json"), environment(splits), self.folder)
            self._splits = splits
        return self._splits

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
        if self.under_attack is not None:
            found |= self.under_attack.figures()
        kept = best_epoch(self.history.epochs) or {}
        return found | {name: kept[name] for name in ("valid_accuracy", "valid_psnr", "valid_loss") if name in kept}

    def untrained(self) -> Network:
        """The network as it was before training: made once more from the recipe and its seed."""
        network = self.model.network
        if self.recipe.start is not None:
            return build(self.recipe, self.splits).network
        return Network(
            self.recipe.model.network, network.input_shape, network.output_shape[0], seed=self.recipe.settings.seed
        )


Finisher = Callable[[Run], Iterable[Path]]  # adds files to a run folder, and says which


def build(recipe: Recipe, splits: Splits, say: Callable[[str], None] = lambda text: None) -> Trainer:
    """The trainer of a recipe, its preprocessing fitted on the training part."""
    if recipe.start is not None:
        return _from_model(recipe, recipe.start, splits, say)
    with threads.single_blas_thread():  # the number of BLAS threads would show in the last bits
        preprocess = recipe.make_preprocess().fit(splits.train.images)
    shape = preprocess.output_shape(splits.train.image_shape)
    loss = recipe.make_loss()
    outputs = Task.of(loss).outputs(shape, splits.train.classes)
    settings = recipe.settings
    return Trainer(
        Network(recipe.model.network, shape, outputs, seed=settings.seed),
        preprocess=preprocess,
        loss=loss,
        optimizer=recipe.make_optimizer(),
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        adversarial=recipe.make_adversary(),
        **vars(settings),
    )


def _from_model(recipe: Recipe, start: Start, splits: Splits, say: Callable[[str], None]) -> Trainer:
    """The trainer of a recipe that begins from a trained model."""
    model, data, settings = start.open(), splits.train, recipe.settings
    if data.image_shape != model.image_shape:
        have, want = ("x".join(map(str, shape)) for shape in (data.image_shape, model.image_shape))
        raise DataError(f"The pictures of '{data.name}' are {have}; '{start.model}' takes pictures of {want}.")
    if settings.epochs < start.head_epochs:
        raise RecipeError(f"start.head_epochs is {start.head_epochs}, more than the {settings.epochs} epochs in all.")
    engine = start.engine(
        model,
        data,
        recipe.make_loss(),
        recipe.make_optimizer(),
        seed=settings.seed,
        progress=every_few_seconds(say),
        l2=settings.l2,
        clip=settings.clip,
    )
    others = {name: value for name, value in vars(settings).items() if name not in ("l2", "clip")}
    return Trainer(
        engine=engine,
        preprocess=model.preprocess,
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        **others,
    )


def run_recipe(
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    progress: Progress | None = None,
    splits: Splits | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_finish: Sequence[Finisher] = (),
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
    """
    with threads.use(recipe.threads):
        splits = splits or load_splits(recipe, say)
        trainer = build(recipe, splits, say)
        trainer.check(splits.train, splits.valid)  # before anything is written
        path = Path(folder) if folder is not None else None
        created = contextlib.nullcontext() if path is None else begun(path, recipe, environment(splits))
        with created, resumable(path):
            say(_introduction(trainer.network, splits, path))
            return _train(recipe, trainer, splits, path, progress, on_finish, say, resuming=False)


def _introduction(network: Network, splits: Splits, folder: Path | None) -> str:
    parts = (("training", splits.train), ("validation", splits.valid), ("test", splits.test))
    sizes = ", ".join(f"{len(part):,} for {name}" for name, part in parts if part is not None)
    text = f"{splits.name}: {sizes}; a network of {network.size:,} weights"
    return text if folder is None else f"{text}; run folder {folder}"


def resume(
    folder: str | Path,
    *,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_finish: Sequence[Finisher] = (),
) -> Run:
    """Resume the run in a folder, from its latest checkpoint, as if it had never stopped.

    It goes on with as many threads as it was begun with; where that cannot be, or the processor is another one, `say`
    is given a line: the bits will differ.

    Parameters
    ----------
    folder : path-like
        A run folder.
    progress : Progress or None
        As of `run_recipe`.
    say : callable
        As of `run_recipe`.
    on_finish : sequence of callables
        As of `run_recipe`.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    TrainingError
        The folder holds no run, is being written by another process, or its data have changed.
    """
    path = Path(folder)
    require_run(path)
    with locked(path):
        remove_partial(path)
        return _resume(path, progress, say, on_finish)


def _resume(path: Path, progress: Progress | None, say: Callable[[str], None], on_finish: Sequence[Finisher]) -> Run:
    recipe = load_recipe(path / "recipe.toml")
    kept = path / "environment.json"
    before = read_json(kept) if kept.exists() else {}
    with threads.use(recipe.threads), threads.use(going_on(before, say)):
        splits = load_splits(recipe, say)
        if kept.exists():
            require_same_data(before, environment(splits), path)
        with resumable(path):
            return _train(recipe, build(recipe, splits, say), splits, path, progress, on_finish, say, resuming=True)


def _train(
    recipe: Recipe,
    trainer: Trainer,
    splits: Splits,
    folder: Path | None,
    progress: Progress | None,
    on_finish: Sequence[Finisher],
    say: Callable[[str], None],
    *,
    resuming: bool,
) -> Run:
    try:
        model = trainer.fit(
            splits.train,
            splits.valid,
            checkpoint_path=folder / "checkpoint.safetensors" if folder else None,
            history_path=folder / "metrics.jsonl" if folder else None,
            resume=resuming,
            progress=progress,
        )
    except TrainingInterrupted as error:
        if folder is None:
            raise
        raise TrainingInterrupted(str(error), Fix.RESUME, folder=folder) from None
    predictions = predict(model, *evaluated_part(splits))
    run = Run(recipe, model, trainer.history, predictions, folder=folder, _splits=splits)
    _judge(run)
    if trainer.adversary is not None:
        run.under_attack = judge(model, trainer.adversary, evaluated_part(splits)[1])
        say(run.under_attack.describe(trainer.engine))
    model.card = card(run, trainer)
    if folder is not None:
        _write(run, folder)
        run.files[1:1] = [path for finish in on_finish for path in finish(run)]
    return run


def predict(model: Model, part_name: str, part: Dataset) -> Predictions:
    """What a model says of every example of a part of its data."""
    indices = np.arange(len(part), dtype=np.int64)
    if model.task.rebuilds:
        return Predictions(part_name, indices, part.labels, reconstruction=model.assess(part))
    return Predictions(part_name, indices, part.labels, model.predict_proba(part.images))


def _judge(run: Run) -> None:
    """Turn a run's predictions into its figures."""
    found = run.predictions
    run.reconstruction = found.reconstruction
    if found.probabilities is not None:
        run.evaluation = run.model.task.evaluate(found.probabilities, found.labels, run.model.class_names)


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
    if run.under_attack is not None:
        found["under_attack"] = run.under_attack.to_dict()
    return found


def _write(run: Run, folder: Path) -> None:
    """Write what came out. The model is last: a folder that has one is that of a finished run."""
    figures = run.evaluation or run.reconstruction
    assert figures is not None
    run.predictions.save(folder / "predictions.npz")
    data = {"data": run.splits.name, "notes": list(run.splits.notes)}
    attacked = {} if run.under_attack is None else {"under_attack": run.under_attack.to_dict()}
    write_json(folder / "evaluation.json", {"part": run.evaluated_on, **data, **figures.to_dict(), **attacked})
    run.model.save(folder / "model.safetensors")
    run.files = [folder / name for name in ("model.safetensors", "predictions.npz", "evaluation.json")]
