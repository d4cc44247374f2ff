"""Image processing by convolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads as pool
from glassnet.actions.events import Events
from glassnet.errors import DataError
from glassnet.filters import NAMES, Filter, Filtered, FilteredFile, choose_filter, filter_file
from glassnet.report.pages.filter import write_filter_page

__all__ = ["FilterResult", "Kernels", "choose", "filter_picture", "list_kernels"]

_MOST_NUMBERS = 1024  # of a kernel, in the plain values
_SIGMA, _SIZE = 2.0, 5


@dataclass(frozen=True)
class Kernels:
    """The known kernels: what each does, by name."""

    meanings: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {"kernels": self.meanings}


def list_kernels() -> Kernels:
    """The kernels that have names."""
    return Kernels(dict(NAMES))


@dataclass(frozen=True, eq=False)
class FilterResult:
    """A filtered picture, the kernel, and the files that were written (the picture first)."""

    kernel: Filter
    edge: str
    file: FilteredFile
    files: tuple[Path, ...]

    @property
    def found(self) -> Filtered:
        """The picture and its figures."""
        return self.file.found

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys; the numbers of a large kernel, which its file describes better, are None."""
        height, width, channels = self.found.picture.shape
        rows, columns = self.kernel.size
        small = rows * columns <= _MOST_NUMBERS
        return {
            "kernel": self.kernel.name,
            "size": [rows, columns],
            "matrices": [matrix.tolist() for matrix in self.kernel.matrices] if small else None,
            "edge": self.edge,
            "channel": self.kernel.channel,
            "values": self.kernel.values,
            "lowest": self.found.lowest,
            "highest": self.found.highest,
            "cut_off": self.found.outside,
            "height": height,
            "width": width,
            "channels": channels,
            "files": list(self.files),
            "seconds": self.file.seconds,
        }


def choose(
    kernel: str = "edges",
    *,
    channel: str | None = None,
    values: str | None = None,
    normalise: bool = False,
    sigma: float | None = None,
    size: int | None = None,
) -> Filter:
    """A kernel by name or from a file, with its settings.

    Parameters
    ----------
    kernel : str
        A name, or a file with rows of numbers.
    channel : str, optional
        What is filtered: colours, grey or one channel; see `Filter.with_settings`.
    values : str, optional
        What becomes of values outside 0 ... 255, see there.
    normalise : bool
        Divide the weights by their sum.
    sigma : float, optional
        Width of 'blur' in pixels; None is 2.
    size : int, optional
        Width of 'box' in pixels; None is 5.

    Raises
    ------
    DataError
        There is no such kernel, or a setting does not fit it.
    """
    for given, setting, name in ((sigma, "sigma", "blur"), (size, "size", "box")):
        if given is not None and kernel != name:
            raise DataError(f"{setting} belongs to the kernel '{name}' alone.")
    chosen = choose_filter(kernel, sigma=_SIGMA if sigma is None else sigma, size=_SIZE if size is None else size)
    chosen = chosen.with_settings(channel, values)
    return chosen.normalised() if normalise else chosen


def filter_picture(
    picture: str | Path,
    kernel: Filter,
    out: str | Path | None = None,
    *,
    edge: str = "reflect",
    show: bool = False,
    threads: int | None = None,
    events: Events | None = None,
) -> FilterResult:
    """Convolve a picture file with a kernel and save the result.

    Parameters
    ----------
    picture : path
        The picture file.
    kernel : Filter
        See `choose`.
    out : path, optional
        The file to write; None writes PICTURE-KERNEL.png into the working folder.
    edge : str
        What lies beyond the border: "reflect", "repeat" or "zero".
    show : bool
        Also write a page with the kernel, the original and the result.
    threads : int, optional
        Threads to use; None takes every core.
    events : Events, optional
        Told the share that is done.

    Raises
    ------
    GlassnetError
        The picture cannot be read, or the result cannot be written.
    """
    events = events or Events()
    with pool.use(threads):
        file = filter_file(
            picture, kernel, out, edge=edge, progress=lambda share: events.progress("filtering", share, 1.0)
        )
    files = [file.path]
    if show:
        page = file.path.with_suffix(".html")
        files.append(write_filter_page(page, Path(picture).name, file.image, file.found, kernel, edge))
    return FilterResult(kernel, edge, file, tuple(files))
