"""A run: what a training in a folder of its own left behind, from the recipe to the figures.

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
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassnet import display
from glassnet.data import Dataset, Splits
from glassnet.doctor import Case, Finding, Verdict, read_findings, verdict
from glassnet.errors import DataError, GlassnetError, ModelError, TrainingError
from glassnet.experiments.build import build
from glassnet.experiments.data import evaluated_part, load_splits
from glassnet.experiments.environment import environment
from glassnet.experiments.folder import require_run, require_same_data
from glassnet.experiments.known import KnownPictures
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.experiments.under_attack import UnderAttack, kept_in
from glassnet.files import exists, read_json
from glassnet.metrics import Evaluation, Reconstruction, Transcription
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.tasks import best_epoch
from glassnet.text import counted, shorten
from glassnet.train import History, read_history
from glassnet.train.callbacks.checkpoint import ended
from glassnet.train.callbacks.histograms import read_histograms

__all__ = ["UNFINISHED", "WRITTEN", "Run", "finished", "held_out"]

UNFINISHED = "unfinished"
"""What the card of a model has where its training was interrupted: how far that had come."""

WRITTEN = ("predictions.npz", "evaluation.json", "pictures.npz", "histograms.npz", "findings.json")
"""What a finished run has besides its model."""


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
    transcription : Transcription or None
        The figures of a network that reads lines of writing.
    under_attack : UnderAttack or None
        What a network that was trained under attack gained by it.
    known : KnownPictures or None
        The pictures that the model has seen; None where the run is of before they were kept, or of lines.
    histograms : dict of str to array
        How weights and gradients were spread, see `Histograms`; empty where that was not kept.
    findings : tuple of Finding
        What is wrong with it and what to try, the worst first; see `glassnet.doctor`.
    folder : Path or None
        The run folder.
    files : list of Path
        The files written: the model, then what was added at the end, as a report.

    Examples
    --------
    >>> import glassnet
    >>> run = glassnet.fit("digits", "linear", epochs=2, verbose=False)
    >>> len(run.history.epochs), run.model.class_names[:2]
    (2, ('0', '1'))
    """

    recipe: Recipe
    model: Model
    history: History
    predictions: Predictions
    evaluation: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    transcription: Transcription | None = None
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
            run.judge()
        except DataError as error:
            raise TrainingError(f"The predictions in '{path}' are not those of its model: {error}") from error
        run.under_attack = kept_in(path / "evaluation.json")
        run.known = KnownPictures.load(path / "pictures.npz")
        run.histograms = read_histograms(path / "histograms.npz")
        run.findings = read_findings(path / "findings.json")
        figures = sorted((path / "figures").glob("*.png"))
        written = [path / name for name in ("model.safetensors", "report.html", *WRITTEN)]
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
        figures = self.evaluation or self.reconstruction or self.transcription
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
        if self.transcription is not None:
            lines = self.transcription
            found |= {"error": lines.characters.rate, "error_interval": list(lines.characters.interval)}
            found |= {"word_error": lines.words.rate, "loss": lines.loss}
        if self.under_attack is not None:
            found |= self.under_attack.figures()
        kept = best_epoch(self.history.epochs) or {}
        names = ("valid_accuracy", "valid_psnr", "valid_error", "valid_loss")
        return found | {name: kept[name] for name in names if name in kept}

    def judge(self) -> None:
        """Turn the predictions into figures. Raises `DataError` where they do not belong to the model."""
        found = self.predictions
        self.reconstruction, self.transcription = found.reconstruction, found.transcription
        if found.probabilities is not None:
            self.evaluation = self.model.task.evaluate(found.probabilities, found.labels, self.model.class_names)

    def case(self) -> Case:
        """What the doctor's rules look at."""
        train = self.splits.train
        return Case(
            self.history.records,
            self.evaluation,
            self.reconstruction,
            self.transcription,
            part=self.evaluated_on,
            counts=() if self.evaluation is None else train.counts().tolist(),
            class_names=train.class_names,
            network=self.model.network,
            settings=self.recipe.values(),
            losses_compare=not self.model.task.reads,
        )

    def untrained(self) -> Network:
        """The network as it was before training: made once more from the recipe and its seed."""
        network = self.model.network
        if self.recipe.start is not None:
            return build(self.recipe, self.splits).network
        return Network(
            self.recipe.model.network, network.input_shape, network.output_shape[0], seed=self.recipe.settings.seed
        )


def finished(folder: str | Path) -> str:
    """Why the training of a run folder ended, as "after all 30 epochs"; empty where it has not, or is not evaluated.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import finished, recipe_for, run_recipe
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 2})
    ...     _ = run_recipe(recipe, f"{folder}/run")
    ...     finished(f"{folder}/run")
    'after all 2 epochs'
    """
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

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import held_out, recipe_for, run_recipe
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1})
    ...     _ = run_recipe(recipe, f"{folder}/run")
    ...     part, dataset = held_out(f"{folder}/run", "digits")
    >>> part, len(dataset) > 0
    ('test', True)
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
