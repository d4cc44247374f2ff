"""Looking into a model: its first-layer kernels, its layers as a drawing, and what they make of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.data import read_picture
from glassnet.look import FeatureMaps, ReportContent, feature_maps, first_weights, write_report
from glassnet.model import Model

__all__ = ["look_inside"]


def look_inside(model: Model, name: str, picture: str | Path | None, out: str | Path) -> list[Path]:
    """Write a page and single figures about a model into the folder `out`; returns their paths, the page first.

    Parameters
    ----------
    model, name : the model, and what it is called on the page
    picture : a picture file to be followed through the layers of a convolutional network, or None

    Raises `GlassnetError` where the picture cannot be read or the folder cannot be written.
    """
    network = model.network
    first = first_weights(network)
    height, width, channels = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    content = ReportContent(
        title=f"Inside {name}",
        sentence=f"A network with {network.size:,} weights.",
        weights_after=None if first is None else first[1].parameters["weight"].value,
        image_shape=(height, width, channels),
        feature_maps=None if picture is None else _maps(model, Path(picture)),
        network=network,
        network_table=str(network),
        network_plan=str(network.plan(1)),
    )
    folder = Path(out)
    return write_report(folder / "look.html", content, figures_folder=folder)


def _maps(model: Model, path: Path) -> FeatureMaps | None:
    picture = read_picture(path, model.image_shape, model.reading)
    caption = path.name
    if model.loss.classifies:
        chances = model.predict(picture[None])[0]
        best = int(np.argmax(chances))
        caption += f": read as {model.class_names[best]}, {100 * float(chances[best]):.0f} % sure"
    return feature_maps(model.network, model.preprocess.transform(picture[None])[0], picture, caption)
