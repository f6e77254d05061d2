"""A run's calibration put to use: probabilities that mean what they say, answers or none, and whether images are alike.

Reads what `runs.calibrate` wrote beside the run, for `heldout predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax

from heldout.errors import InputError, Problem
from heldout.files import sha256_of
from heldout.images.quality import PROPERTIES, quality_of
from heldout.records.calibration import CALIBRATION, KNOWN_IMAGES, Calibration, Unlike
from heldout.records.codec import read_record
from heldout.records.logit_table import logit_columns
from heldout.records.table_file import load_table
from heldout.stats.abstention import SET_KINDS, answer_mask, set_mask
from heldout.stats.batches import Known, likeness
from heldout.stats.scaling import Scaling
from heldout.stats.scores import Reals
from heldout.ties import first_of_largest

AGAIN = "Call `heldout calibrate` again."

ROLES = ("anchor", "other")


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What is applied to new images.

    Attributes:
        record: `calibration.json`.
        table: `calibration.parquet`.
    """

    record: Calibration
    table: pd.DataFrame

    @property
    def answering(self) -> bool:
        """Whether it was asked when to answer."""
        return bool(self.record.rules)

    def probabilities(self, logits: Reals) -> Reals:
        """(n, k) calibrated."""
        scaling = self.record.scaling
        return Scaling(scaling.kind, scaling.factors, scaling.shifts).probabilities(logits)

    def answers(self, probabilities: Reals) -> list[tuple[str, ...]]:
        """The classes that each image is answered with: one, none where it is not answered, or a set of several.

        Args:
            probabilities: (n, k) calibrated.
        """
        names, n = self.record.classes, len(probabilities)
        inside = np.zeros((n, len(names)), dtype=bool)
        positive = names.index(self.record.positive) if self.record.positive else 0
        for rule in self.record.rules:
            if rule.thresholds is None:
                continue
            if rule.kind in SET_KINDS:
                inside |= set_mask(probabilities, rule.thresholds)
                continue
            rows = np.flatnonzero(answer_mask(rule.kind, probabilities, rule.thresholds[0], positive))
            inside[rows, first_of_largest(probabilities[rows], axis=1)] = True
        return [tuple(name for name, has in zip(names, row, strict=True) if has) for row in inside]

    def numbers(self, logits: Reals, pixels: NDArray[Any]) -> Reals:
        """(n, d) what batches are compared by.

        Args:
            logits: (n, k) as the network gives them.
            pixels: (n, s, s, c) the squares that it saw.
        """
        parts = [np.empty((len(logits), 0))]
        if self.record.compares_answers:
            parts.append(log_softmax(np.asarray(logits, dtype=np.float64), axis=1))
        if self.record.pictured:
            parts.append(quality_of(pixels).to_numpy(dtype=np.float64))
        return np.concatenate(parts, axis=1)

    def likeness(self, numbers: Reals) -> Unlike | None:
        """Whether a batch looks like the images that the rules were made on; None where that cannot be told."""
        return compared(numbers, known_of(self.table, numbers_in(self.record)))


def numbers_in(record: Calibration) -> list[str]:
    """Columns of `calibration.parquet` that batches are compared by."""
    answers = logit_columns(len(record.classes)) if record.compares_answers else []
    return [*answers, *([one.name for one in PROPERTIES] if record.pictured else [])]


def known_of(table: pd.DataFrame, columns: list[str]) -> Known:
    """The known images of a table with `role` and `unit`."""
    anchor, other = (table[table["role"] == role] for role in ROLES)
    values = [side[columns].to_numpy(dtype=np.float64) for side in (anchor, other)]
    return Known(values[0], values[1], other["unit"].to_numpy(dtype=np.int64))


def compared(numbers: Reals, known: Known) -> Unlike | None:
    """A batch held against known images, as a record has it."""
    found = likeness(numbers, known)
    if found is None:
        return None
    return Unlike(found.images, found.distance, found.usual, found.p, found.unlike)


def read_calibration(run: Path) -> Calibration | None:
    """The record of a run's folder; None where there is none.

    Raises:
        InputError: It is damaged, or of other predictions than the run's.
    """
    file = run / CALIBRATION
    if not file.exists():
        return None
    record = read_record(Calibration, file, AGAIN)
    made = run / "predictions.parquet"
    if record.run != run.name or (made.is_file() and sha256_of(made) != record.predictions):
        found = f"the calibration of run {record.run} and of other predictions than are here"
        raise InputError([Problem(str(file), found, f"that of {run.name} as it is", AGAIN)])
    return record


def read_calibrated(run: Path) -> Calibrated | None:
    """A run's calibration with its known images; None where there is none.

    Raises:
        InputError: A file is damaged, or they are not of one another.
    """
    record = read_calibration(run)
    return None if record is None else with_known_images(record, run)


def with_known_images(record: Calibration, folder: Path) -> Calibrated:
    """A calibration with the known images that lie in a folder.

    Raises:
        InputError: They are not there, or not those of the record.
    """
    file = folder / KNOWN_IMAGES
    if not file.is_file() or sha256_of(file) != record.known_images:
        found = "another file than was written" if file.is_file() else "no such file"
        raise InputError([Problem(str(file), found, f"that of {CALIBRATION}", AGAIN)])
    return Calibrated(record, load_table(file, "the known images of a calibration", AGAIN))
