"""The long proofs, part by part: `make verify`, or `python tools/verify.py [PART ...]`.

A part that has passed is not run again until something that it depends on changes: the package, its tests, or the
pinned versions. So a run that was stopped goes on where it was, and each part takes less than an hour. What every part
printed is kept in runs/verify/PART.log. The exit status is 1 when a part fails.

Planted bugs are tried for 50 minutes at most in each part (--minutes), in an order drawn at random: where a part has
more of them than that, it has passed as a sample. Its last line, here and in the list, says how many were not tried.
Verdicts are kept, so the part goes on with these when it is named again, or with all of them under --whole.

    python tools/verify.py --list              the parts, whether they have passed, and their last line
    python tools/verify.py mutation-classic    one part, even if it has passed
    python tools/verify.py --minutes 3         every part, with smaller samples: the whole in an evening
    python tools/verify.py --whole             every planted bug, however long that takes
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

from mutation_targets import TARGETS  # noqa: E402
from support.markdown import examples, pages  # noqa: E402
from support.shortened import runs_in_full  # noqa: E402

FOLDER = ROOT / "runs" / "verify"
MINUTES = 50.0  # of planted bugs in each part
APART = ("test_mutation.py", "test_documentation.py")  # whose long tests are parts of their own


@dataclass(frozen=True)
class Part:
    """A name, what it proves, and the command that proves it."""

    name: str
    what: str
    command: tuple[str, ...]


def parts(minutes: float | None = MINUTES) -> Iterator[Part]:
    """All parts, the quick ones first; planted bugs for so many `minutes` each, or as long as it takes (None)."""
    limit = () if minutes is None else ("--minutes", str(minutes))
    pytest = (sys.executable, "-m", "pytest", "-q")
    yield Part("tests", "all tests but the long ones", (*pytest, "-n", "2", "--dist", "loadfile", "-m", "not long"))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "mark.long" in path.read_text(encoding="utf-8") and path.name not in APART:
            name = path.relative_to(ROOT).as_posix()
            yield Part(
                f"long-{path.stem.removeprefix('test_')}", f"the long tests of {name}", (*pytest, "-m", "long", name)
            )
    for page in pages():
        if any(map(runs_in_full, examples(page))):
            name = page.relative_to(ROOT).as_posix()
            test = f"tests/test_documentation.py::test_it_runs_in_full[{name}]"
            short = name.removesuffix(".md").lower().replace("/", "-")
            yield Part(f"page-{short}", f"every command of {name}, in full", (*pytest, "-m", "long", test))
    for name, text in mutated().items():
        results = str(FOLDER / "mutants.txt")
        command = (sys.executable, "tests/mutation.py", "--only", text, "--results", results, *limit)
        yield Part(f"mutation-{name}", f"planted bugs in {text.strip('/:')}", command)
    faults = ("plant", "--all", "--report", "--seeds", "3", "--jobs", "2", "--out", str(FOLDER / "faults"), "--goals")
    yield Part("faults", "what the doctor finds of planted faults", (sys.executable, "-m", "glassnet", *faults))
    for path in sorted((ROOT / "src/glassnet/reproduce/rows").glob("*.toml")):
        command = (sys.executable, "-m", "glassnet", "reproduce", path.stem, "--out", "runs/reproduce")
        yield Part(f"row-{path.stem}", "a published figure", command)


def mutated() -> dict[str, str]:
    """Parts of the mutation run, each with a text that the names of its mutants hold: rooms, kernels file by file."""
    found = {}
    for file in (Path(file) for file, _, _ in TARGETS):
        if file.parent.name == "kernels":
            found[f"kernels-{file.stem.replace('_', '-')}"] = f"{file}:"
        else:
            found["-".join(file.parts[:-1])] = f"{file.parent}/"
    return found


def state() -> str:
    """A digest of everything that a proof may depend on."""
    digest = hashlib.sha256()
    for folder in ("src", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".safetensors", ".css"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update((ROOT / "constraints.txt").read_bytes())
    return digest.hexdigest()


def run(part: Part) -> tuple[bool, str]:
    """Run a part with its output going to the terminal and to its log; whether it passed, and the last line."""
    environment = {**os.environ, "GLASSNET_THREADS": os.environ.get("GLASSNET_THREADS", "1")}
    if part.name.startswith("row-"):
        environment.pop("GLASSNET_THREADS")  # rows say how many they take
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{part.name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            part.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            log.write(line)
            log.flush()
            print(line, end="", flush=True)
            last = line.strip() or last
        return process.wait() == 0, last


def sampled(last: str) -> bool:
    """Whether a part's last line says that some planted bugs were not tried."""
    return last.endswith(" not tried") and not last.endswith(" 0 not tried")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these, whether they have passed or not")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--whole", action="store_true", help="no sample of planted bugs, but all of them")
    length.add_argument("--minutes", type=float, default=MINUTES, help="of planted bugs in each part (%(default)s)")
    parser.add_argument("--list", action="store_true", help="list the parts and stop")
    arguments = parser.parse_args()
    known = {part.name: part for part in parts(None if arguments.whole else arguments.minutes)}
    unknown = [name for name in arguments.parts if name not in known]
    if unknown:
        print(f"There is no part '{unknown[0]}'. The parts: {', '.join(known)}.", file=sys.stderr)
        return 2
    record, now = FOLDER / "passed.json", state()
    kept = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    passed: dict[str, dict[str, Any]] = kept.get(now, {})
    done = {name for name, found in passed.items() if not (arguments.whole and sampled(found["last"]))}
    if arguments.list:
        for name, part in known.items():
            found = passed.get(name)
            print(
                f"{name:<40}{part.what}"
                + (f"\n{'':<8}passed in {found['seconds']:.0f} s: {found['last']}" if found else "")
            )
        return 0
    failed = []
    for name in arguments.parts or [name for name in known if name not in done]:
        print(f"\n== {name}: {known[name].what}", flush=True)
        begun = time.monotonic()
        right, last = run(known[name])
        if right:
            passed[name] = {"seconds": time.monotonic() - begun, "last": last}
            record.write_text(json.dumps({now: passed}, indent=1), encoding="utf-8")
        else:
            failed.append(name)
    samples = [name for name in passed if sampled(passed[name]["last"])]
    print(f"\n{len(passed)} of {len(known)} parts have passed" + (f"; failed: {', '.join(failed)}" if failed else ""))
    for name in samples:
        print(f"a sample: {name}: {passed[name]['last']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
