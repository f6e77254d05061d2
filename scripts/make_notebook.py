"""The example notebook, made from the cells below and executed, its outputs kept.

    python scripts/make_notebook.py           # executes it (some two minutes) and writes examples/notebook.ipynb

It is executed in an empty folder, so that nothing of this machine stands in its outputs; the tests hold the kept file
against these cells.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
MINUTES = 15
"""A cell may take so long: on a laptop the longest takes one, on a machine that others use it takes several."""

CELLS = (
    (
        "markdown",
        """# heldout in a notebook

Simulated microscopy of red cells, with one cause planted in the test images: they alone were saved as strongly
compressed JPEG. A pretrained network learns to tell smooth cells from spiculated ones; the question is why it does
worse on test. `pip install 'heldout[notebook]'` has all that is used here.""",
    ),
    (
        "code",
        """from pathlib import Path

import heldout
from heldout.phantoms import Counts, simulate, write_phantom
from heldout.phantoms.plants import parse_plants
from heldout.phantoms.worlds import worlds

counts = Counts(train=300, val=240, test=300, train_patients=75, val_patients=60, test_patients=75)
cells = simulate(worlds.get("cells-both-sites"), seed=0, counts=counts, size=96, plants=parse_plants(["jpeg=12"]))
write_phantom(cells, Path("cells"))""",
    ),
    ("markdown", "A study is shown without doing anything: no image is read, nothing is trained by looking at it."),
    (
        "code",
        """study = heldout.Study(
    "cells", models=["efficientnet_lite0"], strategies=["frozen", "probe"], epochs=6, image_size=96, out="study"
)
study""",
    ),
    ("markdown", "Training draws its bars by itself; the answer comes with the study once it is trained."),
    ("code", "study.run()"),
    ("markdown", "Which run is best, and from which others it can be told apart:"),
    ("code", "study.compare()"),
    ("markdown", "Why test is lower, for the best run: the gap in points, as bars, and its causes in a sentence each."),
    (
        "code",
        """best = study.records()[0].id
study.diagnose(best)""",
    ),
    (
        "markdown",
        "The images, by part, label and outcome. Pictures come from the kernel as they are scrolled to: run the cell.",
    ),
    ("code", "study.gallery(best)"),
    (
        "markdown",
        """Test images that the diagnosis wants to have read again, blind: the reader is told neither label nor model.
What is read is kept in `study/review.sqlite`.""",
    ),
    ("code", 'study.review(reader="Ada")'),
    ("markdown", "All of it in one file that opens anywhere:"),
    ("code", "study.report()"),
)


def unexecuted() -> nbformat.NotebookNode:
    """The notebook without outputs; its cells' names are their numbers, so that equal cells give an equal file."""
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [make[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(CELLS)]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec, "language_info": {"name": "python"}})


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Execute a notebook in a folder, with this checkout's package.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=60 * MINUTES, kernel_name="python3", resources=resources)
    client.record_timing = False
    client.execute(env=environment)
    notebook.metadata.language_info = {"name": "python"}  # the version of Python would change the file


def main() -> int:
    """Write the notebook."""
    notebook = unexecuted()
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
    nbformat.validate(notebook)
    NOTEBOOK.write_text(nbformat.writes(notebook), encoding="utf-8")
    print(f"{NOTEBOOK.relative_to(ROOT)}: {NOTEBOOK.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
