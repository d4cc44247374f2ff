"""What a study searches over: for each setting of a recipe a range of numbers or some values.

    optimizer.lr = 1e-4..1e-1 log        any number between, as likely 0.001 as 0.01
    optimizer.momentum = 0.8..0.99       any number between
    train.epochs = 4..12                 any whole number between
    train.batch = 32 | 64 | 128          one of these
    model.network = "two-layer" | "linear 200 -> relu -> linear"
    train.augment = none | "flip"        `none` takes the setting out
    width = 0.5 | 1 | 2                  factor of the widths of the network's hidden layers

In a recipe they stand in a part of their own, which trainings ignore:

    [tune]
    "optimizer.lr" = "1e-4..1e-1 log"
    "train.batch" = [32, 64, 128]
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.data import Splits
from glassnet.errors import RecipeError
from glassnet.experiments.defaults import usual_augmentation
from glassnet.experiments.recipe import Recipe
from glassnet.files import plain_text
from glassnet.nn.named import expand
from glassnet.notation import as_real, as_whole

__all__ = ["WIDTH", "Choice", "Space", "Span", "changed", "parse_search", "search_in", "space_from", "usual_space"]

WIDTH = "width"
"""The setting that is no recipe's: a factor of the widths of hidden layers."""

_RANGE = re.compile(r"^\s*(\S+?)\s*\.\.\s*(\S+?)(\s+log)?\s*$")
_PIECE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^|"])+')
_WIDE = re.compile(r"\b(linear\s+|(?:conv|conv-bn-relu|conv-bn)\s+\d+x\d+\s*,\s*)(\d+)")
_AROUND = 30.0  # factor to either side of the recipe's own learning rate
_BATCHES, _LEAST_STEPS = (32, 64, 128, 256), 8  # examples in a step; steps that an epoch should have
_WIDTHS = (0.5, 1, 2, 4, 8)
# Two-layer networks on CIFAR-10 gain five points of validation accuracy and train five times as fast.
_WHITENED = "scale -> whiten 300 0.1"
_LEAST_PIXELS, _LEAST_PICTURES = 1000, 3000  # well above the 300 directions that are kept, and enough to know them
_L2 = (0.0, 1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class Span:
    """Numbers from `low` to `high`, whole ones or all; `log`: each factor is as likely as any other.

    Examples
    --------
    >>> from glassnet.experiments import Span
    >>> Span(1e-4, 1e-1, log=True).log
    True
    """

    low: float | int
    high: float | int
    log: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value may be drawn."""
        number = as_whole(value) if self.whole else as_real(value)
        return number is not None and not isinstance(value, str) and self.low <= number <= self.high

    def extremes(self) -> list[Any]:
        """Values that must be right if all are."""
        return [self.low, self.high]

    def to_text(self) -> str:
        """The range in notation."""
        return f"{self.low!r}..{self.high!r}{' log' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """One of some values.

    Examples
    --------
    >>> from glassnet.experiments import Choice
    >>> Choice((32, 64)).values
    (32, 64)
    """

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value may be drawn."""
        return value in self.values

    def extremes(self) -> list[Any]:
        """Values that must be right if all are."""
        return list(self.values)

    def to_text(self) -> str:
        """The values in notation."""
        return " | ".join("none" if value is None else json.dumps(value) for value in self.values)


Space = dict[str, Span | Choice]


def parse_search(text: str) -> tuple[str, Span | Choice]:
    """`NAME = RANGE` or `NAME = A | B` as (name, what is searched). Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.experiments import parse_search
    >>> name, choices = parse_search("train.batch = 32 | 64")
    >>> name
    'train.batch'
    """
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise RecipeError(
            "A search is written NAME = LOW..HIGH or NAME = A | B, as in optimizer.lr = 1e-4..1e-1 log. Got"
            f" '{text}' instead."
        )
    return name.strip(), _parsed(name.strip(), values)


def _parsed(name: str, text: str) -> Span | Choice:
    if (found := _RANGE.match(text)) and '"' not in text:
        return _span(name, found[1], found[2], bool(found[3]))
    return _choice(name, [_value(piece) for piece in _PIECE.findall(text) if piece.strip()])


def _span(name: str, first: str, last: str, log: bool) -> Span:
    whole_low, whole_high = as_whole(first), as_whole(last)
    whole = whole_low is not None and whole_high is not None
    low, high = as_real(first), as_real(last)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise RecipeError(f"The range of '{name}' must rise from one number to another. Got '{first}..{last}' instead.")
    if log and low <= 0:
        raise RecipeError(f"A log range begins above 0. Got '{first}' for '{name}'.")
    if whole_low is not None and whole_high is not None:
        return Span(whole_low, whole_high, log, True)
    return Span(low, high, log, whole)


def _choice(name: str, values: Sequence[Any]) -> Choice:
    if len(values) < 2:
        raise RecipeError(
            f"A search needs at least two values, as in 32 | 64, or a range. Got {len(values)} of '{name}'."
        )
    return Choice(tuple(values))


def _value(text: str) -> Any:
    """A value as TOML reads it; anything else is plain text, and `none` takes a setting out."""
    text = text.strip()
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def space_from(values: Mapping[str, Any]) -> Space:
    """The space of a `[tune]` part: lists of values, ranges as text. Raises `RecipeError`."""
    found: Space = {}
    for name, value in _flat(values).items():
        if isinstance(value, str):
            found[name] = _parsed(name, value)
        elif isinstance(value, list):
            found[name] = _choice(name, [None if each == "none" else each for each in value])
        else:
            raise RecipeError(f"[tune] has a range or a list of values for each setting. Got {value!r} for '{name}'.")
    return found


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found


def search_in(path: str | Path) -> Space:
    """The space that the `[tune]` part of a recipe file asks for; empty where it has none. Raises `RecipeError`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.experiments import search_in
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "recipe.toml")
    ...     _ = file.write_text('tune = {"optimizer.lr" = "0.001..0.1 log"}')
    ...     search_in(file)["optimizer.lr"].log
    True
    """
    try:
        part = tomllib.loads(plain_text(path)).get("tune", {})
    except (OSError, ValueError) as error:
        raise RecipeError(f"Cannot read the recipe '{path}': {error}.") from error
    if not isinstance(part, dict):
        raise RecipeError(f"The part [tune] of a recipe must be a table. Got {part!r} instead.")
    return space_from(part)


def usual_space(recipe: Recipe, splits: Splits) -> Space:
    """What is worth searching where nobody says: rate, batch, regularisation, width, augmentation, schedule; and of
    dense networks on photographs whitening.

    The recipe's own values are among what is searched.

    Parameters
    ----------
    recipe : Recipe
        With all that it left out (see `prepare`): ranges lie around its own values.
    splits : Splits
        Its data.
    """
    rate = recipe.make_optimizer().lr or 1e-3
    space: Space = {"optimizer.lr": Span(_short(rate / _AROUND), _short(rate * _AROUND), log=True)}
    batches = [size for size in _BATCHES if size * _LEAST_STEPS <= len(splits.train)]
    own = recipe.settings.batch
    if own and len({*batches, own}) > 1:
        space["train.batch"] = Choice(tuple(sorted({*batches, own})))
    if recipe.optimizer.get("name") == "adamw":
        space["optimizer.weight_decay"] = Span(1e-3, 1.0, log=True)
    else:
        space["train.l2"] = Choice(tuple(sorted({*_L2, float(recipe.settings.l2)})))
    if recipe.start is not None:
        return space
    if widened(recipe.model.network, 2) != expand(recipe.model.network):
        space[WIDTH] = Choice(_WIDTHS)
    if _likes_whitening(recipe, splits):
        space["model.preprocess"] = Choice((recipe.model.preprocess, _WHITENED))
    augment = recipe.train.get("augment") or usual_augmentation(splits)
    if augment and not splits.train.holds_rows and recipe.make_loss().task == "classification":
        space["train.augment"] = Choice((None, augment))
    schedules = ("constant", "cosine", "onecycle")
    if recipe.train.get("schedule") in schedules:
        space["train.schedule"] = Choice(schedules)
    return space


def _likes_whitening(recipe: Recipe, splits: Splits) -> bool:
    """Whether the network is dense and takes photographs, whose neighbouring pixels say almost the same."""
    dense = expand(recipe.model.network).startswith("linear")
    many = math.prod(splits.train.image_shape) >= _LEAST_PIXELS and len(splits.train) >= _LEAST_PICTURES
    return dense and many and splits.train.image_shape[2] == 3 and recipe.model.preprocess != _WHITENED


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def widened(network: str, factor: float) -> str:
    """A network with its hidden layers so many times as wide, in notation; the last layer keeps its size.

    >>> widened("linear 100 -> relu -> linear", 2)
    'linear 200 -> relu -> linear'
    """
    text = expand(network)
    last = max((found.start() for found in re.finditer(r"\b(linear|conv)", text)), default=len(text))

    def wider(found: re.Match[str]) -> str:
        if found.start() >= last:
            return found[0]
        return f"{found[1]}{max(1, round(int(found[2]) * factor))}"

    return _WIDE.sub(wider, text)


def changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a trial. Raises `GlassnetError` where its settings cannot be right.

    Another optimiser has parameters of its own: it keeps none of those of the recipe's.
    """
    values = dict(settings)
    factor = values.pop(WIDTH, 1)
    name = values.get("optimizer.name", recipe.optimizer.get("name"))
    if name != recipe.optimizer.get("name"):
        values = {**{f"optimizer.{own}": None for own in recipe.optimizer}, **values}
    found = recipe.with_settings(values)
    if factor == 1:
        return found
    if not found.model.network:
        raise RecipeError("The width belongs to a network of the recipe's own. Give model.network, or leave it out.")
    return found.with_settings({"model.network": widened(found.model.network, factor)})
