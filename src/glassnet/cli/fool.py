"""`glassnet fool`: pictures that a model takes for something else, as files that still fool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.fool import FooledAll, FooledFromNoise, FooledPictures


def fool(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    what: Annotated[
        str | None, typer.Argument(metavar="[PICTURE|DATA]", help="A picture file, or a labelled folder or known set.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="CLASS", help="What it is to be taken for (default: whatever is nearest).")
    ] = None,
    all_targets: Annotated[bool, typer.Option("--all-targets", help="Each picture into every other class.")] = False,
    examples: Annotated[int | None, typer.Option(help="How many pictures of DATA (default: 100).", min=1)] = None,
    norm: Annotated[str, typer.Option(help="What is to be small: l2 (the length) or linf (the largest pixel).")] = "l2",
    eps: Annotated[
        str | None, typer.Option(help="The largest change allowed, as in 8/255 or 0.1 (default: as small as can be).")
    ] = None,
    attack: Annotated[
        str, typer.Option(help="The attack: fab, pgd EPS, apgd EPS, square EPS, fgsm EPS, gradient-ascent.")
    ] = "",
    start: Annotated[
        str | None, typer.Option("--from", metavar="noise", help="Make pictures from noise, of the class --target.")
    ] = None,
    universal: Annotated[
        str | None, typer.Option(metavar="DATA", help="Find one change that fools on most pictures of DATA.")
    ] = None,
    part: Annotated[
        str, typer.Option(help="Which part of DATA: test, train, valid or all (default: test if there is one).")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder to write into (default: MODEL-fool).")] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Change pictures so little that a person sees the same and the model does not.

    Every picture is saved as an 8-bit PNG with a receipt, read again and predicted: only what still fools counts. A
    page shows the original, the fooling picture, the difference, and how the answer turns on the way.

    Examples:

      glassnet fool runs/mnist-1 picture.png --target 3

      glassnet fool runs/cifar10-1 cifar10 --all-targets --examples 1000

      glassnet fool runs/mnist-1 --from noise --target 3

      glassnet fool runs/mnist-1 --universal mnist --eps 0.2
    """
    from glassnet.actions import fool as actions
    from glassnet.cli.events import TerminalEvents
    from glassnet.data.pictures import is_picture_name

    _one_source(what, start, universal)
    manner = actions.Manner(norm, eps, attack, seed)
    with TerminalEvents() as events:
        result: FooledPictures | FooledFromNoise | FooledAll
        if start is not None:
            if target is None:
                raise RecipeError("Noise needs a class, as in --from noise --target 3.")
            result = actions.fool_from_noise(model, target, seed=seed, out=out, weights=weights)
        elif universal is not None:
            result = actions.fool_all(
                model, universal, eps=eps or "10/255", target=target, examples=examples or 1000, part=part, seed=seed,
                out=out, weights=weights, events=events,
            )  # fmt: skip
        elif what is not None and is_picture_name(Path(what)):
            if all_targets or examples is not None:
                raise RecipeError("--all-targets and --examples are for DATA; a picture goes into every class anyway.")
            result = actions.fool_picture(model, what, target=target, manner=manner, out=out, weights=weights)
        else:
            assert what is not None
            result = actions.fool_set(
                model, what, target=target, all_targets=all_targets, examples=examples or 100, part=part,
                manner=manner, out=out, weights=weights, events=events,
            )  # fmt: skip
    if isinstance(result, actions.FooledPictures):
        _tell(result)
    elif isinstance(result, actions.FooledFromNoise):
        for number, probability in enumerate(result.probabilities, start=1):
            typer.echo(f"picture {number}: {result.target} {probability:.1%}")
    else:
        values = result.to_dict()
        typer.echo(f"fooled {values['fooled']:,} of {values['right_before']:,} pictures that were right", nl=False)
        typer.echo(f" ({values['success_rate']:.1%})" if values["success_rate"] is not None else "")
    say(f"wrote {result.files[0]}")
    if json:
        emit(result.to_dict())
    if isinstance(result, actions.FooledPictures) and not result.success.any():
        raise typer.Exit(3)


def _one_source(what: str | None, start: str | None, universal: str | None) -> None:
    if start not in (None, "noise"):
        raise RecipeError(f"--from takes noise; a picture is named as it is. Got '{start}' instead.")
    if sum(given is not None for given in (what, start, universal)) != 1:
        raise RecipeError("Name one thing: a picture, labelled data, --from noise, or --universal DATA.")


def _tell(result: FooledPictures) -> None:
    from glassnet.text import columns, ruled

    found, values = result.found, result.to_dict()
    names = result.class_names
    if len(found) <= 20:
        rows = [("is", "wanted", "seen as", "largest", "length", "")]
        for i in range(len(found)):
            wanted = "any other" if found.targets is None else names[found.targets[i]]
            sizes = (f"{found.steps[i]}/255", f"{found.l2[i]:.4f}") if result.success[i] else ("", "")
            answer = names[found.answers[i]] if result.success[i] else ""
            verdict = "fooled" if result.success[i] else "wrong before" if found.wrong_before[i] else "not fooled"
            rows.append((names[found.labels[i]], wanted, answer, *sizes, verdict))
        typer.echo(ruled(columns(rows, sides="<<<>><")))
    rate = "" if not found.attempts else f" ({result.success_rate:.1%})"
    typer.echo(f"fooled {values['fooled']:,} of {found.attempts:,}{rate} in {result.seconds:.1f} s by {result.how}")
    if values["fooled"]:
        typer.echo(
            f"median change: length {values['median_l2']:.4f}, largest {values['median_steps']:g}/255;"
            " files read again and predicted"
        )
    if values["wrong_before"]:
        typer.echo(f"{values['wrong_before']:,} were wrong before and are left out")
    if values["lost_in_rounding"]:
        typer.echo(f"{values['lost_in_rounding']:,} were fooling as real numbers, and not as 8-bit pixels")
