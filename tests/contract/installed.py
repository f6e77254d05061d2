"""Another package as an installer leaves it: its modules, and metadata that name its entry points."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heldout.backbones.sources import sources
from heldout.cli.app import commands
from heldout.data.draft import readers
from heldout.data.splits import split_methods
from heldout.diagnosis.causes import causes
from heldout.diagnosis.interventions import interventions
from heldout.diagnosis.lenses import lenses
from heldout.executors import executors
from heldout.exporting.formats import formats
from heldout.images.decoders import decoders
from heldout.paper.statements import topics
from heldout.phantoms.plants import plants
from heldout.phantoms.worlds import worlds
from heldout.registry import Shelf
from heldout.report.figures import figures
from heldout.report.sections import sections
from heldout.strategies import strategies
from heldout.stresses import stresses
from heldout.trackers import trackers
from heldout.web.pages import pages

ELSEWHERE = Path(__file__).parent / "elsewhere"


@dataclass(frozen=True)
class Added:
    """One kind of plug-in, and the one file that adds one.

    Attributes:
        shelf: Where it is to be found.
        file: Name of the file in `elsewhere`.
        name: Name on the shelf, and of the entry point.
    """

    shelf: Shelf[Any]
    file: str
    name: str

    @property
    def group(self) -> str:
        """Group of its entry point."""
        return self.shelf.group or self.shelf.package


ADDED = (
    Added(strategies, "a_strategy", "fixed"),
    Added(sources, "a_source", "elsewhere"),
    Added(readers, "a_reader", "cells"),
    Added(decoders, "a_decoder", "pgm"),
    Added(split_methods, "a_split", "every-fifth"),
    Added(causes, "a_cause", "inverted"),
    Added(lenses, "a_lens", "polarity"),
    Added(interventions, "an_intervention", "inverted"),
    Added(sections, "a_section", "letters"),
    Added(figures, "a_figure", "epoch-bars"),
    Added(topics, "a_topic", "stains"),
    Added(pages, "a_page", "counts"),
    Added(worlds, "a_world", "dusty"),
    Added(plants, "a_plant", "negative"),
    Added(stresses, "a_stress", "negative"),
    Added(trackers, "a_tracker", "logbook"),
    Added(formats, "a_format", "arrays"),
    Added(executors, "an_executor", "another-folder"),
    Added(commands, "a_command", "patients"),
)
"""Every shelf of the house."""


def install(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Install the package `elsewhere` until the patch is undone.

    Args:
        patch: What undoes it.
        folder: A new folder, for the package and its weights.

    Returns:
        The folder that its source of weights reads; empty.
    """
    site, weights = folder / "site", folder / "weights"
    about = site / "elsewhere-1.0.dist-info"
    about.mkdir(parents=True)
    weights.mkdir()
    shutil.copytree(ELSEWHERE, site / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    points = [f"[{added.group}]\n{added.name} = elsewhere.{added.file}:{added.shelf.attribute}\n" for added in ADDED]
    (about / "entry_points.txt").write_text("\n".join(points))
    patch.syspath_prepend(site)
    patch.setenv("ELSEWHERE", str(weights))
    for module in [name for name in sys.modules if name.split(".")[0] == "elsewhere"]:
        patch.delitem(sys.modules, module)
    for added in ADDED:  # the shelves as a new process finds them
        patch.setattr(added.shelf, "_found", {})
        patch.setattr(added.shelf, "_files", {})
    return weights
