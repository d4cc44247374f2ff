"""What an action tells while it works."""

from __future__ import annotations

__all__ = ["Events"]


class Events:
    """Told by an action what it does at the moment. This one keeps it to itself; a face overrides what it shows."""

    def say(self, text: str) -> None:
        """A remark: one line to keep."""

    def progress(self, what: str, done: float, total: float | None, unit: str = "") -> None:
        """So much of `total` (None: not known) is done, in units such as MB; "" is for mere shares and counts."""
