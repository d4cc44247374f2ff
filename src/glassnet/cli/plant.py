"""`glassnet plant`: recipes with a fault to find, and what the doctor finds of all faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.plant import Measured
    from glassnet.clinic.faults import Fault


def plant(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="FAULT RECIPE", help="A fault by name, and the recipe that is broken, a .toml file."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the faults.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Draw a fault for RECIPE, and do not tell which.")] = False,
    seed: Annotated[int, typer.Option(help="Of what --random draws, and of the code.", min=0)] = 0,
    answer: Annotated[
        Path | None, typer.Option(metavar="PLACE", help="Tell what was planted in a folder, a recipe or a run of it.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Have the doctor examine every fault, and count what it finds.")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="With --all: write a page with the matrix, too.")] = False,
    networks: Annotated[
        str, typer.Option(metavar="A,B", help="With --all: dense, convolutional, residual.")
    ] = "dense,convolutional,residual",
    seeds: Annotated[int, typer.Option(help="With --all: trainings of each fault in each network.", min=1)] = 1,
    jobs: Annotated[int, typer.Option(help="With --all: processes at once.", min=1)] = 1,
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="With --all: 'tuned' or 'held-back' faults alone; 'healthy' recipes.")
    ] = "",
    goals: Annotated[
        bool, typer.Option("--goals", help="With --all: status 1 where the doctor finds less than it should.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where to write (default: planted, or faults with --all).")] = None,
    json: Json = False,
) -> None:
    """Break a recipe on purpose: its settings, its data or the code that carries it out.

    What is written trains like any other recipe, and 'glassnet doctor' examines it like any other.

    Examples:

      glassnet plant --list

      glassnet plant labels-shuffled recipes/digits.toml

      glassnet plant --random recipes/digits.toml --seed 3

      glassnet plant --answer planted

      glassnet plant --all --report --jobs 2
    """
    from glassnet.actions import plant as actions

    words, missed = what or [], False
    if list_:
        _tell_list(actions.list_faults())
        found: Any = {"faults": [_plain(fault) for fault in actions.list_faults()]}
    elif answer is not None:
        fault = actions.tell(answer)
        say(f"{fault.name} ({fault.kind}): {fault.line}")
        found = _plain(fault)
    elif all_ or report:
        made = _measure(words, networks, seeds, jobs, group, out, report)
        found, missed = made.to_dict(), goals and not made.table.reaches_goals
    else:
        found = _plant(words, seed, out, random=random).to_dict()
    if json:
        emit(found)
    if missed:
        raise typer.Exit(1)


def _plant(words: list[str], seed: int, out: Path | None, *, random: bool) -> Any:
    from glassnet.actions.plant import plant as run
    from glassnet.cli.events import TerminalEvents

    if len(words) != (1 if random else 2):
        wanted = "a recipe" if random else "a fault and a recipe"
        raise RecipeError(f"Name {wanted}, as in: glassnet plant labels-shuffled recipe.toml. Got {len(words)} words.")
    with TerminalEvents() as events:
        made = run("" if random else words[0], words[-1], seed=seed, out=out, events=events)
    if made.fault is not None:
        say(f"{made.fault.name} ({made.fault.kind}): {made.fault.line}")
    say(f"wrote {made.recipe}")
    say(f"train it: glassnet train {made.recipe}")
    say(f"examine it: glassnet doctor {made.recipe}")
    if made.fault is None:
        say(f"what was wrong: glassnet plant --answer {made.recipe.parent}")
    return made


def _measure(
    words: list[str], networks: str, seeds: int, jobs: int, group: str, out: Path | None, report: bool
) -> Measured:
    from glassnet.actions.plant import measure as run
    from glassnet.cli.events import TerminalEvents

    groups = {"": None, "tuned": False, "held-back": True, "healthy": None}
    if group not in groups:
        raise RecipeError(f"A group is 'tuned', 'held-back' or 'healthy'. Got '{group}' instead.")
    names = [name.strip() for name in networks.split(",") if name.strip()]
    with TerminalEvents() as events:
        made = run(
            words, networks=[] if group == "healthy" else names, seeds=seeds, jobs=jobs, held=groups[group],
            healthy=group in ("", "healthy") and not words, out=out or Path("faults"), page=report, events=events,
        )  # fmt: skip
    table = made.table
    for title, part in (("tuned on", table.of_group(False)), ("held back", table.of_group(True))):
        if part.planted:
            say(f"faults {title}: found {part.detected}, right cause among the first two {part.right}")
    if table.healthy:
        say(f"healthy recipes with a finding: {table.alarms}")
    for exam in table.exams:
        if not exam.right:
            say(f"  {exam.key}: {', '.join((*exam.causes, *exam.symptoms)) or exam.refused or 'nothing'}")
    for file in made.files[:1]:
        say(f"wrote {file}")
    return made


def _tell_list(faults: tuple[Fault, ...]) -> None:
    from glassnet.text import columns

    kinds = dict.fromkeys(fault.kind for fault in faults)
    for kind in kinds:
        rows = [(fault.name, fault.line) for fault in faults if fault.kind == kind]
        say(f"{kind} ({len(rows)})")
        typer.echo(columns(rows, left=2))
        typer.echo("")
    say(f"{len(faults)} faults")


def _plain(fault: Fault) -> dict[str, Any]:
    return {
        "name": fault.name,
        "kind": fault.kind,
        "line": fault.line,
        "causes": sorted(fault.causes),
        "needs": fault.needs,
    }
