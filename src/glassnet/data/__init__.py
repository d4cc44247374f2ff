"""Data: formats, the catalogue of known sets, splits, preprocessing and augmentation."""

from glassnet.data.arrays import dataset_of, inputs_of
from glassnet.data.augment import Augmentation
from glassnet.data.batches import batches, epoch_order
from glassnet.data.catalogue import CATALOGUE, KnownSet, data_places, find, get, known, register
from glassnet.data.dataset import Dataset, Splits, join
from glassnet.data.download import RemoteFile
from glassnet.data.fitting import with_classes, with_shape
from glassnet.data.imagenet import ClassIndex, find_class_index
from glassnet.data.known_sets import register_known_sets
from glassnet.data.labels import class_numbers, labels_of, require_as_many
from glassnet.data.lines import LineSet
from glassnet.data.loading import holds_picture_files, load
from glassnet.data.options import MEMORY_SHARE, LineOptions, ReadOptions, every_few_seconds
from glassnet.data.picture_files import PictureFiles, pieces
from glassnet.data.pictures import read_picture
from glassnet.data.preprocess import Preprocess
from glassnet.data.reading import Reading
from glassnet.data.sizes import typical_size
from glassnet.data.split import arrange, hold_out, split

__all__ = [
    "CATALOGUE",
    "MEMORY_SHARE",
    "Augmentation",
    "ClassIndex",
    "Dataset",
    "KnownSet",
    "LineOptions",
    "LineSet",
    "PictureFiles",
    "Preprocess",
    "ReadOptions",
    "Reading",
    "RemoteFile",
    "Splits",
    "arrange",
    "batches",
    "class_numbers",
    "data_places",
    "dataset_of",
    "epoch_order",
    "every_few_seconds",
    "find",
    "find_class_index",
    "get",
    "hold_out",
    "holds_picture_files",
    "inputs_of",
    "join",
    "known",
    "labels_of",
    "load",
    "pieces",
    "read_picture",
    "register",
    "require_as_many",
    "split",
    "typical_size",
    "with_classes",
    "with_shape",
]

register_known_sets()
