"""The 1,797 handwritten digits of 8x8 pixels that come with scikit-learn (Alpaydin and Kaynak, UCI, 1998)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.split import hold_out

__all__ = ["digits_file", "load_digits"]

_TEST_SHARE = 360  # a fifth


def digits_file() -> Path:
    """The file inside scikit-learn that holds them."""
    package = find_spec("sklearn")  # found, not imported: scikit-learn takes a second to load
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"


def load_digits() -> Splits:
    """1,437 digits to train on and 360 to test on, (8, 8, 1) uint8, drawn by a fixed seed in equal shares of each
    class.

    The source counts ink from 0 to 16; here a pixel is round(255 k / 16), so that 0..255 is used in full.
    """
    table = np.loadtxt(digits_file(), delimiter=",")  # 64 pixels and the class, a digit a row
    images = np.rint(table[:, :64].reshape(-1, 8, 8, 1) * (255.0 / 16.0)).astype(np.uint8)
    whole = Dataset(images, table[:, 64].astype(np.int64), tuple(str(d) for d in range(10)), "digits")
    train, test = hold_out(whole, _TEST_SHARE, seed=0)
    return Splits(train, None, test)
