"""The cells of a run as frames: made of finished cells or read from a folder, put in order, joined and written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.running.columns import EPOCH_COLUMNS, EVALUATION_COLUMNS, RECORD_COLUMNS, TRACE_COLUMNS
from harness.running.records import (
    EPOCHS,
    EVALUATIONS,
    RECORDS,
    TRACES,
    Entry,
    edit_of,
    epochs_frame,
    evaluations_frame,
    read_frame,
    records_frame,
    traces_frame,
    typed,
    write_parquet,
)

if TYPE_CHECKING:
    import pandas as pd

_FILES = {  # traces before records: a run that is killed in between finds the traces of all records that it finds
    "traces": (TRACES, TRACE_COLUMNS),
    "epochs": (EPOCHS, EPOCH_COLUMNS),
    "evaluations": (EVALUATIONS, EVALUATION_COLUMNS),
    "records": (RECORDS, RECORD_COLUMNS),
}


@dataclass(frozen=True)
class Frames:
    """Cells of a run.

    Attributes
    ----------
    records
        A row a cell.
    traces, epochs, evaluations
        Rows of these cells by column ``cell``, those of a cell together and in its order.
    """

    records: pd.DataFrame
    traces: pd.DataFrame
    epochs: pd.DataFrame
    evaluations: pd.DataFrame

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Frames:
        """Frames of finished cells, in their order."""
        return cls(records_frame(entries), traces_frame(entries), epochs_frame(entries), evaluations_frame(entries))

    @classmethod
    def read(cls, path: Path) -> Frames:
        """What ``records.parquet`` and the files beside it hold.

        Raises
        ------
        HarnessError
            If one is missing, damaged, or was edited: what is made of it would be written with a digest that holds.
        """
        frames = {}
        for name, (file, columns) in _FILES.items():
            if name in ("records", "traces") or (path / file).is_file():
                frames[name] = typed(read_frame(path / file, columns), columns)
                if edit := edit_of(path / file, frames[name], columns):
                    raise HarnessError(f"{edit}; move its folder away")
        return replace(_no_cells(), **frames)

    def write(self, path: Path) -> None:
        """Write each frame into its file, whole or not at all; of epochs and evaluations only where there are some."""
        for name, (file, columns) in _FILES.items():
            frame = getattr(self, name)
            if len(frame) or name in ("records", "traces"):
                write_parquet(path / file, frame, columns)

    def of_cells(self, keys: Iterable[str]) -> Frames:
        """The rows of some cells, in the order of these; keys of cells that are not here are passed over."""
        import pandas as pd

        places = pd.Index(self.records["cell"], dtype=object).get_indexer(pd.Index(list(keys), dtype=object))
        records = self.records.iloc[places[places >= 0]].reset_index(drop=True)
        order = pd.Index(records["cell"], dtype=object)
        return Frames(records, *(_placed(frame, order) for frame in (self.traces, self.epochs, self.evaluations)))


@lru_cache(maxsize=1)
def _no_cells() -> Frames:
    return Frames.of([])


def joined(parts: Sequence[Frames]) -> Frames:
    """The cells of several frames, one behind the other."""
    import pandas as pd

    def of(name: str) -> pd.DataFrame:
        frames = [getattr(part, name) for part in parts]
        columns = _FILES[name][1]
        found = typed(pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True), columns)
        return found[[*columns, *sorted(set(found.columns) - set(columns))]]

    return Frames(*(of(name) for name in ("records", "traces", "epochs", "evaluations")))


def _placed(frame: pd.DataFrame, cells: pd.Index[Any]) -> pd.DataFrame:
    """Return the rows of these cells, in the order of these."""
    import pandas as pd

    place = cells.get_indexer(pd.Index(frame["cell"], dtype=object))
    order = place.argsort(kind="stable")
    return frame.iloc[order[place[order] >= 0]].reset_index(drop=True)
