"""The sets that glassnet knows by name: where each comes from, under which terms, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from glassnet.data.catalogue import KnownSet, register
from glassnet.data.cifar import CIFAR10_NAMES, has_cifar, load_cifar
from glassnet.data.dataset import Splits
from glassnet.data.digits import digits_file, load_digits
from glassnet.data.download import RemoteFile
from glassnet.data.flowers import FLOWER_NAMES, has_flowers, load_flowers
from glassnet.data.folder import load_folder
from glassnet.data.fonts import FONT_FILES, has_fonts, lay_out_fonts
from glassnet.data.idx import has_all_idx, load_idx
from glassnet.data.imagenet import CLASS_INDEX, has_imagenet_samples, has_wordnet_folders, load_imagenet
from glassnet.data.letters36 import has_letters36, load_letters36
from glassnet.data.lists import has_lists, load_lists
from glassnet.data.mat import LETTERS, load_mat
from glassnet.data.options import ReadOptions
from glassnet.data.unipen import UNIPEN_FILE
from glassnet.data.unipen_archive import lay_out_unipen

__all__ = ["register_known_sets"]

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

# Addresses: those of Zenodo's record 1195803, and one of the archive's keeper at Groningen. Zenodo states an MD5 alone.
_UNIPEN = "unipen-CDROM-train_r01_v07.tgz"
_UNIPEN_FILES = (
    RemoteFile(
        _UNIPEN,
        (
            f"https://zenodo.org/api/records/1195803/files/{_UNIPEN}/content",
            f"https://zenodo.org/records/1195803/files/{_UNIPEN}?download=1",
            f"http://www.ai.rug.nl/~lambert/overslag/{_UNIPEN}",
        ),
        None,
        None,
    ),
)


def _named(load: Callable[[Path, str], Splits], name: str) -> Callable[[Path, ReadOptions], Splits]:
    """A reader of files that are called after the set, as the registry asks for it."""
    return lambda path, options: load(path, name)


def _has_nist(which: str) -> Callable[[Path], bool]:
    return lambda folder: any(folder.glob(f"{which}*.mat"))


_SETS = (
    KnownSet(
        "digits", "Handwritten digits of scikit-learn (UCI, 8x8)", _DIGIT_NAMES, (8, 8, 1), "1,437 + 360 test",
        "as the UCI Machine Learning Repository states; comes with scikit-learn",
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        lambda path, options: load_digits(), place=digits_file,
    ),
    KnownSet(
        "mnist", "MNIST handwritten digits", _DIGIT_NAMES, (28, 28, 1), "60,000 + 10,000 test",
        "CC BY-SA 3.0 (LeCun, Cortes, Burges)", "http://yann.lecun.com/exdb/mnist/",
        _named(load_idx, "mnist"),
        ("mnist", "MNIST/raw", "MNIST"), has_all_idx, _MNIST_FILES,
    ),
    KnownSet(
        "cifar10", "CIFAR-10 small colour photographs", CIFAR10_NAMES, (32, 32, 3), "50,000 + 10,000 test",
        "free for research; cite Krizhevsky 2009", "https://www.cs.toronto.edu/~kriz/cifar.html",
        _named(load_cifar, "cifar10"),
        ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar10"), has_cifar, _CIFAR_FILES,
    ),
    KnownSet(
        "nist36", "NIST36 letters and digits (CMU 16-720)", LETTERS, (32, 32, 1), "as many as the files hold",
        "public domain (NIST Special Database 19)", "https://www.nist.gov/srd/nist-special-database-19",
        _named(load_mat, "nist36"),
        ("nist36", "nist", "data"), _has_nist("nist36"), _NIST36_FILES,
    ),
    KnownSet(
        "nist26", "NIST26 capital letters (CMU 16-720)", LETTERS[:26], (32, 32, 1), "as many as the files hold",
        "public domain (NIST Special Database 19)", "https://www.nist.gov/srd/nist-special-database-19",
        _named(load_mat, "nist26"),
        ("nist26", "nist", "data"), _has_nist("nist26"),
        by_hand="put nist26_train.mat, nist26_valid.mat and nist26_test.mat of the course into 'nist26'",
    ),
    KnownSet(
        "letters36", "Photographed hand-printed letters and digits, a stand-in for NIST36", LETTERS, (32, 32, 1),
        "4,340 + 620 validation + 1,240 test", "MIT",
        "https://github.com/TasnimulIntazamAsif/Handwritten_Letter_Indentation",
        lambda path, options: load_letters36(path),
        ("handwriting/characters62", "characters62", "letters36"), has_letters36,
        by_hand="put the 62 folders 'upper_A' ... 'lower_a' ... 'digit_0' of 100 pictures each into "
        "'handwriting/characters62'",
    ),
    KnownSet(
        "flowers17", "Oxford Flowers-17 photographs", FLOWER_NAMES, (None, None, 3), "680 + 340 validation + 340 test",
        "for research (Visual Geometry Group, Oxford)", "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/",
        load_flowers,
        ("flowers17", "17flowers"), has_flowers, _FLOWER_FILES, takes_image_size=True,
    ),
    KnownSet(
        "sun8", "8 scene classes of the SUN database",
        ("auditorium", "baseball_field", "desert", "highway", "kitchen", "laundromat", "waterfall", "windmill"),
        (None, None, 3), "1,440 + 160 test", "for research (SUN database)", "https://vision.princeton.edu/projects/2010/SUN/",
        load_lists,
        ("sun8",), has_lists,
        by_hand="put the photographs, 'train_files.txt', 'train_labels.txt', 'test_files.txt', 'test_labels.txt' and "
        "'class_names.txt' into 'sun8'",
        takes_image_size=True,
    ),
    KnownSet(
        "imagenet-samples", "ImageNet photographs, up to one of each of its 1,000 classes", (), (None, None, 3),
        "1 of each class at hand", "for research (ImageNet)", "https://github.com/EliSchwartz/imagenet-sample-images",
        load_imagenet,
        ("imagenet-samples", "imagenet-sample-images"), has_imagenet_samples,
        by_hand=f"put the photographs 'n01440764_tench.JPEG' ... and '{CLASS_INDEX}' into 'imagenet-samples'",
        takes_image_size=True,
    ),
    KnownSet(
        "imagenette", "10 easily told ImageNet classes", (), (None, None, 3), "as many as the folders hold",
        "for research (ImageNet)", "https://github.com/fastai/imagenette",
        load_folder,
        ("imagenette", "imagenette2", "imagenette2-320", "imagenette2-160"), has_wordnet_folders,
        by_hand="unpack imagenette2.tgz, with its folders 'n01440764' ..., into 'imagenette'",
        takes_image_size=True,
    ),
    KnownSet(
        "unipen", "UNIPEN's pen trajectories (train_r01_v07)", (), (None, None, 1),
        "as many as the archive holds",
        "CC BY 4.0 (Zenodo); its CD-ROM says: for research, not for commercial distribution; cite Guyon et al. 1994",
        "https://doi.org/10.5281/zenodo.1195803",
        None,
        ("pen",), lambda folder: (folder / UNIPEN_FILE).is_file(), _UNIPEN_FILES, lay_out=lay_out_unipen,
    ),
    KnownSet(
        "handwriting-fonts", "Open handwriting fonts", (), (None, None, 1), f"{len(FONT_FILES)} fonts",
        "SIL OFL 1.1, five of them Apache-2.0, as each package states", "https://fontsource.org",
        None,
        ("fonts",), has_fonts, FONT_FILES, lay_out=lay_out_fonts,
    ),
)  # fmt: skip


def register_known_sets() -> None:
    """Put these sets into the catalogue."""
    for entry in _SETS:
        register(entry)
