"""Who is learnt from and who is kept for the test: writers and fonts as a whole, never single lines of theirs."""

from __future__ import annotations

import hashlib

__all__ = ["PARTS", "part_of"]

PARTS = ("train", "valid", "test")


def part_of(name: str) -> str:
    """The part that a writer or a font belongs to, by the SHA-256 of its name: a tenth `test`, a tenth `valid`."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return {0: "test", 1: "valid"}.get(number % 10, "train")
