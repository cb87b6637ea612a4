"""The notebook runs from top to bottom on sounds that it makes itself."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from local.settings import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "training" / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def test_it_is_kept_without_its_outputs(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), f"{cell.source[:60]!r}"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_it_runs(notebook: nbformat.NotebookNode, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EARSHOT_DATA", "EARSHOT_AMBIENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EARSHOT_CLIPS", "8")
    NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    # Spectrograms, projection, learning curves, confusion, reliability, three operating figures and
    # kinds of sound; and something to listen to.
    assert kinds.count("image/png") >= 9
    printed = "".join(output.get("text", "") for output in outputs)
    assert "held out" in printed
    assert "0 of the " in printed  # held-out clips that YAMNet's blocks were trained on
    assert "95 % interval" in printed
    assert any("<audio" in output.get("data", {}).get("text/html", "") for output in outputs)
    assert "that v1 was not trained on" in printed
    tables = " ".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "without threats in 24 segments" in " ".join(tables.split())
    # Progress bars would fill the page with lines of stderr.
    assert not [o for o in outputs if o.get("name") == "stderr" and "it/s" in o["text"]]
