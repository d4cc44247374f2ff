"""The `[start]` part of a recipe: a training that begins from a trained model, and what is trained of it.

    [start]
    model = "squeezenet-1.1"     # a model file or run folder, else a pretrained network
    freeze = "stages"            # all: the head alone; stages: then the last stage with it; none: then all
    head_epochs = 16             # epochs of the head alone, on features that are computed once and kept
    rate = 0.1                   # factor of the learning rate after these
    body_rate = 0.1              # further factor for what lies before the head

Network, preprocessing, picture size and the way to it are the model's own. Classes that are not the model's give it a
new head. A model that reads lines goes on as a whole, with lines of the same characters, from the first epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassnet.engines import Engine, NativeEngine
from glassnet.engines.feature_cache import FeatureCache
from glassnet.engines.fine_tune import FineTuneEngine
from glassnet.errors import RecipeError
from glassnet.experiments.environment import environment
from glassnet.imagenet import PRETRAINED, open_model
from glassnet.nn import Loss
from glassnet.nn.transfer import head_position, stage_positions, with_new_head
from glassnet.notation import is_real
from glassnet.optim import Optimizer
from glassnet.tasks import Task
from glassnet.team import Team

if TYPE_CHECKING:
    from glassnet.data import Dataset
    from glassnet.model import Model

__all__ = ["FREEZE", "Start", "start_defaults"]

FREEZE = ("all", "stages", "none")

# Chosen by validation on sun8 and flowers17: `python -m benchmarks.fine_tuning`.
_EPOCHS, _HEAD_SHARE = 24, 2 / 3
_OPTIMIZER: dict[str, Any] = {"name": "adamw", "lr": 0.01, "weight_decay": 1.0}
_LOSS = "softmax-cross-entropy, smoothing 0.1"
_BATCH = 32
_PHOTOGRAPHS = "flip -> crop 16, reflect"


@dataclass(frozen=True)
class Start:
    """What a training begins from.

    Attributes
    ----------
    model : str
        A model file or run folder, else the name of a pretrained network.
    freeze : str
        What stays as it is: "all" but the head; all "stages" but the last; or "none".
    head_epochs : int
        Epochs of the head alone.
    rate : float
        Factor of the learning rate after these, from 0 to 1.
    body_rate : float
        Further factor for the layers before the head, from 0 to 1.
    """

    model: str
    freeze: str = "stages"
    head_epochs: int = round(_EPOCHS * _HEAD_SHARE)
    rate: float = 0.1
    body_rate: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise RecipeError(f"The setting 'start.model' must name a trained model. Got {self.model!r} instead.")
        if self.freeze not in FREEZE:
            raise RecipeError(f"The setting 'start.freeze' must be one of {', '.join(FREEZE)}. Got {self.freeze!r}.")
        if type(self.head_epochs) is not int or self.head_epochs < 0:
            raise RecipeError(f"The setting 'start.head_epochs' must be a whole number. Got {self.head_epochs!r}.")
        for name in ("rate", "body_rate"):
            value = getattr(self, name)
            if not is_real(value) or not 0 <= value <= 1:
                raise RecipeError(f"The setting 'start.{name}' must be a number from 0 to 1. Got {value!r} instead.")

    def open(self) -> Model:
        """The model. Raises `GlassnetError` where it cannot be had, only reconstructs, or has no head to exchange."""
        model = open_model(self.model)
        if not model.task.reads:
            model.task.require_classes("A training cannot start from it.")
            head_position(model.network)
        return model

    def engine(
        self,
        model: Model,
        data: Dataset,
        loss: Loss,
        optimizer: Optimizer,
        *,
        epochs: int,
        seed: int,
        progress: Callable[[str, int, int], None] | None = None,
        make: Callable[..., Engine] = NativeEngine,
        **settings: Any,
    ) -> Engine:
        """What trains the model on data, with a new head where their classes are others.

        Parameters
        ----------
        epochs : int
            In all.
        make : callable
            What makes the engines of its parts.
        settings : object
            l2 and clip.

        Raises
        ------
        RecipeError
            There are fewer epochs than those of the head alone; or the model reads lines, and data or loss do not, or
            the other way round.
        """
        network = model.network
        if model.task.reads or data.holds_lines:
            _require_lines(model, data, loss)
            return make(network, loss, optimizer, **settings)
        if epochs < self.head_epochs:
            raise RecipeError(f"start.head_epochs is {self.head_epochs}, more than the {epochs} epochs in all.")
        if data.class_names != model.class_names:
            network = with_new_head(network, data.classes, seed=seed)
        stages = stage_positions(network)
        first = {"all": None, "stages": stages[-1] if stages else None, "none": 0}[self.freeze]
        return FineTuneEngine(
            network,
            loss,
            optimizer,
            first=first,
            head_epochs=self.head_epochs,
            rate=self.rate,
            body_rate=self.body_rate,
            cache=FeatureCache.of_user(environment) if Team.here().size == 1 else None,  # a team computes together
            progress=progress,
            make=make,
            **settings,
        )


def _require_lines(model: Model, data: Dataset, loss: Loss) -> None:
    """Raise `RecipeError` where not all three are of lines of the same characters."""
    if not model.task.reads:
        raise RecipeError(
            f"'{data.name}' is lines of writing, and the model to start from reads none; name one that does."
        )
    if not data.holds_lines or data.class_names != model.class_names or Task.of(loss) is not model.task:
        raise RecipeError(
            "A model that reads lines goes on with lines of the same characters, such as 'handwriting-lines', and"
            f" loss = 'ctc'. Got '{data.name}' and loss = '{loss.notation()}'."
        )


def start_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """A recipe's plain values with what suits a training from a trained model, wherever they say nothing.

    No file is opened: a recipe can be read where the model is not at hand.
    """
    start = dict(values["start"])
    train = {"epochs": _EPOCHS, "batch": _BATCH, **values.get("train", {})}
    optimizer = values.get("optimizer", {})
    if optimizer.get("name", _OPTIMIZER["name"]) == _OPTIMIZER["name"]:
        optimizer = {**_OPTIMIZER, **optimizer}
    epochs = train["epochs"]
    if start.get("freeze") == "all":
        start["head_epochs"] = epochs
    elif "head_epochs" not in start and type(epochs) is int:
        start["head_epochs"] = round(epochs * _HEAD_SHARE)
    heads = start.get("head_epochs", 0)
    if "schedule" not in train:
        whole = type(heads) is int and type(epochs) is int
        train["schedule"] = f"cosine, restart {heads}" if whole and 0 < heads < epochs else "cosine"
    if "augment" not in train and start.get("freeze") != "all" and start.get("model") in PRETRAINED:
        train["augment"] = _PHOTOGRAPHS
    model = {"loss": _LOSS, **values.get("model", {})}
    return {**values, "model": model, "start": start, "optimizer": optimizer, "train": train}
