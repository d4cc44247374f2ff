"""What to do about an error, in the words of the command line."""

from __future__ import annotations

from glassnet.errors import Fix, GlassnetError

__all__ = ["REMEDIES", "worded"]

REMEDIES = {
    Fix.CHOOSE_OUTPUT: "Choose another --out.",
    Fix.CHOOSE_PART: "Choose another with --part.",
    Fix.CHOOSE_PORT: "Choose another --port, or leave it out for a free one.",
    Fix.FREE_SPACE: "Free some space or choose another place (--out).",
    Fix.GET_DATA: "Type: glassnet data get {name}",
    Fix.GET_WEIGHTS: "Type: glassnet data get {name} (or name a file with --weights)",
    Fix.GIVE_DATA: "Give one set to compare them on, as in --data {example}.",
    Fix.GIVE_INPUT_SHAPE: "Give them, as in --input {example}.",
    Fix.GIVE_POINT: "Give --at {example}.",
    Fix.GIVE_RATE: "Give a rate, as in --rate 0.1.",
    Fix.GIVE_START: "Give --from {example}.",
    Fix.KEEP_WEIGHTS: "Leave --normalise out.",
    Fix.NAME_NETWORK: "Name it, as in --as {example}, or --as 'conv 3x3, 8 -> ...'.",
    Fix.NAME_OUTPUT_FILE: "Name a file in it, as in --out {example}",
    Fix.NAME_RUN: "Name the folder that 'train --out' made.",
    Fix.NAME_SEARCH: "Name the folder that 'wann' made.",
    Fix.RESUME: "Resume with: glassnet train --resume {folder}",
    Fix.RESUME_SEARCH: "Go on with: glassnet wann --resume {folder}",
    Fix.RESUME_STUDY: "Go on with: glassnet tune --resume {folder}",
    Fix.SKIP_BAD: "To train without such pictures: --skip-bad.",
    Fix.TAKE_TORCH: "Add --engine torch.",
    Fix.WEIGHTS_WITH_NAME: "--weights belongs to a network's name alone.",
}


def worded(error: Exception) -> str:
    """An error as one line that names options."""
    return error.worded(REMEDIES) if isinstance(error, GlassnetError) else str(error)
