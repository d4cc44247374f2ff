"""The faults that can be planted: read from `faults.toml`, chosen by name or by a code that gives nothing away."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from glassnet.clinic import planted_steps
from glassnet.clinic.planted_data import DATA
from glassnet.data import Splits
from glassnet.engines import NativeEngine
from glassnet.errors import RecipeError, nearest
from glassnet.experiments.fault import FINDERS
from glassnet.experiments.fault import Fault as Planted
from glassnet.experiments.recipe import Recipe
from glassnet.nn.named import expand
from glassnet.train import Trainer

__all__ = ["HELD_BACK_SEED", "Fault", "by_code", "fault_named", "faults", "held_back", "register"]

HELD_BACK_SEED = 22
"""Draws the third of the faults that no rule was tuned on."""

CODE = planted_steps.CODE
_STREAM = 0xFA017  # keeps the random numbers of the faults apart from all others of the seed
_DIGITS = 12  # of a code that say which fault it is

Kind = Literal["settings", "data", "code"]


@dataclass(frozen=True)
class Fault(Planted):
    """A fault that can be planted.

    Attributes
    ----------
    name : str
        Its name.
    line : str
        What is wrong, in a sentence.
    kind : str
        "settings": other settings of the recipe; "data": other pictures or labels; "code": another code path.
    causes : frozenset of str
        The names of the findings that tell the right cause; several repairs may be right.
    needs : str
        What a network must have: a kind of layer, "hidden" (two layers of weights), or "" for nothing.
    without : str
        A kind of layer with which it does no harm.
    settings : mapping of str to object
        Settings that it replaces; a text "* 100" multiplies.
    network : tuple of (str, str)
        What it replaces in the network's notation: regular expression and replacement.
    """

    name: str
    line: str
    kind: Kind
    causes: frozenset[str]
    needs: str = ""
    without: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    network: tuple[tuple[str, str], ...] = ()

    def applies_to(self, network: str) -> bool:
        """Whether a network, in notation, has what the fault needs, and nothing that makes it harmless."""
        whole = expand(network).replace("conv-bn-relu", "conv batchnorm relu")
        if self.without and self.without in whole:
            return False
        if self.needs == "hidden":
            return len(re.findall(r"\b(?:linear|conv\S*)\b", whole)) > 1
        return self.needs in whole

    def in_recipe(self, recipe: Recipe, seed: int = 0) -> Recipe:
        """The recipe with this fault, and with its code. Raises `RecipeError` where the recipe cannot have it."""
        if not self.applies_to(recipe.model.network):
            wanted = " and ".join(
                text
                for word, text in (
                    (self.needs, f"needs {self.needs}"),
                    (self.without, f"does no harm with {self.without}"),
                )
                if word
            )
            raise RecipeError(f"The fault '{self.name}' {wanted} in the network. Got '{recipe.about}'.")
        values: dict[str, Any] = {"fault.code": code_of(self.name, seed)}
        for name, value in self.settings.items():
            values |= _setting(recipe, name, value)
        if self.network:
            values["model.network"] = self._other_network(recipe)
        return recipe.with_settings(values)

    def _other_network(self, recipe: Recipe) -> str:
        text = expand(recipe.model.network)
        for pattern, replacement in self.network:
            text = re.sub(pattern, replacement, text)
        if text == expand(recipe.model.network):
            raise RecipeError(f"The fault '{self.name}' has no place in the network '{recipe.about}'.")
        return text

    # ---- what the code in a recipe does

    def in_data(self, splits: Splits, seed: int) -> Splits:
        return DATA[self.name](splits, np.random.default_rng([seed, _STREAM])) if self.kind == "data" else splits

    def in_trainer(self, trainer: Trainer) -> Trainer:
        if self.kind != "code":
            return trainer
        engine = trainer.engine
        if type(engine) is not NativeEngine:
            raise RecipeError(
                "A fault of code is planted in our own engine, in a training from random weights and not under attack."
                f" Got {type(engine).__name__}."
            )
        CODE[self.name](trainer)
        engine.folded = False  # by the general way, in which every pass of every layer is called by itself
        trainer.network.choose(fuse_relu=False, fuse_pool=False, fuse_norm=False)
        return trainer


@cache
def faults() -> dict[str, Fault]:
    """All faults by name, in the order of the file."""
    text = (files("glassnet.clinic") / "faults.toml").read_text(encoding="utf-8")
    found = {}
    for values in tomllib.loads(text)["fault"]:
        pairs = tuple((str(pattern), str(other)) for pattern, other in values.pop("network", ()))
        made = Fault(**{**values, "causes": frozenset(values["causes"]), "network": pairs})
        found[made.name] = made
    return found


def fault_named(name: str) -> Fault:
    """The fault of a name. Raises `RecipeError`."""
    known = faults()
    if name not in known:
        raise RecipeError(f"There is no fault '{name}'.{nearest(name, known)} There are {len(known)} in the list.")
    return known[name]


def held_back() -> frozenset[str]:
    """The names of the third of the faults that no rule was tuned on."""
    names = sorted(faults())
    drawn = np.random.default_rng(HELD_BACK_SEED).permutation(len(names))[: len(names) // 3]
    return frozenset(names[place] for place in drawn)


def code_of(name: str, seed: int) -> str:
    """A code that stands for a fault; every seed gives another."""
    salt = hashlib.sha256(f"salt {seed}".encode()).hexdigest()[:4]
    return f"{salt}-{hashlib.sha256(f'{salt} {name}'.encode()).hexdigest()[:_DIGITS]}"


def by_code(code: str) -> Fault | None:
    """The fault that a code stands for; None where it stands for none of ours."""
    salt = code.partition("-")[0]
    matches = (f"{salt}-{hashlib.sha256(f'{salt} {name}'.encode()).hexdigest()[:_DIGITS]}" for name in faults())
    return next((fault for fault, known in zip(faults().values(), matches, strict=True) if known == code), None)


def register() -> None:
    """Let recipes have these faults."""
    if by_code not in FINDERS:
        FINDERS.append(by_code)


def _setting(recipe: Recipe, name: str, value: Any) -> dict[str, Any]:
    """A setting as `Recipe.with_settings` takes it; a whole part is replaced."""
    part, _, key = name.partition(".")
    if not key:
        old = getattr(recipe, part)
        return {f"{part}.{each}": None for each in old} | {f"{part}.{each}": v for each, v in value.items()}
    if isinstance(value, str) and value.startswith("* "):
        now = recipe.make_optimizer().lr if name == "optimizer.lr" else recipe.to_dict()[part][key]
        return {name: float(f"{now * float(value[2:]):.6g}")}
    return {name: value}
