"""What the classical methods are shown on."""

from __future__ import annotations

from glassnet.data import Dataset, load
from glassnet.errors import DataError

__all__ = ["load_limited"]


def load_limited(source: str, limit: int | None) -> tuple[Dataset, Dataset | None]:
    """The first `limit` training pictures of a set, and its test pictures. Raises `DataError`."""
    if limit is not None and limit < 2:
        raise DataError(f"limit must be at least 2. Got {limit}.")
    splits = load(source)
    return splits.train if limit is None else splits.train.subset(slice(limit)), splits.test
