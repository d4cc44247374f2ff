"""What happened in a training, record by record, and the file that keeps it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassnet import display
from glassnet.engines import StepResult
from glassnet.errors import GlassnetError, ModelError, TrainingError
from glassnet.files import write_text
from glassnet.text import counted
from glassnet.train.loop import Callback, Saved, Training
from glassnet.train.progress import describe

__all__ = ["History", "read_history", "write_csv"]

Record = dict[str, Any]
_CHARTED = (("accuracy", "accuracy"), ("PSNR", "psnr"), ("error rate", "error"), ("loss", "loss"))


class History(Callback):
    """The records of a training: one per epoch (`kind` "epoch") and one every so many steps (`kind` "step").

    With a path every record is also a line of JSON in that file, which only grows; `cut` takes back what lies after a
    checkpoint when a run is resumed.

    Examples
    --------
    >>> import glassnet
    >>> history = glassnet.fit("digits", "linear", epochs=2, verbose=False).history
    >>> [record["epoch"] for record in history.epochs]
    [1, 2]
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.records: list[Record] = []

    def start(self, training: Training, saved: Saved) -> None:
        """Begin, or go on after the records that there were at a checkpoint."""
        records = saved.get("records", 0)
        if type(records) is not int or records < 0:
            raise ModelError(f"The checkpoint has no number of records: {records!r:.60}.")
        self.cut(records)

    def step(self, training: Training, result: StepResult) -> None:
        """Add a record of a step whose norms were taken."""
        if result.norms is not None:
            state = training.state
            record: Record = {"kind": "step", "step": state.step, "epoch": state.epoch + 1, "loss": result.loss}
            self.add({**record, "rate": training.rate(state.step - 1), "norms": result.norms})

    def epoch(self, training: Training, record: Record) -> None:
        """Add the record of an epoch."""
        self.add(record)

    def state(self) -> Saved:
        """How many records there are."""
        return {"records": len(self.records)}

    def add(self, record: Record) -> None:
        """Append a record, to the file as well."""
        self.records.append(record)
        if self.path is not None:
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(record) + "\n")
            except OSError as error:
                raise GlassnetError(
                    f"Cannot write '{self.path}': {error.strerror or error}. Free some space, then resume the run."
                ) from error

    def cut(self, records: int) -> None:
        """Keep the first `records` records of the file and drop the rest, half a line after a crash included."""
        if self.path is None:
            del self.records[records:]
            return
        kept: list[Record] = []
        size = 0
        try:
            with self.path.open("rb") as file:
                for line in file:
                    if len(kept) == records:
                        break
                    kept.append(_record(line, len(kept) + 1))
                    size += len(line)
            os.truncate(self.path, size)
        except FileNotFoundError:
            kept = []
        except OSError as error:
            raise TrainingError(
                f"Cannot resume: '{self.path}' cannot be read and written ({error.strerror or error})."
            ) from error
        except (ValueError, RecursionError) as error:
            raise TrainingError(f"Cannot resume: '{self.path}' is damaged ({error}). Start the run afresh.") from error
        if len(kept) < records:
            raise TrainingError(
                f"Cannot resume: '{self.path}' holds {len(kept)} records, its checkpoint {records}."
                " Start the run afresh."
            )
        self.records = kept

    def __repr__(self) -> str:
        last = f", the last: {describe(self.epochs[-1])}" if self.epochs else ""
        return f"<History {counted(len(self.epochs), 'epoch')}{last}>"

    def _repr_html_(self) -> str:
        last = [describe(self.epochs[-1])] if self.epochs else []
        return display.block(f"History, {counted(len(self.epochs), 'epoch')}", last, self.chart())

    def chart(self) -> str:
        """Accuracy (else PSNR, error rate, loss) over the epochs, in training and validation, as HTML."""
        for name, figure in _CHARTED:
            keys = {f"training {name}": figure, f"validation {name}": f"valid_{figure}"}
            found = {label: [float(record.get(key, math.nan)) for record in self.epochs] for label, key in keys.items()}
            if drawn := display.curves(found):
                return drawn
        return ""

    @property
    def epochs(self) -> list[Record]:
        """The epoch records, in order."""
        return [record for record in self.records if record["kind"] == "epoch"]


def read_history(path: str | Path) -> list[Record]:
    """The records of a metrics file; a last line that was cut off by a crash is left out.

    Raises `GlassnetError` when the file cannot be read or a line of it is not a training record.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from glassnet.train import read_history
    >>> record = {"kind": "epoch", "epoch": 1, "step": 20, "loss": 0.5, "accuracy": 0.8, "rate": 0.001, "seconds": 0.1}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "metrics.jsonl").write_text(json.dumps(record))
    ...     read_history(f"{folder}/metrics.jsonl")[0]["epoch"]
    1
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise GlassnetError(f"Cannot read the history '{path}': {reason}.") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_record(line, number))
        except (ValueError, RecursionError) as error:
            if number < len(lines) or _is_json(line):
                raise GlassnetError(f"The history '{path}' is damaged: {error}.") from error
    return records


def write_csv(path: str | Path, records: Sequence[Record]) -> None:
    """Write the epochs among the records as a table: one row an epoch, one column a figure, names in the first row.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.train import write_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(Path(folder, "epochs.csv"), [{"kind": "epoch", "epoch": 1, "loss": 0.5}])
    ...     Path(folder, "epochs.csv").exists()
    True
    """
    epochs = [record for record in records if record["kind"] == "epoch"]
    names = list(dict.fromkeys(name for record in epochs for name in record if name != "kind"))
    rows = [names, *([record.get(name, "") for name in names] for record in epochs)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())


# What every record of a kind has, each a number.
_NUMBERS = {"epoch": ("epoch", "step", "loss", "seconds"), "step": ("epoch", "step", "loss", "rate")}


def _record(line: bytes, number: int) -> Record:
    """One line of the file. Raises `ValueError` where it is not a record."""
    try:
        found = json.loads(line)
    except ValueError:
        raise ValueError(f"line {number} is not JSON") from None
    kind = found.get("kind") if isinstance(found, dict) else None
    if not isinstance(kind, str) or kind not in _NUMBERS:
        raise ValueError(f"line {number} is not a record of an epoch or a step")
    for name in _NUMBERS[kind]:
        if type(found.get(name)) not in (int, float):
            raise ValueError(f"line {number} has no number '{name}'")
    record: Record = found
    return record


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
