"""A study under stress written without torch: each change makes a planted number of right answers wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from heldout.diagnosis.results import write_result
from heldout.records.logit_table import variants_table
from heldout.runs.folder import read_study
from heldout.runs.stressed import Asked, names_of, place_of, rows_of, settings_of
from heldout.stresses.plan import CLEAN, TOGETHER

Flips = Callable[[int, str, str], int]
"""(number of the run, stress, variant) -> right answers that become wrong."""


def make_stress(folder: Path, asked: Asked, flips: Flips = lambda run, stress, variant: 0) -> None:
    """Write `stress/` of a study that `make_study` made; the first right images are those that become wrong."""
    files = read_study(folder)
    plan = asked.plan(files)
    for number, run in enumerate(files.runs):
        side, rows = run.predictions["val"], rows_of(files, run, asked)
        logits, ids = side.logits[rows], [side.ids[row] for row in rows]
        right = np.flatnonzero(side.right[rows])
        variants = {stress.name: [one.name for one in plan.variants(stress)] for stress in plan.single}
        variants |= {CLEAN: [CLEAN], TOGETHER: [str(j) for j in range(len(plan.factors))]}
        for name in names_of(files, asked):
            tables = {}
            for variant in variants[name]:
                wrong = right[: flips(number, name, variant)]
                tables[variant] = logits.copy()
                tables[variant][wrong] *= -1  # of two classes
            about = {"settings": settings_of(files, asked, name), "absent": None}
            write_result(place_of(files, run.record.id, name), about, variants_table("val", ids, tables))
