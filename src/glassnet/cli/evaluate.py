"""`glassnet evaluate`: how well a model does on a labelled set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say

if TYPE_CHECKING:
    from glassnet.actions.evaluate import Transcribed


def evaluate(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    data: Annotated[str, typer.Argument(help="A folder or file, or a known set.")],
    part: Annotated[
        str,
        typer.Option(
            help="Which part: test, train, valid or all (default: what the run held out, else test if there is one)."
        ),
    ] = "",
    category: Annotated[
        str, typer.Option(metavar="NAME", help="Tell more of one class: its recall, and what it is taken for.")
    ] = "",
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Accuracy with its 95 % interval, a table of the classes, and the confusion matrix.

    Of a model that reads lines of writing: error rates of characters and words, and what was read as what.

    With many classes: accuracy, how often the class is among the five most probable, and what is mixed up most; with
    --category a table of those that have pictures, too.

    Examples:

      glassnet evaluate runs/digits-1 digits

      glassnet evaluate squeezenet-1.1 imagenet-samples

      glassnet evaluate squeezenet-1.1 imagenette --category church

      glassnet evaluate resnet-50 FOLDER --weights resnet50.safetensors
    """
    from glassnet.actions.evaluate import Transcribed
    from glassnet.actions.evaluate import evaluate as run
    from glassnet.cli.tables import class_table, confusion_table, taken_for_table

    result = run(model, data, part, category=category, weights=weights)
    if isinstance(result, Transcribed):
        return _tell_lines(data, result, json)
    found = result.evaluation
    low, high = found.accuracy_interval
    held_out = ", held out by the run itself" if result.own else ""
    say(f"{data} ({result.part}, {found.n:,} pictures{held_out})")
    typer.echo(f"accuracy {found.accuracy:.4f}   95 % interval {low:.4f} to {high:.4f}   loss {found.loss:.4f}")
    if result.seen is not None and (sentence := result.seen.sentence()):
        typer.echo(f"warning: {sentence}")
    if found.many_classes:
        right, (low, high) = round(found.top_k[5] * found.n), found.top_k_interval(5)
        typer.echo(f"top 5    {found.top_k[5]:.4f}   95 % interval {low:.4f} to {high:.4f}")
        typer.echo(f"{round(found.accuracy * found.n):,} right, {right:,} among the first five, of {found.n:,}")
        typer.echo(f"{found.classes:,} classes, of which {found.classes_seen:,} have pictures here")
    typer.echo(f"expected calibration error {found.calibration.error:.4f}")
    for note in result.notes:
        say(f"note: {note}")
    typer.echo("")
    if result.category is not None:
        score = found.per_class[result.category]
        low, high = score.recall_interval
        say(f"{score.name}: {round(score.recall * score.support):,} of {score.support:,} pictures right")
        typer.echo(f"recall   {score.recall:.4f}   95 % interval {low:.4f} to {high:.4f}")
        typer.echo("")
        typer.echo(taken_for_table(found, result.category))
        typer.echo("")
    if result.category is not None or not found.many_classes:
        typer.echo(class_table(found))
        typer.echo("")
    typer.echo(confusion_table(found))
    if json:
        emit(result.to_dict())
    return None


def _tell_lines(data: str, result: Transcribed, json: bool) -> None:
    """The figures of a model that reads lines of writing."""
    from glassnet.cli.tables import line_groups_table, text_confusions_table

    found = result.transcription
    held_out = ", held out by the run itself" if result.own else ""
    say(f"{data} ({result.part}, {found.n:,} lines{held_out})")
    for name, rate in (("character", found.characters), ("word", found.words)):
        interval = rate.known_interval
        told = "" if interval is None else f"   95 % interval {interval[0]:.4f} to {interval[1]:.4f}"
        typer.echo(f"{name + ' error rate':<20} {rate.rate:.4f}{told}")
    typer.echo(f"{found.exact:,} of {found.n:,} lines without an error   loss {found.loss:.4f}")
    for note in result.notes:
        say(f"note: {note}")
    for table in (line_groups_table(found), text_confusions_table(found)):
        if table:
            typer.echo("")
            typer.echo(table)
    if json:
        emit(result.to_dict())
