"""The book of a study: its trials in an Optuna storage, and which settings to try next. Optuna is imported here alone.

A study's folder has its own storage, a journal: a file that only grows. Several processes share it, on several machines
they share any storage of Optuna's by its address.

Which settings a trial gets depends on the study's seed, the trial's number and the finished trials alone, not on what
happened in between. So a study that was killed goes on, bit for bit, as if it had not been: a trial in flight is
taken up again, under its number, by the next process that looks for work.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.errors import GlassnetError, RecipeError, TrainingError
from glassnet.experiments.pruning import is_behind
from glassnet.experiments.search import Choice, Space, Span
from glassnet.locking import locked

if TYPE_CHECKING:
    import optuna

__all__ = ["PRUNERS", "Book", "Taken", "Trial", "require_optuna"]

PRUNERS = ("median", "hyperband", "none")
_EPOCHS = "train.epochs"
_RANDOM_FIRST = 8  # trials that are drawn at random before the sampler models them
_UNDER_WAY, _SURPLUS = "in flight", "surplus"
_KEPT = ("outcome", "value", "loss", "reason", "seconds")  # of a trial that ended, in its storage
_PATIENCE = 60.0  # seconds that a process waits for its turn to write


def require_optuna() -> None:
    """Raise `GlassnetError` where Optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise GlassnetError("The package optuna is not installed; pip install 'glassnet[tune]'.")


@dataclass(frozen=True)
class Trial:
    """A trial of a study.

    Attributes
    ----------
    number : int
        From 0; trial 0 has the recipe's own values as far as the space holds them.
    settings : dict of str to value
        What it tried.
    outcome : str
        "finished"; "pruned", where others did better by then; "doctor", where a finding ended it; "failed"; or "in
        flight", where it is under way or its process was killed.
    value : float or None
        The validation metric of its best epoch; None of a trial that failed.
    loss : float or None
        The validation loss of that epoch, which decides between equal values.
    values : tuple of float
        That metric after every epoch.
    reason : str
        Why it was not finished, in one line.
    seconds : float
        Time it took.

    Examples
    --------
    >>> from glassnet.experiments import Trial
    >>> trial = Trial(3, {"optimizer.lr": 0.01}, "pruned", values=(0.5, 0.6))  # one of `tune(...).trials`
    >>> trial.finished, trial.settings
    (False, {'optimizer.lr': 0.01})
    """

    number: int
    settings: dict[str, Any]
    outcome: str = _UNDER_WAY
    value: float | None = None
    loss: float | None = None
    values: tuple[float, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end."""
        return self.outcome == "finished"

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


@dataclass
class Taken:
    """A trial that this process carries out."""

    number: int
    settings: dict[str, Any]
    folder: Path
    _trial: Any = field(repr=False)
    _before: int = 0
    values: list[float] = field(default_factory=list)

    def report(self, value: float) -> bool:
        """The metric after another epoch; whether the trial is worth going on with."""
        self.values.append(value)
        epoch = len(self.values)
        if epoch < self._before:  # it is taken up again: this was reported, and it went on
            return True
        with _quiet():
            self._trial.report(value, epoch)
            return not self._trial.should_prune()


class Book:
    """The trials of a study.

    Parameters
    ----------
    folder : Path
        Of the study.
    space : Space
        What is searched.
    first : mapping of str to value
        The recipe's own values, which trial 0 tries.
    name : str
        The study's in its storage.
    seed : int
        Of the settings that are tried.
    higher_is_better : bool
        Of the metric.
    storage : str
        The address of an Optuna storage, "" for the journal in the folder.
    prune : str
        One of `PRUNERS`.
    epochs : int
        Of a trial that is not pruned, where the space does not say.
    sampler : str
        "tpe", or "random" to compare with.

    Raises
    ------
    GlassnetError
        Optuna is not installed, or the storage cannot be reached.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        first: Mapping[str, Any],
        *,
        name: str,
        seed: int,
        higher_is_better: bool,
        storage: str = "",
        prune: str = "median",
        epochs: int = 10,
        sampler: str = "tpe",
    ) -> None:
        require_optuna()
        import optuna

        self.folder, self.space, self.storage = folder, space, storage
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        self._turn = _Turn(folder / "trials")
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self._optuna = optuna
        try:
            with _quiet():
                kept: dict[str, Any] = {"study_name": name, "storage": storage or _journal(folder)}
                kept["sampler"] = _steady_sampler(seed, space, first, sampler)
                kept["pruner"] = _pruner(prune, epochs, space)
                try:
                    self._study = optuna.load_study(**kept)
                except KeyError:
                    direction: Any = "maximize" if higher_is_better else "minimize"
                    self._study = optuna.create_study(**kept, direction=direction, load_if_exists=True)
        except GlassnetError:
            raise
        except Exception as error:  # whatever a database may say
            raise RecipeError(f"Cannot use the storage '{storage or folder}': {error}.") from error

    def trials(self) -> list[Trial]:
        """All trials, by number."""
        found = self._study.get_trials(deepcopy=False)
        return [self._read(each) for each in found if each.user_attrs.get("outcome") != _SURPLUS]

    @contextlib.contextmanager
    def next(self, most: int) -> Iterator[Taken | None]:
        """A trial to carry out within the block: one that a killed process left, else a new one; None: there is none.

        Whatever ends the block, a trial that nobody closed stays in flight.

        Parameters
        ----------
        most : int
            Trials that the study is to have in all.
        """
        with contextlib.ExitStack() as held:
            with self._turn:  # a trial is looked for, begun and locked by one process after the other
                taken = self._take(most, held)
            yield taken

    def close(self, taken: Taken, ended: Trial) -> None:
        """Write down how a trial ended."""
        states = self._optuna.trial.TrialState
        trial = taken._trial
        for name in _KEPT:
            trial.set_user_attr(name, getattr(ended, name))
        with _quiet():
            if ended.finished:
                self._study.tell(trial, ended.value)
            else:  # settings that failed are bad ones: the sampler is to know, and it looks at pruned trials too
                self._study.tell(trial, state=states.PRUNED)

    def importance(self) -> dict[str, float]:
        """How much of the spread of the finished trials each setting explains; empty where that cannot be said."""
        evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=0)
        try:
            with _quiet():
                found = self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        except (ValueError, RuntimeError):  # too few trials, or all alike
            return {}
        return {name: float(share) for name, share in found.items()}

    def elsewhere(self) -> int:
        """How many trials other processes of this machine carry out at the moment."""
        count = 0
        for found in self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,)):
            with contextlib.ExitStack() as held:
                count += self._is_ours(found) and not _locked(self._folder(found.number), held)
        return count

    # ---- taking a trial

    def _is_ours(self, found: optuna.trial.FrozenTrial) -> bool:
        """Whether a trial is of this machine: another one alone knows whether its trials still run."""
        here = socket.gethostname()
        return bool(found.user_attrs.get("host", "" if self.storage else here) == here)

    def _take(self, most: int, held: contextlib.ExitStack) -> Taken | None:
        for found in self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,)):
            folder = self._folder(found.number)
            if self._is_ours(found) and _locked(folder, held):  # its process is gone
                trial = self._optuna.Trial(self._study, found._trial_id)
                if not any(each.number == found.number and each.outcome == _UNDER_WAY for each in self.trials()):
                    held.pop_all().close()  # it ended in between
                    continue
                return self._begin(trial, folder, len(found.intermediate_values))
        if len(self._study.get_trials(deepcopy=False)) >= most:
            return None
        trial = self._study.ask()
        folder = self._folder(trial.number)
        if trial.number >= most or not _locked(folder, held):  # somebody else was quicker
            trial.set_user_attr("outcome", _SURPLUS)
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            return None
        return self._begin(trial, folder)

    def _begin(self, trial: optuna.Trial, folder: Path, before: int = 0) -> Taken:
        trial.set_user_attr("host", socket.gethostname())
        settings = {name: _suggested(trial, name, part) for name, part in self.space.items()}
        return Taken(trial.number, settings, folder, trial, before)

    def _folder(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:03d}"

    def _read(self, found: optuna.trial.FrozenTrial) -> Trial:
        kept = found.user_attrs
        values = _values(found)
        settings = {name: _shown(part, found.params[name]) for name, part in self.space.items() if name in found.params}
        if not found.state.is_finished():
            return Trial(found.number, settings, values=values)
        ended: dict[str, Any] = {name: kept[name] for name in _KEPT if name in kept}
        return Trial(found.number, settings, values=values, **{"outcome": "failed", **ended})


def _locked(folder: Path, held: contextlib.ExitStack) -> bool:
    """Lock a trial's folder for as long as `held` is open; whether nobody else had it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.enter_context(locked(folder))
    except TrainingError:
        return False
    except OSError as error:
        raise RecipeError(f"Cannot make the folder of a trial '{folder}': {error.strerror or error}.") from error
    return True


# ---- Optuna's parts


def _values(found: optuna.trial.FrozenTrial) -> tuple[float, ...]:
    """A trial's metric after each epoch."""
    return tuple(value for _, value in sorted(found.intermediate_values.items()))


def _suggested(trial: optuna.Trial, name: str, part: Span | Choice) -> Any:
    if isinstance(part, Choice):
        return _shown(part, trial.suggest_categorical(name, [_plain(value) for value in part.values]))
    if part.whole:
        return trial.suggest_int(name, int(part.low), int(part.high), log=part.log)
    return trial.suggest_float(name, part.low, part.high, log=part.log)


def _plain(value: Any) -> Any:
    """A value as Optuna keeps it: lists and tables as JSON."""
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def _shown(part: Span | Choice, value: Any) -> Any:
    if isinstance(part, Choice):
        return next(
            (each for each in part.values if _plain(each) == value and type(_plain(each)) is type(value)), value
        )
    return value


def _steady_sampler(seed: int, space: Space, first: Mapping[str, Any], kind: str) -> Any:
    """A sampler whose random numbers are made of seed, trial and setting: it has no memory of its own."""
    import optuna

    def of(*place: object) -> optuna.samplers.BaseSampler:
        number = zlib.crc32(json.dumps([seed, *place]).encode())
        if kind == "random":
            return optuna.samplers.RandomSampler(seed=number)
        return optuna.samplers.TPESampler(
            seed=number, n_startup_trials=_RANDOM_FIRST, multivariate=True, constant_liar=True
        )

    class Steady(optuna.samplers.BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return {} if trial.number == 0 else of(trial.number).infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return of(trial.number).sample_relative(study, trial, search_space)

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            if trial.number == 0 and param_name in first and space[param_name].holds(first[param_name]):
                return _plain(first[param_name])
            sampler = of(trial.number, param_name)
            return sampler.sample_independent(study, trial, param_name, param_distribution)

    return Steady()


def _pruner(word: str, epochs: int, space: Space) -> Any:
    import optuna

    class Median(optuna.pruners.BasePruner):
        """See `glassnet.experiments.pruning`."""

        def prune(self, study: Any, trial: Any) -> bool:
            finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
            others = [(_values(each), each.params.get(_EPOCHS, epochs)) for each in finished]
            higher = study.direction == optuna.study.StudyDirection.MAXIMIZE
            own = trial.params.get(_EPOCHS, epochs)
            return is_behind(_values(trial), own, [each for each in others if each[0]], higher_is_better=higher)

    if word == "median":
        return Median()
    if word == "hyperband":
        most = max(1, *(int(value) for value in space[_EPOCHS].extremes())) if _EPOCHS in space else max(1, epochs)
        return optuna.pruners.HyperbandPruner(min_resource=max(1, most // 9), max_resource=most)
    if word == "none":
        return optuna.pruners.NopPruner()
    raise RecipeError(f"Trials are pruned by {', '.join(PRUNERS)}. Got '{word}' instead.")


def _journal(folder: Path) -> Any:
    """The journal of a study's folder. A line that a killed process left unfinished is taken out."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    place = folder / "journal"
    place.mkdir(parents=True, exist_ok=True)
    path, turn = place / "trials.jsonl", _Turn(place)
    with turn:
        path.touch()
        kept = path.read_bytes()
        if not kept.endswith(b"\n"):
            os.truncate(path, kept.rfind(b"\n") + 1)
    lock: Any = turn
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


class _Turn:
    """Whose turn it is to write: the kernel's lock of a folder, which ends with its holder; the others wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: contextlib.AbstractContextManager[None] | None = None

    def acquire(self) -> bool:
        until = time.monotonic() + _PATIENCE
        while True:
            held = locked(self.folder)
            try:
                held.__enter__()
            except TrainingError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
                continue
            self._held = held
            return True

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        if self._held is not None:
            self._held.__exit__(None, None, None)
            self._held = None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What Optuna says of its own features is not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
