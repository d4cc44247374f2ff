"""Looking into a model: its first-layer kernels, its layers as a drawing, and what they make of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.data import read_picture
from glassnet.errors import DataError
from glassnet.files import exists
from glassnet.report import FeatureMaps, ReportContent, feature_maps, first_weights, write_report
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array
from glassnet.experiments.recipe import load_recipe
from glassnet.experiments.run import evaluated_part, load_splits

__all__ = ["look_inside"]


def look_inside(model: Model, name: str, picture: str | Path | None, out: str | Path) -> list[Path]:
    """Write a page and single figures about a model into the folder `out`; returns their paths, the page first.

    Parameters
    ----------
    model, name : the model, and what it is called on the page
    picture : what is to be followed through the layers of a convolutional network: a picture file, or (for a model
        named by its run folder) the number that a picture has in the run's report; or None

    Raises `GlassnetError` where the picture cannot be read or the folder cannot be written.
    """
    network = model.network
    first = first_weights(network)
    height, width, channels = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    content = ReportContent(
        title=f"Inside {Path(name).name or name}",
        sentence=f"A network with {network.size:,} weights.",
        weights_after=None if first is None else first[1].parameters["weight"].value,
        image_shape=(height, width, channels),
        feature_maps=None if picture is None else _maps(model, name, str(picture)),
        network=network,
        network_table=str(network),
        network_plan=str(network.plan(1)),
    )
    folder = Path(out)
    return write_report(folder / "look.html", content, figures_folder=folder)


def _maps(model: Model, name: str, chosen: str) -> FeatureMaps | None:
    if chosen.isdecimal() and not exists(chosen):
        picture, caption = _of_run(Path(name), int(chosen))
    else:
        picture, caption = read_picture(chosen, model.image_shape, model.reading), Path(chosen).name
    if model.loss.classifies:
        chances = model.predict(picture[None])[0]
        best = int(np.argmax(chances))
        caption += f": read as {model.class_names[best]}, {100 * float(chances[best]):.0f} % sure"
    return feature_maps(model.network, model.preprocess.transform(picture[None])[0], picture, caption)


def _of_run(folder: Path, number: int) -> tuple[Array, str]:
    """A picture of the part that a run's report is about, by its number there, and what it is."""
    if not exists(folder / "recipe.toml"):
        raise DataError(
            f"A picture's number belongs to a run's report, and '{folder}' is no run folder; name a picture file."
        )
    part_name, part = evaluated_part(load_splits(load_recipe(folder / "recipe.toml")))
    if not 0 <= number < len(part):
        raise DataError(f"The {part_name} part has the pictures 0 to {len(part) - 1}. Got {number} instead.")
    return part.images[number], f"{part_name} picture #{number} ({part.class_names[part.labels[number]]})"
