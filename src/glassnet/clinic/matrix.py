"""The doctor's confusion matrix: every fault in every network, and every healthy recipe, examined.

What was found is kept after each examination, so that a table that was stopped goes on where it was; it begins anew
where doctor or clinic have changed.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.clinic.examination import examine
from glassnet.clinic.faults import HELD_BACK_SEED, fault_named, faults, held_back
from glassnet.clinic.healthy import NETWORKS, healthy
from glassnet.errors import GlassnetError, RecipeError, nearest, one_line
from glassnet.experiments.recipe import Recipe
from glassnet.files import exists, read_json, write_json
from glassnet.processes import map_in_processes

__all__ = ["DETECTED", "KEPT", "RIGHT", "Exam", "Share", "Table", "exams", "sit"]

KEPT = "matrix.json"
DETECTED, RIGHT = 0.95, 0.85
"""The shares of the faults that are to be found, and by the right cause."""

FIRST = 2  # causes among which the right one must be
BUDGET = 30.0  # seconds of an examination at most; those of digits take a few


@dataclass(frozen=True)
class Exam:
    """One recipe that is examined, and what was found.

    Attributes
    ----------
    recipe : str
        One of the healthy recipes, in which the fault is planted.
    seed : int
        The recipe's.
    fault : str
        The fault; "" is none.
    causes : tuple of str
        The findings that tell a cause, the first one first; empty before the exam.
    symptoms : tuple of str
        The findings that say how bad it is.
    refused : str
        Why the recipe could not be carried out.
    seconds : float
        How long it took; 0 before the exam.
    """

    recipe: str
    seed: int = 0
    fault: str = ""
    causes: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    refused: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """What it is of."""
        return f"{self.fault or 'healthy'} / {self.recipe} / {self.seed}"

    @property
    def detected(self) -> bool:
        """Whether anything was found."""
        return bool(self.causes or self.symptoms or self.refused)

    @property
    def right(self) -> bool:
        """Whether the right cause is among the first two."""
        return bool(set(self.causes[:FIRST]) & faults()[self.fault].causes) if self.fault else not self.detected

    @property
    def first(self) -> str:
        """What was found first, in a word."""
        return next(iter((*self.causes, *self.symptoms)), "refused" if self.refused else "nothing")


@dataclass(frozen=True)
class Share:
    """How many of some exams."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """From 0 to 1; 1 of none."""
        return self.count / self.of if self.of else 1.0

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,} ({100 * self.share:.1f} %)"


@dataclass(frozen=True)
class Table:
    """All exams that were sat."""

    exams: tuple[Exam, ...]

    def of_group(self, held: bool) -> Table:
        """Those with a fault that was held back, or with one that was not."""
        names = held_back()
        return Table(tuple(exam for exam in self.planted if (exam.fault in names) == held))

    @property
    def planted(self) -> tuple[Exam, ...]:
        """Those with a fault."""
        return tuple(exam for exam in self.exams if exam.fault)

    @property
    def healthy(self) -> tuple[Exam, ...]:
        """Those without."""
        return tuple(exam for exam in self.exams if not exam.fault)

    @property
    def detected(self) -> Share:
        """Faults of which anything was found."""
        return Share(sum(exam.detected for exam in self.planted), len(self.planted))

    @property
    def right(self) -> Share:
        """Faults whose right cause is among the first two."""
        return Share(sum(exam.right for exam in self.planted), len(self.planted))

    @property
    def alarms(self) -> Share:
        """Healthy recipes in which anything was found."""
        return Share(sum(exam.detected for exam in self.healthy), len(self.healthy))

    @property
    def reaches_goals(self) -> bool:
        """Whether nearly all faults of both groups are found, most by their cause, and nothing in healthy recipes."""
        groups = (self.of_group(False), self.of_group(True))
        found = all(group.detected.share >= DETECTED and group.right.share >= RIGHT for group in groups)
        return found and not self.alarms.count

    def to_dict(self) -> dict[str, Any]:
        """The figures of both groups, and every exam."""
        groups = {"tuned_on": self.of_group(False), "held_back": self.of_group(True), "all": self}
        return {
            "held_back_seed": HELD_BACK_SEED,
            "held_back_faults": sorted(held_back()),
            **{name: {"detected": asdict(g.detected), "right": asdict(g.right)} for name, g in groups.items()},
            "false_alarms": asdict(self.alarms),
            "exams": [{**asdict(exam), "detected": exam.detected, "right": exam.right} for exam in self.exams],
        }


def exams(
    names: Iterable[str] | None = None,
    *,
    networks: Sequence[str] = NETWORKS,
    seeds: int = 1,
    healthy_ones: bool = True,
) -> Iterator[Exam]:
    """What is to be examined: each fault in each network that can have it, by each seed; and the healthy recipes.

    Parameters
    ----------
    names : iterable of str, optional
        Which faults; None: all.
    networks : sequence of str
        Of `NETWORKS`, those that faults are planted in.
    seeds : int
        How many.
    healthy_ones : bool
        Whether the healthy recipes are there, too, each with one seed.

    Raises
    ------
    RecipeError
        There is no such fault or network.
    """
    for network in networks:
        if network not in NETWORKS:
            raise RecipeError(f"There is no network '{network}'.{nearest(network, NETWORKS)} {', '.join(NETWORKS)}.")
    for fault in map(fault_named, faults() if names is None else names):
        for network in networks:
            if fault.applies_to(healthy()[network].model.network):
                yield from (Exam(network, seed, fault.name) for seed in range(seeds))
    if healthy_ones:
        yield from (Exam(name, recipe.settings.seed) for name, recipe in healthy().items())


def sit(
    wanted: Sequence[Exam],
    folder: Path | None = None,
    *,
    jobs: int = 1,
    told: Callable[[Exam, int, int], None] = lambda exam, done, total: None,
) -> Table:
    """Examine what is wanted.

    Parameters
    ----------
    wanted : sequence of Exam
        What `exams` gives.
    folder : path, optional
        Where `matrix.json` is kept, and gone on with.
    jobs : int
        Processes, each with one thread.
    told : callable
        Is given each exam that was sat, how many are done, and of how many.

    Raises
    ------
    GlassnetError
        The folder cannot be written.
    """
    path, source = None if folder is None else folder / KEPT, _source()
    done = {} if path is None else _kept(path, source)
    waiting = [exam for exam in wanted if exam.key not in done]
    results = map(examined, waiting) if jobs == 1 else map_in_processes(examined, waiting, jobs) if waiting else ()
    for exam in results:
        done[exam.key] = exam
        if path is not None:
            write_json(path, {"source": source, "exams": [asdict(each) for each in done.values()]})
        told(exam, sum(each.key in done for each in wanted), len(wanted))
    return Table(tuple(done[exam.key] for exam in wanted))


def examined(exam: Exam) -> Exam:
    """The exam with what was found."""
    began = time.perf_counter()
    recipe = healthy()[exam.recipe].with_settings({"train.seed": exam.seed, "train.threads": 1})
    causes, symptoms, refused = _found(exam, recipe)
    took = round(time.perf_counter() - began, 2)
    return Exam(exam.recipe, exam.seed, exam.fault, causes, symptoms, refused, took)


def _found(exam: Exam, recipe: Recipe) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    try:
        with warnings.catch_warnings(), threads.use(1):
            warnings.simplefilter("ignore")
            if exam.fault:
                recipe = fault_named(exam.fault).in_recipe(recipe, exam.seed)
            found = examine(recipe, budget=BUDGET, remedies=False).findings
    except GlassnetError as error:
        return (), (), one_line(str(error))
    wrong = [finding for finding in found if finding.severity != "good"]
    causes = tuple(dict.fromkeys(finding.name for finding in wrong if not finding.symptom))
    return causes, tuple(dict.fromkeys(finding.name for finding in wrong if finding.symptom)), ""


def _kept(path: Path, source: str) -> dict[str, Exam]:
    """What was sat already by the same doctor."""
    if not exists(path):
        return {}
    kept = read_json(path)
    if not isinstance(kept, dict) or kept.get("source") != source:
        return {}
    made = (
        Exam(**{**values, "causes": tuple(values["causes"]), "symptoms": tuple(values["symptoms"])})
        for values in kept["exams"]
    )
    return {exam.key: exam for exam in made}


def _source() -> str:
    """A digest of doctor and clinic."""
    digest = hashlib.sha256()
    for room in ("glassnet.doctor", "glassnet.clinic"):
        for entry in sorted(files(room).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith((".py", ".toml")):
                digest.update(entry.name.encode() + b"\0" + entry.read_bytes())
    return digest.hexdigest()
