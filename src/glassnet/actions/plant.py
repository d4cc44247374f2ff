"""Faults planted in recipes: as an exercise, and to measure what the doctor finds of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.events import Events
from glassnet.actions.places import new_folder
from glassnet.clinic.faults import Fault, fault_named, faults, held_back
from glassnet.clinic.healthy import NETWORKS
from glassnet.clinic.matrix import KEPT, Exam, Table, exams, sit
from glassnet.clinic.planting import answer, draw, write_planted
from glassnet.experiments import Recipe, load_recipe
from glassnet.experiments.defaults import prepare
from glassnet.report.pages.faults import write_faults_page

__all__ = ["Measured", "Planted", "list_faults", "measure", "plant", "tell"]


@dataclass(frozen=True)
class Planted:
    """A recipe with a fault.

    Attributes
    ----------
    fault : Fault or None
        Which; None where that is to be found out.
    recipe : Path
        The file that was written.
    code : str
        What stands for the fault in it.
    """

    fault: Fault | None
    recipe: Path
    code: str

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        named = {} if self.fault is None else {"fault": self.fault.name, "line": self.fault.line}
        return {**named, "recipe": self.recipe, "code": self.code}


@dataclass(frozen=True)
class Measured:
    """What the doctor found of the faults, and the files with it."""

    table: Table
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.table.to_dict(), "files": list(self.files)}


def plant(
    name: str,
    recipe: str | Path,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    events: Events | None = None,
) -> Planted:
    """Write a recipe with a fault.

    Parameters
    ----------
    name : str
        The fault; "" draws one and does not tell which.
    recipe : str or path
        The recipe that is broken; what it leaves out is chosen for its data first.
    seed : int
        Of what is drawn, and of the code.
    out : path, optional
        A new folder; None takes `planted`, or the first `planted-N` that is free.
    events : Events, optional
        Told how far the reading of pictures is.

    Raises
    ------
    GlassnetError
        There is no such fault, the recipe cannot have it, or the folder is occupied.
    """
    whole = _whole(load_recipe(recipe), events or Events())
    fault = fault_named(name) if name else draw(whole, seed)
    made = fault.in_recipe(whole, seed)
    folder = new_folder(None if out is None else Path(out), Path("planted"))
    return Planted(fault if name else None, write_planted(made, folder), made.fault.code)


def _whole(recipe: Recipe, events: Events) -> Recipe:
    """The recipe with a network."""
    return recipe if recipe.model.network else prepare(recipe, events.say)[0]


def tell(place: str | Path) -> Fault:
    """What was planted in a recipe: its file, its folder, or that of a run. Raises `RecipeError`."""
    return answer(Path(place))


def list_faults() -> tuple[Fault, ...]:
    """All faults."""
    return tuple(faults().values())


def measure(
    names: Sequence[str] = (),
    *,
    networks: Sequence[str] = NETWORKS,
    seeds: int = 1,
    jobs: int = 1,
    healthy: bool = True,
    held: bool | None = None,
    out: str | Path = "faults",
    page: bool = True,
    events: Events | None = None,
) -> Measured:
    """Plant faults in recipes on the built-in digits, examine each, and write a page with what was found.

    Parameters
    ----------
    names : sequence of str
        Which faults; none: all.
    networks : sequence of str
        Which networks: dense, convolutional, residual.
    seeds : int
        How many trainings of each fault in each network.
    jobs : int
        Processes at once.
    healthy : bool
        Whether recipes without a fault are examined, too.
    held : bool, optional
        Only the faults that were held back (True), or only the others (False); None: both.
    out : path
        The folder; what it has of an earlier call is not examined again.
    page : bool
        Whether a page is written, too.
    events : Events, optional
        Told of every examination.

    Raises
    ------
    GlassnetError
        There is no such fault or network, or the folder cannot be written.
    """
    events = events or Events()
    folder = Path(out)
    chosen = [name for name in names or faults() if held is None or (name in held_back()) == held]
    wanted = list(exams(chosen, networks=networks, seeds=seeds, healthy_ones=healthy))

    def told(exam: Exam, done: int, total: int) -> None:
        events.progress("examining", done, total, "recipes")

    table = sit(wanted, folder, jobs=jobs, told=told)
    pages = write_faults_page(folder / "index.html", table, figures_folder=folder / "figures") if page else []
    return Measured(table, (*pages, folder / KEPT))
