"""The notebook of the documentation: kept without outputs, and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "results.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `test`")
    pytest.importorskip("ipykernel", reason="needs the extra `test`")
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown: dict[str, list[dict[str, Any]]] = {
        cell.source: [output.get("data", {}) | {"text": output.get("text", "")} for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }

    def of(beginning: str) -> list[dict[str, Any]]:
        (found,) = (outputs for source, outputs in shown.items() if source.startswith(beginning))
        return found

    (run,) = of("import harness")
    assert run["text/plain"].startswith("<OpenedRun 'notebook' in out: 3 methods × 2 tables × 20 seeds")
    assert "random search at equal budget" in run["text/html"]
    (forest,) = of("run.plot.forest()")
    assert "image/png" in forest
    (latex,) = of("print(run.to_latex")
    assert r"\textbf" in latex["text"]
    # The method that was defined anew has run again, on both tables and all seeds; nothing else has.
    (counts,) = of('@register_method("first-neighbour")')
    assert "first-neighbour    40" in counts["text/plain"]
    assert len([line for line in counts["text/plain"].splitlines() if line]) == 3
