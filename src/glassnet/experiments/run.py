"""A run: a recipe carried out in a folder of its own, from the data to the figures.

A run folder is complete by itself:

    recipe.toml              what was asked for
    environment.json         versions, hardware, threads, SHA-256 of the data
    metrics.jsonl            the history: a record for each epoch, and for some steps
    history.csv              its epochs as a table
    checkpoint.safetensors   to resume from
    model.safetensors        the network that was kept; its card says where a training was interrupted
    predictions.npz          what it says of every example of the evaluated part
    evaluation.json          its figures there
    pictures.npz             hashes of the pictures that it has seen
    histograms.npz           how weights and gradients were spread, epoch by epoch
    findings.json            what is wrong with it, and what to try

Whoever carries a recipe out may add to it when it is finished, as a report.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import display, threads
from glassnet.data import Dataset, Splits, every_few_seconds
from glassnet.data.ink import Manner
from glassnet.data.split import HELD_OUT
from glassnet.doctor import Case, Finding, Verdict, examine, read_findings, verdict, write_findings
from glassnet.errors import DataError, Fix, GlassnetError, ModelError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.data import evaluated_part, load_splits
from glassnet.experiments.defaults import kind_of, prepare, resolve
from glassnet.experiments.environment import environment, going_on
from glassnet.experiments.folder import begun, require_run, require_same_data, resumable
from glassnet.experiments.known import KnownPictures
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.experiments.start import Start
from glassnet.experiments.under_attack import UnderAttack, judge, kept_in
from glassnet.files import exists, read_json, remove_partial, write_json, write_text
from glassnet.locking import locked
from glassnet.metrics import Evaluation, Reconstruction
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.nn.named import NAMED
from glassnet.tasks import Task, best_epoch
from glassnet.text import counted, shorten
from glassnet.train import History, Progress, Trainer, read_history, write_csv
from glassnet.train.callbacks import Histograms
from glassnet.train.callbacks.checkpoint import ended
from glassnet.train.callbacks.histograms import read_histograms

__all__ = ["UNFINISHED", "Finisher", "Run", "finished", "held_out", "resume", "run_recipe"]

UNFINISHED = "unfinished"
"""What the card of a model has where its training was interrupted: how far that had come."""

_SHORT = 40  # characters of a network's notation that the first line shows


@dataclass(repr=False)
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
    known : KnownPictures or None
        The pictures that the model has seen; None where the run is of before they were kept.
    histograms : dict of str to array
        How weights and gradients were spread, see `Histograms`; empty where that was not kept.
    findings : tuple of Finding
        What is wrong with it and what to try, the worst first; see `glassnet.doctor`.
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
    known: KnownPictures | None = None
    histograms: dict[str, Any] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()
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
        run.known = KnownPictures.load(path / "pictures.npz")
        run.histograms = read_histograms(path / "histograms.npz")
        run.findings = read_findings(path / "findings.json")
        figures = sorted((path / "figures").glob("*.png"))
        written = [path / name for name in ("model.safetensors", "report.html", *_WRITTEN)]
        run.files = [file for file in (*written, *figures) if file.exists()]
        return run

    def __repr__(self) -> str:
        return f"<Run {self._title()}: {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        return display.block(self._title(), self._facts(), self.history.chart())

    def _title(self) -> str:
        return shorten(self.recipe.title or f"{self.recipe.data.source}: {self.recipe.about}", 120)

    def _facts(self) -> list[str]:
        """How well it does, how long it took and where it lies."""
        figures = self.evaluation or self.reconstruction
        facts = [f"{figures.describe()} in the {self.evaluated_on} part"] if figures is not None else []
        facts.append(f"{counted(len(self.history.epochs), 'epoch')} in {self.seconds:.1f} s")
        return facts if self.folder is None else [*facts, f"folder {self.folder}"]

    @property
    def verdict(self) -> Verdict | None:
        """The findings in one line; None where there are none."""
        return verdict(self.findings)

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
_WRITTEN = ("predictions.npz", "evaluation.json", "pictures.npz", "histograms.npz", "findings.json")


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
        class_weights=recipe.make_class_weights(),
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
        recipe, splits = prepare(recipe, say) if splits is None else (resolve(recipe, splits), splits)
        trainer = build(recipe, splits, say)
        trainer.check(splits.train, splits.valid)  # before anything is written
        path = Path(folder) if folder is not None else None
        created = contextlib.nullcontext() if path is None else begun(path, recipe, environment(splits))
        with created, resumable(path):
            for line in _introduction(recipe, trainer.network, splits, path):
                say(line)
            return _train(recipe, trainer, splits, path, progress, on_finish, say, resuming=False)


def _introduction(recipe: Recipe, network: Network, splits: Splits, folder: Path | None) -> list[str]:
    """What is trained on what: network, picture size, classes, parts; then how, and where it is kept."""
    name, (height, width, channels) = recipe.about, splits.train.image_shape
    if recipe.start is None and name not in NAMED and len(name) > _SHORT:
        name = f"own network of {network.size:,} weights"
    size = f"{height}x{width} {'colour' if channels == 3 else 'grey'}"
    held_out = HELD_OUT in splits.notes
    parts = {"train": splits.train, "validation": splits.valid, "test (held out)" if held_out else "test": splits.test}
    sizes = ", ".join(f"{part} {len(found):,}" for part, found in parts.items() if found is not None)
    lines = [f"{splits.name}: {name}, {size}, {splits.train.classes} classes; {sizes}"]
    train, preset = recipe.train, recipe.train.get("preset")
    why = f"preset {preset} for {kind_of(splits)}: " if preset else ""
    settings = recipe.settings
    lines.append(f"{why}{network.size:,} weights, {settings.epochs} epochs, {recipe.optimizer.get('name')}")
    if text := train.get("augment"):
        lines[-1] += f", augment {text}"
    return lines if folder is None else [*lines, f"run folder {folder}"]


def resume(
    folder: str | Path,
    *,
    epochs: int | None = None,
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
    epochs : int, optional
        How many epochs the training is to have in all, more than it has: a finished run goes on as well. The schedule
        is from there on that of a training of so many epochs, which may raise the rate again. None: as many as planned.
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
        return _resume(path, epochs, progress, say, on_finish)


def _resume(
    path: Path,
    epochs: int | None,
    progress: Progress | None,
    say: Callable[[str], None],
    on_finish: Sequence[Finisher],
) -> Run:
    recipe = load_recipe(path / "recipe.toml")
    if epochs is not None:
        recipe = _for_longer(recipe, epochs, path)
    kept = path / "environment.json"
    before = read_json(kept) if kept.exists() else {}
    with threads.use(recipe.threads), threads.use(going_on(before, say)):
        splits = load_splits(recipe, say)
        if kept.exists():
            require_same_data(before, environment(splits), path)
        if epochs is not None:
            write_text(path / "recipe.toml", recipe.to_toml())
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
    histograms = Histograms()
    try:
        model = trainer.fit(
            splits.train,
            splits.valid,
            checkpoint_path=folder / "checkpoint.safetensors" if folder else None,
            history_path=folder / "metrics.jsonl" if folder else None,
            resume=resuming,
            progress=progress,
            callbacks=[histograms],
        )
    except TrainingInterrupted as error:
        if folder is None:
            raise
        kept = _keep_so_far(trainer, splits, folder)
        raise TrainingInterrupted(f"{error} {kept}", Fix.RESUME, folder=folder) from None
    predictions = predict(model, *evaluated_part(splits))
    run = Run(recipe, model, trainer.history, predictions, folder=folder, _splits=splits)
    _judge(run)
    if trainer.adversary is not None:
        run.under_attack = judge(model, trainer.adversary, evaluated_part(splits)[1])
        say(run.under_attack.describe(trainer.engine))
    model.card = card(run, trainer)
    run.known, run.histograms = KnownPictures.of(splits), histograms.arrays
    run.findings = examine(_case(run))
    if folder is not None:
        histograms.save(folder / "histograms.npz")
        _write(run, folder)
        run.files[1:1] = [path for finish in on_finish for path in finish(run)]
    return run


def _keep_so_far(trainer: Trainer, splits: Splits, folder: Path) -> str:
    """Write the model of an interrupted training, and say which it is."""
    done, best = trainer.progression.epoch, trainer.progression.best_epoch
    if not done:
        return "There is no model yet: no epoch had ended."
    model = trainer.model_so_far(splits.train)
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


def _for_longer(recipe: Recipe, epochs: int, path: Path) -> Recipe:
    kept = path / "metrics.jsonl"
    done = [r["epoch"] for r in read_history(kept) if r["kind"] == "epoch"] if exists(kept) else []
    if done and epochs <= done[-1]:
        raise TrainingError(
            f"The run in '{path}' has {done[-1]} epochs behind it. To train it longer, ask for more than that"
            f" in all. Got {epochs}."
        )
    return recipe.with_settings({"train.epochs": epochs})


def finished(folder: str | Path) -> str:
    """Why the training of a run folder ended, as "after all 30 epochs"; empty where it has not, or is not evaluated."""
    path = Path(folder)
    require_run(path)
    kept, model = path / "checkpoint.safetensors", path / "model.safetensors"
    with contextlib.suppress(ModelError):  # a damaged file is not a finished run's; resuming says what is wrong
        if exists(kept) and exists(model) and UNFINISHED not in Model.load(model).card:
            return ended(kept, load_recipe(path / "recipe.toml").settings.epochs)
    return ""


def held_out(folder: str | Path, source: str | Path) -> tuple[str, Dataset] | None:
    """The part that a run was evaluated on, by name, where `source` is the run's own data and has not changed.

    None where it is other data, or the run held nothing out.
    """
    path = Path(folder)
    recipe = load_recipe(path / "recipe.toml")
    own, given = Path(recipe.data.source), Path(source)
    if recipe.data.source != str(source) and not (exists(own) and exists(given) and own.resolve() == given.resolve()):
        return None
    splits = load_splits(recipe)
    try:
        require_same_data(read_json(path / "environment.json"), environment(splits), path)
    except GlassnetError:
        return None
    part, dataset = evaluated_part(splits)
    return None if part == "training" else (part, dataset)


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


def _case(run: Run) -> Case:
    """What the doctor looks at."""
    train, parts = run.splits.train, run.recipe.to_dict()
    tables = {name: part for name, part in parts.items() if isinstance(part, dict)}
    return Case(
        run.history.records,
        run.evaluation,
        run.reconstruction,
        part=run.evaluated_on,
        counts=() if run.evaluation is None else train.counts().tolist(),
        class_names=train.class_names,
        network=run.model.network,
        settings={f"{part}.{name}": value for part, table in tables.items() for name, value in table.items()},
    )


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
    if run.splits.train.label_kind != "text":
        found["labels"] = run.splits.train.label_kind
    if (manner := Manner.of(run.splits.train.images)) is not None:
        found["pictures"] = manner.to_dict()
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
    assert figures is not None and run.known is not None
    write_csv(folder / "history.csv", run.history.records)
    run.predictions.save(folder / "predictions.npz")
    data = {"data": run.splits.name, "notes": list(run.splits.notes)}
    attacked = {} if run.under_attack is None else {"under_attack": run.under_attack.to_dict()}
    write_json(folder / "evaluation.json", {"part": run.evaluated_on, **data, **figures.to_dict(), **attacked})
    run.known.save(folder / "pictures.npz")
    write_findings(folder / "findings.json", run.findings)
    run.model.save(folder / "model.safetensors")
    run.files = [folder / name for name in ("model.safetensors", *_WRITTEN)]
