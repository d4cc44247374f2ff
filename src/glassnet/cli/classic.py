"""`glassnet classic`: principal components, nearest neighbours, visual words, an affine fit and corners, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.errors import DataError
from glassnet.text import columns

if TYPE_CHECKING:
    import numpy as np

__all__ = ["app"]

app = typer.Typer(
    help="Classical methods, shown: PCA, k-NN, visual words, an affine fit, corners.", no_args_is_help=True
)

_Source = Annotated[
    str, typer.Argument(help="A data set by name (mnist, cifar10, digits, ...) or a folder of pictures.")
]
_Out = Annotated[Path | None, typer.Option(help="Folder of the pictures (default: runs/classic-...).")]


class Result(Protocol):
    """What these commands have in common."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What was written."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""


@app.command("pca", short_help="Principal components of a data set.")
def pca(
    source: _Source,
    out: _Out = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N training pictures.")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Principal components of a data set's pictures: how many are needed for what, and pictures of all of it.

    Written are the spectrum, the pictures scattered along the first two components, the first components as pictures,
    and one picture per class reconstructed from 2 to 100 components.

    Example: glassnet classic pca mnist
    """
    from glassnet.actions.classic.pca import pca as run

    found = run(source, out or Path("runs/classic-pca"), limit=limit, threads=threads)
    say(f"{found.name}: {found.pictures:,} pictures of {found.width:,} numbers; {found.seconds:.2f} s")
    typer.echo(columns([("components needed for", ""), *found.needed.items()]))
    errors = [(k, f"{kept:.4f}", f"{psnr:.2f}") for k, kept, psnr in found.errors]
    typer.echo("\n" + columns([("components", "variance kept", "PSNR (dB)"), *errors]))
    _finish(found, json)


@app.command("knn", short_help="k-nearest neighbours on a data set.")
def knn(
    source: _Source,
    k: Annotated[int, typer.Option("--k", help="Number of neighbours.")] = 3,
    out: _Out = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N training pictures.")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Every test picture takes the class of most of its k nearest training pictures: accuracy, time, the mistakes.

    Distances are exact. Written is a picture of mistakes with their neighbours.

    Example: glassnet classic knn mnist --k 3
    """
    from glassnet.actions.classic.knn import knn as run

    found = run(source, k, out or Path("runs/classic-knn"), limit=limit, threads=threads)
    low, high = found.interval
    say(f"{found.name}: {found.tested:,} pictures among {found.among:,}, k = {k}")
    typer.echo(
        f"accuracy {found.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), {found.mistakes} mistakes;"
        f" {found.seconds:.2f} s"
    )
    _finish(found, json)


@app.command("fit-affine", short_help="An affine map by descent, beside its closed form.")
def fit_affine(
    points: Annotated[
        Path | None,
        typer.Argument(help="A .npy file of pairs: (N, 4) as x y x' y', or (2, N, 2). None makes pairs up."),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Length of a step (default: the best, with its momentum).")] = None,
    steps: Annotated[int, typer.Option(help="Steps at most.")] = 10_000,
    out: _Out = None,
    json: Json = False,
) -> None:
    """Fit y = x S + t to pairs of points by gradient descent, and print S and t beside the closed form.

    Example: glassnet classic fit-affine points.npy
    """
    from glassnet.actions.classic.fit_affine import fit_affine as run

    found = run(points, out or Path("runs/classic-fit-affine"), rate=rate, steps=steps)
    fit = found.fit
    best, offset = fit.closed_form_
    typer.echo(f"{found.pairs} pairs; {fit.n_iter_} steps of {fit.rate_:.4g}, momentum {fit.momentum_:.4g}")
    for name, matrix, shift in (("descent", fit.coef_, fit.intercept_), ("closed form", best, offset)):
        typer.echo(f"{name:12} S = {_listed(matrix)}  t = {_listed(shift)}")
    typer.echo(f"they differ by {fit.difference_:.1e}; f = {fit.path_[-1]:.6g} (it was {fit.path_[0]:.6g})")
    for note in found.notes:
        typer.echo(f"note: {note}")
    _finish(found, json)


def _listed(values: np.ndarray) -> str:
    """Six digits of each number; what is only rounding beside the largest is 0."""
    least = 1e-12 * float(abs(values).max(initial=0.0))
    if values.ndim == 1:
        return str([float(f"{v:.6g}") if abs(v) > least else 0.0 for v in values])
    return f"[{', '.join(_listed(row) for row in values)}]"


@app.command("harris", short_help="Corners of a picture as principal components of its gradients.")
def harris(
    picture: Annotated[Path, typer.Argument(help="A picture file.")],
    at: Annotated[
        str | None, typer.Option(metavar="X,Y", help="A pixel whose two principal components to show.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many corners at most.")] = 200,
    window: Annotated[str, typer.Option(help="gaussian, or box (3x3).")] = "gaussian",
    sigma: Annotated[float, typer.Option(help="Width of the Gaussian in pixels.")] = 1.0,
    k: Annotated[float, typer.Option("--k", help="Weight of the squared trace.")] = 0.05,
    out: _Out = None,
    json: Json = False,
) -> None:
    """Corners of a picture; with --at the two principal components of the gradients around a pixel.

    Examples:

      glassnet classic harris photo.jpg

      glassnet classic harris photo.jpg --at 120,80
    """
    from glassnet.actions.classic.harris import harris as run

    pixel = None if at is None else _pixel(at)
    found = run(picture, out or Path("runs/classic-harris"), at=pixel, count=count, window=window, sigma=sigma, k=k)
    response, (width, height) = found.corners.response, found.size
    say(f"{picture.name}: {width}x{height} pixels, {len(found.peaks)} corners; the strongest:")
    for x, y in found.peaks[:10]:
        typer.echo(f"  {x},{y}  response {response[y, x]:.3g}")
    if pixel is not None and found.components is not None:
        (first, second), (across, along) = found.components.variances, found.components.directions
        typer.echo(
            f"at {at}: {found.components.kind}; variance {first:.4g} along ({across[0]:.3f}, {across[1]:.3f}),"
            f" {second:.4g} along ({along[0]:.3f}, {along[1]:.3f}); response {response[pixel[1], pixel[0]]:.3g}"
        )
    _finish(found, json)


def _pixel(text: str) -> tuple[int, int]:
    """Column and row from `120,80`."""
    try:
        left, top = text.split(",")
        return int(left), int(top)
    except ValueError:
        raise DataError(f"--at takes a column and a row, as in --at 120,80. Got '{text}'.") from None


@app.command("bag-of-words", short_help="Pictures told apart by their visual words.")
def bag_of_words(
    source: _Source,
    words: Annotated[int, typer.Option(help="Number of visual words.")] = 400,
    points: Annotated[str, typer.Option(help="Where patches lie: dense (a grid), harris, random.")] = "dense",
    step: Annotated[
        int | None, typer.Option(help="Pixels between patches of the grid (default: twice the smallest cell).")
    ] = None,
    count: Annotated[int, typer.Option(help="Corners at most, or random places, of each size of patch.")] = 500,
    cells: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help="Sides of cells in pixels, of which a patch has 5 by 5 (default: a fortieth of the shorter side, and"
            " half as much again; 4,6 at 160 pixels).",
        ),
    ] = None,
    levels: Annotated[int, typer.Option(help="Levels of the pyramid: 3 are 1 + 4 + 16 regions.")] = 3,
    sample: Annotated[int, typer.Option(help="Descriptors that the words are made from.")] = 40_000,
    counts_map: Annotated[str, typer.Option("--map", help="Map of the counts: hellinger, chi2 or none.")] = "hellinger",
    c: Annotated[float, typer.Option("--C", help="Weight of mistakes in the support vector machine.")] = 1.0,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Size that photographs are brought to (default: 160).")
    ] = None,
    splits: Annotated[int, typer.Option(help="Fit it anew to so many random splits of all pictures.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of all that is drawn.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Only N training pictures, drawn at random.")] = None,
    out: _Out = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Patches of the training pictures are clustered to visual words; pictures are told apart by counting them.

    Patches are described by histograms of their gradients and clustered by k-means, the words are counted in a pyramid
    of regions, and a linear support vector machine learns from the counts. Written are a page with the words as
    pictures, the words that speak for each class, the confusion matrix and the most confident mistakes, its figures,
    and the prediction for every test picture. Without a test part a fifth of the pictures is held out.

    Examples:

      glassnet classic bag-of-words sun8

      glassnet classic bag-of-words photos --words 200 --splits 5
    """
    from glassnet.actions.classic.bag_of_words import bag_of_words as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        found = run(
            source, out or Path("runs/classic-bag-of-words"), words=words, points=points, step=step, count=count,
            cells=None if cells is None else _whole_numbers(cells, ",", _CELLS),
            levels=levels, sample=sample, counts_map=counts_map, C=c,
            size=None if size is None else _sides(size), splits=splits, seed=seed, limit=limit, threads=threads,
            events=events,
        )  # fmt: skip
    fitted, figures = found.fitted, found.evaluation
    for note in found.notes:
        say(f"note: {note}")
    bag = fitted.words_
    say(
        f"{found.name}: {bag.n_words:,} words, cells of {', '.join(map(str, bag.cells_))} pixels,"
        f" {len(bag.pyramid_):,} regions; {found.trained:,} training pictures; {found.seconds:.1f} s"
    )
    low, high = figures.accuracy_interval
    typer.echo(f"accuracy {figures.accuracy:.4f} of {figures.n:,} (95 % interval {low:.4f} to {high:.4f})")
    if found.splits:
        mean = sum(found.splits) / len(found.splits)
        typer.echo(
            f"random splits: {', '.join(f'{accuracy:.4f}' for accuracy in found.splits)}; mean {mean:.4f},"
            f" {min(found.splits):.4f} to {max(found.splits):.4f}"
        )
    _finish(found, json)


_CELLS = "--cells takes whole numbers, as in --cells 4,6"


def _whole_numbers(text: str, sign: str, usage: str) -> list[int]:
    """Whole numbers between signs. Raises `DataError` with the usage."""
    try:
        return [int(part) for part in text.lower().split(sign)]
    except ValueError:
        raise DataError(f"{usage}. Got '{text}'.") from None


def _sides(text: str) -> tuple[int, int]:
    """A side, or HxW, as (H, W)."""
    usage = "--size is a side in pixels (160) or HEIGHTxWIDTH (160x200), up to 4096"
    sides = _whole_numbers(text, "x", usage)
    if len(sides) not in (1, 2) or not all(1 <= side <= 4096 for side in sides):
        raise DataError(f"{usage}. Got '{text}'.")
    return sides[0], sides[-1]


def _finish(found: Result, json: bool) -> None:
    for file in found.files:
        say(f"wrote {file}")
    if json:
        emit(found.to_dict())
