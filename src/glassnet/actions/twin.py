"""Two engines side by side on one training: where they part, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.actions.events import Events
from glassnet.actions.places import new_folder
from glassnet.data import Dataset, Preprocess, Splits
from glassnet.data.dataset import are_rows
from glassnet.errors import RecipeError
from glassnet.experiments import Recipe, load_recipe, recipe_for
from glassnet.experiments.build import build
from glassnet.experiments.defaults import prepare
from glassnet.files import exists
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.nn.named import NAMED
from glassnet.report.pages.twin import write_twin_page
from glassnet.train import Trainer
from glassnet.twin import Both, Side, Twin, both_of, compare

__all__ = ["Twinned", "twin"]

_OTHERWISE = "digits"  # the pictures of a network that nobody named any for
_NOISE_BATCHES = 4  # batches of noise that an epoch has
_BATCH = 16  # of noise, where nobody says another size


@dataclass(frozen=True)
class Twinned:
    """What was found, and the files that were written, the page first."""

    found: Twin
    data: str
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.found.to_dict(), "data": self.data, "files": self.files}


def twin(
    what: str | Path,
    *,
    pair: str = "native, torch",
    data: str | Path | None = None,
    input_shape: Sequence[int] | None = None,
    classes: int = 10,
    steps: int = 200,
    settings: Mapping[str, Any] | None = None,
    tolerance: float | None = None,
    out: str | Path | None = None,
    events: Events | None = None,
) -> Twinned:
    """Train two engines from the same start on the same batches, and say where they part.

    Parameters
    ----------
    what : str or path
        A recipe, a run folder (its recipe, from its model), a model file, a named network or a notation.
    pair : str
        The two sides, as in 'native float32, native float64'; see `glassnet.twin.Side`.
    data : str or path, optional
        What is trained on. None takes the recipe's; of a model or a named network pictures of noise, of a notation the
        built-in digits.
    input_shape : sequence of int, optional
        Sizes of one example: pictures of noise of this size instead of data.
    classes : int
        How many classes noise has, where the network does not say.
    steps : int
        How many steps; fewer where the recipe's epochs have no more.
    settings : mapping, optional
        Values of the recipe by dotted name, as {"optimizer.name": "sgd"}.
    tolerance : float, optional
        Largest error that passes; None takes that of the coarser precision.
    out : path, optional
        A new folder for page and figures; None takes `NAME-twin`.
    events : Events, optional
        Told how far it is.

    Raises
    ------
    GlassnetError
        Something cannot be read, or does not fit.
    """
    events = events or Events()
    sides = _sides(pair)
    folder = new_folder(None if out is None else Path(out), Path(f"{_name(what)}-twin"))
    model = Model.load(what) if exists(what) and not str(what).endswith(".toml") else None
    recipe = _recipe(what, model, data, dict(settings or {}))
    with threads.use(recipe.threads):
        shape = input_shape or _noise_shape(what, model, data)
        noise = None if shape is None else _noise(recipe, model, shape, classes)
        recipe, splits = prepare(recipe, events.say, given=noise)
        plain = build(replace(recipe, start=None), splits, events.say)
        network, preprocess = (plain.network, plain.preprocess) if model is None else (model.network, model.preprocess)
        trainer = _trainer(recipe, sides, network, preprocess, tolerance)
        with contextlib.closing(both_of(trainer)):
            found = compare(
                trainer, splits.train, steps, progress=lambda done, of: events.progress("comparing", done, of, "steps")
            )
    files = write_twin_page(folder / "index.html", found, splits.name, figures_folder=folder / "figures")
    return Twinned(found, splits.name, tuple(files))


def _sides(pair: str) -> tuple[Side, Side]:
    sides = [Side.parse(text) for text in pair.split(",")]
    if len(sides) != 2:
        raise RecipeError(f"A pair is two sides with a comma between them, as in 'native, torch'. Got '{pair}'.")
    return sides[0], sides[1]


def _name(what: str | Path) -> str:
    """What the folder is called: by a file or network; a notation has no name."""
    text = str(what)
    return Path(text).name.rpartition(".")[0] or Path(text).name if exists(what) or text in NAMED else "network"


def _kept(what: str | Path) -> Path | None:
    """The file of a recipe: `what` itself, or that in a run folder; None where there is none."""
    path = Path(what)
    if path.name.endswith(".toml"):
        return path
    return path / "recipe.toml" if exists(what) and exists(path / "recipe.toml") else None


def _recipe(what: str | Path, model: Model | None, data: str | Path | None, settings: dict[str, Any]) -> Recipe:
    """What both sides carry out."""
    kept, source = _kept(what), {} if data is None else {"data.source": str(data)}
    if kept is not None:
        recipe = load_recipe(kept).with_settings({**source, **settings})
        if recipe.start is not None:
            raise RecipeError("A twin trains a whole network; this recipe fine-tunes one. Give its model instead.")
        return recipe
    own = {"model.network": str(what)}
    if model is not None:
        own = {"model.network": model.network.notation(), "model.loss": model.loss.notation()}
    return recipe_for(str(data or _OTHERWISE), {**own, **settings})


def _noise_shape(what: str | Path, model: Model | None, data: str | Path | None) -> Sequence[int] | None:
    """The sizes of noise where `what` comes without data; None where there are some."""
    if data is not None or _kept(what) is not None:
        return None
    named = NAMED.get(str(what))
    return model.image_shape if model is not None else named.use.input_shape if named is not None else None


def _noise(recipe: Recipe, model: Model | None, shape: Sequence[int], classes: int) -> Splits:
    """Pictures of noise with random labels."""
    named = NAMED.get(recipe.model.network)
    names = tuple(f"class {i}" for i in range(classes if named is None else named.use.classes))
    if model is not None:
        names = model.class_names
    rng = np.random.default_rng([recipe.settings.seed, *shape])
    count = _NOISE_BATCHES * (recipe.train.get("batch") or _BATCH)
    sizes = tuple(shape) if len(shape) == 3 else (1, 1, int(np.prod(shape)))
    images: Any = rng.integers(0, 256, (count, *sizes), np.uint8)
    if are_rows((sizes[0], sizes[1], sizes[2])):
        images = rng.standard_normal((count, *sizes)).astype(np.float32)
    return Splits(Dataset(images, rng.integers(0, len(names), count), names, name="noise"))


def _trainer(
    recipe: Recipe, sides: tuple[Side, Side], network: Network, preprocess: Preprocess, tolerance: float | None
) -> Trainer:
    settings = recipe.settings
    parts: dict[str, Any] = {"l2": settings.l2, "clip": settings.clip}
    engines = [side.make(network, recipe.make_loss(), recipe.make_optimizer(), **parts) for side in sides]
    both = Both(engines[0], engines[1], (str(sides[0]), str(sides[1])), tolerance=tolerance)
    kept = {name: value for name, value in vars(settings).items() if name not in (*parts, "patience")}
    return Trainer(
        engine=both,
        preprocess=preprocess,
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        adversarial=recipe.make_adversary(),
        class_weights=recipe.make_class_weights(),
        **kept,
    )
