"""`glassnet wann`: topologies that do well with one weight on all their connections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from glassnet.cli.options import Json, emit, say
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.wann import Search

_GENERATIONS, _POPULATION = 1000, 80
_EVERY = 2.0  # seconds between two lines of a search


class _DataOrCommand(TyperGroup):
    """What is no command of the group is data to search on: `wann digits` is `wann search digits`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["search", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_DataOrCommand,
    help="Networks found by search that work with one weight on all connections, whatever its value.",
    no_args_is_help=True,
    subcommand_metavar="DATA|COMMAND [OPTIONS]",
)


@app.command("search")
def search(
    data: Annotated[str | None, typer.Argument(help="A folder, a file or a known set; pictures up to 32x32.")] = None,
    generations: Annotated[
        int | None, typer.Option(help=f"Generations that the search is to have in all. [{_GENERATIONS}]", min=1)
    ] = None,
    population: Annotated[
        int | None, typer.Option(help=f"Networks in every generation. [{_POPULATION}]", min=2)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all random numbers. [0]", min=0)] = None,
    size: Annotated[
        int | None, typer.Option(help="Bring pictures to so many pixels a side. [as they are]", min=1, max=32)
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use so many training pictures. [all]", min=10)] = None,
    jobs: Annotated[int, typer.Option(help="Threads that judge networks; the result is the same.", min=1)] = 1,
    time: Annotated[
        str | None, typer.Option("--time", metavar="1h|30m", help="Begin no generation later. [no limit]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder (default: runs/DATA-wann-NUMBER).")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with the search in this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Search for a network that works whatever the one weight on its connections is (this is what 'wann DATA' does).

    Networks start without hidden units and grow by three mutations: a unit inserted, a connection added, an activation
    changed. The training part judges, the validation part chooses; the test part is not used. The best network so far
    is drawn in network.svg while it grows.

    Examples:

      glassnet wann digits --generations 2000 --jobs 2

      glassnet wann photos --size 16 --time 1h

      glassnet wann --resume runs/digits-wann-1 --generations 4000
    """
    from glassnet.actions import wann as actions
    from glassnet.cli.events import TerminalEvents
    from glassnet.cli.tune import seconds_of

    ways: dict[str, Any] = {"jobs": jobs, "seconds": seconds_of(time), "on_generation": _Lines().tell}
    ways["events"] = TerminalEvents(lines=False)
    given = {"population": population, "seed": seed, "size": size, "limit": limit}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if resume is not None:
        if data or chosen or out:
            raise RecipeError("--resume takes the folder, --generations, --jobs and --time; all else stays.")
        result = actions.resume(resume, generations=generations, **ways)
    else:
        if data is None:
            raise RecipeError("Name data: a folder, a file or a known set such as 'digits'.")
        result = actions.search(data, out, generations=generations or _GENERATIONS, **chosen, **ways)
    _tell(result)
    if json:
        emit(result.to_dict())


class _Lines:
    """A line every few seconds of a search, and one at its end."""

    def __init__(self) -> None:
        self.last = 0.0

    def tell(self, search: Search, record: dict[str, Any]) -> None:
        """Say how far it is and how well the best and the median network do."""
        from time import monotonic

        if record["generation"] == 1:
            say("accuracy over the shared weights -2 to 2: mean of the best and of the median network")
        if monotonic() - self.last < _EVERY and record["generation"] > 1:
            return
        self.last = monotonic()
        say(
            f"generation {record['generation']:>5}  best {record['mean']:.3f}  median {record['median']:.3f}"
            f"  with its best weight {record['best_weight']:.3f}  {record['connections']} connections,"
            f" {record['units']} units"
        )


def _tell(result: Any) -> None:
    from glassnet.wann import WEIGHTS

    found = result.found
    graph, seconds = found.graph, found.seconds
    say(f"{len(found.records)} generations in {seconds:.0f} s: {graph.hidden} units, {graph.connections} connections")
    means = ", ".join(f"{weight:g}: {value:.3f}" for weight, value in zip(WEIGHTS, found.accuracy, strict=True))
    say(f"validation accuracy by shared weight: {means}; mean {sum(found.accuracy) / len(found.accuracy):.4f}")
    for path in result.files:
        say(f"wrote {path}")
    say(f"try: glassnet wann show {found.folder}")
