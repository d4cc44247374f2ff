"""`glassnet classic`: principal components, nearest neighbours, an affine fit and corners, shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from glassnet.data import Dataset

__all__ = ["app"]

app = typer.Typer(help="Classical methods, shown: PCA, k-NN, an affine fit, corners.", no_args_is_help=True)

_COUNTS = (2, 5, 10, 20, 50, 100)  # components from which pictures are rebuilt
_SHARES, _PSNRS = (0.8, 0.9, 0.95, 0.99), (15.0, 20.0, 25.0)

_Source = Annotated[
    str, typer.Argument(help="A data set by name (mnist, cifar10, digits, ...) or a folder of pictures.")
]
_Out = Annotated[Path | None, typer.Option(help="Folder of the pictures (default: runs/classic-...).")]


def _load(source: str, limit: int | None) -> tuple[Dataset, Dataset | None]:
    """The first `limit` training pictures of a set, and its test pictures."""
    from glassnet.data import load

    if limit is not None and limit < 2:
        raise DataError(f"--limit must be at least 2. Got {limit}.")
    splits = load(source)
    return splits.train if limit is None else splits.train.subset(slice(limit)), splits.test


def _rows(data: Dataset) -> Any:
    """(N, D) of pictures (N, H, W, C)."""
    return data.images.reshape(len(data), -1)


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
    and one picture a class rebuilt from 2 to 100 components.

    Example: glassnet classic pca mnist
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from glassnet import threads as pool
    from glassnet.classic import PCA
    from glassnet.cli.tables import columns
    from glassnet.report.figures.classic import save_components, save_rebuilt, save_scatter, save_spectrum

    data, _ = _load(source, limit)
    rows, labels, shape = _rows(data), data.labels, data.images.shape[1:]
    peak = 255.0 if rows.dtype == np.uint8 else 1.0
    start = time.perf_counter()
    with pool.use(threads), threadpool_limits(threads):
        found = PCA().fit(rows)
    seconds = time.perf_counter() - start
    say(f"{data.name}: {len(rows):,} pictures of {rows.shape[1]:,} numbers; {seconds:.2f} s")
    shares = {f"{share:.0%} of the variance": found.components_for(variance=share) for share in _SHARES}
    psnrs = {f"{psnr:g} dB": found.components_for(psnr=psnr, peak=peak) for psnr in _PSNRS}
    typer.echo(columns([("components needed for", ""), *(shares | psnrs).items()]))
    counts = [k for k in _COUNTS if k < len(found.spectrum_)]
    first = [
        int(np.flatnonzero(labels == label)[0])
        for label in range(min(10, len(data.class_names)))
        if (labels == label).any()
    ]
    own = rows[first]
    coordinates = found.transform(own)
    scale = 255.0 / peak
    rebuilt = [("as it is", own * scale)]
    psnr, kept = found.psnr(peak), np.cumsum(found.explained_variance_ratio_)
    errors = [(k, f"{kept[k - 1]:.4f}", f"{psnr[k]:.2f}") for k in counts]
    for k in counts:
        pictures = coordinates[:, :k] @ found.components_[:k] + found.mean_
        rebuilt.append((f"{k}", pictures * scale))
    typer.echo("\n" + columns([("components", "variance kept", "PSNR (dB)"), *errors]))
    folder = out or Path("runs/classic-pca")
    files = [
        save_spectrum(found, folder / "spectrum.png", shares),
        save_scatter(found.transform(rows[:20_000])[:, :2], labels[:20_000], data.class_names, folder / "scatter.png"),
        save_components(found, shape, folder / "components.png"),
        save_rebuilt(rebuilt, shape, folder / "rebuilt.png"),
    ]
    for file in files:
        say(f"wrote {file}")
    if json:
        emit(
            {
                "pictures": len(rows),
                "seconds": seconds,
                "needed": shares | psnrs,
                "spectrum": found.spectrum_[:200].tolist(),
                "files": files,
            }
        )


@app.command("knn", short_help="k-nearest neighbours on a data set.")
def knn(
    source: _Source,
    k: Annotated[int, typer.Option("--k", help="How many neighbours have a say.")] = 3,
    out: _Out = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N training pictures.")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Every test picture takes the class of most of its k nearest training pictures: accuracy, time, the mistakes.

    Distances are exact. Written is a picture of mistakes with their neighbours.

    Example: glassnet classic knn mnist --k 3
    """
    import numpy as np

    from glassnet import threads as pool
    from glassnet.classic import KNNClassifier
    from glassnet.metrics import wilson_interval
    from glassnet.report.figures.classic import save_neighbours

    train, test = _load(source, limit)
    if test is None:
        raise DataError(
            f"Data set '{source}' has no test part to classify. Choose one that has (mnist, cifar10, digits)."
        )
    rows, queries, labels = _rows(train), _rows(test), train.labels
    if not 1 <= k <= len(rows):
        raise DataError(f"--k must lie in 1 ... {len(rows)}, the number of training pictures. Got {k}.")
    with pool.use(threads):
        model = KNNClassifier(k).fit(rows, labels)
        model.kneighbors(queries[:64])  # compiles
        start = time.perf_counter()
        found = model.predict(queries)
        seconds = time.perf_counter() - start
        wrong = np.flatnonzero(found != test.labels)
        low, high = wilson_interval(len(found) - len(wrong), len(found))
        accuracy = 1 - len(wrong) / len(found)
        say(f"{test.name}: {len(queries):,} pictures among {len(rows):,}, k = {k}")
        typer.echo(
            f"accuracy {accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), {len(wrong)} mistakes; {seconds:.2f} s"
        )
        files = []
        if len(wrong):
            some = wrong[np.linspace(0, len(wrong) - 1, min(8, len(wrong))).astype(int)]
            distances, numbers = model.kneighbors(queries[some], min(max(k, 5), 8, len(rows)))
            names = test.class_names
            mistakes = [
                (
                    test.images[q],
                    f"{names[test.labels[q]]}, read as {names[found[q]]}",
                    [(train.images[j], f"{names[labels[j]]}  {d:.4g}") for j, d in zip(near, away, strict=True)],
                )
                for q, near, away in zip(some, numbers, distances, strict=True)
            ]
            files.append(save_neighbours(mistakes, (out or Path("runs/classic-knn")) / "mistakes.png"))
            say(f"wrote {files[0]}")
    if json:
        emit(
            {"accuracy": accuracy, "interval": [low, high], "mistakes": len(wrong), "seconds": seconds, "files": files}
        )


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
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    from glassnet.classic import AffineFit
    from glassnet.report.figures.classic import save_affine

    source, target = _made_up_pairs() if points is None else _pairs(points)
    try:
        with warnings.catch_warnings(record=True, action="always", category=ConvergenceWarning) as caught:
            fit = AffineFit(rate=rate, max_iter=steps).fit(source, target)
    except ValueError as error:
        raise DataError(str(error)) from error
    notes = [str(warning.message) for warning in caught]
    if fit.rank_ < source.shape[1]:
        notes.append(f"The points lie {('on one spot', 'on a line')[fit.rank_]}: S is one of many that fit as well.")
    best, offset = fit.closed_form_
    typer.echo(f"{len(source)} pairs; {fit.n_iter_} steps of {fit.rate_:.4g}, momentum {fit.momentum_:.4g}")
    for name, matrix, shift in (("descent", fit.coef_, fit.intercept_), ("closed form", best, offset)):
        typer.echo(f"{name:12} S = {_listed(matrix)}  t = {_listed(shift)}")
    typer.echo(f"they differ by {fit.difference_:.1e}; f = {fit.path_[-1]:.6g} (it was {fit.path_[0]:.6g})")
    for note in notes:
        typer.echo(f"note: {note}")
    file = save_affine(fit, source, target, (out or Path("runs/classic-fit-affine")) / "fit.png")
    say(f"wrote {file}")
    if json:
        emit(
            {
                "S": fit.coef_.tolist(),
                "t": fit.intercept_.tolist(),
                "closed_form": {"S": best.tolist(), "t": offset.tolist()},
                "difference": fit.difference_,
                "steps": fit.n_iter_,
                "rate": fit.rate_,
                "momentum": fit.momentum_,
                "notes": notes,
                "files": [file],
            }
        )


def _listed(values: np.ndarray) -> str:
    """Six digits of each number; what is only rounding beside the largest is 0."""
    least = 1e-12 * float(abs(values).max(initial=0.0))
    if values.ndim == 1:
        return str([float(f"{v:.6g}") if abs(v) > least else 0.0 for v in values])
    return f"[{', '.join(_listed(row) for row in values)}]"


def _made_up_pairs() -> tuple[np.ndarray, np.ndarray]:
    """Pairs by the published map, with noise."""
    from glassnet.recipes.classical import affine_pairs

    return affine_pairs()


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from zipfile import BadZipFile

    import numpy as np

    from glassnet.files import open_plain

    wanted = "Give a .npy file of numbers, (N, 4) as x y x' y', or (2, N, 2)."
    try:
        with open_plain(path) as file:
            array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}. {wanted}") from error
    except (ValueError, EOFError, BadZipFile) as error:  # NumPy offers to load it unsafely
        raise DataError(f"Cannot read '{path}': it is no array of numbers. {wanted}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "uif":
        raise DataError(f"'{path}' holds no array of numbers. {wanted}")
    if array.ndim == 2 and array.shape[1] == 4:
        source, target = array[:, :2], array[:, 2:]
    elif array.ndim == 3 and array.shape[0] == 2 and array.shape[2] == 2:
        source, target = array
    else:
        raise DataError(f"'{path}' is an array {array.shape}. {wanted}")
    if len(source) < 3 or not np.isfinite(array).all():
        raise DataError(f"'{path}' must hold at least 3 pairs of finite numbers.")
    return source.astype(float), target.astype(float)


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
    from glassnet.classic import harris as respond
    from glassnet.data.pictures import read_picture
    from glassnet.report.figures.classic import save_corners

    pixels = read_picture(picture)
    if count < 1:
        raise DataError(f"--count must be at least 1. Got {count}.")
    pixel = None
    if at is not None:
        try:
            left, top = at.split(",")
            pixel = (int(left), int(top))
        except ValueError:
            raise DataError(f"--at takes a column and a row, as in --at 120,80. Got '{at}'.") from None
    found = respond(pixels, window=window, sigma=sigma, k=k)
    components = None if pixel is None else found.components(*pixel)
    peaks = found.peaks(count)
    say(f"{picture.name}: {pixels.shape[1]}x{pixels.shape[0]} pixels, {len(peaks)} corners; the strongest:")
    for x, y in peaks[:10]:
        typer.echo(f"  {x},{y}  response {found.response[y, x]:.3g}")
    if pixel is not None and components is not None:
        (first, second), (across, along) = components.variances, components.directions
        typer.echo(
            f"at {at}: {components.kind}; variance {first:.4g} along ({across[0]:.3f}, {across[1]:.3f}), ", nl=False
        )
        typer.echo(
            f"{second:.4g} along ({along[0]:.3f}, {along[1]:.3f}); response {found.response[pixel[1], pixel[0]]:.3g}"
        )
    file = save_corners(
        pixels, found, peaks, (out or Path("runs/classic-harris")) / f"{picture.stem}-corners.png", pixel
    )
    say(f"wrote {file}")
    if json:
        emit(
            {
                "corners": peaks.tolist(),
                "at": pixel,
                "variances": None if components is None else components.variances,
                "directions": None if components is None else components.directions.tolist(),
                "files": [file],
            }
        )
