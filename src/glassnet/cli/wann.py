"""`glassnet wann`: topologies that do well with one weight on all their connections."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from glassnet.cli.options import Json, emit, say
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.wann import Result
    from glassnet.wann import Found, Search

_GENERATIONS, _POPULATION, _DEPTH = 1000, 80, 3
_MANY = 1_000_000  # generations of a search that has a time
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
        int | None,
        typer.Option(help=f"Generations that the search is to have in all. [{_GENERATIONS}; with --time any]", min=1),
    ] = None,
    population: Annotated[
        int | None, typer.Option(help=f"Networks in every generation. [{_POPULATION}]", min=2)
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help=f"The longest way through a network, in connections. [{_DEPTH}]", min=1)
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
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with the search in this folder.")] = None,
    json: Json = False,
) -> None:
    """Search for a network that works whatever the one weight on its connections is (this is what 'wann DATA' does).

    Networks start without hidden units and grow: a unit or a connection is added, a connection taken away, an
    activation changed; hints say where. The training part judges, the validation part chooses; the test part is not
    used. The best network so far is drawn in network.svg while it grows.

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
    given = {"population": population, "depth": depth, "seed": seed, "size": size, "limit": limit}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if resume is not None:
        if data or chosen or out:
            raise RecipeError("--resume takes the folder, --generations, --jobs and --time; all else stays.")
        result = actions.resume(resume, generations=generations, **ways)
    else:
        if data is None:
            raise RecipeError("Name data: a folder, a file or a known set such as 'digits'.")
        result = actions.search(
            data, out, generations=generations or (_MANY if time else _GENERATIONS), **chosen, **ways
        )
    _tell(result)
    if json:
        emit(result.to_dict())


@app.command("show")
def show(
    run: Annotated[Path, typer.Argument(help="The folder of a search.")],
    json: Json = False,
) -> None:
    """The network that a search found: the graph, accuracy against the one weight, the pixels that it uses.

    The accuracies are of the test part, which the search has not seen; the weight is chosen on validation.

    Examples:

      glassnet wann show runs/digits-wann-1
    """
    from glassnet.actions import wann as actions
    from glassnet.cli.events import TerminalEvents

    result = actions.show(run, events=TerminalEvents(lines=False))
    _tell_shown(result.found)
    _tell_files(result)
    say(f"try: glassnet wann train {shlex.quote(str(run))}")
    if json:
        emit(result.to_dict())


@app.command("train")
def train(
    run: Annotated[Path, typer.Argument(help="The folder of a search.")],
    seeds: Annotated[int, typer.Option(help="Trainings of each network.", min=2)] = 5,
    epochs: Annotated[int, typer.Option(help="Of each training.", min=1)] = 100,
    jobs: Annotated[int, typer.Option(help="Processes that train side by side.", min=1)] = 1,
    json: Json = False,
) -> None:
    """Train the weights of the network that a search found, beside others, and prune a dense network beside it.

    Compared are the topology from the shared weight and from random weights, dense networks of as many connections and
    of as many parameters, and random topologies of the same size. Pruning takes up to 99 % of a dense network's
    connections away, smallest weights first, and trains what is left from its early weights.

    Examples:

      glassnet wann train runs/digits-wann-1 --seeds 10 --jobs 2
    """
    from glassnet.actions import wann as actions
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        result = actions.train(run, seeds=seeds, epochs=epochs, jobs=jobs, events=events)
    _tell_shown(result.found)
    _tell_trained(result.found.trained)
    _tell_files(result)
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


def _tell(result: Result) -> None:
    from glassnet.wann import WEIGHTS

    found = result.found
    graph, seconds = found.graph, found.seconds
    say(f"{len(found.records)} generations in {seconds:.0f} s: {graph.hidden} units, {graph.connections} connections")
    means = ", ".join(f"{weight:g}: {value:.3f}" for weight, value in zip(WEIGHTS, found.accuracy, strict=True))
    say(f"validation accuracy by shared weight: {means}; mean {sum(found.accuracy) / len(found.accuracy):.4f}")
    _tell_files(result)
    say(f"try: glassnet wann show {shlex.quote(str(found.folder))}")


def _tell_files(result: Result) -> None:
    for path in (result.files[0], result.files[-1]):
        say(f"wrote {path}")


def _tell_shown(found: Found) -> None:
    shown, graph = found.shown, found.graph
    say(f"{graph.hidden} units, {graph.connections} connections, {graph.depth} deep;"
        f" {shown['pixels']['used']} of {shown['pixels']['of']} pixels used")  # fmt: skip
    say(f"accuracy on the {shown['part']} part ({shown['examples']:,} examples)")
    random = shown["random"]
    say(f"  random weight, -2 to 2   {random['mean']:.4f}, standard deviation {random['deviation']:.4f}")
    for name, key in ((f"weight {shown['tuned']['weight']:g}, chosen", "tuned"), ("vote of six weights", "ensemble")):
        low, high = shown[key]["interval"]
        say(f"  {name:<24} {shown[key]['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f})")


def _tell_trained(trained: dict[str, Any]) -> None:
    from glassnet.report.pages.wann import verdict_of

    contest, pruned = trained["contest"], trained["pruning"]
    say(f"trained, {contest['seeds']} seeds: mean accuracy, 95 % interval over seeds")
    for side in contest["sides"]:
        low, high = side["interval"]
        say(f"  {side['mean']:.4f} ({low:.4f} to {high:.4f})  {side['name']}, {side['connections']} connections")
    for found in contest["differences"]:
        say(f"  {verdict_of(found)}: {100 * found['difference']:+.1f} points, p {found['p_corrected']:.2g}, against"
            f" {found['other']}")  # fmt: skip
    say(f"a dense network of {pruned['width']} units, connections taken away")
    for level in pruned["levels"]:
        say(f"  {100 * level['removed']:.0f} %, {level['connections']} left: {level['rewound']['mean']:.4f}"
            f" (kept at random {level['random']['mean']:.4f})")  # fmt: skip
