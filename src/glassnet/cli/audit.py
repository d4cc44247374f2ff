"""`glassnet audit`: how robust a model is, and when the answer is not to be believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say, say_lines
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.audit import AuditResult
    from glassnet.metrics import Interval
    from glassnet.watch import Gap, StillsBesideVideo


def audit(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A model file, a run folder or a pretrained network ('resnet-18'); with --verify the receipts name it."
        ),
    ] = None,
    data: Annotated[str | None, typer.Argument(help="A labelled folder or file, or a known set.")] = None,
    eps: Annotated[
        str | None,
        typer.Option(help="Sizes of changes, as in 0.3,8/255 (default: 0.1,0.2,0.3 grey, 2/255,4/255,8/255 colour)."),
    ] = None,
    norm: Annotated[
        str | None,
        typer.Option(help="How changes are measured: linf (largest pixel change; the default), l2 (length), linf,l2."),
    ] = None,
    examples: Annotated[
        int | None, typer.Option(help="How many pictures (default: 500, with --video 200).", min=1)
    ] = None,
    effort: Annotated[str | None, typer.Option(help="quick, standard (the default) or thorough.")] = None,
    corruptions: Annotated[bool, typer.Option(help="Also measure accuracy on corrupted pictures.")] = True,
    video: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Set the photographs beside this video, corrupted until they are as bad."),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME]", help="What the video shows (default: the class its file is named after)."),
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Check fooling pictures by their receipts instead.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Which part: test, train, valid or all (default: test if there is one).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder to write into (default: MODEL-audit).")] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Clean accuracy, calibration, accuracy under attack and on corrupted pictures, each with its 95 % interval.

    Attacks run one after the other, each on what is still right. Anything that casts doubt on the figures is flagged,
    such as vanishing gradients or random answers; then the exit status is 1. Where the network is linear, or a small
    ReLU network, the exact smallest change stands beside what the attacks find.

    With --video nothing is attacked, unless --norm, --eps or --effort is given. Photographs of what the video shows (of
    all classes, where there are none) are made as blurred, noisy, dark and blocky as its frames, by each corruption
    and by all: so much of the accuracy lost from photographs to video each accounts for.

    Examples:

      glassnet audit runs/mnist-1 mnist --eps 0.1,0.2,0.3

      glassnet audit runs/cifar10-1 cifar10 --norm linf,l2 --effort quick

      glassnet audit squeezenet-1.1 imagenette --video flamingo.mp4

      glassnet audit --verify mnist-1-fool
    """
    from glassnet.actions import audit as actions
    from glassnet.cli.events import TerminalEvents

    if (data is None) == (verify is None) or (verify is None and model is None):
        raise RecipeError("Give a model and labelled data, or --verify FOLDER to check fooling pictures.")
    if verify is not None:
        given = {"--eps": eps, "--norm": norm, "--examples": examples, "--effort": effort, "--part": part, "--out": out,
                 "--video": video}  # fmt: skip
        for name, value in given.items():
            if value is not None:
                raise RecipeError(f"{name} has no meaning with --verify; leave it out.")
        checked = actions.verify(verify, model, weights=weights)
        for found in checked.checked:
            say(f"{found.file.name}: {found.describe()}")
        typer.echo(f"{sum(found.fools for found in checked.checked):,} of {len(checked.checked):,} receipts hold")
        if json:
            emit(checked.to_dict())
        raise typer.Exit(0 if checked.all_fool else 1)
    if expect is not None and video is None:
        raise RecipeError("--expect says what a video shows; give --video FILE as well.")
    attacks = video is None or any(given is not None for given in (eps, norm, effort))
    with TerminalEvents() as events:
        result = actions.audit(
            str(model), str(data), eps=[size.strip() for size in eps.split(",")] if eps else (),
            norms=[word.strip() for word in (norm or "linf").split(",")] if attacks else (),
            examples=examples or (500 if video is None else 200), effort=effort or "standard", corruptions=corruptions,
            part=part or "", video=video, expect=expect or "", seed=seed, out=out, weights=weights, events=events,
        )  # fmt: skip
    _tell(result)
    say(f"wrote {result.files[0]}")
    if json:
        emit(result.to_dict())
    damaged = result.found.stills is not None and bool(result.found.stills.watched.damage)
    raise typer.Exit(1 if result.found.flags else 3 if damaged else 0)


def _tell(result: AuditResult) -> None:
    from glassnet.text import columns, ruled

    found = result.found
    low, high = found.evaluation.accuracy_interval
    say(f"{found.data} ({found.part}, {found.evaluation.n:,} pictures)")
    typer.echo(f"accuracy {found.evaluation.accuracy:.4f}   95 % interval {low:.4f} to {high:.4f}")
    typer.echo(f"expected calibration error {found.evaluation.calibration.error:.4f}\n")
    if found.robustness:
        _tell_robustness(result)
    if found.corruptions:
        rows: list[tuple[str, ...]] = [("corruption", *(f"severity {s}" for s in range(1, 6)))]
        for kind, right in found.corruptions.items():
            rows.append((kind, *(f"{value / found.evaluation.n:.3f}" for value in right)))
        typer.echo("")
        typer.echo(ruled(columns(rows, sides="<>>>>>")))
    if found.stills is not None:
        _tell_stills(found.stills)
    for norm, table in found.exact.items():
        typer.echo(f"\nthe exact smallest change ({norm}), and what attacks find")
        names = list(table[0].found) if table else []
        lines = [("picture", "is", "exact", *names)]
        for row in table[:10]:
            exact = _size(row.exact) if row.proved else f">= {row.exact:.4f}"
            lines.append((str(row.picture), row.label, exact, *(_size(row.found[name]) for name in names)))
        say_lines(ruled(columns(lines, sides="><" + ">" * (1 + len(names)))))
    typer.echo("")
    for flag in found.flags:
        say(f"doubtful: {flag.title}. {flag.evidence} {flag.meaning}")
    if found.robustness and not found.flags:
        typer.echo("no reason found to doubt these figures")


def _tell_robustness(result: AuditResult) -> None:
    from glassnet.attack import size_text
    from glassnet.text import columns, ruled

    found = result.found
    rows: list[tuple[str, ...]] = [("norm", "size", "robust accuracy", "95 % interval", "as 8-bit PNG", "FGSM alone")]
    for robust in found.robustness:
        for eps in robust.eps:
            low, high = robust.interval(eps)
            alone = robust.alone.get((eps, "FGSM"))
            rows.append((
                robust.norm, size_text(eps), f"{robust.accuracy(eps):.4f}", f"{low:.4f} to {high:.4f}",
                f"{robust.accuracy_as_bytes(eps):.4f}", "" if alone is None else f"{alone:.4f}",
            ))  # fmt: skip
    typer.echo(ruled(columns(rows, sides="<>>>>>")))


def _tell_stills(found: StillsBesideVideo) -> None:
    from glassnet.metrics import wilson_interval
    from glassnet.text import columns, ruled

    frames, right = found.frames, int(found.right.sum())
    low, high = wilson_interval(right, len(found.right))
    typer.echo("")
    say(f"photographs   {found.accuracy:.4f}   95 % interval {low:.4f} to {high:.4f}   {found.stills}")
    ends = f"no interval: {frames.reason}" if frames.reason else _interval(frames.interval)
    video = found.watched
    say(f"frames        {frames.value:.4f}   {ends}   {frames.n:,} of {video.path} right: {video.expected_names}")
    rows: list[tuple[str, ...]] = [
        ("corruption", "photographs", "frames", "severity", "accuracy", "lost", "95 % interval", "of the loss")
    ]
    for match in found.matches:
        told = [match.kind, _number(match.stills), _number(match.frames), _number(match.severity, "none")]
        if match.right is None:
            rows.append((*told, *("",) * 4))
        else:
            rows.append((*told, f"{match.right.mean():.4f}", *_accounted(found, found.lost(match))))
    rows.append(("all together", "", "", "", f"{found.together.mean():.4f}", *_accounted(found, found.lost_together)))
    rows.append(("what is left", "", "", "", "", *_accounted(found, found.remainder)))
    rows.append(("lost in all", "", "", "", f"{frames.value:.4f}", *_accounted(found, found.loss)))
    typer.echo("")
    typer.echo(ruled(columns(rows, sides="<>>>>>>>")))
    for match in found.matches:
        if match.reason:
            say(f"{match.kind}: {match.reason}")
    for note in found.notes:
        say(f"note: {note}", err=True)
    say(found.verdict())


def _accounted(found: StillsBesideVideo, gap: Gap) -> tuple[str, str, str]:
    low, high = gap.interval
    share = found.share(gap)
    ends = "" if math.isnan(low) or low == high else f"{low:+.4f} to {high:+.4f}"
    return f"{gap.value:+.4f}", ends, "" if math.isnan(share) else f"{100 * share:.0f} %"


def _interval(ends: Interval) -> str:
    return f"95 % interval {ends.low:.4f} to {ends.high:.4f}"


def _number(value: float, missing: str = "") -> str:
    return missing if math.isnan(value) else f"{value:.3g}"


def _size(value: float) -> str:
    return "none" if value == float("inf") else f"{value:.4f}"
