"""A recipe: a whole experiment as TOML - which data, which network, how it is trained.

[data]
source = "mnist"             # a folder or file, else a catalogue name
validation = 0.1             # share (or a count: no point) held out of training; left out: the set's own, else 0.1
test = 0.2                   # share held out for a set without a test part; left out: 0.2
train_limit = 10000          # use the first so many examples of each part (of a seeded permutation)
test_limit = 1000
image_size = [64, 64]        # height, width; for folders of pictures
skip_bad = true              # leave out pictures that cannot be read; left out: an error names the first
lines_per_epoch = 50000      # of a set of lines: drawn for an epoch; validation and test are counts of lines there
height = 32                  # of a set of lines: pixels

[model]
network = "linear 100 -> relu -> linear"
preprocess = "scale"
loss = "softmax-cross-entropy"
precision = "float16"        # what the model file keeps its weights in, and figures are of; left out: float32

[optimizer]
name = "adam"
lr = 0.001                   # and the optimiser's own parameters

[train]
preset = "fast"              # fast or best: what is left out is filled in from it (see `defaults`)
epochs = 10
batch = 64
schedule = "constant"
augment = "shift 2"          # left out: none
adversarial = "pgd 8/255, steps 7"   # attack every batch first; left out: train on the pictures as they are
class_weights = "balanced"   # or "dog = 2, cat = 0.5": factors of the loss; left out: all 1
# l2, clip, patience, seed, average, log_every, checkpoint_seconds: see glassnet.train.Settings
threads = 2                  # left out: every core

[start]                      # left out: from random weights; see `glassnet.experiments.start`
model = "squeezenet-1.1"     # has network and preprocessing, so that [model] names neither

[engine]                     # left out: our own; see `glassnet.experiments.engine`
name = "torch"

[fault]                      # left out: nothing is broken on purpose; see `glassnet.experiments.fault`
code = "5c1f-9e01c2a47b33"

[tune]                       # what a study searches over; a training ignores it, see `glassnet.experiments.search`
"optimizer.lr" = "1e-4..1e-1 log"

Whatever is left out is chosen for the data (`glassnet.experiments.defaults`); the recipe of a run folder has it all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from glassnet.attack.adversarial import Adversary
from glassnet.data import Augmentation, Preprocess
from glassnet.errors import RecipeError, nearest
from glassnet.experiments.engine import EnginePart
from glassnet.experiments.fault import FaultPart
from glassnet.experiments.start import Start, start_defaults
from glassnet.files import plain_text
from glassnet.model import PRECISIONS
from glassnet.nn import Loss, parse_loss
from glassnet.nn.named import expand
from glassnet.notation import parse
from glassnet.optim import Optimizer, Schedule, make_optimizer, parse_schedule
from glassnet.train import ClassWeights, Settings

__all__ = ["TRAIN_SETTINGS", "Recipe", "load_recipe", "recipe_for"]

_PARTS = ("data", "model", "optimizer", "train", "start", "engine", "fault")

TRAIN_SETTINGS = (
    *(f.name for f in fields(Settings)),
    "schedule",
    "augment",
    "adversarial",
    "class_weights",
    "preset",
    "threads",
)  # of the `[train]` part


@dataclass(frozen=True)
class Data:
    """The `[data]` part: where the pictures come from and how they are divided.

    Examples
    --------
    >>> from glassnet.experiments import recipe_for
    >>> recipe_for("digits", {"data.validation": 0.2}).data.validation
    0.2
    """

    source: str = ""
    validation: float | int | None = None
    test: float | int | None = None
    train_limit: int | None = None
    test_limit: int | None = None
    image_size: tuple[int, int] | None = None
    memory_share: float | None = None
    skip_bad: bool | None = None
    lines_per_epoch: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class ModelPart:
    """The `[model]` part: network, preprocessing and loss, each in notation; "" is chosen for the data. And what the
    file keeps the weights in.

    Examples
    --------
    >>> from glassnet.experiments import recipe_for
    >>> recipe_for("digits", {"model.network": "linear"}).model.network
    'linear'
    """

    network: str = ""
    preprocess: str = ""
    loss: str = ""
    precision: str = ""


PLAIN = ModelPart("two-layer", "scale", "softmax-cross-entropy")
"""What holds where nothing is chosen for the data."""

PRESETS = ("fast", "best")


@dataclass(frozen=True)
class Recipe:
    """A whole experiment. Making one checks every part that can be checked without the data.

    Examples
    --------
    >>> from glassnet.experiments import recipe_for
    >>> recipe = recipe_for("digits", {}).with_settings({"train.epochs": 3})
    >>> recipe.train["epochs"]
    3
    """

    data: Data = field(default_factory=Data)
    model: ModelPart = field(default_factory=ModelPart)
    optimizer: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    start: Start | None = None
    engine: EnginePart = field(default_factory=EnginePart)
    fault: FaultPart = field(default_factory=FaultPart)

    def __post_init__(self) -> None:
        if not self.data.source:
            raise RecipeError('The recipe names no data; give [data] source = "..." (or DATA on the command line).')
        _known("train", self.train, TRAIN_SETTINGS)
        _check_types(self)
        if self.model.network:
            parse(expand(self.model.network))
        if self.start is not None and self.train.get("adversarial"):
            raise RecipeError("A training that starts from a trained model is not attacked; leave one of the two out.")
        self.make_preprocess(), self.make_loss(), self.make_optimizer(), self.make_schedule()  # each raises if wrong
        self.make_augmentation(), self.make_adversary(), self.make_class_weights(), self.settings

    # ---- the parts as objects

    def make_loss(self) -> Loss:
        """The loss."""
        return parse_loss(self.model.loss or PLAIN.loss)

    def make_preprocess(self) -> Preprocess:
        """The preprocessing, not fitted yet."""
        return Preprocess.parse(self.model.preprocess or PLAIN.preprocess)

    def make_optimizer(self) -> Optimizer:
        """The optimiser."""
        settings = dict(self.optimizer)
        return make_optimizer(settings.pop("name", "adam"), **settings)

    def make_schedule(self) -> Schedule:
        """The learning-rate schedule."""
        return parse_schedule(self.train.get("schedule", "constant"))

    def make_augmentation(self) -> Augmentation | None:
        """The augmentation, if there is one."""
        text = self.train.get("augment", "")
        return Augmentation.parse(text) if text else None

    def make_adversary(self) -> Adversary | None:
        """What attacks the batches, if anything."""
        text = self.train.get("adversarial", "")
        return Adversary.parse(text) if text else None

    def make_class_weights(self) -> ClassWeights | None:
        """The factors of the classes, if there are any."""
        text = self.train.get("class_weights", "")
        return ClassWeights.parse(text) if text else None

    @property
    def about(self) -> str:
        """The network as the recipe names it, or the model that it starts from."""
        return self.model.network if self.start is None else f"from {self.start.model}"

    @property
    def settings(self) -> Settings:
        """The trainer's settings."""
        own = {f.name for f in fields(Settings)}
        return Settings(**{name: value for name, value in self.train.items() if name in own})

    @property
    def threads(self) -> int | None:
        """Threads asked for, or None."""
        return self.train.get("threads")

    # ---- from and to TOML

    def to_dict(self) -> dict[str, Any]:
        """The recipe as nested plain values, as TOML writes it; what is not set is left out."""
        parts = {
            "title": self.title or None,
            "data": _without_none(asdict(self.data)),
            "model": {name: text for name, text in asdict(self.model).items() if text},
            "optimizer": dict(self.optimizer),
            "train": _without_none(dict(self.train)),
            "start": None if self.start is None else asdict(self.start),
            "engine": self.engine.to_dict(),
            "fault": {"code": self.fault.code} if self.fault.code else {},
        }
        return {name: part for name, part in parts.items() if part}

    def to_toml(self) -> str:
        """The recipe as TOML."""
        return tomli_w.dumps(self.to_dict())

    def values(self) -> dict[str, Any]:
        """What is set, by dotted name: {"optimizer.lr": 0.1}."""
        tables = {name: part for name, part in self.to_dict().items() if isinstance(part, dict)}
        return {f"{part}.{name}": value for part, table in tables.items() for name, value in table.items()}

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """A recipe with some values replaced, by dotted name: `{"optimizer.lr": 0.1}`."""
        return recipe_from(_replaced(self.to_dict(), settings))


def recipe_for(source: str, settings: Mapping[str, Any]) -> Recipe:
    """The recipe for data alone, with some settings by dotted name; all others are chosen to suit these.

    Examples
    --------
    >>> from glassnet.experiments import recipe_for
    >>> recipe_for("digits", {"optimizer.lr": 0.01}).optimizer["lr"]
    0.01
    """
    return recipe_from(_replaced({"data": {"source": source}}, settings))


def _replaced(values: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's nested values with some replaced, by dotted name; None takes a value out.

    Another engine does not have the settings of the one before.
    """
    if settings.get("engine.name") not in (None, values.get("engine", {}).get("name")):
        values = {name: part for name, part in values.items() if name != "engine"}
    for name, value in settings.items():
        part, _, key = name.partition(".")
        if not key or part not in _PARTS:
            raise RecipeError(
                f"A setting is named PART.NAME, PART being one of {', '.join(_PARTS)}, as in optimizer.lr=0.1. Got"
                f" '{name}' instead."
            )
        if value is None:
            values.setdefault(part, {}).pop(key, None)
        else:
            values.setdefault(part, {})[key] = value
    return values


def recipe_from(values: dict[str, Any]) -> Recipe:
    """A recipe from nested plain values. Raises `RecipeError` for an unknown part or name."""
    parts = ("title", *_PARTS, "row", "tune")
    for name in values:
        if name not in parts:
            raise RecipeError(f"A recipe has no part [{name}]; it has {', '.join(_PARTS)}.{nearest(name, parts)}")
    for name in _PARTS:
        if not isinstance(values.get(name, {}), dict):
            raise RecipeError(
                f"The part [{name}] of a recipe must be a table of settings. Got {values[name]!r} instead."
            )
    data = _known("data", values.get("data", {}), [f.name for f in fields(Data)])
    model = _known("model", values.get("model", {}), [f.name for f in fields(ModelPart)])
    start = None
    if values.get("start"):
        if given := [name for name in ("network", "preprocess") if name in model]:
            raise RecipeError(
                f"A training that starts from a model has that model's {given[0]}; leave '{given[0]}' or the start out."
            )
        if values.get("train", {}).get("preset"):
            raise RecipeError("A preset chooses the network, and so does a start; leave one of the two out.")
        if "model" not in values["start"]:
            raise RecipeError("The start names no trained model to begin from; give start.model, a run or a file.")
        _known("start", values["start"], [f.name for f in fields(Start)])
        values = start_defaults(values)
        model, start = values["model"], Start(**values["start"])
    train = dict(values.get("train", {}))
    if isinstance(data.get("image_size"), list):
        data = {**data, "image_size": tuple(data["image_size"])}
    title = values.get("title", "")
    engine = EnginePart(**_known("engine", values.get("engine", {}), [f.name for f in fields(EnginePart)]))
    fault = FaultPart(**_known("fault", values.get("fault", {}), [f.name for f in fields(FaultPart)]))
    optimizer = dict(values.get("optimizer", {}))
    return Recipe(Data(**data), ModelPart(**model), optimizer, train, title, start, engine, fault)


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe file. Raises `RecipeError` with the file's name in front.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.experiments import load_recipe, recipe_for
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "recipe.toml")
    ...     _ = file.write_text(recipe_for("digits", {"train.epochs": 3}).to_toml())
    ...     load_recipe(file).train["epochs"]
    3
    """
    try:
        values = tomllib.loads(plain_text(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RecipeError(f"Cannot read the recipe '{path}': {reason}.") from error
    return recipe_from(values)


def with_source(recipe: Recipe, source: str) -> Recipe:
    """The recipe on other data."""
    return replace(recipe, data=replace(recipe.data, source=source))


def _known(part: str, values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    for name in values:
        if name not in names:
            raise RecipeError(f"[{part}] has no setting '{name}'. It has {', '.join(names)}.{nearest(name, names)}")
    return values


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}


def _check_types(recipe: Recipe) -> None:
    """What the parts' own constructors do not check."""
    d = recipe.data
    texts = {
        "data.source": d.source,
        "title": recipe.title,
        **{f"model.{k}": v for k, v in asdict(recipe.model).items()},
    }
    texts |= {
        f"train.{name}": recipe.train.get(name, "") for name in ("schedule", "augment", "adversarial", "class_weights")
    }
    texts["train.preset"] = recipe.train.get("preset", PRESETS[0])
    texts["optimizer.name"] = recipe.optimizer.get("name", "adam")
    for name, value in texts.items():
        if not isinstance(value, str):
            raise RecipeError(f"The setting '{name}' must be text. Got {value!r} instead.")
    if recipe.model.precision not in ("", *PRECISIONS):
        raise RecipeError(
            f"The setting 'model.precision' must be {' or '.join(PRECISIONS)}. Got '{recipe.model.precision}' instead."
        )
    if (preset := recipe.train.get("preset", PRESETS[0])) not in PRESETS:
        raise RecipeError(f"The setting 'train.preset' must be {' or '.join(PRESETS)}. Got '{preset}' instead.")
    if d.skip_bad is not None and not isinstance(d.skip_bad, bool):
        raise RecipeError(f"The setting 'data.skip_bad' must be true or false. Got {d.skip_bad!r} instead.")
    for name, value in (("validation", d.validation), ("test", d.test)):
        if value is not None and not _is_size(value):
            hint = f" A count has no point: write {int(value)}." if _is_whole_float(value) else ""
            raise RecipeError(
                f"The setting 'data.{name}' must be a share between 0 and 1 (0.1), a count of pictures (500) or 0 for"
                f" none. Got {value!r} instead.{hint}"
            )
    whole = {f"data.{name}": getattr(d, name) for name in ("train_limit", "test_limit", "lines_per_epoch", "height")}
    whole["train.threads"] = recipe.threads
    for name, number in whole.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise RecipeError(f"The setting '{name}' must be a whole number of at least 1. Got {number!r} instead.")
    share = d.memory_share
    if share is not None and (isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1):
        raise RecipeError(f"The setting 'data.memory_share' must be a number from 0 to 1. Got {share!r} instead.")
    size = d.image_size
    if size is not None:
        right = isinstance(size, tuple) and len(size) == 2 and all(type(v) is int and 1 <= v <= 4096 for v in size)
        if not right:
            raise RecipeError(f"The setting 'data.image_size' must be [height, width] in pixels. Got {size!r} instead.")


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, float) and 1 <= value < 1e9 and value.is_integer()


def _is_size(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value >= 0 and (isinstance(value, int) or value < 1)
