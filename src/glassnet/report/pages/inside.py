"""The page that looks inside a model: first-layer weights, what it makes of a picture, its layers as a drawing."""

from __future__ import annotations

from pathlib import Path

from glassnet.data import read_picture
from glassnet.errors import DataError
from glassnet.experiments import Run
from glassnet.files import exists
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array
from glassnet.report.figures.features import feature_maps
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.panels.inside import feature_maps_panel, first_layer_panel, network_panel

__all__ = ["look_inside"]


def look_inside(model: Model, name: str, picture: str | Path | None, out: str | Path) -> list[Path]:
    """Write a page and single figures about a model into a folder.

    Parameters
    ----------
    model : Model
        The model.
    name : str
        What it is called on the page: its file, its run folder, or a network's name.
    picture : path-like or None
        What is to be followed through the layers of a convolutional network: a picture file, or (for a model named by
        its run folder) the number that a picture has in the run's report.
    out : path-like
        The folder to write into.

    Returns
    -------
    list of Path
        The files, the page first.

    Raises
    ------
    GlassnetError
        The picture cannot be read, or the folder cannot be written.
    """
    heading = Heading(f"Inside {Path(name).name or name}", f"A network with {model.network.size:,} weights.")
    panels = (
        first_layer_panel(model.network),
        None if picture is None else _feature_maps(model, name, str(picture)),
        network_panel(model.network),
    )
    folder = Path(out)
    return write_page(
        folder / "look.html", heading, [panel for panel in panels if panel is not None], figures_folder=folder
    )


def _feature_maps(model: Model, name: str, chosen: str) -> Panel | None:
    if chosen.isdecimal() and not exists(chosen):
        picture, caption, said = _of_run(Path(name), int(chosen))
    else:
        picture, caption = read_picture(chosen, model.image_shape, model.reading), Path(chosen).name
        said = model.predict_proba(picture[None])[0]
    if said is not None and (answer := model.task.answer(said, model.class_names)):
        caption += f": {answer}"
    found = feature_maps(model.network, model.preprocess.transform(picture[None])[0], picture, caption)
    return None if found is None else feature_maps_panel(found)


def _of_run(folder: Path, number: int) -> tuple[Array, str, Array | None]:
    """A picture of the part that a run's report is about, by its number there, what it is, and what the run said."""
    if not exists(folder / "recipe.toml"):
        raise DataError(
            f"A picture's number belongs to a run's report, and '{folder}' is not a run folder; name a picture file."
        )
    run = Run.open(folder)
    found = run.predictions
    if not 0 <= number < len(found):
        raise DataError(f"The {found.part} part has the pictures 0 to {len(found) - 1}. Got {number} instead.")
    caption = f"{found.part} picture #{number} ({run.model.class_names[found.labels[number]]})"
    said = None if found.probabilities is None else found.probabilities[number]
    return run.evaluated.images[number], caption, said
