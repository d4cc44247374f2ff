"""What is inside a model, what it says of pictures, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.events import Events
from glassnet.actions.places import beside_model
from glassnet.attack import Victim
from glassnet.data import read_picture
from glassnet.engines import NativeEngine
from glassnet.errors import DataError, GlassnetError
from glassnet.experiments import Run
from glassnet.explain import Seen, Strongest, see, strongest
from glassnet.files import exists
from glassnet.imagenet import open_model
from glassnet.model import Model
from glassnet.optim import SGD
from glassnet.report.pages.inside import look_inside

__all__ = ["Looked", "look"]


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found and written.

    Attributes
    ----------
    files : tuple of Path
        The files that were written, the page first.
    weights : int
        The number of the model's weights.
    pictures : tuple of Seen
        What a classifier says of each picture, and why.
    units : Strongest or None
        What the units of a layer respond to.
    remarks : tuple of str
        What could not be shown, and why.
    """

    files: tuple[Path, ...]
    weights: int
    pictures: tuple[Seen, ...] = ()
    units: Strongest | None = None
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "files": self.files,
            "weights": self.weights,
            "pictures": [seen.to_dict() for seen in self.pictures],
            "units": None if self.units is None else self.units.to_dict(),
            "remarks": self.remarks,
        }


@dataclass(frozen=True, eq=False)
class _Picture:
    caption: str
    pixels: NDArray[np.generic]
    true: int | None = None


def look(
    model: str | Path,
    out: str | Path | None = None,
    *,
    pictures: Sequence[str | Path] = (),
    examples: int = 0,
    chosen: str | None = None,
    smooth: int = 0,
    units: str | None = None,
    weights: str | Path | None = None,
    events: Events | None = None,
) -> Looked:
    """Draw a model's weights and layers, explain what it says of pictures, and find what its units respond to.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    out : path, optional
        The folder to write into; None writes into the run folder's `look`, or into NAME-look.
    pictures : sequence of str or path
        Pictures that are explained and followed through the layers: files, or for a run folder the numbers that
        pictures have in the run's report.
    examples : int
        So many pictures more of the run's report, from number 0 on.
    chosen : str, optional
        The class that is explained; None: the answer and, where it is known to be wrong, the true class.
    smooth : int
        The gradient is a mean over so many noisy copies of the picture; 0: of the picture alone.
    units : str, optional
        For a run folder, the layer whose units are shown, by its name; None: the first one.
    weights : path, optional
        A pretrained network's weights.
    events : Events, optional
        Is told how many pictures are explained.

    Returns
    -------
    Looked
        What was found, and the files.

    Raises
    ------
    GlassnetError
        The model or a picture cannot be read, or there is no such class, layer or picture.
    """
    events = events or Events()
    loaded = open_model(model, weights)
    source = _Source(loaded, Path(model))
    if loaded.task.reads and (pictures or examples or chosen is not None):
        loaded.task.require_pictures("'look' shows its layers, and explains pictures of classifiers alone.")
    wanted = [*pictures, *map(str, range(examples))]
    if chosen is not None and not wanted:
        raise DataError("A class is explained in a picture; name one.")
    shown = [source.picture(str(one)) for one in wanted]
    seen: tuple[Seen, ...] = ()
    if loaded.task.rebuilds:
        if chosen is not None:
            loaded.task.require_classes("There is no class to be explained.")
    elif shown:
        victim, number = Victim.of(loaded), None if chosen is None else loaded.class_number(chosen)
        for one in shown:
            events.progress("explaining", len(seen), len(shown))
            seen += (
                see(victim, loaded.class_names, one.pixels, one.caption, true=one.true, chosen=number, smooth=smooth),
            )
    remarks: list[str] = []
    found = source.units(units, remarks)
    folder = Path(out) if out is not None else source.folder
    followed = [(_caption(loaded, one, seen[place] if seen else None), one.pixels) for place, one in enumerate(shown)]
    files = look_inside(loaded, str(model), folder, pictures=followed, seen=seen, units=found)
    return Looked(tuple(files), loaded.network.size, seen, None if found is None else found[0], tuple(remarks))


def _caption(model: Model, one: _Picture, seen: Seen | None) -> str:
    answer = "" if seen is None else model.task.answer(seen.probabilities, model.class_names)
    return f"{one.caption}: {answer}" if answer else one.caption


class _Source:
    """Where a model, and the pictures of its run, come from."""

    def __init__(self, model: Model, path: Path) -> None:
        self.model, self.path = model, path
        self.of_run = exists(path / "recipe.toml")

    @property
    def folder(self) -> Path:
        """Where the page goes when nobody says."""
        return self.path / "look" if self.of_run else beside_model(self.path, "look")

    @cached_property
    def run(self) -> Run:
        return Run.open(self.path)

    def picture(self, chosen: str) -> _Picture:
        """A picture file, or a picture of the part that the run's report is about, by its number there."""
        if not chosen.isdecimal() or exists(chosen):
            picture = read_picture(chosen, self.model.image_shape, self.model.reading)
            return _Picture(Path(chosen).name, picture)
        if not self.of_run:
            raise DataError(
                f"A picture's number belongs to a run's report, and '{self.path}' is not a run folder; name a picture"
                " file."
            )
        number, found = int(chosen), self.run.predictions
        if not 0 <= number < len(found):
            raise DataError(f"The {found.part} part has the pictures 0 to {len(found) - 1}. Got {number} instead.")
        label = int(found.labels[number])
        caption = f"{found.part} picture #{number} ({self.model.class_names[label]})"
        return _Picture(caption, self.run.evaluated.images[number], label)

    def units(self, layer: str | None, remarks: list[str]) -> tuple[Strongest, dict[int, NDArray[np.generic]]] | None:
        """What the units of a layer respond to in the part that the run's report is about, and those pictures."""
        if self.model.task.reads and layer is None:
            return None
        if not self.of_run:
            if layer is not None:
                raise DataError(
                    f"What units respond to is looked for in a run's data, and '{self.path}' is no run folder."
                )
            return None
        try:
            images = self.run.evaluated.images
        except GlassnetError as error:
            if layer is not None:
                raise
            remarks.append(f"What the units respond to is not shown: {error.message}")
            return None
        network = self.model.network
        engine = NativeEngine(network, self.model.loss, SGD(0.0))
        victim = Victim(engine, self.model.preprocess, self.model.image_shape, batch=self.model.batch)
        found = strongest(victim, images, layer)
        return found, {int(number): images[int(number)] for number in np.unique(found.pictures)}
