"""Windows in the notation: `3x3`, `stride 2`, `pad 1`, `pad same`, `pad 1 0 1 0`."""

from __future__ import annotations

from typing import Literal

from glassnet.errors import GlassnetError, NotationError
from glassnet.nn.functional.window import Pad, as_pad, same_pad
from glassnet.notation import Step, as_whole

__all__ = ["given_pad", "pad_text", "pair_text", "parse_pad", "parse_pair"]

_LARGEST = 10_000


def parse_pair(text: str, step: Step) -> tuple[int, int]:
    """(rows, columns) from '3x5', or from '3' for both."""
    parts = text.lower().replace("×", "x").split("x")
    numbers = [number for part in parts if (number := as_whole(part)) is not None and 1 <= number <= _LARGEST]
    if not 1 <= len(parts) <= 2 or len(numbers) != len(parts):
        raise NotationError(f"A size such as '3x3' or '2' was expected in '{step.text}'. Got '{text}' instead.")
    return numbers[0], numbers[-1]


def parse_pad(values: list[str], step: Step) -> Pad | Literal["same"]:
    """Padding from one, two or four numbers, or 'same'."""
    if values == ["same"]:
        return "same"
    numbers = [number for value in values if (number := as_whole(value)) is not None and number <= _LARGEST]
    try:
        if not numbers or len(numbers) != len(values):
            raise ValueError
        return as_pad(numbers[0] if len(numbers) == 1 else numbers)
    except (ValueError, GlassnetError):
        raise NotationError(
            f"pad takes one number, two (rows, columns), four (top, bottom, left, right) or 'same'."
            f" Got '{step.text}' instead."
        ) from None


def pair_text(pair: tuple[int, int]) -> str:
    """The shortest text that `parse_pair` reads as this pair."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def given_pad(pad: int | str | tuple[int, ...], size: tuple[int, int], stride: tuple[int, int]) -> tuple[Pad, bool]:
    """(the padding of a window, whether it is to follow from the size of the input, which is not known yet).

    Raises `GlassnetError`.
    """
    if pad == "same":
        return same_pad(size), stride != (1, 1)
    return as_pad(pad), False


def pad_text(pad: Pad) -> str:
    """The shortest text that `parse_pad` reads as this padding."""
    if len(set(pad)) == 1:
        return str(pad.top)
    if pad.top == pad.bottom and pad.left == pad.right:
        return f"{pad.top} {pad.left}"
    return " ".join(map(str, pad))
