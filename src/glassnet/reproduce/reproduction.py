"""Published figures against ours: each row is a recipe with what was published and what we aim at.

A row file (`rows/*.toml`) is a recipe with one more part:

    [row]
    id = "mnist-mlp"
    what = "784-1024-10, Adam 5e-4, batch 64, 5 epochs"
    how = "what we do differently, in a few words"
    stand_in = "letters36"                 # the set that takes the place of one that few people have
    measure = "numeric_gradient_speed"     # a name in `MEASURES`: what is done instead of a run of the recipe, if any

The published figures and the goals of all rows are in `goals.toml`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

from glassnet import threads as thread_pool
from glassnet.data import find
from glassnet.errors import DataError, GlassnetError, RecipeError, nearest
from glassnet.experiments import Run, run_recipe
from glassnet.experiments.recipe import Recipe, recipe_from, with_source
from glassnet.files import first_free, write_json, write_text
from glassnet.report.pages import write_run_page
from glassnet.reproduce import classical, measures, photographs, side_by_side
from glassnet.reproduce.place import Measure, Place, alone
from glassnet.text import columns
from glassnet.train import Progress

__all__ = ["Reproduction", "Row", "reproduce", "rows"]

MEASURES: dict[str, Measure] = {
    "affine_fit": alone(classical.affine_fit),
    "computational_graph": alone(classical.computational_graph),
    "flowers17": side_by_side.flowers17,
    "harris_is_pca": alone(classical.harris_is_pca),
    "imagenet_category_and_video": photographs.imagenet_category_and_video,
    "mnist_knn": alone(classical.mnist_knn),
    "mnist_pca": alone(classical.mnist_pca),
    "numeric_gradient_speed": alone(measures.numeric_gradient_speed),
    "read_pages": alone(measures.read_pages),
    "softmax_loss_speed": alone(measures.softmax_loss_speed),
    "sun8_scenes": side_by_side.sun8_scenes,
}
"""What a row may measure. A recipe that it has as well is a part of that: the measurement carries it out."""

_LOWER_IS_BETTER = ("seconds", "difference", "ratio", "error")


@dataclass(frozen=True)
class Row:
    """A published result and the recipe that reproduces it, or the name in `MEASURES` of what does.

    `stand_in` names the data that are taken where the recipe's own are not here, `stand_in_goal` what we aim at then.

    Examples
    --------
    >>> from glassnet.reproduce import rows
    >>> row = next(row for row in rows() if row.id == "read-pages")
    >>> row.published["accuracy"]
    0.829
    """

    id: str
    what: str
    published: dict[str, float]
    goal: dict[str, float]
    how: str = ""
    recipe: Recipe | None = None
    measure: str = ""
    stand_in: str = ""
    stand_in_goal: dict[str, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a row gave: figures by name, or the reason why it was not run."""

    row: Row
    data: str
    goal: dict[str, float]
    measured: dict[str, float] = field(default_factory=dict)
    skipped: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether every figure of the goal is reached; None when the row was not run."""
        if self.skipped:
            return None
        return all(reached(name, self.measured.get(name), wanted) for name, wanted in self.goal.items())


@dataclass
class Reproduction:
    """The outcomes of all rows, and the files written.

    Examples
    --------
    >>> from glassnet.reproduce import Reproduction, rows
    >>> from glassnet.reproduce.reproduction import Outcome
    >>> row = next(row for row in rows() if row.id == "read-pages")
    >>> found = Reproduction([Outcome(row, "", row.goal, skipped="its pages are not here")])  # as `reproduce` gives it
    >>> found.passed, found.to_dict()["rows"][0]["id"]
    (True, 'read-pages')
    """

    outcomes: list[Outcome]
    files: list[Path] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no row that was run misses its goal."""
        return all(outcome.passed is not False for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: one entry a row with id, published, measured, goal, passed."""
        return {
            "rows": [
                {
                    "id": o.row.id,
                    "what": o.row.what,
                    "data": o.data,
                    "published": o.row.published,
                    "measured": o.measured,
                    "goal": o.goal,
                    "passed": o.passed,
                    "how": o.row.how,
                    **({"skipped": o.skipped} if o.skipped else {}),
                }
                for o in self.outcomes
            ]
        }

    def _cells(self) -> list[tuple[str, ...]]:
        cells: list[tuple[str, ...]] = [("row", "published", "ours", "goal", "", "how")]
        for o in self.outcomes:
            verdict = {True: "reached", False: "MISSED", None: "not run"}[o.passed]
            how = o.skipped or "; ".join(text for text in (f"on {o.data}" if o.data else "", o.row.how) if text)
            shown = {name: o.measured[name] for name in (*o.goal, *o.row.published) if name in o.measured}
            cells.append((o.row.id, _figures(o.row.published), _figures(shown), _figures(o.goal), verdict, how))
        return cells

    def table(self) -> str:
        """The outcomes as aligned text."""
        return columns([row[:5] for row in self._cells()], left=5)

    def markdown(self) -> str:
        """The outcomes as a Markdown table."""
        head, *body = self._cells()
        lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in body)]
        return "\n".join(f"| {line} |" for line in lines) + "\n"


def reached(name: str, value: float | None, wanted: float) -> bool:
    """Whether a figure reaches its goal; seconds, differences and ratios are better when lower."""
    if value is None:
        return False
    return value <= wanted if any(word in name for word in _LOWER_IS_BETTER) else value >= wanted


def rows() -> list[Row]:
    """All rows that come with the package, in the order of their names.

    Examples
    --------
    >>> from glassnet.reproduce import rows
    >>> [row.published for row in rows() if row.id == "mnist-mlp"]
    [{'test_accuracy': 0.9808}]
    """
    here = resources.files("glassnet.reproduce")
    goals = tomllib.loads((here / "goals.toml").read_text(encoding="utf-8"))
    files = (entry for entry in (here / "rows").iterdir() if entry.name.endswith(".toml"))
    ordered = sorted(files, key=lambda entry: entry.name)
    return [_row(tomllib.loads(entry.read_text(encoding="utf-8")), goals) for entry in ordered]


def _row(values: dict[str, Any], goals: Mapping[str, Any]) -> Row:
    row = dict(values.pop("row"))
    figures = goals[row["id"]]
    recipe = recipe_from({"title": row["id"], **values}) if values else None
    instead = figures[row["stand_in"]] if "stand_in" in row else {}
    return Row(
        published=figures.get("published", {}), goal=figures["goal"], recipe=recipe, stand_in_goal=instead, **row
    )


def reproduce(
    ids: Sequence[str] | None,
    out: str | Path,
    *,
    engine: str | None = None,
    threads: int | None = None,
    make_progress: Callable[[], Progress] = Progress,
    say: Callable[[str], None] = lambda text: None,
) -> Reproduction:
    """Run the rows named by `ids` (None: all) and write `reproduce.md` and `reproduce.json` into `out`.

    With an `engine`, those that train a recipe are run on it, and stand in the tables as ID-ENGINE. Figures of rows
    that an earlier call left in `out` are kept in the tables. Raises `RecipeError` for an unknown row, or one that
    trains nothing on an engine.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.reproduce import reproduce
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reproduce(["affine-fit"], folder).passed
    True
    """
    known = {row.id: row for row in rows()}
    if engine is not None:
        for name in ids or ():
            if name in known and known[name].recipe is None:
                raise RecipeError(f"The row '{name}' measures without training a recipe; leave the engine out.")
        known = {name: _on(row, engine) for name, row in known.items() if row.recipe is not None}
    for name in ids or ():
        if name not in known:
            raise RecipeError(f"There is no row '{name}'.{nearest(name, known)} Known: {', '.join(known)}.")
    out = Path(out)
    result = Reproduction([])
    with thread_pool.use(threads):
        for name in ids or known:
            say("")
            say(f"{name}: {known[name].what}")
            result.outcomes.append(_run_row(known[name], out, make_progress, say))
    _write(result, out)
    return result


def _on(row: Row, engine: str) -> Row:
    """The row with its recipe on another engine; as it is where the recipe names that engine itself."""
    assert row.recipe is not None
    if row.recipe.engine.name == engine:
        return row
    return replace(row, id=f"{row.id}-{engine}", recipe=row.recipe.with_settings({"engine.name": engine}))


def _run_row(row: Row, out: Path, make_progress: Callable[[], Progress], say: Callable[[str], None]) -> Outcome:
    recipe, goal = row.recipe, row.goal
    if recipe is not None and find(recipe.data.source) is None and row.stand_in:
        recipe, goal = with_source(recipe, row.stand_in), row.stand_in_goal
    source, lacking = "" if recipe is None else recipe.data.source, _lacking(recipe)
    if row.measure and not lacking:
        try:
            found = MEASURES[row.measure](Place(_free(out / row.id), make_progress, say, recipe))
            return Outcome(row, source, goal, dict(found))
        except DataError as error:
            lacking = str(error)
    if lacking:
        say(lacking)
        return Outcome(row, source, goal, skipped=lacking)
    assert recipe is not None
    run = run_recipe(recipe, _free(out / row.id), progress=make_progress(), say=say, on_finish=[write_run_page])
    return Outcome(row, source, goal, _measured(run, goal))


def _lacking(recipe: Recipe | None) -> str:
    """What this machine lacks for a recipe, as a sentence."""
    if recipe is None:
        return ""
    if find(recipe.data.source) is None:
        return f"the data set '{recipe.data.source}' is not here: glassnet data get {recipe.data.source}"
    try:
        recipe.engine.maker()
    except GlassnetError as error:
        return str(error)
    return ""


def _measured(run: Run, goal: dict[str, float]) -> dict[str, float]:
    figures = run.figures()
    found = {"seconds": figures["seconds"]}
    if run.evaluation is not None:
        found["test_accuracy"] = run.evaluation.accuracy
        if "train_accuracy" in goal:
            found["train_accuracy"] = run.model.evaluate(run.splits.train).accuracy
    if run.reconstruction is not None:
        found["psnr"] = run.reconstruction.psnr
        found |= measures.pca_psnr(run)
        if "psnr_over_pca" in goal:
            found["psnr_over_pca"] = found["psnr"] - found["pca_psnr"]
    for name in goal:
        if name.startswith("overfit_"):
            found[name] = measures.overfit(run, int(name.removeprefix("overfit_")))
    if "fooled_all_targets" in goal:
        found |= measures.fooled(run)
    if "valid_accuracy" in figures:
        found["validation_accuracy"] = figures["valid_accuracy"]
    for name in goal:
        if name.startswith("seconds"):
            found[name] = figures["seconds"]
    return found


def _free(folder: Path) -> Path:
    return first_free(folder.with_name(f"{folder.name}-{number}") for number in count(1))


def _write(result: Reproduction, out: Path) -> None:
    """Write the tables, with the rows of earlier calls kept where this one did not run them."""
    path = out / "reproduce.json"
    values = result.to_dict()
    new = {row["id"]: row for row in values["rows"]}
    earlier = []
    if path.exists():
        try:
            earlier = [row for row in json.loads(path.read_text(encoding="utf-8"))["rows"] if row["id"] not in new]
        except (OSError, ValueError, KeyError, TypeError):
            earlier = []  # a damaged table is written anew
    merged = sorted([*earlier, *values["rows"]], key=lambda row: row["id"])
    write_json(path, {"rows": merged})
    write_text(out / "reproduce.md", _markdown_of(merged))
    result.files = [out / "reproduce.md", path]


def _markdown_of(entries: list[dict[str, Any]]) -> str:
    outcomes = []
    for e in entries:
        row = Row(e["id"], e.get("what", ""), e["published"], e["goal"], e.get("how", ""))
        outcomes.append(Outcome(row, e.get("data", ""), e["goal"], e["measured"], e.get("skipped", "")))
    return Reproduction(outcomes).markdown()


def _figures(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items()) or "-"


def _number(value: float) -> str:
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.2g}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.2f}"
