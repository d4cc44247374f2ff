"""Data: formats, the catalogue of known sets, splits, batches, preprocessing and augmentation."""

from glassnet.data.augment import Augmentation
from glassnet.data.batches import batches, epoch_order
from glassnet.data.catalogue import CATALOGUE, KnownSet, data_places, find, get, known
from glassnet.data.dataset import Dataset, Splits, join
from glassnet.data.download import RemoteFile
from glassnet.data.loading import load
from glassnet.data.pictures import read_picture
from glassnet.data.preprocess import Preprocess
from glassnet.data.split import hold_out, split

__all__ = [
    "CATALOGUE",
    "Augmentation",
    "Dataset",
    "KnownSet",
    "Preprocess",
    "RemoteFile",
    "Splits",
    "batches",
    "data_places",
    "epoch_order",
    "find",
    "get",
    "hold_out",
    "join",
    "known",
    "load",
    "read_picture",
    "split",
]
