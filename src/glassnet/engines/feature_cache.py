"""Features of a frozen body, kept on the disk: a second training of a head on the same pictures computes none.

A file is found by the SHA-256 of all that its features follow from: the pictures and their preprocessing, the body and
its weights, the program, the processor and what it computes with. So what is read has the bits that would be computed,
and a change of any of these finds nothing. Where the files lie:

    GLASSNET_FEATURES=FOLDER    in that folder
    GLASSNET_FEATURES=off       nowhere: features are computed for every training
    otherwise                   in `glassnet/features` of the user's cache folder (`XDG_CACHE_HOME`, or `~/.cache`)

Together they take at most a limit of bytes; those that were used longest ago are removed first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.files import atomic_write, open_plain, user_cache
from glassnet.nn import Network, model_file
from glassnet.nn.functional.arrays import Array

__all__ = ["FeatureCache"]

_LIMIT = 2 * 2**30  # bytes: 400,000 pictures of EfficientNet's 1,280 features


class FeatureCache:
    """Features by what they follow from.

    Parameters
    ----------
    folder : Path or None
        Where the files are; None keeps none.
    environment : callable
        Versions, processor and threads as plain JSON, asked when features are wanted.
    limit : int
        Bytes that all files together may take.
    """

    def __init__(
        self, folder: Path | None, environment: Callable[[], Mapping[str, Any]] = dict, *, limit: int = _LIMIT
    ) -> None:
        self.folder, self.environment, self.limit = folder, environment, limit

    @classmethod
    def of_user(cls, environment: Callable[[], Mapping[str, Any]]) -> FeatureCache:
        """That of this user, as the module says."""
        named = os.environ.get("GLASSNET_FEATURES", "").strip()
        if named == "off":
            return cls(None, environment)
        base = user_cache()
        return cls(Path(named).expanduser() if named else base and base / "features", environment)

    def key(self, pictures: str, body: Network, engine: Mapping[str, Any]) -> str:
        """The name of the features of pictures.

        Parameters
        ----------
        pictures : str
            What names the pictures and their preprocessing, see `Feed.digest`.
        body : Network
            What the features are computed by, with its weights.
        engine : mapping
            What computes, see `Engine.about`.
        """
        about = {
            "pictures": pictures,
            "body": [body.notation(), list(body.input_shape), str(body.dtype)],
            "engine": engine,
            "environment": self.environment(),
            "program": _program(),
        }
        return model_file.digest(about, body.arrays())

    def get(self, key: str, count: int) -> Array | None:
        """The features (count, ...) of that name, or None where there are none that can be read."""
        if self.folder is None:
            return None
        path = self._path(key)
        try:
            with open_plain(path) as file:
                found: Array = np.load(file, allow_pickle=False)
            os.utime(path)  # it was used now
        except (OSError, ValueError, EOFError):
            return None
        return found if len(found) == count else None

    def put(self, key: str, features: Array) -> None:
        """Keep features (n, ...). A folder that cannot be written to is none: the training goes on without."""
        if self.folder is None or features.nbytes > self.limit:
            return
        with contextlib.suppress(GlassnetError, OSError):
            self._make_room(features.nbytes)
            with atomic_write(self._path(key)) as file:
                np.save(file, features, allow_pickle=False)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.npy"

    def _make_room(self, size: int) -> None:
        """Remove the files used longest ago until `size` bytes more are within the limit."""
        assert self.folder is not None
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob("*.npy"))
        total = size + sum(taken for _, taken, _ in files)
        for _, taken, path in files:
            if total <= self.limit:
                break
            path.unlink(missing_ok=True)
            total -= taken


@cache
def _program() -> str:
    """SHA-256 of this package's source: a version that computes otherwise finds no features of another."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
