"""`glassnet fool`: pictures that a model takes for something else, as files that still fool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Weights, emit, say, say_lines
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.fool import FooledFromNoise, FooledPictures
    from glassnet.actions.universal import FooledAll


def fool(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    what: Annotated[
        str | None, typer.Argument(metavar="[PICTURE|DATA]", help="A picture file, or a labelled folder or known set.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="The class it should be mistaken for (default: of a picture each other class, of DATA the nearest).",
        ),
    ] = None,
    all_targets: Annotated[
        bool, typer.Option("--all-targets", help="Turn each picture of DATA into every other class.")
    ] = False,
    examples: Annotated[
        int | None, typer.Option(help="How many pictures of DATA (default: 100; of --universal 1000).", min=1)
    ] = None,
    norm: Annotated[
        str | None,
        typer.Option(help="How the change is measured: l2 (its length) or linf (its largest pixel change)."),
    ] = None,
    eps: Annotated[
        str | None, typer.Option(help="The largest change allowed, as in 8/255 or 0.1 (default: as small as possible).")
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(help="The attack: fab, pgd EPS, apgd EPS, square EPS, fgsm EPS or gradient-ascent."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="noise", help="Make pictures of the class --target from noise.")
    ] = None,
    universal: Annotated[
        str | None, typer.Option(metavar="DATA", help="Find one change that fools the model on most pictures of DATA.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Which part of DATA: test, train, valid or all (default: test if there is one).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write into, new or empty (default: MODEL-fool).")
    ] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Change pictures so slightly that a person notices nothing but the model gives another answer.

    Every picture is saved as an 8-bit PNG with a receipt, read again and predicted: only what still fools counts. A
    page shows the original, the fooling picture, the difference, and how the answer turns on the way.

    Examples:

      glassnet fool runs/mnist-1 picture.png --target 3

      glassnet fool runs/cifar10-1 cifar10 --all-targets --examples 1000

      glassnet fool runs/mnist-1 --from noise --target 3

      glassnet fool runs/mnist-1 --universal mnist --eps 0.2
    """
    from glassnet.actions import fool as actions
    from glassnet.actions.universal import fool_all
    from glassnet.cli.events import TerminalEvents
    from glassnet.data.pictures import is_picture_name

    if start not in (None, "noise"):
        raise RecipeError(f"--from accepts only 'noise'; to fool a picture, give its file name. Got '{start}'.")
    if sum(given is not None for given in (what, start, universal)) != 1:
        raise RecipeError("Give exactly one of: a picture, labelled data, --from noise, or --universal DATA.")
    if all_targets and target is not None:
        raise RecipeError("Use --target or --all-targets, not both.")
    options = {
        "--all-targets": all_targets or None, "--examples": examples, "--norm": norm, "--eps": eps, "--attack": attack,
        "--part": part,
    }  # fmt: skip
    with TerminalEvents() as events:
        result: FooledPictures | FooledFromNoise | FooledAll
        if start is not None:
            _refuse(options, "--from noise", ("--all-targets", "--norm", "--eps", "--attack", "--part"))
            if target is None:
                raise RecipeError("Noise needs a class, as in --from noise --target 3.")
            result = actions.fool_from_noise(model, target, count=examples or 6, seed=seed, out=out, weights=weights)
        elif universal is not None:
            _refuse(options, "--universal", ("--all-targets", "--norm", "--attack"))
            result = fool_all(
                model, universal, eps=eps or "10/255", target=target, examples=examples or 1000, part=part or "",
                seed=seed, out=out, weights=weights, events=events,
            )  # fmt: skip
        elif what is not None and is_picture_name(Path(what)):
            _refuse(options, "a single picture", ("--all-targets", "--examples", "--part"))
            manner = actions.Manner(norm, eps, attack or "", seed)
            result = actions.fool_picture(model, what, target=target, manner=manner, out=out, weights=weights)
        else:
            manner = actions.Manner(norm, eps, attack or "", seed)
            result = actions.fool_set(
                model, str(what), target=target, all_targets=all_targets, examples=examples or 100, part=part or "",
                manner=manner, out=out, weights=weights, events=events,
            )  # fmt: skip
    if isinstance(result, actions.FooledPictures):
        fooled = _tell(result)
    elif isinstance(result, actions.FooledFromNoise):
        fooled = int(result.reached.sum())
        for number, (probability, reached) in enumerate(zip(result.probabilities, result.reached, strict=True), 1):
            typer.echo(f"picture {number}: {result.target} {probability:.1%}{'' if reached else ', not taken for it'}")
    else:
        values = result.to_dict()
        fooled = values["fooled"]
        rate = "" if values["success_rate"] is None else f" ({values['success_rate']:.1%})"
        typer.echo(f"fooled {fooled:,} of {values['right_before']:,} pictures that were right{rate}")
    say(f"wrote {result.files[0]}")
    if json:
        emit(result.to_dict())
    if not fooled:
        raise typer.Exit(3)


def _refuse(options: dict[str, Any], where: str, names: tuple[str, ...]) -> None:
    """Raise `RecipeError` for an option that would be ignored."""
    for name in names:
        if options[name] is not None:
            raise RecipeError(f"{name} has no meaning with {where}; leave it out.")


def _tell(result: FooledPictures) -> int:
    from glassnet.text import columns, ruled

    found, values = result.found, result.to_dict()
    names, success = result.class_names, result.found.success
    if len(found) <= 20:
        rows = [("is", "wanted", "seen as", "largest", "length", "")]
        for i in range(len(found)):
            wanted = "any other" if found.targets is None else names[found.targets[i]]
            sizes = (f"{found.steps[i]}/255", f"{found.l2[i]:.4f}") if success[i] else ("", "")
            answer = names[found.answers[i]] if success[i] else ""
            rows.append((names[found.labels[i]], wanted, answer, *sizes, "fooled" if success[i] else "not fooled"))
        say_lines(ruled(columns(rows, sides="<<<>><")))
    rate = "" if not found.attempts else f" ({found.success_rate:.1%})"
    say(f"fooled {values['fooled']:,} of {found.attempts:,}{rate} in {result.seconds:.1f} s by {result.how}")
    if values["fooled"]:
        say(
            f"median change: length {values['median_l2']:.4f}, largest {values['median_steps']:g}/255;"
            " files read again and predicted"
        )
    if result.lost:
        typer.echo(f"{result.lost:,} fooled before rounding to 8-bit pixels but not after")
    return int(values["fooled"])
