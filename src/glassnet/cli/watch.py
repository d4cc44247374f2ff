"""`glassnet watch`: what a model sees in every frame of a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Weights, emit, say
from glassnet.cli.remedies import worded
from glassnet.text import columns, counted, ruled

if TYPE_CHECKING:
    from glassnet.actions.watch import WatchedVideos
    from glassnet.metrics import SeriesMean
    from glassnet.watch import Watched

_LABELS = 5


def watch(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of videos.")],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A model file, a run folder or a pretrained network ('resnet-18').")
    ],
    expect: Annotated[
        str, typer.Option(metavar="NAME[,NAME]", help="The classes that are right: then the share of frames is given.")
    ] = "",
    smooth: Annotated[
        float, typer.Option(metavar="SECONDS", help="Smooth the probabilities over this time; 0 does not.", min=0)
    ] = 1.0,
    top: Annotated[int, typer.Option(help="How many classes of each frame the table has.", min=1)] = 5,
    annotated: Annotated[bool, typer.Option(help="Also write the video with its labels drawn in.")] = True,
    out: Annotated[Path | None, typer.Option(help="The folder to write into (default: NAME-watch).")] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Every frame of a video: its classes, how many are right, and what smoothing changes.

    Writes a page, a table of all frames (CSV), figures, and the video with its labels drawn in (H.264). The interval of
    the share is a block bootstrap's, because frames that follow one another are not independent. Times are the frames'
    own time stamps. What is damaged is left out and named, and the exit status is 3. Needs PyAV: pip install av.

    Examples:

      glassnet watch flamingo.mp4 --model efficientnet-lite0 --expect flamingo

      glassnet watch clips --model runs/mine --expect "cup,coffee mug" --smooth 0.5
    """
    from glassnet.actions.watch import watch as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        result = run(
            video, model, expect=expect, window=smooth, top=top, annotate=annotated, out=out, weights=weights,
            events=events,
        )  # fmt: skip
    if result.files:
        _tell_all(result)
    for seen in result.each:
        if not result.files:
            _tell(seen.found)
            for file in seen.files:
                say(f"wrote {file}")
        for note in seen.found.notes:
            say(f"note: {seen.found.path}: {note}", err=True)
        for damage in seen.found.damage:
            say(f"damaged: {seen.found.path}: {damage}; what could be read was used", err=True)
    for file in result.files:
        say(f"wrote {file}")
    for _, error in result.unread:
        say(f"not read: {worded(error)}", err=True)
    if json:
        emit(result.to_dict())
    if not result.complete:
        raise typer.Exit(3)


def _tell(found: Watched) -> None:
    wide, high = found.size
    say(f"{found.path}: {counted(len(found.timeline), 'frame')}, {found.seconds:.2f} s, {wide}x{high}")
    means = [("frames right", found.raw), ("after smoothing", found.after), ("smoothing adds", found.gain)]
    for name, mean in means if found.window else means[:1]:
        if mean is not None:
            say(f"{name:<16}{_share(mean, signed=mean is found.gain)}   {_interval(found, mean)}")
    smoothed = f", {found.smoothed_changes:,} after smoothing over {found.window:g} s" if found.window else ""
    say(f"the label changes {counted(found.changes, 'time')}{smoothed}")
    typer.echo("")
    rows: list[tuple[Any, ...]] = [("label", "frames", "share", "mean probability")]
    counts = found.counts()
    for label, count, sure in counts[:_LABELS]:
        rows.append((found.class_names[label], f"{count:,}", f"{count / len(found.timeline):.3f}", f"{sure:.3f}"))
    typer.echo(ruled(columns(rows)))
    if len(counts) > _LABELS:
        say(f"and {len(counts) - _LABELS:,} more labels")


def _share(mean: SeriesMean, *, signed: bool = False) -> str:
    return f"{mean.value:+.4f}" if signed else f"{mean.value:.4f}"


def _interval(found: Watched, mean: SeriesMean) -> str:
    if mean.reason:
        return f"no interval: {mean.reason}"
    low, high = mean.interval
    block = f"{mean.blocks} blocks of {counted(mean.block, 'frame')}, {found.block_seconds(mean):.2g} s"
    return f"95 % interval {low:.4f} to {high:.4f} ({mean.method}: {block})"


def _tell_all(result: WatchedVideos) -> None:
    expect = any(seen.found.expect for seen in result.each)
    head = ["video", "frames", "seconds"]
    if expect:
        head += ["right", "95 % interval", "smoothed", "95 % interval"]
    rows: list[list[str]] = [[*head, "most frequent label"]]
    for seen in result.each:
        found = seen.found
        row = [found.path.name, f"{len(found.timeline):,}", f"{found.seconds:.1f}"]
        for mean in (found.raw, found.after):
            if mean is not None:
                ends = "none" if mean.reason else f"{mean.interval.low:.3f} to {mean.interval.high:.3f}"
                row += [f"{mean.value:.3f}", ends]
        rows.append([*row, found.class_names[found.counts()[0][0]]])
    typer.echo(ruled(columns(rows, sides="<" + ">" * (len(rows[0]) - 2) + "<")))
