"""A tabular benchmark: architectures, what a search may see of them, and what is reported in the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.spaces.base import CategoricalSpace, Space
from harness.tabular.shown import benchmark_html
from harness.taxonomy import Taxonomy, taxonomy_of_table

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["max", "min"]
Unit = Literal["percent", "fraction", "loss", "none"]

# Columns that have a meaning of their own; any other column may be carried along.
VALID, TEST, COST = "valid", "test", "cost"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view


def is_report_only(column: str) -> bool:
    """Whether a column must never be seen by a method, whatever a suite asks for: any that has "test" in its name."""
    return TEST in column.lower()


def row_of_encodings(space: Space, codes: NDArray[np.integer]) -> NDArray[np.int32]:
    """(space.size,) row of every encoding when row i holds ``codes[i]``, -1 for those that stand nowhere.

    Raises
    ------
    HarnessError
        If an architecture stands in two rows.
    """
    indices = space.indices(codes)
    rows = np.full(space.size, -1, dtype=np.int32)
    rows[indices] = np.arange(len(codes))
    if (overwritten := np.flatnonzero(rows[indices] != np.arange(len(codes)))).size:
        first = int(overwritten[0])
        text = space.format(codes[first].tolist())
        raise HarnessError(f"architecture {text} stands in rows {first + 1} and {int(rows[indices[first]]) + 1}")
    return rows


def digest_of(array: NDArray[Any]) -> str:
    """SHA-256 of an array's type, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def checked(array: NDArray[Any], digest: str, what: str, where: str) -> NDArray[Any]:
    """The array, if it has this `digest_of`.

    Raises
    ------
    HarnessError
        If it has another; the message calls it `what`, of `where`.
    """
    if (found := digest_of(array)) != digest:
        raise HarnessError(
            f"{where} is damaged: {what} has SHA-256 {found[:12]}..., its card says {digest[:12]}...; "
            "delete the folder and import it again"
        )
    return array


class CheckedArrays(Mapping[str, NDArray[Any]]):
    """Arrays that are read, and checked against their hash, when they are first asked for.

    Parameters
    ----------
    read
        Reads the array of a name.
    digests
        What `digest_of` must give for each.
    kind, where
        What to call them in messages, e.g. ``column``, and whose they are.
    """

    def __init__(self, read: Callable[[str], NDArray[Any]], digests: Mapping[str, str], kind: str, where: str) -> None:
        self.digests = dict(digests)
        self._read, self._kind, self._where = read, kind, where
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            wanted = self.digests[name]
            self._arrays[name] = checked(self._read(name), wanted, f"{self._kind} {name}", self._where)
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.digests  # without reading it

    def __iter__(self) -> Iterator[str]:
        return iter(self.digests)

    def __len__(self) -> int:
        return len(self.digests)


class _ArrayField:
    """A field of `Table`: an array, made read-only, or a function that brings it when it is first wanted."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, table: Any, owner: type | None = None) -> NDArray[Any]:
        value = vars(table)[self._name]
        if callable(value):
            value = vars(table)[self._name] = _read_only(value())
        return value

    def __set__(self, table: Any, value: Any) -> None:
        # Methods are handed some of these arrays: none of them can change a table that others search too.
        vars(table)[self._name] = value if callable(value) else _read_only(value)


@dataclass(frozen=True, eq=False)
class Table:
    """One data set's table over a space; one row an architecture.

    Attributes
    ----------
    name
        Name of the benchmark, ``family/dataset``.
    dataset
        The data set on which the architectures were trained.
    space
        The search space; several encodings may share a row.
    rows
        (space.size,) integers: the row of every encoding's index, -1 where the table has none.
    codes
        (n_rows, variables) integers: one encoding of every row.
    columns
        (n_rows,) floats by name. ``valid`` drives a search and ``test`` is reported; ``cost`` is simulated seconds of one
        evaluation; others (``latency``, ``params``, ...) may be shown to a method by a suite.
    curves
        (n_rows, n_epochs) floats by name, after every epoch, counted from 1: column e - 1 is epoch e. Named like the column
        that they lead to (``valid``, ``cost``, ``train_loss``, ...); NaN where a measurement is missing.
    metric, unit, direction
        What ``valid`` and ``test`` measure, in which unit, and whether larger or smaller is better.
    weights
        (n_rows,) positive floats: the measure from which "a random architecture" is drawn. Ones by default.
    fidelity
        What validation and test were measured at, for people: ``{"valid": "12 epochs", "test": "200 epochs"}``.
    source
        Where the numbers come from: citation, licence, file, its hash, converter version.
    caveats
        Sentences that every report on this table must carry.
    statistics
        Columns beside ``params`` and ``flops`` that are known without training an architecture, such as zero-cost scores, and the
        mean seconds that one takes; 0 where that is nothing, or not known. See `harness.tabular.statics`.
    """

    name: str
    dataset: str
    space: Space
    rows: NDArray[np.int32]
    codes: NDArray[np.integer]
    columns: Mapping[str, NDArray[np.float64]]
    metric: str = "accuracy"
    unit: Unit = "percent"
    direction: Direction = "max"
    weights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    fidelity: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    curves: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    statistics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        weights = vars(self)["weights"]
        if not callable(weights) and weights.size == 0:
            object.__setattr__(self, "weights", np.ones(len(self.codes)))
        for name in ("columns", "curves"):
            arrays = getattr(self, name)
            if type(arrays) is dict:
                object.__setattr__(self, name, {key: _read_only(values) for key, values in arrays.items()})

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"<Table {self.name!r}: {len(self):,} rows over {self.space.name}; {self.metric} in {self.unit}>"

    def _repr_html_(self) -> str:
        columns = {"columns": ", ".join(sorted(self.columns)), "curves": ", ".join(sorted(self.curves))}
        return benchmark_html(self, f"table of {len(self):,} rows", columns | {"caveats": " ".join(self.caveats)})

    @property
    def valid(self) -> NDArray[np.float64]:
        """(n_rows,) validation scores, the only ones that a search is driven by."""
        return self.columns[VALID]

    @property
    def test(self) -> NDArray[np.float64]:
        """(n_rows,) test scores, joined to a search's result after it ended."""
        return self.columns[TEST]

    @property
    def architectures(self) -> NDArray[np.integer]:
        """(n_rows, variables) encoding of every row; ``table.space.format`` writes one as text."""
        return self.codes

    @cached_property
    def epochs(self) -> int | None:
        """Number of epochs of a whole training, before which it can be stopped and scored; None if there is one fidelity.

        Wanted is a curve ``valid`` without holes: a score of every architecture after every epoch.
        """
        curve = self.curves.get(VALID)
        return None if curve is None or not np.isfinite(curve).all() else int(curve.shape[1])

    @cached_property
    def has_equal_weights(self) -> bool:
        """Whether every row is equally likely to be drawn."""
        return bool(np.all(self.weights == self.weights[0]))

    def column(self, name: str) -> NDArray[np.float64]:
        """A column by name; an unknown name is an error with the nearest ones."""
        if name not in self.columns:
            raise unknown_name("column", name, self.columns, where=f"benchmark {self.name}")
        return self.columns[name]

    def visible(self, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
        """The columns that a method may see beside the score; asking for a test column is refused.

        Raises
        ------
        HarnessError
            If a name is unknown, or is one that only the report may see.
        """
        for name in names:
            if is_report_only(name):
                allowed = ", ".join(sorted(key for key in self.columns if not is_report_only(key)))
                raise HarnessError(
                    f"benchmark {self.name}: column {name!r} is for the report only; a method may be shown {allowed}"
                )
        return {name: self.column(name) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame with one row an architecture, which `harness.table_from_frame` makes a table of again.

        Returns
        -------
        DataFrame
            ``architecture`` (text), or of a categorical space a column a variable; every column; and ``weight`` where rows are
            not equally likely to be drawn.
        """
        import pandas as pd

        if isinstance(self.space, CategoricalSpace):
            pairs = zip(self.space.variables.items(), self.codes.T, strict=True)
            frame = pd.DataFrame({key: np.array(choices, dtype=object)[codes] for (key, choices), codes in pairs})
        else:
            frame = pd.DataFrame({"architecture": [self.space.format(code) for code in self.codes.tolist()]})
        for name in sorted(self.columns):
            frame[name] = self.columns[name]
        return frame if self.has_equal_weights else frame.assign(weight=self.weights)

    def describe(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON values."""
        return {
            "name": self.name,
            "dataset": self.dataset,
            "space": self.space.describe(),
            "rows": len(self),
            "columns": sorted(self.columns),
            "curves": sorted(self.curves),
            "metric": self.metric,
            "unit": self.unit,
            "direction": self.direction,
            "fidelity": dict(self.fidelity),
            "source": dict(self.source),
            "caveats": list(self.caveats),
        } | ({"statistics": dict(self.statistics)} if self.statistics else {})

    @cached_property
    def sha256(self) -> str:
        """Hash of the content (not of a file's layout): what a cell's key and every record name."""
        digest = hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode())
        arrays: dict[str, NDArray[Any]] = {
            "rows": self.rows,
            "codes": self.codes,
            "weights": self.weights,
            **{f"column {key}": self.columns[key] for key in sorted(self.columns)},
        }
        for key, array in arrays.items():
            digest.update(f"{key} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        for key, curve in sorted(self.curve_digests.items()):
            digest.update(f"curve {key} {curve}".encode())
        return digest.hexdigest()

    def verify(self) -> None:
        """Read everything but the curves, so that damage to a stored table is found now and not when it is first searched.

        Raises
        ------
        HarnessError
            If an array is not the one that was stored.
        """
        _ = self.rows, self.codes, self.weights, *self.columns.values()

    def check_scores(self) -> None:
        """Refuse a table that lacks a score: a search would meet it, or its report.

        Raises
        ------
        HarnessError
            If ``valid`` or ``test`` is not there, or is no finite number in some row.
        """
        for name in (VALID, TEST):
            bad = np.flatnonzero(~np.isfinite(self.column(name)))
            if bad.size:
                raise HarnessError(
                    f"benchmark {self.name}: column {name} has no finite number in {bad.size:,} of {len(self):,} rows, first "
                    f"{self.space.format(self.codes[bad[0]].tolist())}; every architecture needs a score"
                )

    @cached_property
    def curve_digests(self) -> dict[str, str]:
        """`digest_of` every curve; those that lie in the store are not read for it."""
        if isinstance(self.curves, CheckedArrays):
            return self.curves.digests
        return {key: digest_of(curve) for key, curve in self.curves.items()}

    @property
    def taxonomy(self) -> Taxonomy:
        """What kind of benchmark it is, in four words, told from its space and its columns."""
        return taxonomy_of_table(self.space.kind, self.columns)

    def index_of_row(self) -> NDArray[np.int64]:
        """(n_rows,) mixed-radix index of every row's own encoding."""
        return self.space.indices(self.codes)


# Not in the class, where a dataclass would take them for defaults.
for _name in ("rows", "codes", "weights"):
    setattr(Table, _name, _ArrayField(_name))
