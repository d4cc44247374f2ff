"""Planted bugs in what computes derivatives and estimates: does any survive the tests?

    python tests/mutation.py [--workers N] [--only TEXT] [--sample N] [--minutes M] [--results FILE]

Every mutant is one small change (a sign, an operator, a constant, an index, a lost term or statement, a turned
comparison) in one function that computes a gradient (in `nn/functional` or in the kernels behind it), a derivative of a
formula (`autodiff`) or an estimate (`classic`); `mutation_changes.py` makes them. The mutated file replaces the
original in a copy of the package, and the tests that are about it run against that copy in a process of their own
(PyTorch's twin is left out); see `mutation_bench.py`. A mutant is killed by a test that fails, or does not end, and
passes on the original; one that every test passes has survived. Mutants listed in `EQUIVALENT` change no result and say
why. The exit status is 1 when any other survives, or when none was tried.

With `--results` every verdict is added to a file as it is reached. Stopped and started again, the run goes on from
there: a verdict counts as long as neither the mutated file nor the tests have changed. With `--minutes` those that are
open are tried in an order drawn with `--seed`, until the time is over: a sample, which the next run adds to. The last
line says how many were not tried.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from mutation_bench import TESTS, Bench, get_ready, prepared
from mutation_changes import Mutant, mutants


def _start_worker(folder: str, numbers: Any) -> None:
    global _folder
    _folder = prepared(Path(folder) / str(numbers.get()))
    os.environ["NUMBA_CACHE_DIR"] = str(_folder / "cache")
    get_ready()


_folder = Path()
_benches: dict[str, Bench] = {}


def _judge(mutant: Mutant, until: float) -> str:
    if time.monotonic() > until:
        return "not tried"
    room = mutant.tests[0].rpartition("/")[0]
    if room not in _benches:
        _benches[room] = Bench(_folder / room, room)
    return _benches[room].try_out(mutant)


def judged(
    chosen: list[Mutant], workers: int, results: Results, until: float = math.inf
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant and what became of it, those first that are known; each worker has benches of its own.

    With results in a file the benches stay beside it, and what Numba has compiled on them: the next run finds it there.
    """
    verdicts = [(mutant, results.of(mutant)) for mutant in chosen]
    yield from ((mutant, verdict) for mutant, verdict in verdicts if verdict is not None)
    left = [mutant for mutant, verdict in verdicts if verdict is None]
    context = multiprocessing.get_context("fork")
    numbers = context.SimpleQueue()
    for number in range(workers):
        numbers.put(number)
    with (
        tempfile.TemporaryDirectory(prefix="glassnet-mutation-")
        if results.path is None
        else contextlib.nullcontext(results.path.resolve().with_suffix(".benches")) as folder,
        # Not a `Pool`: its workers are daemons, which may start no processes, and some tests do.
        ProcessPoolExecutor(workers, context, _start_worker, (folder, numbers)) as pool,
    ):
        for mutant, verdict in zip(left, pool.map(_judge, left, [until] * len(left)), strict=True):
            if verdict != "not tried":
                results.add(mutant, verdict)
            yield mutant, verdict


class Results:
    """Verdicts by what they depend on, the mutated file and its tests, in a file that only grows (or in none)."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        whole = [line.split(" ", 2) for line in lines if line.count(" ") >= 2]
        self.verdicts = {digest: verdict for digest, verdict, _ in whole}
        self._tests: dict[tuple[str, ...], str] = {}  # as they were at the start: somebody may change them meanwhile

    def _digest(self, mutant: Mutant) -> str:
        if mutant.tests not in self._tests:
            texts = ((TESTS / name).read_text(encoding="utf-8") for name in mutant.tests)
            self._tests[mutant.tests] = "".join(texts)
        tests = self._tests[mutant.tests]
        return hashlib.sha256(f"{mutant.file}\0{mutant.source}\0{tests}".encode()).hexdigest()

    def of(self, mutant: Mutant) -> str | None:
        """`survived`, `killed` or `endless`; None where it is not known yet."""
        return self.verdicts.get(self._digest(mutant))

    def add(self, mutant: Mutant, verdict: str) -> None:
        digest = self._digest(mutant)
        self.verdicts[digest] = verdict
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{digest} {verdict} {mutant.name}\n")


def sample(everything: list[Mutant], number: int) -> list[Mutant]:
    """`number` mutants spread over all files, none of them known to be equivalent."""
    real = [mutant for mutant in everything if mutant.reason_equivalent is None]
    return [real[(2 * i + 1) * len(real) // (2 * number)] for i in range(min(number, len(real)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", default="", help="only mutants whose name holds this text")
    parser.add_argument("--sample", type=int, help="only so many, spread over all files")
    parser.add_argument("--minutes", type=float, default=math.inf, help="try no more after so long")
    parser.add_argument("--seed", type=int, default=0, help="of the order under --minutes")
    parser.add_argument("--results", type=Path, help="where verdicts are kept, and taken from")
    parser.add_argument("--list", action="store_true", help="list the mutants and stop")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in mutants() if arguments.only in mutant.name]
    if arguments.sample:
        chosen = sample(chosen, arguments.sample)
    if arguments.list:
        print("\n".join(mutant.name for mutant in chosen))
        return 0

    if arguments.minutes < math.inf:
        random.Random(arguments.seed).shuffle(chosen)
    until = time.monotonic() + 60 * arguments.minutes
    tally: Counter[str] = Counter()
    bad = []
    for mutant, verdict in judged(chosen, arguments.workers, Results(arguments.results), until):
        if verdict == "survived":
            verdict = "equivalent" if mutant.reason_equivalent else "SURVIVED"
        tally[verdict] += 1
        if verdict == "SURVIVED":
            bad.append(mutant)
        if verdict != "not tried":
            print(f"{tally.total():4d}/{len(chosen)}  {verdict:<10}  {mutant.name}", flush=True)
    for mutant in bad:
        print(f"  SURVIVED {mutant.name}")
    killed, untried = tally["killed"] + tally["endless"], tally["not tried"]
    counts = f"{killed} killed, {tally['equivalent']} equivalent, {len(bad)} survived, {untried} not tried"
    print(f"{len(chosen)} mutants: {counts}")
    return 1 if bad or untried == len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
