"""Running the command line within the test's process, and what a refusal must look like."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.cli import main
from glassnet.data import Preprocess
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from support.runs import small_reports


@dataclass(frozen=True)
class Outcome:
    """What a command printed and returned."""

    status: int
    out: str
    err: str


def run(*arguments: object) -> Outcome:
    """Run `glassnet ARGUMENTS`; whatever escapes `main` fails the test by itself."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), small_reports():
        status = main([str(argument) for argument in arguments])
    return Outcome(status, out.getvalue(), err.getvalue())


def is_refusal(found: Outcome) -> bool:
    """Status 2 and exactly one line `error: ...` that does not admit a defect."""
    lines = found.err.splitlines()
    return (
        found.status == 2
        and len(lines) == 1
        and lines[0].startswith("error: ")
        and "defect of glassnet" not in lines[0]
        and "Traceback" not in found.err + found.out
    )


def refused(case: object, *arguments: object, says: str = "") -> str:
    """The command must refuse; returns its one line. `case` names the case where it does not."""
    found = run(*arguments)
    assert is_refusal(found), f"case {case}: status {found.status}, stderr:\n{found.err}"
    assert says in found.err, f"case {case}: {says!r} is not in: {found.err}"
    return found.err.strip()


def refused_or_normal(case: object, *arguments: object) -> bool:
    """The command must refuse in one line, or work and say nothing on standard error. Returns whether it worked."""
    found = run(*arguments)
    if found.status == 0 and not found.err:
        return True
    assert is_refusal(found), f"case {case}: status {found.status}, stderr:\n{found.err}"
    return False


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones included, with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def cuts(data: bytes, number: int, seed: int) -> Iterator[int]:
    """Lengths to cut to: 0, 1, all but one byte, and random ones."""
    rng = random.Random(seed)
    yield from (0, 1, len(data) - 1)
    yield from (rng.randrange(len(data)) for _ in range(number - 3))


def mangled(data: bytes, rng: random.Random) -> bytes:
    """Structural damage: bytes taken out, put in twice, overwritten or zeroed."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 2, 4, 16, 64, 512)))
    kind = rng.randrange(5)
    if kind == 0:
        return data[:start] + data[end:]
    if kind == 1:
        return data[:end] + data[start:end] + data[end:]
    if kind == 2:
        return data[:start] + rng.randbytes(end - start) + data[end:]
    if kind == 3:
        return data[:start] + bytes(end - start) + data[end:]
    return data + rng.randbytes(end - start)


def untrained(path: Path, image_shape: tuple[int, int, int], names: tuple[str, ...], network: str = "linear") -> Model:
    """A model file that was never trained; returns the model."""
    preprocess = Preprocess.parse("scale").fit(np.zeros((2, *image_shape), np.uint8))
    built = Network(network, image_shape, len(names))
    model = Model(built, preprocess, image_shape, names, SoftmaxCrossEntropy(), {"data": "none"})
    model.save(path)
    return model
