"""What happened in a training, record by record, and the file that keeps it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from glassnet.errors import GlassnetError, TrainingError

__all__ = ["History", "read_history"]

Record = dict[str, Any]


class History:
    """The records of a training: one an epoch (`kind` "epoch") and one every so many steps (`kind` "step").

    With a path every record is also a line of JSON in that file, which only grows; `cut` takes back what lies after a
    checkpoint when a run is resumed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.records: list[Record] = []

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
                    kept.append(json.loads(line))
                    size += len(line)
            os.truncate(self.path, size)
        except FileNotFoundError:
            kept = []
        except (OSError, ValueError) as error:
            raise TrainingError(f"Cannot resume: '{self.path}' is damaged ({error}). Start the run afresh.") from error
        if len(kept) < records:
            raise TrainingError(
                f"Cannot resume: '{self.path}' holds {len(kept)} records, its checkpoint {records}."
                " Start the run afresh."
            )
        self.records = kept

    @property
    def epochs(self) -> list[Record]:
        """The epoch records, in order."""
        return [record for record in self.records if record["kind"] == "epoch"]


def read_history(path: str | Path) -> list[Record]:
    """The records of a metrics file; a last line that was cut off by a crash is left out."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GlassnetError(f"Cannot read the history '{path}': {error}.") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise GlassnetError(f"Line {number} of '{path}' is no JSON: {error}.") from error
    return records
