"""The folder of a search.

search.json          the data, the plan, the classes: what must not change
environment.json     versions, hardware, SHA-256 of the data
generations.jsonl    a record of every generation
checkpoint.npz       the latest population, to go on from
network.json         the best topology so far, with its accuracy on the validation part by shared weight
shown.json           what it does on the test part (`show`)
trained.json         what became of its trained weights, beside networks to compare with (`train`)
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import Dataset, Preprocess, Splits
from glassnet.errors import DataError, Fix, GlassnetError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.data import load_splits
from glassnet.experiments.environment import environment
from glassnet.experiments.folder import is_occupied, make_folder, require_same_data
from glassnet.experiments.recipe import recipe_for
from glassnet.files import arrays_of, atomic_write, exists, read_json, read_text, remove_partial, write_json, write_text
from glassnet.locking import locked
from glassnet.wann.graph import Graph
from glassnet.wann.judge import WEIGHTS
from glassnet.wann.search import Plan, Search, examples_of

__all__ = ["Found", "begin", "go_on", "keep", "plan_of", "splits_of"]

_PLAN, _CHECKPOINT, _RECORDS, _NETWORK = "search.json", "checkpoint.npz", "generations.jsonl", "network.json"
_EVERY = 5.0  # seconds between checkpoints

OnGeneration = Callable[[Search, dict[str, Any]], None]


@dataclass(frozen=True)
class Found:
    """What a search found, as its folder has it.

    Attributes
    ----------
    folder : Path
        Where it is.
    plan : dict
        What was asked for: data, size, settings.
    graph : Graph
        The best topology on the validation part.
    accuracy : list of float
        Its accuracy there with each of the weights that were tried.
    records : list of dict
        One for each generation.
    shown, trained : dict
        What `show` and `train` found; empty where they were not called.
    """

    folder: Path
    plan: dict[str, Any]
    graph: Graph
    accuracy: list[float]
    records: list[dict[str, Any]] = field(repr=False)
    shown: dict[str, Any] = field(default_factory=dict, repr=False)
    trained: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: str | Path) -> Found:
        """What lies in a folder. Raises `GlassnetError` where it is not that of a search, or damaged."""
        path = Path(folder)
        plan, network = plan_of(path), read_json(path / _NETWORK)
        try:
            graph, accuracy = Graph.from_dict(network["graph"]), [float(value) for value in network["accuracy"]]
            lines = read_text(path / _RECORDS, "the folder of a search").splitlines()
            records = [json.loads(line) for line in lines]
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"The files in '{path}' are damaged: {error}.") from error
        kept = {
            name: read_json(path / f"{name}.json") for name in ("shown", "trained") if exists(path / f"{name}.json")
        }
        return cls(path, plan, graph, accuracy, records, **kept)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the pictures."""
        h, w, c = self.plan["image_shape"]
        return h, w, c

    @property
    def seconds(self) -> float:
        """How long the search took."""
        return float(sum(record["seconds"] for record in self.records))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": self.folder,
            "data": self.plan["data"],
            "generations": len(self.records),
            "seconds": self.seconds,
            "connections": self.graph.connections,
            "units": self.graph.hidden,
            "depth": self.graph.depth,
            "valid_accuracy": dict(zip(map(str, WEIGHTS), self.accuracy, strict=False)),
            "valid_mean": sum(self.accuracy) / max(1, len(self.accuracy)),
            "shown": self.shown,
            "trained": self.trained,
        }


def splits_of(
    plan: dict[str, Any], say: Callable[[str], None] = lambda text: None, folder: Path | None = None
) -> Splits:
    """The data of a plan, a tenth of the training part held out for validation, a fifth for the test where there is
    none. Raises `GlassnetError` where they cannot be read, or are not those that the search in `folder` began with.
    """
    size, settings = plan.get("size"), {"train.seed": plan["settings"]["seed"]}
    if plan.get("limit"):
        settings["data.train_limit"] = plan["limit"]
    try:
        sized = {"data.image_size": [size, size]} if size else {}
        splits = load_splits(recipe_for(plan["data"], {**settings, **sized}), say)
    except DataError:
        if not size:
            raise
        splits = _resized(load_splits(recipe_for(plan["data"], settings), say), size)  # a set of arrays, not of files
    if splits.valid is None:
        raise RecipeError(f"A search chooses on a validation part, and '{splits.name}' is too small to have one.")
    if folder is not None:
        require_same_data(read_json(folder / "environment.json"), environment(splits), folder)
    return splits


def _resized(splits: Splits, size: int) -> Splits:
    """Every picture of arrays brought to size x size, in whole grey values."""
    smaller = Preprocess.parse(f"scale -> resize {size} {size}")

    def part(dataset: Dataset) -> Dataset:
        images = smaller.fit(dataset.images[:1]).transform(np.asarray(dataset.images[:]))
        return replace(dataset, images=np.round(255 * images).astype(np.uint8))

    return Splits(part(splits.train), splits.valid and part(splits.valid), splits.test and part(splits.test))


def keep(found: Found, **results: dict[str, Any]) -> Found:
    """The same with `shown` or `trained`, which are written into its folder."""
    for name, values in results.items():
        write_json(found.folder / f"{name}.json", values)
    return replace(found, **results)  # type: ignore[arg-type]


def plan_of(folder: Path) -> dict[str, Any]:
    """What was asked for, as the folder of a search has it. Raises `GlassnetError` where it is none."""
    if not exists(folder / _PLAN):
        raise GlassnetError(f"'{folder}' is not the folder of a search: it has no {_PLAN}.", Fix.NAME_SEARCH)
    found: dict[str, Any] = read_json(folder / _PLAN)
    return found


def _search(plan: dict[str, Any], splits: Splits, jobs: int) -> Search:
    """The search of a plan, at its start."""
    assert splits.valid is not None
    train, valid = examples_of(splits.train), examples_of(splits.valid)
    return Search(Plan(**plan["settings"]), train, valid, splits.train.classes, jobs=jobs)


def begin(
    folder: Path,
    data: str,
    plan: Plan,
    generations: int,
    *,
    size: int | None = None,
    limit: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_generation: OnGeneration = lambda search, record: None,
    on_checkpoint: Callable[[Search], None] = lambda search: None,
) -> Found:
    """Search in a new folder.

    Parameters
    ----------
    folder : Path
        New or empty.
    data : str
        A folder, a file or a known set.
    plan : Plan
        The settings.
    generations : int
        How many there are to be.
    size : int, optional
        Pictures of a set of picture files are brought to size x size.
    limit : int, optional
        So many training pictures are used.
    jobs : int
        Threads that judge.
    seconds : float, optional
        No generation is begun later; None: no limit.
    say : callable
        Told how far the reading of data is.
    on_generation, on_checkpoint : callable
        Told of every generation, and whenever a population was kept.

    Raises
    ------
    GlassnetError
        The data cannot be used, or the folder holds something.
    TrainingInterrupted
        Somebody pressed Ctrl-C; what was found is kept.
    """
    if is_occupied(folder, "folder of a search"):
        raise RecipeError(f"'{folder}' exists and is not empty; a search never overwrites anything.", Fix.CHOOSE_OUTPUT)
    kept: dict[str, Any] = {
        "data": data,
        "size": size,
        "limit": limit,
        "generations": generations,
        "settings": asdict(plan),
    }
    splits = splits_of(kept, say)
    search = _search(kept, splits, jobs)
    kept |= {"name": splits.name, "image_shape": splits.train.image_shape, "classes": splits.train.class_names}
    make_folder(folder, "folder of a search")
    with locked(folder):
        remove_partial(folder)
        write_json(folder / "environment.json", environment(splits))
        write_json(folder / _PLAN, kept)
        _run(folder, search, [], generations, seconds, on_generation, on_checkpoint)
    return Found.open(folder)


def go_on(
    folder: Path,
    *,
    generations: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    say: Callable[[str], None] = lambda text: None,
    on_generation: OnGeneration = lambda search, record: None,
    on_checkpoint: Callable[[Search], None] = lambda search: None,
) -> Found:
    """Go on with the search in a folder, to so many generations in all (None: as many as before).

    It ends as if it had never been stopped, bit for bit but for the times, on the same processor. Parameters and errors
    are otherwise those of `begin`.
    """
    kept = plan_of(folder)
    splits = splits_of(kept, say, folder)
    with locked(folder):
        remove_partial(folder)
        search = _search(kept, splits, jobs)
        records: list[dict[str, Any]] = []
        for name in ("shown", "trained"):  # of the network as it was
            (folder / f"{name}.json").unlink(missing_ok=True)
        if exists(folder / _CHECKPOINT):
            with arrays_of(folder / _CHECKPOINT, "the population") as arrays:
                records = json.loads(bytes(arrays.pop("records")).decode())
                search.load_state(arrays)
        generations = generations or kept["generations"]
        write_json(folder / _PLAN, {**kept, "generations": generations})
        _run(folder, search, records, generations, seconds, on_generation, on_checkpoint)
    return Found.open(folder)


def _run(
    folder: Path,
    search: Search,
    records: list[dict[str, Any]],
    generations: int,
    seconds: float | None,
    on_generation: OnGeneration,
    on_checkpoint: Callable[[Search], None],
) -> None:
    begun = kept = time.monotonic()
    with _resumable(folder):
        try:
            while search.generation < generations and (seconds is None or time.monotonic() - begun < seconds):
                record = search.step()
                records.append(record)
                on_generation(search, record)
                if time.monotonic() - kept > _EVERY:
                    _keep(folder, search, records)
                    on_checkpoint(search)
                    kept = time.monotonic()
        finally:
            if len(records) == search.generation:  # not in the middle of a generation
                _keep(folder, search, records)
        on_checkpoint(search)


def _keep(folder: Path, search: Search, records: list[dict[str, Any]]) -> None:
    lines = [json.dumps(record) for record in records]
    with atomic_write(folder / _CHECKPOINT) as file:
        text = np.frombuffer(f"[{','.join(lines)}]".encode(), np.uint8)
        np.savez(file, records=text, **search.state())  # type: ignore[arg-type]
    write_text(folder / _RECORDS, "".join(f"{line}\n" for line in lines))
    best = {"graph": search.best.to_dict(), "weights": list(WEIGHTS), "accuracy": search.best_accuracy.tolist()}
    write_json(folder / _NETWORK, best)


@contextlib.contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise TrainingInterrupted(
            "Interrupted; the search is kept as of its latest generation.", Fix.RESUME_SEARCH, folder=folder
        ) from None
