"""From what a user names (a folder, a file or a known set) to training, validation and test parts."""

from __future__ import annotations

from pathlib import Path

from glassnet.data.catalogue import CATALOGUE, known, place_of
from glassnet.data.dataset import Splits
from glassnet.data.formats import format_of_file, format_of_folder
from glassnet.data.options import MEMORY_SHARE, LineOptions, OnPictures, ReadOptions
from glassnet.data.reading import Reading
from glassnet.data.split import arrange
from glassnet.errors import DataError
from glassnet.files import exists

__all__ = ["holds_picture_files", "load"]


def load(
    data: str | Path,
    *,
    image_size: tuple[int, int] | None = None,
    reading: Reading | None = None,
    validation: float | int | None = None,
    seed: int = 0,
    memory_share: float = MEMORY_SHARE,
    progress: OnPictures | None = None,
    skip_bad: bool = False,
    lines: LineOptions | None = None,
) -> Splits:
    """Read a data set.

    Parameters
    ----------
    data : str or Path
        A folder or file if it exists, else the name of a known set (see `glassnet.data.CATALOGUE`). The format of a
        folder or file is found by its content: IDX (MNIST, EMNIST), CIFAR-10 binary or python version, MATLAB 5
        characters, text lists, Flowers-17, photographs in ImageNet's way, or one folder of pictures per class. Text
        lists come first, then class folders; a folder that holds several of the others is refused.
    image_size : (int, int), optional
        (H, W) for sets of pictures; without it the size they share, or 32x32 (the notes say so), and 224x224 for
        ImageNet's.
    reading : Reading, optional
        How pictures are resized to it; None is `stretch`, and the way of ImageNet for its photographs where no size is
        given either.
    validation : float or int, optional
        How much of the training part to hold out, stratified: a fraction, a count, or 0 for none. A validation part of
        the set's own goes back into training first. None keeps the set as it comes.
    seed : int
        Of the held-out part.
    memory_share : float
        Pictures that would take more than this share (0 to 1) of the machine's memory are decoded when they are needed,
        over and over; the bits of all results are the same. With 0 every set of picture files is.
    progress : Progress, optional
        Called as `progress(what is done, pictures so far, pictures in all)` while picture files are read.
    skip_bad : bool
        Leave out pictures that cannot be read; the notes name them.
    lines : LineOptions, optional
        How a set of lines of writing is made.

    Raises
    ------
    DataError
        Nothing there and no such name (the nearest one is suggested); a known set that is not on this machine;
        whatever is wrong with the files.

    Examples
    --------
    >>> from glassnet.data import load
    >>> splits = load("digits")
    >>> splits.train.image_shape, splits.train.class_names[:3]
    ((8, 8, 1), ('0', '1', '2'))
    """
    options = ReadOptions(image_size, reading, memory_share, progress, skip_bad, lines or LineOptions())
    splits = _from_path(Path(data), options) if exists(data) else _from_catalogue(str(data), options)
    return arrange(splits, validation=validation, seed=seed)


def holds_picture_files(data: str | Path) -> bool:
    """Whether a set, named as for `load`, is made of picture files, which an image size and a reading apply to.

    Raises `DataError` when a folder cannot be read, or in two ways.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from glassnet.data import holds_picture_files
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "cat").mkdir()
    ...     Image.new("L", (16, 8), 200).save(f"{folder}/cat/a.png")
    ...     holds_picture_files(folder)
    True
    """
    path = Path(data)
    if not exists(data):
        return str(data) in CATALOGUE and CATALOGUE[str(data)].takes_image_size
    return path.is_dir() and format_of_folder(path)[1].takes_image_size


def _from_catalogue(name: str, options: ReadOptions) -> Splits:
    entry = known(name)
    if entry.open is None:
        made = [each.name for each in CATALOGUE.values() if name in each.made_of]
        raise DataError(f"'{name}' is no set of pictures by itself; name a set that is made of it: {', '.join(made)}.")
    if not entry.takes_image_size:
        options.refuse_size(name)
    return entry.open(place_of(name), options)


def _from_path(path: Path, options: ReadOptions) -> Splits:
    if not path.is_dir():
        options.refuse_size(str(path))
        return format_of_file(path).open(path, options)
    folder, found = format_of_folder(path)
    return found.open(folder, options)
