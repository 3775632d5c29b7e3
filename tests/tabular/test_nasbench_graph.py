"""The nine tables of NAS-Bench-Graph against the published package itself."""

from __future__ import annotations

from typing import Any

import nas_bench_graph
import numpy as np
import pytest

from harness.spaces.nasbench_graph import LAYOUTS, NASBenchGraphSpace
from harness.tabular.catalogue import load_table
from harness.tabular.nasbench_graph import DATASETS
from harness.tabular.table import Table

# Column of a table -> field of the published records.
FIELDS = {"valid": "valid_perf", "test": "perf", "latency": "latency", "params": "para"}


@pytest.fixture(scope="module", params=DATASETS)
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def table(dataset: str) -> Table:
    return load_table(f"nasbench-graph/{dataset}")


@pytest.fixture(scope="module")
def published(dataset: str) -> dict[int, dict[str, Any]]:
    return nas_bench_graph.light_read(dataset)


def test_rows_and_encodings(table: Table, published: dict[int, dict[str, Any]]) -> None:
    rows, encodings = (2_021, 5_616) if table.dataset == "proteins" else (26_206, 59_040)
    assert len(table) == len(published) == rows
    assert (np.asarray(table.rows) >= 0).sum() == encodings
    assert table.space.size - encodings == 9  # all-skip, once for each layout
    assert table.has_equal_weights


def test_every_row_is_reached_both_ways(table: Table, published: dict[int, dict[str, Any]]) -> None:
    space = table.space
    assert isinstance(space, NASBenchGraphSpace)
    keys = sorted(published)
    # Row -> its encoding -> the published key -> the row, the key being computed by the package itself.
    for row, code in enumerate(table.codes.tolist()):
        layout, *operations = code
        arch = nas_bench_graph.Arch(list(LAYOUTS[layout]), [space.operations[operation] for operation in operations])
        assert arch.valid_hash() == keys[row]
        assert space.from_hash(keys[row]) == tuple(code)
    np.testing.assert_array_equal(table.rows[space.indices(table.codes)], np.arange(len(table)))
    # Encoding -> row: every one that has a row has that of its published key, and every row is among them.
    assert set(np.unique(table.rows)) == {-1, *range(len(table))}
    for index in range(0, space.size, 11):
        key = space.published_hash(space.arch(index))
        row = table.rows[index]
        assert (keys[row] == key) if row >= 0 else (key not in published)


def test_values_are_the_published_ones(table: Table, published: dict[int, dict[str, Any]]) -> None:
    assert set(table.columns) == set(FIELDS)
    for column, field in FIELDS.items():
        expected = np.array([float(published[key][field]) for key in sorted(published)])
        np.testing.assert_array_equal(table.columns[column], expected, err_msg=column)


def test_encodings_without_a_row_are_never_drawn(table: Table) -> None:
    drawn = table.rows[table.index_of_row()]
    np.testing.assert_array_equal(drawn, np.arange(len(table)))


def test_canonical_encodings_agree_with_the_table(table: Table) -> None:
    for index in range(0, table.space.size, 499):
        arch = table.space.arch(index)
        if (row := table.rows[index]) >= 0:
            assert table.space.canonical(arch) == tuple(table.codes[row].tolist())


def test_arrays_are_read_only(table: Table) -> None:
    for array in (table.rows, table.codes, table.weights, *table.columns.values()):
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
