"""Which pictures two networks were both evaluated on, whatever their order: by content, or by file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.errors import DataError
from glassnet.experiments.contestants import Contestant

__all__ = ["Keys", "common_rows", "keys_of"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Keys:
    """The pictures of one contestant: a key for each, equal for the same picture of another one, and its place."""

    rows: dict[Hashable, int]

    def __len__(self) -> int:
        return len(self.rows)


def keys_of(contestants: Sequence[Contestant]) -> list[Keys]:
    """Keys by which the pictures of all are told apart.

    Where all parts have one hash, a picture is its place. Else it is the hash of its pixels (several equal ones are
    counted), or its file where pictures of other sizes are made of the same files.

    Raises
    ------
    GlassnetError
        Hashes were not kept and the data are not there any more, or pictures of other sizes come from no files.
    """
    if (first := contestants[0].sha256) and all(one.sha256 == first for one in contestants[1:]):
        return [Keys({i: i for i in range(len(one.predictions))}) for one in contestants]
    if len({one.picture_shape for one in contestants}) == 1:
        return [_numbered(one.digests.tolist()) for one in contestants]
    return [_numbered(_files(one)) for one in contestants]


def _files(one: Contestant) -> list[str]:
    files = one.pictures.files
    if files is None:
        raise DataError(
            f"The pictures of '{one.name}' are of another size than the others' and come from no files of their own:"
            " there is no telling which are the same. Compare models on one set instead."
        )
    return [str(file.resolve()) for file in files]


def _numbered(keys: Sequence[Hashable]) -> Keys:
    """The same key again is another picture with the same content: the first is matched with the first, and so on."""
    seen: Counter[Hashable] = Counter()
    rows: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        rows[key, seen[key]] = row
        seen[key] += 1
    return Keys(rows)


def common_rows(keys: Sequence[Keys]) -> list[Rows]:
    """The rows of the pictures that all have, in the order of the first; one array for each, equally long."""
    shared = [key for key in keys[0].rows if all(key in other.rows for other in keys[1:])]
    return [np.array([one.rows[key] for key in shared], dtype=np.int64) for one in keys]
