"""In a real kernel: what is shown, bars that come by themselves, and the example notebook as it was kept."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from heldout.records import Diagnoses

nbclient = pytest.importorskip("nbclient", reason="kernels need the packages nbclient and ipykernel")
nbformat = pytest.importorskip("nbformat")
make_notebook = pytest.importorskip("scripts.make_notebook")

STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def kinds(notebook: Any) -> list[list[tuple[str, ...]]]:
    """Cell by cell the outputs, each as the kinds of data it has."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[tuple(sorted(output.get("data", {output.output_type: None}))) for output in cell.outputs] for cell in code]


RICH = ("text/html", "text/markdown", "text/plain")
BARS = ("text/html", "text/plain")
PLAIN = ("text/plain",)
WIDGET = ("application/vnd.jupyter.widget-view+json", "text/plain")


def test_a_kernel_shows_records_bars_and_widgets(told_folder: Path, told: Diagnoses, tmp_path: Path) -> None:
    shutil.copytree(told_folder, tmp_path / "study")
    cells = [
        "import heldout; study = heldout.Study('made up', ['efficientnet_lite0'], ['frozen'], out='study'); study",
        "study.compare()",
        "from heldout.records import Diagnosis, Diagnoses; from heldout.records.codec import read_record\n"
        "paths = sorted(study.folder.glob('diagnosis/*.json'))\n"
        "Diagnoses(read_record(Diagnosis, path) for path in paths)",
        "study.gallery()",
        "for part in ('one', 'two'):\n    study.reporter.begin(part, 1); study.reporter.step(); study.reporter.end()",
        "print(type(study.reporter).__name__)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    make_notebook.execute(notebook, tmp_path)
    assert kinds(notebook) == [[RICH], [RICH], [RICH], [WIDGET], [BARS], [("stream",)]]
    assert notebook.cells[5].outputs[0].text.strip() == "Bars"
    assert re.fullmatch(r"one · 1 of 1 · .* s\ntwo · 1 of 1 · .* s", notebook.cells[4].outputs[0].data["text/plain"])
    assert notebook.cells[1].outputs[0].data["text/plain"].startswith("The best test accuracy is ")
    assert "Gallery of efficientnet_lite0 (finetune): 620 images" in notebook.cells[3].outputs[0].data["text/plain"]
    first = min(told, key=lambda one: one.run)
    assert first.summary in notebook.cells[2].outputs[0].data["text/plain"]


@pytest.fixture(scope="module")
def kept() -> Any:
    return nbformat.read(make_notebook.NOTEBOOK, as_version=4)


def test_the_example_is_that_of_its_script_with_all_outputs(kept: Any) -> None:
    nbformat.validate(kept)
    fresh = make_notebook.unexecuted()
    assert [(cell.cell_type, cell.source) for cell in kept.cells] == [
        (cell.cell_type, cell.source) for cell in fresh.cells
    ]
    assert kinds(kept) == [[PLAIN], [RICH], [BARS, RICH], [RICH], [BARS, RICH], [WIDGET], [WIDGET], [PLAIN]]
    assert make_notebook.NOTEBOOK.stat().st_size < 400_000


def test_the_example_names_nothing_of_the_machine_it_was_made_on(kept: Any) -> None:
    text = STYLE.sub("", nbformat.writes(kept))
    for place in (str(Path.home()), str(make_notebook.ROOT), "/tmp", "/work", "/root", "/home", "\\\\Users"):
        assert place not in text


def test_the_example_answers_the_question(kept: Any) -> None:
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    compared, diagnosed = (code[number].outputs[-1].data["text/plain"] for number in (3, 4))
    assert compared.startswith("The best test accuracy is ")
    assert "● Image quality: established" in diagnosed, "what was planted is named"


@pytest.mark.slow
def test_the_example_still_does_what_it_did(kept: Any, tmp_path: Path) -> None:
    notebook = make_notebook.unexecuted()
    make_notebook.execute(notebook, tmp_path)
    assert kinds(notebook) == kinds(kept)
