"""What a recipe leaves out is chosen for its data: picture size, network, augmentation, optimiser and epochs.

| data | network | pictures (fast, best) | epochs (fast, best) |
|---|---|---|---|
| photographs: shortest side above 64 | `photo-convnet`, `photo-resnet` | 64x64, 96x96 | 30, 60 |
| pictures of 16 to 47 pixels | `picture-convnet` | as they are, else 32x32 | 30, 60 |
| smaller ones | `two-layer` | as they are | 30, 60 |

The epochs are those of small sets: a larger one gets fewer, so that as many pictures are seen in all (`_SEEN`). What a
recipe says stands. One that names a network, and no preset, is trained plainly: Adam at a constant rate, 10 epochs, no
augmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from glassnet.data import Splits, typical_size
from glassnet.experiments.data import load_splits
from glassnet.experiments.recipe import PLAIN, PRESETS, ModelPart, Recipe
from glassnet.nn.named import NAMED
from glassnet.train import Settings

__all__ = ["FAST", "prepare", "resolve", "sized", "usual_augmentation"]

FAST = PRESETS[0]
PHOTOGRAPH = 64  # pixels of the shorter side, above which pictures are taken for photographs
_SMALLEST = {"photographs": 48, "small pictures": 16}  # pixels of the shorter side; below are tiny pictures
_SIZE = {"fast": (64, 64), "best": (96, 96)}
_SEEN = {"photographs": 100_000, "small pictures": 300_000, "tiny pictures": 300_000}  # pictures, with repetitions
_FEWEST = 4  # epochs


@dataclass(frozen=True)
class Preset:
    """How pictures of one kind are trained on."""

    network: str
    epochs: int
    batch: int
    lr: float
    augment: str
    grey_augment: str = ""
    """That of grey pictures, where it is another: figures and letters are not mirrored."""


_PRESETS = {
    ("photographs", "fast"): Preset("photo-convnet", 30, 32, 0.004, "flip -> rotate 8 -> scale 15 -> crop 6"),
    ("photographs", "best"): Preset("photo-resnet", 60, 32, 0.004, "flip -> rotate 8 -> scale 15 -> crop 9"),
    ("small pictures", "fast"): Preset("picture-convnet", 30, 64, 0.004, "flip -> crop 3", "shift 2"),
    ("small pictures", "best"): Preset("picture-convnet", 60, 64, 0.004, "flip -> crop 3", "shift 2"),
    ("tiny pictures", "fast"): Preset("two-layer", 30, 64, 0.004, ""),
    ("tiny pictures", "best"): Preset("two-layer", 60, 64, 0.004, ""),
}


def prepare(
    recipe: Recipe, say: Callable[[str], None] = lambda text: None, *, given: Splits | None = None
) -> tuple[Recipe, Splits]:
    """(the recipe with all that it left out, its data): what every training begins with.

    Parameters
    ----------
    recipe : Recipe
        Whatever it says stands; one that says everything comes back as it is.
    say : callable
        Told from time to time how far the reading of picture files is.
    given : Splits, optional
        The data themselves, where the recipe only names them.

    Examples
    --------
    >>> from glassnet.experiments import prepare, recipe_for
    >>> recipe, splits = prepare(recipe_for("digits", {}))
    >>> len(splits.train), len(splits.test)
    (1293, 360)
    """
    recipe = sized(recipe) if given is None else recipe
    splits = load_splits(recipe, say, given=given)
    return resolve(recipe, splits), splits


def sized(recipe: Recipe) -> Recipe:
    """The recipe with a picture size, where its data are photographs and it names none."""
    if recipe.data.image_size is not None or recipe.start is not None:
        return recipe
    typical = typical_size(recipe.data.source)
    if typical is None or min(typical) <= PHOTOGRAPH:
        return recipe
    named = NAMED.get(recipe.model.network)
    size = named.use.input_shape[:2] if named else _SIZE[recipe.train.get("preset", FAST)]
    return replace(recipe, data=replace(recipe.data, image_size=(size[0], size[1])))


def resolve(recipe: Recipe, splits: Splits) -> Recipe:
    """The recipe with all that it left out, chosen for these data; the bits of a training by either are the same.

    Examples
    --------
    >>> from glassnet.experiments import load_splits, recipe_for, resolve
    >>> recipe = recipe_for("digits", {"model.network": "linear"})
    >>> resolve(recipe, load_splits(recipe)).model.network
    'linear'
    """
    if recipe.start is not None:  # the model that the training starts from has the rest
        return replace(recipe, model=replace(recipe.model, loss=recipe.model.loss or PLAIN.loss))
    preset = None
    if recipe.make_loss().task == "classification" and (not recipe.model.network or "preset" in recipe.train):
        kind = kind_of(splits)
        preset = _PRESETS[kind, recipe.train.get("preset", FAST)]
        recipe = _with_preset(recipe, preset, kind, splits)
    settings = Settings()
    model = ModelPart(*(getattr(recipe.model, name) or text for name, text in vars(PLAIN).items()))
    optimizer = recipe.make_optimizer()
    train = {"epochs": settings.epochs, "batch": settings.batch, "schedule": "constant", "seed": settings.seed}
    return replace(
        recipe,
        model=model,
        optimizer={"name": optimizer.word, "lr": optimizer.lr, **recipe.optimizer},
        train=train | recipe.train,
    )


def kind_of(splits: Splits) -> str:
    """What the pictures are taken for: photographs, small pictures or tiny pictures."""
    side = min(splits.train.image_shape[:2])
    return next((kind for kind, smallest in _SMALLEST.items() if side >= smallest), "tiny pictures")


def _with_preset(recipe: Recipe, preset: Preset, kind: str, splits: Splits) -> Recipe:
    own = recipe.model
    model = replace(
        own,
        network=own.network or preset.network,
        preprocess=own.preprocess or "scale -> standardise",
        loss=own.loss or "softmax-cross-entropy, smoothing 0.1",
    )
    optimizer = recipe.optimizer
    if "name" not in optimizer:  # an optimiser that was chosen has a rate of its own
        optimizer = {"name": "adamw", "lr": preset.lr} | optimizer
    train = {
        "preset": FAST,
        "epochs": max(_FEWEST, min(preset.epochs, round(_SEEN[kind] / len(splits.train)))),
        "batch": preset.batch,
        "schedule": "onecycle",
    }
    if augment := _augmentation(preset, splits):
        train["augment"] = augment
    return replace(recipe, model=model, optimizer=optimizer, train=train | recipe.train)


def _augmentation(preset: Preset, splits: Splits) -> str:
    colour = splits.train.image_shape[2] == 3
    return preset.augment if colour else preset.grey_augment or preset.augment


def usual_augmentation(splits: Splits) -> str:
    """The augmentation that suits the kind of pictures, whatever trains on them; "" for tiny ones."""
    return _augmentation(_PRESETS[kind_of(splits), FAST], splits)
