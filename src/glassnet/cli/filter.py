"""`glassnet filter`: image processing by convolution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.errors import DataError
from glassnet.text import columns


def filter_(
    picture: Annotated[Path | None, typer.Argument(help="A picture file.")] = None,
    kernel: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="A kernel by name ('list' shows them), or a file with rows of numbers."),
    ] = "edges",
    out: Annotated[
        Path | None, typer.Option(help="The file to write (default: photo-edges.png in the working folder).")
    ] = None,
    edge: Annotated[str, typer.Option(help="What lies beyond the border: reflect, repeat or zero.")] = "reflect",
    channel: Annotated[
        str | None, typer.Option(help="Apply it to: each channel, grey, red, green or blue (default: as it suits).")
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            help="How numbers become pixels: clip (cut off at 0 and 255), absolute (drop the sign), stretch (smallest"
            " black, largest white) or centre (0 is mid-grey) (default: as it suits the kernel)."
        ),
    ] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Divide the weights by their sum.")] = False,
    sigma: Annotated[float | None, typer.Option(help="Width of 'blur' in pixels (default: 2).")] = None,
    size: Annotated[int | None, typer.Option(help="Width of 'box' in pixels (default: 5).")] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Also write a page with the kernel, the original and the result.")
    ] = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Convolve a picture with a kernel and save the result; the kernel's numbers are printed.

    Kernels: grayscale, edges, edges-horizontal, edges-vertical, laplacian, blur, box, sharpen, emboss, identity, or a
    file: text or CSV with a row of numbers on each line, JSON, or TOML (kernel = [[...], ...]).

    Pictures are read as for training: turned as their EXIF orientation says, transparent parts on white, 8 bits.

    Examples:

      glassnet filter photo.jpg --kernel edges --show

      glassnet filter photo.jpg --kernel blur --sigma 4 --out soft.jpg

      glassnet filter photo.jpg --kernel edges-horizontal --channel blue
    """
    from glassnet.actions.filter import choose, filter_picture, list_kernels
    from glassnet.cli.events import TerminalEvents
    from glassnet.filters import describe_filter, describe_result, kernel_text

    if kernel == "list":
        known = list_kernels()
        typer.echo(columns(list(known.meanings.items()), left=2))
        if json:
            emit(known.to_dict())
        return
    if picture is None:
        raise DataError("Name the picture, as in 'glassnet filter photo.jpg --kernel edges'.")
    chosen = choose(kernel, channel=channel, values=values, normalise=normalise, sigma=sigma, size=size)
    typer.echo(f"{chosen.name}: {chosen.meaning}\n")
    typer.echo(kernel_text(chosen) + "\n")
    with TerminalEvents() as events:
        result = filter_picture(picture, chosen, out, edge=edge, show=show, threads=threads, events=events)
    typer.echo(describe_filter(chosen, edge))
    typer.echo(describe_result(chosen, result.found))
    for path in result.files:
        say(f"wrote {path}")
    if json:
        emit(result.to_dict())
