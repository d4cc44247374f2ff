"""`glassnet doctor`: what is wrong with data, a recipe, a run or a model, and what a change does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Threads, Weights, emit, parse_setting, say, setting_value
from glassnet.cli.verdict import WORDS, try_line

if TYPE_CHECKING:
    from glassnet.clinic import Examination
    from glassnet.doctor import Finding


def doctor(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DATA|RECIPE|RUN|MODEL",
            help="A folder or file of pictures or a known set, a recipe ending in .toml, a run folder, or a model.",
        ),
    ],
    data: Annotated[str | None, typer.Option(help="With a MODEL: labelled pictures to look at it on.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a recipe's value: optimizer.lr=0.1."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time for it, reading the data not counted. [45]")
    ] = None,
    silence: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out findings of this name; may be repeated.")
    ] = None,
    no_try: Annotated[bool, typer.Option("--no-try", help="Name remedies without trying them.")] = False,
    weights: Weights = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Say what is wrong: what was seen, why it matters, what to change, and what that change did when it was tried.

    Data are examined with the recipe that a bare 'glassnet train DATA' takes; a recipe is trained for a short while; a
    run is judged by its records. Remedies are tried from the same seed, beside the training as it is.

    Status 0: nothing is wrong; 1: there are findings.

    Examples:

      glassnet doctor digits

      glassnet doctor photos

      glassnet doctor recipe.toml --set optimizer.lr=0.1

      glassnet doctor runs/digits-1 --silence few-pictures

      glassnet doctor squeezenet-1.1 --data imagenet-samples
    """
    from glassnet.actions.doctor import doctor as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        found = run(
            what,
            data=data,
            settings={name: setting_value(value) for name, value in map(parse_setting, settings or [])},
            budget=budget,
            remedies=not no_try,
            silenced=silence or (),
            weights=weights,
            number_of_threads=threads,
            events=events,
        )
    _tell(found)
    if json:
        emit(found.to_dict())
    if not found.healthy:
        raise typer.Exit(1)


def _tell(found: Examination) -> None:
    for note in found.notes:
        say(f"{found.kind} {found.name}: {note}")
    told: set[str] = set()
    for finding in found.findings:
        if finding.name not in told:
            typer.echo("")
            _tell_finding(found, finding)
        told.add(finding.name)
    if not found.findings:
        say("nothing is wrong as far as this can be seen")


def _tell_finding(found: Examination, finding: Finding) -> None:
    from glassnet.doctor import why
    from glassnet.doctor.words import some

    where = f" ({finding.where})" if finding.where else ""
    word = WORDS[finding.severity]
    say(word + where if finding.name == finding.severity else f"{word}: {finding.name}{where}")
    say(f"  {finding.evidence}")
    elsewhere = [other.where for other in found.findings if other.name == finding.name and other is not finding]
    if elsewhere:
        say(f"  the same in {some(elsewhere)}")
    if finding.severity == "good":
        return
    if reason := why(finding.name):
        say(f"  why it matters: {reason}")
    if finding.remedy:
        say(f"  what to change: {finding.remedy}")
    if advice := found.advice(finding):
        say(f"  try: {try_line(found.recipe_file, advice)}")
    for trial in found.tried(finding):
        say(f"  {'tried' if trial.helped else 'tried, no help'}: {trial.sentence()}")
