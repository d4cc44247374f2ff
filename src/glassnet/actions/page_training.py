"""A training in a process of its own, as the page starts it: what is asked for, and what it tells while it trains."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from glassnet import compiling
from glassnet.actions.events import Events
from glassnet.actions.open import Opened
from glassnet.actions.train import Trained, branch, recipe_of, train
from glassnet.doctor import Case, Finding, Watch, examine
from glassnet.engines import StepResult
from glassnet.errors import Diverged, GlassnetError, RecipeError, TrainingInterrupted, one_line
from glassnet.experiments import CHANGEABLE, Recipe, new_folder
from glassnet.files import exists
from glassnet.nn import Network
from glassnet.nn.build import layers_from
from glassnet.report.figures.first_layer import first_weights, kernel_pictures, unit_pictures
from glassnet.train import Callback, read_history
from glassnet.train.loop import Saved, Training

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["FIELDS", "Order", "branch_of", "first_layer_picture", "order_of", "work"]

FIELDS: Mapping[str, type] = {
    "model.network": str,
    "train.preset": str,
    "optimizer.name": str,
    "optimizer.lr": float,
    "train.epochs": int,
    "train.batch": int,
    "train.augment": str,
    "train.schedule": str,
    "train.seed": int,
    "train.l2": float,
    "train.clip": float,
    "data.train_limit": int,
}
"""The settings that the page may give, by dotted name; what it leaves out is chosen for the data."""
_KINDS = {str: "a text", float: "a number", int: "a whole number"}
_LONGEST, _LARGEST, _EPOCHS = 400, 4096, 1000  # characters of a notation, a number in it, epochs
_OFTEN, _PICTURE_OFTEN = 0.15, 0.6  # seconds between two messages of where it stands, and of the kernels
_SHOWN = 32  # kernels


@dataclass(frozen=True)
class Order:
    """A training that is asked for.

    Attributes
    ----------
    name : str
        What it is called: the data, and the network where one was given.
    recipe : Recipe
        What to train; of a branch that of the first run, with its changes.
    parent : Path
        The folder that its run folder is made in.
    start : Path or None
        Of a branch the folder of the first run.
    epoch : int or None
        Of a branch the epoch after which it goes on; None goes on from where the first run stands.
    changes : mapping of str to value
        Of a branch what is changed.
    """

    name: str
    recipe: Recipe
    parent: Path
    start: Path | None = None
    epoch: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    def folder(self) -> Path:
        """A run folder that is still free."""
        return new_folder(self.recipe, self.parent)


def order_of(opened: Opened, data: str, given: Mapping[str, Any]) -> Order:
    """What the page asks for.

    Parameters
    ----------
    opened : Opened
        The folder.
    data : str
        The id of data.
    given : mapping of str to value
        Settings by dotted name, of `FIELDS`.

    Raises
    ------
    GlassnetError
        There are no such data, or a setting is not known, or not right.
    """
    entry = opened.data_entry(data)
    settings = _checked(given, FIELDS)
    recipe = recipe_of(entry.source, settings)
    network = settings.get("model.network", "")
    if network:
        layers_from(network)  # which says what is wrong with it
    return Order(f"{entry.name}: {network}" if network else entry.name, recipe, _parent(opened))


def branch_of(order: Order, folder: Path, epoch: int | None, given: Mapping[str, Any]) -> Order:
    """What goes on from a training's run folder, after an epoch, with some settings of `CHANGEABLE` changed.

    Raises
    ------
    RecipeError
        A setting cannot be changed on the way, or is not right.
    """
    changes = _checked(given, {name: FIELDS[name] for name in CHANGEABLE})
    recipe = order.recipe.with_settings(changes)
    said = ", ".join(f"{name.partition('.')[2]} {value}" for name, value in changes.items())
    name = order.name.split(", from ")[0] + f", from {'there' if epoch is None else f'epoch {epoch}'}"
    return Order(f"{name}, {said}" if said else name, recipe, order.parent, folder, epoch, changes)


def _checked(given: Mapping[str, Any], known: Mapping[str, type]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        kind = known.get(name)
        if kind is None:
            raise RecipeError(f"Settings here are {', '.join(known)}. Got '{name}' instead.")
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise RecipeError(f"'{name}' is {_KINDS[kind]}. Got {value!r} instead.")
        if isinstance(value, str) and (len(value) > _LONGEST or _largest(value) > _LARGEST):
            raise RecipeError(f"'{name}' has at most {_LONGEST} characters, and numbers up to {_LARGEST}.")
        found[name] = value
    if found.get("train.epochs", 1) > _EPOCHS:
        raise RecipeError(f"A training from here has at most {_EPOCHS} epochs. Got {found['train.epochs']}.")
    return found


def _largest(text: str) -> int:
    """The largest whole number that is written in a text, of which 18 digits are looked at."""
    return max((int(digits) for digits in re.findall(r"\d{1,18}", text)), default=0)


def _parent(opened: Opened) -> Path:
    """Where new runs go: beside those that lie in the folder itself, else in its `runs`."""
    beside = any(Path(each.place).parent == opened.folder for each in opened.runs)
    return opened.folder if beside or opened.folder.name == "runs" else opened.folder / "runs"


# ---- in the other process


def work(pipe: Connection, order: Order, folder: Path) -> None:
    """Train, telling the page by messages (kind, values); it says "pause", "go on", "step" and "stop".

    | kind | values |
    |---|---|
    | said | text |
    | begun | network, weights, epochs, steps, data |
    | live | step, loss, rate |
    | record | of an epoch, or of a step with the norms of its gradients |
    | kernels | picture (H, W, 4) uint8 |
    | finding | of the doctor |
    | paused | whether it is |
    | finished, stopped, failed | text |
    """

    def tell(kind: str, /, **values: Any) -> None:
        pipe.send((kind, values))

    told = _Told(pipe, folder)
    events = _Saying(pipe)
    found: list[Finding] = []

    def say(finding: Finding) -> None:
        found.append(finding)
        tell("finding", **finding.to_dict())

    watch = Watch(say, settings=order.recipe.values())
    ways: dict[str, Any] = {"keep_epochs": True, "events": events, "callbacks": [watch, told]}
    try:
        with compiling.announced(events.say):
            if order.start is None:
                trained = train(order.recipe, None, folder, **ways)
            else:
                trained = branch(order.start, folder, epoch=order.epoch, settings=order.changes, **ways)
        for finding in trained.run.findings:
            if finding.name not in {each.name for each in found}:
                tell("finding", **finding.to_dict())
        tell("finished", text=_figures(trained))
    except TrainingInterrupted as error:
        tell("stopped", text=str(error))
    except Diverged as error:
        records = read_history(folder / "metrics.jsonl") if exists(folder / "metrics.jsonl") else []
        for finding in examine(Case(records, settings=order.recipe.values(), whole=False, diverged=error.what)):
            tell("finding", **finding.to_dict())
        tell("failed", text=str(error))
    except GlassnetError as error:
        tell("failed", text=str(error))
    except Exception as error:
        tell("failed", text=one_line(f"{type(error).__name__}: {error} (this is a defect of glassnet)."))


def _figures(trained: Trained) -> str:
    run = trained.run
    figures = run.evaluation or run.reconstruction or run.transcription
    return "" if figures is None else f"{figures.describe()} in the {run.evaluated_on} part"


class _Saying(Events):
    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def say(self, text: str) -> None:
        self.pipe.send(("said", {"text": text}))


class _Told(Callback):
    """Tells the page where a training stands, and does between two steps what the page says."""

    last: ClassVar[bool] = True  # so that an epoch is told once it is kept

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self.pipe, self.folder = pipe, folder
        self.paused = False
        self.told = self.drawn = 0.0

    def start(self, training: Training, saved: Saved) -> None:
        network = training.engine.network
        self._tell(
            "begun",
            network=network.notation(),
            weights=network.size,
            epochs=training.settings.epochs,
            steps=training.steps_per_epoch,
            step=training.state.step,
            rate=training.engine.lr,
        )
        if exists(path := self.folder / "metrics.jsonl"):  # of a branch
            for record in read_history(path):
                self._tell("record", **_short(record))
        self._draw(network)

    def step(self, training: Training, result: StepResult) -> None:
        compiling.settle()
        state, now = training.state, time.perf_counter()
        rate = training.rate(state.step - 1)
        if result.norms is not None:
            self._tell("record", **_short({
                "kind": "step", "step": state.step, "loss": result.loss, "rate": rate, "norms": result.norms
            }))  # fmt: skip
        if now - self.told > _OFTEN or self.paused or self.pipe.poll():
            self.told = now
            self._tell("live", step=state.step, loss=result.mean_loss, rate=rate)
        if now - self.drawn > _PICTURE_OFTEN or self.paused:
            self._draw(training.engine.network)
        self._obey(training)

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        self._tell("record", **_short(record))
        if training.state.stopped:
            self._draw(training.engine.network)

    def _obey(self, training: Training) -> None:
        """Do what was said; of a training that is paused wait for more."""
        since = time.perf_counter()
        try:
            while self.pipe.poll(None if self.paused else 0):
                word = self.pipe.recv()
                if word == "stop":
                    training.interrupt()
                    break
                was, self.paused = self.paused, word != "go on"
                if was != self.paused:
                    self._tell("paused", now=self.paused)
                if word == "step":
                    break
        except (EOFError, OSError):  # nobody is there any more
            training.interrupt()
        training.rested(time.perf_counter() - since)

    def _draw(self, network: Network) -> None:
        self.drawn = time.perf_counter()
        picture = first_layer_picture(network)
        if picture is not None:
            self._tell("kernels", picture=picture)

    def _tell(self, kind: str, /, **values: Any) -> None:
        try:
            self.pipe.send((kind, values))
        except OSError:  # nobody is there any more, which the next look at the pipe says
            return


def _short(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the gradient's norm alone of the weights of each layer."""
    found = {name: value for name, value in record.items() if name != "norms"}
    if norms := record.get("norms"):
        found["gradients"] = {
            name.removesuffix(".weight"): sizes["gradient"] for name, sizes in norms.items() if name.endswith("weight")
        }
    return found


def first_layer_picture(network: Network) -> NDArray[np.uint8] | None:
    """The first weights as pictures side by side, (H, W, 4); None where they are none, or of one pixel."""
    found = first_weights(network)
    if found is None:
        return None
    weights = found[1].parameters["weight"].value
    if weights.ndim == 4 and min(weights.shape[:2]) > 1:
        return kernel_pictures(None, weights, _SHOWN).mosaics()[0][1]
    if weights.ndim == 2 and len(network.input_shape) == 3 and weights.shape[0] == int(np.prod(network.input_shape)):
        height, width, channels = network.input_shape
        return unit_pictures(None, weights, (height, width, channels), _SHOWN).mosaics()[0][1]
    return None
