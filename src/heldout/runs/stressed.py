"""What is asked of a study under stress, and what of it was scored; `runs.stress` scores the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.results import is_sound, read_about, read_result
from heldout.errors import InputError, Problem, UsageError
from heldout.files import hash_of
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import logits_in
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.stats.units import Units
from heldout.stresses import stresses
from heldout.stresses.plan import CLEAN, TOGETHER, StressPlan, plan_of
from heldout.stresses.sites import Sites, measured_sites

Indices = NDArray[np.int64]

FORMAT = 1
"""Raised whenever the same changes would be scored otherwise."""

LIMIT = 500
"""Validation images that are changed, whole patients: a paired difference of some points is then known to about one."""

DRAWN_SITES = 24
"""Drawn sites: each of four pairs three times as it was measured and three times turned round."""

AGAIN = "`heldout stress` makes it anew."


@dataclass(frozen=True, eq=False)
class Asked:
    """What a stress test of a study consists of.

    Attributes:
        limit: Validation images that are changed.
        sites: Number of sites that are drawn.
        seed: Seed of the sample, of noise, and of the drawn sites.
        only: Names of some stresses; None for all.
        pairs: Measured pairs of sites; None for those of the package.
    """

    limit: int = LIMIT
    sites: int = DRAWN_SITES
    seed: int = 0
    only: tuple[str, ...] | None = None
    pairs: Sites | None = None
    _plans: dict[int, StressPlan] = field(default_factory=dict, repr=False)

    def plan(self, study: StudyFiles) -> StressPlan:
        """The changes."""
        k = len(study.cohort.classes)
        if k not in self._plans:
            pairs = measured_sites() if self.pairs is None else self.pairs
            self._plans[k] = plan_of(pairs, k, self.sites, self.seed, self.only)
        return self._plans[k]


def check_can(study: StudyFiles, asked: Asked) -> None:
    """Refuse what cannot be asked, each in one sentence.

    Raises:
        UsageError: Folds, several labels, predictions that were given; an unknown stress, too few images or sites.
        InputError: No finished run.
    """
    for name in asked.only or ():
        stresses.get(name)
    if asked.limit < 1 or asked.sites < 0 or asked.only == ():
        found = f"{asked.limit} images, {asked.sites} sites, {0 if asked.only == () else 'some'} stresses"
        raise UsageError(f"Found {found}; expected 1 image or more, 0 sites or more, and a stress.")
    if study.split.folds:
        raise UsageError(
            f"{study.folder} is cross-validated, so that each validation image has a network of its own; expected a "
            f"study of one split. Ask one of its folds: heldout stress {study.folder / 'folds' / '0-1'}."
        )
    if study.cohort.labelling is not SINGLE:
        raise UsageError(f"Images of {study.folder} have several labels; `heldout stress` knows one class an image.")
    if study.given or not study.cohort.pictured:
        raise UsageError(f"The runs of {study.folder} were given as predictions; expected networks trained here.")
    if not study.runs:
        found = f"no complete run; {len(study.missing)} are planned"
        remedy = "Call the same `heldout run` again; it goes on."
        raise InputError([Problem(str(study.folder), found, "at least one", remedy)], "There is nothing to stress yet")


def names_of(study: StudyFiles, asked: Asked) -> tuple[str, ...]:
    """What is scored of each run: the images as they are, every stress, and the drawn sites."""
    plan = asked.plan(study)
    together = (TOGETHER,) if plan.together and asked.sites else ()
    return (CLEAN, *(stress.name for stress in plan.single), *together)


def place_of(study: StudyFiles, run: str, name: str) -> Path:
    """The JSON of one stress of a run; its logits stand beside it."""
    return study.folder / "stress" / run / f"{name}.json"


def rows_of(study: StudyFiles, run: RunFiles, asked: Asked) -> Indices:
    """Rows of validation that are changed, ascending: whole patients of every class in proportion, by seed.

    The last patient of a class is taken whole, so that there may be a few more than the limit.
    """
    side = run.predictions["val"]
    if len(side) <= asked.limit:
        return np.arange(len(side))
    units = Units.of(side.labels, side.ids, side.patients)
    images = np.bincount(units.unit)
    order = np.random.default_rng((asked.seed, 11)).permutation(len(units))
    chosen: list[int] = []
    for stratum in np.unique(units.stratum):
        own = order[units.stratum[order] == stratum]
        wanted = math.ceil(asked.limit * images[own].sum() / len(side))
        before = np.cumsum(images[own]) - images[own]
        chosen += own[before < wanted].tolist()
    return np.flatnonzero(np.isin(units.unit, chosen))


def settings_of(study: StudyFiles, asked: Asked, name: str) -> dict[str, Any]:
    """All that decides the numbers of one stress."""
    plan = asked.plan(study)
    known: dict[str, Any] = {"format": FORMAT, "limit": asked.limit, "seed": asked.seed}
    if name == TOGETHER:
        versions = [[stress.name, stress.version] for stress in plan.together]
        return known | {"stresses": versions, "shifts": hash_of(plan.drawn.shifts.round(9).tolist())}
    for stress in plan.single:
        if stress.name == name:
            amounts = {one.name: round(one.amount, 9) for one in plan.variants(stress)}
            return known | {"version": stress.version, "amounts": amounts}
    return known


def unscored(study: StudyFiles, asked: Asked) -> dict[str, tuple[str, ...]]:
    """Run id -> what of it no earlier call scored in the same way."""
    missing = {}
    for run in study.runs:
        id_ = run.record.id
        missing[id_] = tuple(name for name in names_of(study, asked) if not _is_there(study, asked, id_, name))
    return missing


def _is_there(study: StudyFiles, asked: Asked, run: str, name: str) -> bool:
    place = place_of(study, run, name)
    about = read_about(place)
    return about.get("settings") == settings_of(study, asked, name) and is_sound(place, about)


@dataclass(frozen=True)
class Scored:
    """What one stress made of a run's answers.

    Attributes:
        answers: Variant -> predicted logits (n, k), images as in `rows_of`; empty where it was not made.
        absent: Why it was not made; empty where it was.
    """

    answers: Mapping[str, NDArray[np.float64]]
    absent: str


def read_scored(study: StudyFiles, run: RunFiles, name: str, ids: Sequence[str]) -> Scored:
    """Read what one stress left.

    Args:
        study: The study.
        run: One of its runs.
        name: Name of the stress.
        ids: The images that are expected, in their order.

    Raises:
        InputError: It is damaged, or of other images.
    """
    place = place_of(study, run.record.id, name)
    about, table = read_result(place, AGAIN)
    if table is None:
        return Scored({}, str(about.get("absent") or ""))
    answers = {}
    for variant, rows in table.groupby("variant", sort=False):
        if list(rows["id"]) != list(ids):
            raise InputError([Problem(str(place), "other images", "those of the study's validation part", AGAIN)])
        answers[str(variant)] = logits_in(rows, len(run.record.classes))
    return Scored(answers, "")
