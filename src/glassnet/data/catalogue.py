"""The known data sets: what they are, where they come from, under which terms, and where they lie on this machine."""

from __future__ import annotations

import os
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glassnet.data.cifar import CIFAR10_NAMES, has_cifar
from glassnet.data.digits import digits_file
from glassnet.data.download import Progress, RemoteFile, fetch, unpack
from glassnet.data.flowers import FLOWER_NAMES, has_flowers
from glassnet.data.idx import has_all_idx
from glassnet.data.imagenet import CLASS_INDEX, has_imagenet_samples
from glassnet.data.letters36 import has_letters36
from glassnet.data.lists import has_lists
from glassnet.data.mat import LETTERS
from glassnet.errors import DataError, Fix, nearest

__all__ = ["CATALOGUE", "KnownSet", "data_places", "find", "find_folder", "get", "known", "place_of"]


@dataclass(frozen=True)
class KnownSet:
    """A data set that glassnet knows by name.

    `classes` is empty where an index beside the pictures names them. `image_shape` is (H, W, C), with None where the
    pictures have sizes of their own. `folders` are where it may lie in a data folder, the first being where it is put;
    `present` says whether such a folder holds it. `files` is empty for a set that has no download address; `by_hand`
    then says how to lay it out.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    examples: str
    licence: str
    homepage: str
    folders: tuple[str, ...] = ()
    present: Callable[[Path], bool] = Path.is_dir
    files: tuple[RemoteFile, ...] = ()
    by_hand: str = ""

    @property
    def checksum_note(self) -> str:
        """What is known of the downloads' SHA-256, as a sentence for the user; empty when nothing is downloaded."""
        unknown = [file.name for file in self.files if file.sha256 is None]
        if unknown:
            return f"No source states a SHA-256 of {', '.join(unknown)}: only its form and content are checked."
        return "The SHA-256 of every downloaded file is checked." if self.files else ""


_DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def _mnist(name: str, size: int, sha256: str) -> RemoteFile:
    # Addresses: `mirrors` of torchvision/datasets/mnist.py (pytorch/vision), and the one of TensorFlow Datasets.
    # Sizes and SHA-256: tensorflow_datasets/url_checksums/mnist.txt (tensorflow/datasets), which lists the second
    # address.
    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    return RemoteFile(name, tuple(mirror + name for mirror in mirrors), size, sha256)


_MNIST_FILES = (
    _mnist("train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _mnist("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    _mnist("t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _mnist("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)

_CIFAR_FILES = (
    RemoteFile(
        "cifar-10-binary.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        # Size and SHA-256: tensorflow_datasets/url_checksums/cifar10.txt (tensorflow/datasets).
        170052171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        take=r"(data_batch_[1-5]|test_batch)\.bin|batches\.meta\.txt",
    ),
)

# Neither the pages of the course and of the Visual Geometry Group nor a trusted project's code give a SHA-256 of
# these files.
_NIST36_FILES = (
    RemoteFile(
        "data.zip", ("http://www.cs.cmu.edu/~lkeselma/16720a_data/data.zip",), None, None, take=r"nist36_\w+\.mat"
    ),
)
_FLOWER_FILES = (
    RemoteFile(
        "17flowers.tgz",
        ("https://www.robots.ox.ac.uk/~vgg/data/flowers/17/17flowers.tgz",),
        None,
        None,
        take=r"image_\d{4}\.jpg",
        into="jpg",
    ),
)


def _has_nist(which: str) -> Callable[[Path], bool]:
    return lambda folder: any(folder.glob(f"{which}*.mat"))


_SETS = (
    KnownSet(
        "digits", "Handwritten digits of scikit-learn (UCI, 8x8)", _DIGIT_NAMES, (8, 8, 1), "1,437 + 360 test",
        "as the UCI Machine Learning Repository states; comes with scikit-learn",
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    ),
    KnownSet(
        "mnist", "MNIST handwritten digits", _DIGIT_NAMES, (28, 28, 1), "60,000 + 10,000 test",
        "CC BY-SA 3.0 (LeCun, Cortes, Burges)", "http://yann.lecun.com/exdb/mnist/",
        ("mnist", "MNIST/raw", "MNIST"), has_all_idx, _MNIST_FILES,
    ),
    KnownSet(
        "cifar10", "CIFAR-10 small colour photographs", CIFAR10_NAMES, (32, 32, 3), "50,000 + 10,000 test",
        "free for research; cite Krizhevsky 2009", "https://www.cs.toronto.edu/~kriz/cifar.html",
        ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar10"), has_cifar, _CIFAR_FILES,
    ),
    KnownSet(
        "nist36", "NIST36 letters and digits (CMU 16-720)", LETTERS, (32, 32, 1), "as many as the files hold",
        "public domain (NIST Special Database 19)", "https://www.nist.gov/srd/nist-special-database-19",
        ("nist36", "nist", "data"), _has_nist("nist36"), _NIST36_FILES,
    ),
    KnownSet(
        "nist26", "NIST26 capital letters (CMU 16-720)", LETTERS[:26], (32, 32, 1), "as many as the files hold",
        "public domain (NIST Special Database 19)", "https://www.nist.gov/srd/nist-special-database-19",
        ("nist26", "nist", "data"), _has_nist("nist26"),
        by_hand="put nist26_train.mat, nist26_valid.mat and nist26_test.mat of the course into 'nist26'",
    ),
    KnownSet(
        "letters36", "Photographed hand-printed letters and digits, a stand-in for NIST36", LETTERS, (32, 32, 1),
        "4,340 + 620 validation + 1,240 test", "MIT",
        "https://github.com/TasnimulIntazamAsif/Handwritten_Letter_Indentation",
        ("handwriting/characters62", "characters62", "letters36"), has_letters36,
        by_hand="put the 62 folders 'upper_A' ... 'lower_a' ... 'digit_0' of 100 pictures each into "
        "'handwriting/characters62'",
    ),
    KnownSet(
        "hand-printed", "Characters written by a pen model, photographed and scanned: what the reader is trained on",
        (*string.ascii_uppercase, *string.ascii_lowercase, *string.digits, *".,!?:;'\"-+=()/&#@", "none"), (32, 32, 1),
        "205,600 + 4,180 validation + 1,240 test", "MIT (the photographs), CC BY-SA 3.0 (MNIST)",
        "https://github.com/TasnimulIntazamAsif/Handwritten_Letter_Indentation",
        ("handwriting/characters62", "characters62", "letters36"), has_letters36,
        by_hand="it is made when it is loaded, from 'letters36' and 'mnist'; lay out those two",
    ),
    KnownSet(
        "flowers17", "Oxford Flowers-17 photographs", FLOWER_NAMES, (None, None, 3), "680 + 340 validation + 340 test",
        "for research (Visual Geometry Group, Oxford)", "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/",
        ("flowers17", "17flowers"), has_flowers, _FLOWER_FILES,
    ),
    KnownSet(
        "sun8", "8 scene classes of the SUN database",
        ("auditorium", "baseball_field", "desert", "highway", "kitchen", "laundromat", "waterfall", "windmill"),
        (None, None, 3), "1,440 + 160 test", "for research (SUN database)", "https://vision.princeton.edu/projects/2010/SUN/",
        ("sun8",), has_lists,
        by_hand="put the photographs, 'train_files.txt', 'train_labels.txt', 'test_files.txt', 'test_labels.txt' and "
        "'class_names.txt' into 'sun8'",
    ),
    KnownSet(
        "imagenet-samples", "ImageNet photographs, up to one of each of its 1,000 classes", (), (None, None, 3),
        "1 of each class at hand", "for research (ImageNet)", "https://github.com/EliSchwartz/imagenet-sample-images",
        ("imagenet-samples", "imagenet-sample-images"), has_imagenet_samples,
        by_hand=f"put the photographs 'n01440764_tench.JPEG' ... and '{CLASS_INDEX}' into 'imagenet-samples'",
    ),
)  # fmt: skip

CATALOGUE: dict[str, KnownSet] = {entry.name: entry for entry in _SETS}


def known(name: str) -> KnownSet:
    """The catalogue's entry. Raises `DataError` with the nearest name and all known names."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise DataError(
            f"There is no file or folder '{name}', and no data set is called so.{nearest(name, CATALOGUE)} "
            f"Known sets: {', '.join(CATALOGUE)}."
        ) from None


def data_places() -> list[Path]:
    """The folders in which data sets are looked for; the first is where downloads go.

    `GLASSNET_DATA` may name several, separated as in `PATH`; without it, `glassnet` in the user's cache folder
    (`XDG_CACHE_HOME`, or `~/.cache`).
    """
    given = [Path(word).expanduser() for word in os.environ.get("GLASSNET_DATA", "").split(os.pathsep) if word.strip()]
    if given:
        return given
    cache = os.environ.get("XDG_CACHE_HOME", "").strip()
    # The XDG specification has relative paths ignored.
    base = Path(cache) if cache and Path(cache).is_absolute() else Path("~/.cache").expanduser()
    return [base / "glassnet"]


def find(name: str) -> Path | None:
    """Where a known set lies on this machine, or None. Raises `DataError` for an unknown name."""
    entry = known(name)
    if name == "digits":
        return digits_file()
    for place in data_places():
        for folder in entry.folders:
            try:
                if (place / folder).is_dir() and entry.present(place / folder):
                    return place / folder
            except OSError:  # a place that may not be read is a place without it
                continue
    return None


def place_of(name: str) -> Path:
    """Where a known set lies on this machine. Raises `DataError` where it is not there, or for an unknown name."""
    path = find(name)
    if path is None:
        raise DataError(f"Data set '{name}' is not on this machine yet.", Fix.GET_DATA, name=name)
    return path


def find_folder(folder: str) -> Path | None:
    """A folder such as `handwriting/pages` in the first of `data_places` that has it, or None."""
    return next((place / folder for place in data_places() if (place / folder).is_dir()), None)


def get(name: str, progress: Progress | None = None) -> Path:
    """The folder of a known set, downloaded first if it is nowhere yet.

    progress : called as `progress(file name, bytes so far, bytes in all or None)`

    Every file is checked against its SHA-256 where one is known, and by its content. Raises `DataError` when the set
    has no address, or when no mirror gives the right file.
    """
    if (found := find(name)) is not None:
        return found
    entry = known(name)
    target = data_places()[0] / entry.folders[0]
    if not entry.files:
        raise DataError(
            f"'{name}' has no download address: {entry.by_hand} in '{data_places()[0]}', or name its folder. See "
            f"{entry.homepage}."
        )
    for file in entry.files:
        if file.take is None:
            fetch(file, target / file.name, progress)
        else:
            archive = data_places()[0] / f".{entry.name}-{file.name}"
            fetch(file, archive, progress)
            try:
                unpack(archive, target / file.into, file.take)
            finally:  # a damaged archive would stand in the way of the next download
                archive.unlink(missing_ok=True)
    if (found := find(name)) is None:
        raise DataError(
            f"The download of '{name}' is complete, but '{target}' lacks files that belong to it; remove it and "
            "try again."
        )
    return found
