"""A study whose answer is known: simulated microscopy of two laboratories, with one cause planted in the test images.

The images are made, two strategies are compared, one run is diagnosed, the remedy that the diagnosis names is carried
out, and beside it stands what was truly planted, with what it costs: the same network on the same cells without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.data.store import store_of_arrays
from heldout.errors import UsageError
from heldout.phantoms import Counts, Phantom, simulate, simulate_twin, write_phantom
from heldout.phantoms.plants import parse_plants
from heldout.phantoms.worlds import worlds
from heldout.phantoms.write import TWIN
from heldout.progress import Reporter
from heldout.records import Comparison, Diagnosis, Estimate
from heldout.records.predictions import Predictions
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.predict import load_network
from heldout.stats.bootstrap import draw
from heldout.stats.estimates import difference_estimate
from heldout.study import Study
from heldout.ties import first_of_largest
from heldout.training import logits_of, machine

Mask = NDArray[np.bool_]

CELLS, ALIKE, REMEDY = "cells", "cells-saved-alike", "remedy"
"""Folders in the study's: images as they came; with training images saved as those of test; the study of these."""

COUNTS = Counts(train=600, val=300, test=400, train_patients=150, val_patients=75, test_patients=100)
"""Four images a patient: with few patients every interval would be wide. Time is that of about 1300 images."""


@dataclass(frozen=True)
class Scene:
    """What is simulated and trained: the size of the demonstration.

    Attributes:
        counts: Images and patients.
        size: Side of the images, pixels.
        quality: JPEG quality of the test images. 12 costs fixed features about as much as the X-rays' test set did.
        epochs: Of strategies that have epochs.
        models: Networks that come with the install.
        strategies: The one that is diagnosed comes first.
    """

    counts: Counts = COUNTS
    size: int = 96
    quality: int = 12
    epochs: int = 10
    models: tuple[str, ...] = ("efficientnet_lite0",)
    strategies: tuple[str, ...] = ("frozen", "last-block")

    @property
    def planted(self) -> str:
        """The plant: only test images were saved so."""
        return f"jpeg={self.quality}"

    @property
    def alike(self) -> str:
        """The remedy: those to learn from are saved so too."""
        return f"jpeg={self.quality}:parts=train,val,test"


@dataclass(frozen=True)
class Demonstration:
    """What came out, and what is true.

    Attributes:
        comparison: Of the study's runs.
        diagnosis: Of its first run.
        planted: What was done to the test images, in words.
        cause: Code of the cause that should be named.
        cost: Test accuracy that it takes from the diagnosed run: its network on the same cells without it, minus on the
            test images as they are; points.
        remedied: Test accuracy, on the same test images, of the same strategy that learned from images saved as they
            were, minus that of the diagnosed run; points.
        report: The study's report.
    """

    comparison: Comparison
    diagnosis: Diagnosis
    planted: str
    cause: str
    cost: Estimate
    remedied: Estimate
    report: Path


def demonstrate(out: Path, reporter: Reporter, scene: Scene | None = None) -> Demonstration:
    """Make the images in `out`, study them, diagnose, mend, and look up the truth; a second call goes on.

    Raises:
        UsageError: The folder holds another study.
        InputError: The folder of the images holds anything else.
    """
    scene = scene or Scene()
    _refuse_another(out)
    _make_images(out, reporter, scene)
    study = _study(out / CELLS, out, scene, scene.strategies, reporter)
    study.run()
    run = study.records()[0].id
    (diagnosis,) = study.diagnose(run)
    mended = _study(out / ALIKE, out / REMEDY, scene, scene.strategies[:1], reporter)
    mended.run()
    after, before = _run_of(read_study(mended.folder)), _run_of(read_study(out), run)
    (plant,) = parse_plants([scene.planted])
    return Demonstration(
        comparison=study.compare(),
        diagnosis=diagnosis,
        planted=f"every test image was saved as JPEG of quality {scene.quality}, no other was",
        cause=plant.cause,
        cost=_cost(out, run),
        remedied=_gain(after.predictions["test"], before.predictions["test"]),
        report=study.report(),
    )


def _refuse_another(out: Path) -> None:
    """Write nothing into the folder of a study that is none of ours.

    Raises:
        UsageError: The folder holds another study.
    """
    if (out / "study.json").exists() and not (out / CELLS / "truth.json").is_file():
        raise UsageError(
            f"Found another study in {out}; expected a folder of its own, or that of an earlier demo. Name another: "
            "heldout demo --out DIR"
        )


def _make_images(out: Path, reporter: Reporter, scene: Scene) -> None:
    """Both sets and the twin, unless they are there."""
    known: Phantom | None = None
    for folder, plant in ((CELLS, scene.planted), (ALIKE, scene.alike)):
        if (out / folder / "truth.json").is_file():
            continue
        world = worlds.get("cells-both-sites")
        known = simulate(world, 0, scene.counts, scene.size, parse_plants([plant]), reporter, known)
        twin = simulate_twin(known, reporter) if folder == CELLS else None
        write_phantom(known, out / folder, twin)


def _study(data: Path, out: Path, scene: Scene, strategies: tuple[str, ...], reporter: Reporter) -> Study:
    return Study(
        str(data), scene.models, strategies, out, epochs=scene.epochs, image_size=scene.size, reporter=reporter
    )


def _run_of(files: StudyFiles, run: str = "") -> RunFiles:
    """A run by its id, or the only one."""
    (found,) = [one for one in files.runs if run in ("", one.record.id)]
    return found


def _cost(out: Path, run: str) -> Estimate:
    """What the plant takes from a run, by its network's answers to the twin's test images."""
    files = read_study(out)
    before = _run_of(files, run)
    test = before.predictions["test"]
    places = files.cohort.table.set_index("id").loc[list(test.ids), ["source", "row"]]
    sources = {name: np.load(out / CELLS / TWIN / name, allow_pickle=False) for name in places["source"].unique()}
    images = np.stack([sources[name][row] for name, row in zip(places["source"], places["row"], strict=True)])
    network, recipe = load_network(before.folder)
    place = machine("cpu")
    place.hold(network)
    store = store_of_arrays(images, list(test.ids), recipe.image_size, recipe.fit, recipe.interpolation)
    right = first_of_largest(logits_of(network, store.pixels, place)) == test.labels
    return _difference(right, test)


def _gain(mended: Predictions, before: Predictions) -> Estimate:
    """What the remedy gives: runs of two studies on the same test images."""
    assert mended.ids == before.ids, "both sets hold the same test images"
    return _difference(mended.right, before)


def _difference(right: Mask, before: Predictions) -> Estimate:
    """Accuracy of some answers minus that of the run's, on the same images, in points."""
    return difference_estimate(right, before.right, draw(before.labels, before.ids, before.patients))
