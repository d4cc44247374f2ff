"""The weights of networks trained on ImageNet: where they lie on this machine, and how they get there."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from glassnet.data import ClassIndex, data_places, find_class_index
from glassnet.data.download import OnBytes, RemoteFile, fetch, unpack
from glassnet.data.imagenet import CLASS_INDEX, IMAGENET_SIZE, are_wordnet_ids
from glassnet.errors import DataError, Fix, ModelError, nearest
from glassnet.files import atomic_write
from glassnet.nn import Network
from glassnet.nn.named import NAMED, Published
from glassnet.nn.torchvision import load_torchvision, read_tensors, to_torchvision

__all__ = [
    "CLASS_NAMES",
    "PRETRAINED",
    "checksum_note",
    "class_index",
    "find_weights",
    "get_weights",
    "named_by_words",
    "weights_file",
]

_FOLDER = "weights"  # in the data folder
_CLASSES = 1000

PRETRAINED: dict[str, Published] = {
    name: network.published for name, network in NAMED.items() if network.published is not None
}

# The classes of ImageNet in the order of a network's scores, as Keras publishes them (`CLASS_INDEX_PATH` in
# keras/applications/imagenet_utils.py).
CLASS_NAMES = RemoteFile(
    CLASS_INDEX,
    ("https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",),
    None,
    "9b3866495df757ec425c8df1cde2847a040da99a7064690e11c965126518e57e",
)


def find_weights(name: str) -> Path | None:
    """The file of a network's weights in the first data folder that has it, or None."""
    for place in data_places():
        with contextlib.suppress(OSError):  # a place that may not be read is a place without it
            if (place / _FOLDER / PRETRAINED[name].file).is_file():
                return place / _FOLDER / PRETRAINED[name].file
    return None


def weights_file(name: str) -> Path:
    """The file of a network's weights. Raises `ModelError` where there is none."""
    found = find_weights(name)
    if found is None:
        raise ModelError(f"The weights of '{name}' are not on this machine yet.", Fix.GET_WEIGHTS, name=name)
    return found


def class_index(name: str, weights: Path | None = None) -> ClassIndex:
    """The names of ImageNet's classes, beside the weights or in a data folder. Raises `DataError`."""
    found = find_class_index(_index_folders(weights))
    if found is None:
        raise DataError("The names of ImageNet's classes are not on this machine yet.", Fix.GET_WEIGHTS, name=name)
    return found


def named_by_words(names: tuple[str, ...]) -> tuple[str, ...]:
    """Classes called by WordNet ids under the words of ImageNet's class index, where one is on this machine.

    Names that are no such ids, or of which one is not in the index, come back as they are.
    """
    index = find_class_index(_index_folders(None)) if are_wordnet_ids(names) else None
    words = {} if index is None else dict(zip(index.ids, index.names, strict=True))
    return tuple(words[name] for name in names) if set(names) <= set(words) else names


def _index_folders(weights: Path | None) -> list[Path]:
    beside = [] if weights is None else [weights.parent]
    return beside + [place / folder for place in data_places() for folder in (_FOLDER, "imagenet-samples", "")]


def checksum_note(name: str) -> str:
    """What is known of the download's SHA-256, as a sentence for the user."""
    known = PRETRAINED[name].sha256
    if len(known) == 64:
        return "The SHA-256 of every downloaded file is checked."
    return f"Of the weights' SHA-256 the first {len(known)} digits are known, from the file's name; they are checked."


def get_weights(name: str, progress: OnBytes | None = None) -> Path:
    """The file of a network's weights, downloaded and converted first if it is nowhere yet, with the class names.

    Parameters
    ----------
    name : str
        A named network with published weights.
    progress : callable, optional
        Called as `progress(file name, bytes so far, bytes in all or None)`.

    Raises
    ------
    ModelError
        An unknown name; a file that does not hold the weights of this network.
    DataError
        No address gives the right file, or the data folder cannot be written.

    Notes
    -----
    A PyTorch file is read by `glassnet.nn.torch_file`, which runs nothing, and kept as safetensors.
    """
    if name not in PRETRAINED:
        raise ModelError(
            f"There are no published weights for a network '{name}'.{nearest(name, PRETRAINED)} Known:"
            f" {', '.join(PRETRAINED)}."
        )
    folder = data_places()[0] / _FOLDER
    if find_class_index(_index_folders(None)) is None:
        fetch(CLASS_NAMES, folder / CLASS_NAMES.name, progress)
    if (found := find_weights(name)) is not None:
        return found
    published = PRETRAINED[name]
    remote = RemoteFile(PurePosixPath(published.address).name, (published.address,), None, published.sha256)
    archive = folder / f".{remote.name}"
    fetch(remote, archive, progress)
    try:
        with _original(archive, published) as original:
            _convert(name, original, folder / published.file)
    finally:  # a damaged file would stand in the way of the next download
        archive.unlink(missing_ok=True)
    return folder / published.file


@contextlib.contextmanager
def _original(archive: Path, published: Published) -> Iterator[Path]:
    """The published file: the download itself, or the member of an archive."""
    if not published.member:
        yield archive
        return
    folder = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=archive.parent))
    try:
        yield unpack(archive, folder, re.escape(published.member))[0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _convert(name: str, original: Path, target: Path) -> None:
    """Write the tensors of `original` as safetensors, once they have been found to be this network's."""
    from safetensors.numpy import save

    network = Network(name, (*IMAGENET_SIZE, 3), _CLASSES)
    load_torchvision(network, name, read_tensors(original), f"'{original.name}'")
    with atomic_write(target) as file:
        file.write(save(to_torchvision(network, name)))
