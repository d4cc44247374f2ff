"""`glassnet bench`: this machine, ours against PyTorch."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, parse_shape
from glassnet.text import columns

_FIRST = 10.0  # seconds until the first line of progress: a process of each side takes some to begin


def bench(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NETWORK]...", help="Named networks, notations or model files (default: a few of each kind)."
        ),
    ] = None,
    input: Annotated[str, typer.Option("--input", help="Sizes of one example, as in 32x32x3.")] = "",
    classes: Annotated[int | None, typer.Option(help="Size of a last layer that names none.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Examples per step.", min=1)] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam or adamw.")] = None,
    mode: Annotated[str | None, typer.Option(help="train (whole training steps) or infer.")] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", metavar="N", help="Threads; may be repeated (default: 1 and 2).")
    ] = None,
    runs: Annotated[int, typer.Option(help="Runs of each side; medians are shown.", min=1)] = 3,
    isa: Annotated[
        str, typer.Option(help="Hold both sides to avx512, avx2 or sse2 (default: the best that is here).")
    ] = "",
    json: Json = False,
) -> None:
    """Time steps of networks on this machine: milliseconds, images a second, GFLOP/s and peak memory.

    Where PyTorch is installed it runs the same networks on the same batches, each side in processes of its own, in
    turn; PyTorch is shown in its fastest way (either memory layout of pictures, default or fused optimiser).

    Examples:

      glassnet bench

      glassnet bench vgg-small resnet-20 --threads 2 --runs 5

      glassnet bench "conv 3x3, 32 -> relu -> flatten -> linear" --input 32x32x3 --batch 100
    """
    from glassnet.actions.bench import bench as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents(first=_FIRST) as events:
        report = run(
            networks or (),
            input_shape=parse_shape(input) if input else None,
            classes=classes,
            batch=batch,
            optimizer=optimizer,
            mode=mode,
            threads=threads,
            runs=runs,
            isa=isa,
            events=events,
        )
    typer.echo("")
    typer.echo(columns(report.rows))
    for note in report.notes:
        typer.echo(f"\n{note}")
    if json:
        emit(report.to_dict())
