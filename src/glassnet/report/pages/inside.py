"""The page that looks inside a model: what it says of pictures and why, its units, its first weights, its layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.explain import Seen, Strongest
from glassnet.model import Model
from glassnet.report.figures.features import compared_maps
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.panels.evidence import added_panel, evidence_panel, probabilities_panel, units_panel
from glassnet.report.panels.gallery import reconstructions_panel
from glassnet.report.panels.inside import feature_maps_panel, first_layer_panel, network_panel

__all__ = ["look_inside"]

_FOLLOWED = 4  # pictures whose maps are shown

Pictures = Sequence[tuple[str, NDArray[np.generic]]]


def look_inside(
    model: Model,
    name: str,
    out: str | Path,
    *,
    pictures: Pictures = (),
    seen: Sequence[Seen] = (),
    units: tuple[Strongest, dict[int, NDArray[np.generic]]] | None = None,
) -> list[Path]:
    """Write a page and single figures about a model into a folder.

    Parameters
    ----------
    model : Model
        The model.
    name : str
        What it is called on the page: its file, its run folder, or a network's name.
    out : path-like
        The folder to write into.
    pictures : sequence of (caption, (H, W, C) array)
        Pictures that are followed through the layers.
    seen : sequence of Seen
        What a classifier says of the same pictures, and why.
    units : (Strongest, dict of int to (H, W, C) array) or None
        What a layer's units respond to, and those pictures by their number.

    Returns
    -------
    list of Path
        The files, the page first.

    Raises
    ------
    GlassnetError
        The folder cannot be written.
    """
    heading = Heading(f"Inside {Path(name).name or name}", f"A network with {model.network.size:,} weights.")
    panels: list[Panel | None] = []
    if seen:
        panels += [probabilities_panel(seen), evidence_panel(seen), added_panel(seen)]
    elif pictures:
        panels.append(_rebuilt(model, pictures))
    if pictures:
        panels.append(_followed(model, pictures[:_FOLLOWED]))
    if units is not None:
        panels.append(units_panel(*units, model.network.input_shape))
    panels += [first_layer_panel(model.network), network_panel(model.network)]
    folder = Path(out)
    return write_page(
        folder / "look.html", heading, [panel for panel in panels if panel is not None], figures_folder=folder
    )


def _rebuilt(model: Model, pictures: Pictures) -> Panel | None:
    """What an autoencoder makes of the pictures; None where it takes no pictures."""
    images = np.stack([picture for _, picture in pictures])
    inputs, outputs = model.preprocess.transform(images), model.predict(images)
    if inputs.shape[1:3] == (1, 1):  # whitened: features, no picture
        return None
    return reconstructions_panel(inputs, outputs.reshape(inputs.shape))


def _followed(model: Model, pictures: Pictures) -> Panel | None:
    images = [picture for _, picture in pictures]
    found = compared_maps(
        model.network, list(model.preprocess.transform(np.stack(images))), images, [caption for caption, _ in pictures]
    )
    return feature_maps_panel(*found) if found else None
