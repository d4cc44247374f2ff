"""Networks that have a name."""

from __future__ import annotations

from glassnet.notation import parse

__all__ = ["NAMED", "expand"]

# name -> (notation, what it is)
NAMED: dict[str, tuple[str, str]] = {
    "softmax": ("linear", "softmax regression: one affine layer"),
    "two-layer": ("linear 100 -> relu -> linear", "one hidden layer of 100 units with ReLU"),
    "autoencoder": (
        "linear 32 -> relu -> linear 32 -> relu -> linear 32 -> relu -> linear -> sigmoid",
        "three layers of 32 units between picture and picture",
    ),
}


def expand(text: str) -> str:
    """The notation of a named network; any other text unchanged."""
    steps = parse(text, "network")
    if len(steps) == 1 and not steps[0].arguments and steps[0].word in NAMED:
        return NAMED[steps[0].word][0]
    return text
