"""Filters: image processing by convolution."""

from glassnet.filters.apply import Filtered, apply_filter, choose_filter, filter_picture
from glassnet.filters.describe import describe_filter, describe_result, kernel_text
from glassnet.filters.files import read_filter
from glassnet.filters.kernels import NAMES, Filter, make_filter, matrix_filter
from glassnet.filters.saving import FilteredFile, filter_file

__all__ = [
    "NAMES",
    "Filter",
    "Filtered",
    "FilteredFile",
    "apply_filter",
    "choose_filter",
    "describe_filter",
    "describe_result",
    "filter_file",
    "filter_picture",
    "kernel_text",
    "make_filter",
    "matrix_filter",
    "read_filter",
]
