"""Every run of a study on changed validation images: what `heldout stress` needs the networks for.

A change is made once for all runs, and runs whose trunk is the same (fixed features) share its features. What a stress
made of a run's answers stands in `stress/<run id>/<stress>.parquet`, its JSON written last, so that a call that was cut
off goes on where it stopped. The test images have no part in it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.backbones import Network
from heldout.computing import Device
from heldout.data.store import build_store
from heldout.diagnosis.results import write_result
from heldout.progress import Reporter, Silent
from heldout.records.logit_table import variants_table
from heldout.records.stress import StressReport
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.judging import judging_of
from heldout.runs.predict import load_network
from heldout.runs.stress_report import judge_stress
from heldout.runs.stressed import Asked, check_can, place_of, rows_of, settings_of, unscored
from heldout.stats.bootstrap import REPLICATES
from heldout.stresses.ground import spread_within
from heldout.stresses.plan import CLEAN, TOGETHER, StressPlan
from heldout.stresses.stress import Ground, Pixels, Stress
from heldout.training import Machine, machine
from heldout.training.device import release_memory
from heldout.training.engine import Prefix, prefix_of
from heldout.training.predict import head_logits, run_stages
from heldout.training.scoring import fingerprint

SILENT = Silent()

TRUNKS = 12
"""Networks with trunks of their own that are held at a time: of 20 million weights each, with their engines, 2 GB."""


@dataclass
class Trunk:
    """A trunk, and the runs whose networks have it.

    Attributes:
        network: The network of one of them.
        machine: Where it runs.
        runs: Run id -> its network, for the head.
        prefix: What runs the stages.
    """

    network: Network
    machine: Machine
    runs: dict[str, Network] = field(default_factory=dict)
    prefix: Prefix | None = None

    def logits(self, pixels: Pixels) -> dict[str, NDArray[np.float32]]:
        """Run id -> logits (n, k) of images."""
        if self.prefix is None:
            cpu = self.machine.device.type == "cpu"
            stages = len(self.network.stages)
            self.prefix = prefix_of(self.machine.engine, self.network, stages, pixels)[0] if cpu else self.network
        features = run_stages(self.prefix, pixels, 0, len(self.network.stages), self.machine)
        assert features is not None
        return {run: head_logits(network, features, self.machine) for run, network in self.runs.items()}


def stress_study(
    study: StudyFiles,
    asked: Asked | None = None,
    metric: str = "",
    bootstrap: int = REPLICATES,
    reporter: Reporter = SILENT,
    device: Device = "auto",
) -> StressReport:
    """Score what is missing, and judge all of it.

    Args:
        study: The study, as `read_study` gives it.
        asked: Images, stresses and sites; None for the usual ones.
        metric: `accuracy`, `balanced-accuracy` or `cost:FILE`; empty for accuracy.
        bootstrap: Replicates behind the intervals.
        reporter: Told of progress.
        device: Where to compute.

    Raises:
        UsageError: An unknown name; folds, several labels, or predictions that were given.
        InputError: No finished run, or costs that do not fit.
        HeldoutError: The images are not there any more.
    """
    asked = asked or Asked()
    check_can(study, asked)
    for remark in study.remarks:
        reporter.note(remark)
    judging = judging_of(study.cohort.classes, metric)
    score_stresses(study, asked, reporter, device)
    return judge_stress(study, asked, judging.metric, bootstrap)


def score_stresses(
    study: StudyFiles, asked: Asked, reporter: Reporter, device: Device = "auto", only: Collection[str] | None = None
) -> None:
    """Score what is missing; what an earlier call scored in the same way stays.

    Args:
        study: The study, as `read_study` gives it.
        asked: Images, sites and seed.
        reporter: Told of progress.
        device: Where to compute.
        only: Some of `names_of`; None for all.

    Raises:
        HeldoutError: The images are not there any more.
    """
    missing = {
        run: tuple(name for name in names if only is None or name in only)
        for run, names in unscored(study, asked).items()
    }
    squares: dict[str, list[RunFiles]] = {}
    for run in study.runs:
        if missing.get(run.record.id):
            squares.setdefault(run.recipe.squares, []).append(run)
    for same in squares.values():
        names = list(dict.fromkeys(name for run in same for name in missing[run.record.id]))
        images = _Images.of(study, same[0], asked, reporter)
        for trunks in _in_batches(_trunks(same, device)):
            reporter.begin(f"stress: {len(names)} changes", len(names))
            for name in names:
                _score(study, asked, images, name, [(t, [r for r in t.runs if name in missing[r]]) for t in trunks])
                reporter.step()
            reporter.end()
            release_memory()


@dataclass(frozen=True, eq=False)
class _Images:
    """The sampled validation images of runs that see the same squares.

    Attributes:
        ids: (n,) their ids.
        labels: (n,) class of each.
        pixels: (n, s, s, c).
        grounds: Stress -> what its changes go by.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    pixels: Pixels
    grounds: dict[str, Ground]

    @classmethod
    def of(cls, study: StudyFiles, run: RunFiles, asked: Asked, reporter: Reporter) -> _Images:
        """Read and measure them."""
        recipe, rows = run.recipe, rows_of(study, run, asked)
        how = recipe.image_size, recipe.fit, recipe.interpolation
        store = build_store(study.cohort, study.split.val, *how, study.folder / "images", reporter, recipe.input_map)
        labels, pixels = run.predictions["val"].labels[rows], np.asarray(store.pixels[rows])
        grounds = {}
        for stress in asked.plan(study).single:
            values = stress.measure(pixels)
            spread = 0.0 if values is None else spread_within(values, labels)
            grounds[stress.name] = Ground(np.empty(0) if values is None else values, spread, asked.seed)
        return cls(tuple(study.split.val[row] for row in rows), labels, pixels, grounds)

    @property
    def grey(self) -> bool:
        """Whether no image has colour."""
        return self.pixels.shape[3] == 1 or bool((self.pixels == self.pixels[..., :1]).all())

    def changed(self, stress: Stress, amounts: NDArray[np.float64], pixels: Pixels | None = None) -> Pixels:
        """Images changed by (n,) amounts; None changes the images as they are."""
        start = self.pixels if pixels is None else pixels
        return stress.change(start, amounts, self.grounds[stress.name])


def _score(
    study: StudyFiles, asked: Asked, images: _Images, name: str, wanted: Sequence[tuple[Trunk, list[str]]]
) -> None:
    """All amounts of one stress, for all runs that lack it."""
    started = time.perf_counter()
    runs = [run for _, own in wanted for run in own]
    if not runs:
        return
    plan = asked.plan(study)
    stress = next((one for one in plan.single if one.name == name), None)
    absent = "the images are grey" if stress is not None and stress.colour and images.grey else None
    found: dict[str, dict[str, NDArray[np.float32]]] = {run: {} for run in runs}
    for variant, pixels in () if absent else _made(plan, images, name):
        for trunk, own in wanted:
            if own:
                logits = trunk.logits(pixels)
                for run in own:
                    found[run][variant] = logits[run]
    seconds = round((time.perf_counter() - started) / len(runs), 3)
    for run in runs:
        about: dict[str, Any] = {"settings": settings_of(study, asked, name), "absent": absent, "seconds": seconds}
        if stress is not None:
            about["spread"] = images.grounds[name].spread
        table = None if absent else variants_table("val", images.ids, found[run])
        write_result(place_of(study, run, name), about, table)


def _made(plan: StressPlan, images: _Images, name: str) -> Iterator[tuple[str, Pixels]]:
    """Variant and its images, one after another."""
    if name == CLEAN:
        yield CLEAN, images.pixels
        return
    if name == TOGETHER:
        stresses = [stress for stress in plan.together if not (stress.colour and images.grey)]
        for j, shift in enumerate(plan.drawn.shifts):
            pixels = images.pixels
            for place, stress in enumerate(plan.together):
                if stress in stresses:
                    pixels = images.changed(stress, shift[place, images.labels], pixels)
            yield str(j), pixels
        return
    stress = next(one for one in plan.single if one.name == name)
    for variant in plan.variants(stress):
        yield variant.name, images.changed(stress, np.full(len(images.labels), variant.amount))


def _trunks(runs: Sequence[RunFiles], device: Device) -> Iterator[Trunk]:
    """The trunks of runs, each with all of its runs; networks are read when asked for."""
    known: dict[str, Trunk] = {}
    order: list[str] = []
    for run in runs:
        network, recipe = load_network(run.network)
        place = machine(device, recipe.precision)
        key = f"{recipe.precision} {fingerprint(network)}"
        if key not in known:
            known[key] = Trunk(place.hold(network).eval(), place)
            order.append(key)
        else:
            network.stages = known[key].network.stages
            place.hold(network).eval()
        known[key].runs[run.record.id] = network
    yield from (known[key] for key in order)


def _in_batches(trunks: Iterator[Trunk]) -> Iterator[list[Trunk]]:
    held: list[Trunk] = []
    for trunk in trunks:
        held.append(trunk)
        if len(held) == TRUNKS:
            yield held
            held = []
    if held:
        yield held
