"""`glassnet filter`: image processing by convolution."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.errors import DataError

if TYPE_CHECKING:
    from glassnet.filters.kernels import Filter

_MOST_NUMBERS = 1024  # of a kernel, in JSON
_LONG = 2.0  # seconds of work before progress is told in lines


def filter_(
    picture: Annotated[Path | None, typer.Argument(help="A picture file.")] = None,
    kernel: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="A kernel by name ('list' shows them), or a file with rows of numbers."),
    ] = "edges",
    out: Annotated[
        Path | None, typer.Option(help="The file to write (default: beside the picture, as photo-edges.png).")
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
    from glassnet import threads as pool
    from glassnet.filters import NAMES, choose_filter, describe_filter, describe_result, filter_file, kernel_text

    if kernel == "list":
        _list(NAMES, json)
        return
    if picture is None:
        raise DataError("Name the picture, as in 'glassnet filter photo.jpg --kernel edges'.")
    for given, name in ((sigma, "blur"), (size, "box")):
        if given is not None and kernel != name:
            raise DataError(f"--{'sigma' if name == 'blur' else 'size'} belongs to the kernel '{name}' alone.")
    chosen = choose_filter(kernel, sigma=2.0 if sigma is None else sigma, size=5 if size is None else size)
    chosen = chosen.with_settings(channel, values)
    chosen = chosen.normalised() if normalise else chosen
    typer.echo(f"{chosen.name}: {chosen.meaning}\n")
    typer.echo(kernel_text(chosen) + "\n")
    with pool.use(threads), _progress() as tell:
        result = filter_file(picture, chosen, out, edge=edge, progress=tell)
    found = result.found
    files = [result.path]
    if show:
        from glassnet.report.pages.filter import write_filter_page

        page = result.path.with_suffix(".html")
        files.append(write_filter_page(page, picture.name, result.image, found, chosen, edge))
    typer.echo(describe_filter(chosen, edge))
    typer.echo(describe_result(chosen, found))
    for path in files:
        say(f"wrote {path}")
    if json:
        height, width, channels = found.picture.shape
        emit({
            "kernel": chosen.name, "size": list(chosen.size), "matrices": _numbers(chosen), "edge": edge,
            "channel": chosen.channel, "values": chosen.values, "lowest": found.lowest, "highest": found.highest,
            "cut_off": found.outside, "height": height, "width": width, "channels": channels, "files": files,
            "seconds": result.seconds,
        })  # fmt: skip


def _numbers(chosen: Filter) -> list[Any] | None:
    """The kernels' numbers; null for a large one, which the name, the size and its file describe better."""
    height, width = chosen.size
    return [matrix.tolist() for matrix in chosen.matrices] if height * width <= _MOST_NUMBERS else None


def _list(names: dict[str, str], json: bool) -> None:
    from glassnet.cli.tables import columns

    typer.echo(columns(list(names.items()), left=2))
    if json:
        emit({"kernels": names})


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """A live bar on a terminal; elsewhere a line every quarter of work that takes long."""
    if sys.stdout.isatty():
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("filtering"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share: bar.update(task, completed=share)
        return
    told, start = 0, time.monotonic()

    def tell(share: float) -> None:
        nonlocal told
        if int(4 * share) > told and share < 1 and time.monotonic() - start > _LONG:
            told = int(4 * share)
            typer.echo(f"filtering: {100 * share:.0f} % done")

    yield tell
