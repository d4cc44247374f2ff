"""Prepared examples that lie on the device, so that a step copies none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from glassnet.nn.functional.arrays import Array

__all__ = ["Resident"]


class Resident:
    """The examples of a feed that prepares each of them once, on a device; targets stay on the host."""

    def __init__(self, feed: Any, device: torch.device) -> None:
        self.feed = feed
        self.pictures = torch.from_numpy(feed.rows).to(device).reshape(len(feed), *feed.shape)

    @classmethod
    def of(cls, feed: Any, device: torch.device) -> Any:
        """The feed on the device, or the feed itself where its pictures change from epoch to epoch or do not fit."""
        fixed = getattr(feed, "rows", None) is not None and feed.augmentation is None and not feed.rebuild
        return cls(feed, device) if fixed else feed

    def __len__(self) -> int:
        return len(self.feed)

    def take(self, indices: Array, epoch: int) -> Sequence[Any]:
        """As of the feed, the pictures as a tensor on the device."""
        return self.pictures[torch.from_numpy(indices).to(self.pictures.device)], *self.feed.targets(indices)

    def close(self) -> None:
        """As of the feed."""
        self.feed.close()
