"""Probabilities of a run that mean what they say, and when it answers: fitted, tested, judged, and kept beside the run.

From the run's records, without torch. Nothing here trains or scores: the logits are those that the run left. Which
images do what:

- `part="val"`: validation is halved by patient. One half gives the scaling and the candidate thresholds, the other
  tests them; test judges what came of it. Networks were compared on validation (epochs, settings, the runs of a study),
  so the level of the tests is divided by the number of them (Bonferroni), and the promise holds whichever was kept.
- `part="test"`: all of validation gives the scaling and the candidates, one half of test tests them, the other judges.
  What is promised is then promised for images like test; the runs of the study were compared on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from heldout.diagnosis.tables import quality_table
from heldout.errors import InputError, Problem, UsageError
from heldout.files import hash_of, sha256_of
from heldout.progress import Reporter, Silent
from heldout.records import Estimate
from heldout.records.calibration import (
    CALIBRATION,
    KNOWN_IMAGES,
    Calibration,
    Counted,
    Reliability,
    Rule,
    ScalingKind,
    Unlike,
)
from heldout.records.calibration import Scaling as ScalingRecord
from heldout.records.codec import read_record, write_sealed
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import with_logit_columns
from heldout.records.predictions import Predictions
from heldout.records.table_file import save_table
from heldout.runs.calibrated import ROLES, compared, known_of
from heldout.runs.candidates import candidates_of
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.runs.ledger import CALIBRATION_EVALUATIONS, CALIBRATION_QUESTIONS, entries, evaluations_of, write_down
from heldout.runs.rates import CalibrationAsked, check_rates
from heldout.runs.rule_judging import judged
from heldout.stats.abstention import Answered, Wanted, candidates, choose
from heldout.stats.reliability import reliability
from heldout.stats.risk_control import Patients, needed
from heldout.stats.scaling import Scaling, cross_fitted, fit_scaling, temperature_estimate
from heldout.stats.units import Units

SILENT = Silent()

KINDS: tuple[ScalingKind, ...] = ("temperature", "vector")


@dataclass(frozen=True, eq=False)
class Parts:
    """Which images do what.

    Attributes:
        fitting: Give the scaling and the candidate thresholds.
        control: Test them; None where no rate was asked.
        judging: Judge what came of it; None where there is nothing left.
    """

    fitting: Predictions
    control: Predictions | None
    judging: Predictions | None


def calibrate(
    run: str | Path,
    abstain: str = "",
    *,
    confidence: float = 0.95,
    part: str = "val",
    scaling: str = "temperature",
    positive: str = "",
    reporter: Reporter = SILENT,
) -> Calibration:
    """Calibrate a finished run, and say when it answers; kept in its folder, where `heldout predict` finds it.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        abstain: `error:0.05` (wrong answers at most), `ppv:0.9,npv:0.98` (predictive values at least, two classes),
            `sets:0.9` or `class-sets:0.9` (sets of classes that hold the true one); empty for probabilities alone.
        confidence: Of each promise, over the draw of the images that it is tested on.
        part: `val` or `test`: which part tests it.
        scaling: `temperature` or `vector`.
        positive: Class that predictive values are of; empty for the second of two.
        reporter: Told of progress.

    Raises:
        UsageError: An unknown rate, part or scaling, or one that this run cannot be asked.
        InputError: The run is not finished or damaged, or too few patients.
    """
    folder = Path(run)
    asked = CalibrationAsked.of(abstain, confidence, part, scaling, positive)
    if not (folder / "run.json").exists():
        remedy = "See `heldout compare STUDY`."
        raise InputError([Problem(str(folder), "no run.json", "a finished run: STUDY/runs/<run id>", remedy)])
    study = read_study(folder.resolve().parents[1])
    for one in study.runs:
        if one.record.id == folder.resolve().name:
            return calibrate_run(study, one, asked, reporter)
    aside = next((one for one in study.set_aside if one.run == folder.resolve().name), None)
    why = str(aside) if aside is not None else "a run that is not of this study"
    raise InputError([Problem(str(folder), why, "a sound run", "Call the same `heldout run` again.")])


def calibrate_run(
    study: StudyFiles, run: RunFiles, asked: CalibrationAsked, reporter: Reporter = SILENT
) -> Calibration:
    """The same of a study that was read.

    Args:
        study: The study.
        run: One of its runs.
        asked: What is wanted.
        reporter: Told of progress.

    Raises:
        UsageError, InputError: As `calibrate`.
    """
    if study.cohort.labelling is not SINGLE:
        raise UsageError(f"Images of {study.folder} have several labels; `heldout calibrate` knows one class an image.")
    check_rates(asked, study, run)
    seed = int(hash_of(study.record.split, 8), 16)  # of the split alone: nobody can draw until the halves please
    parts = parts_of(run, asked, seed)
    labels, logits = parts.fitting.labels, parts.fitting.logits
    fits = {kind: fit_scaling(kind, labels, logits) for kind in KINDS}
    used = fits[asked.scaling]
    found = candidates_of(study, asked.part)
    quality = quality_table(study, run.recipe, reporter)
    positive = asked.positive_of(study.cohort.classes)
    record = Calibration(
        run=run.record.id,
        predictions=sha256_of(run.folder / "predictions.parquet"),
        classes=study.cohort.classes,
        positive=positive if any(rate.kind in ("ppv", "npv") for rate in asked.rates) else "",
        part=asked.part,
        confidence=asked.confidence,
        candidates=found,
        given=run.record.learning.given,
        crossed=bool(run.record.members),
        questions=(),
        fitting=_counted(parts.fitting),
        control=None if parts.control is None else _counted(parts.control),
        single=parts.control is not None and _answered(parts.control, used, seed).patients.single,
        scaling=ScalingRecord(used.kind, used.temperature, used.factors, used.shifts, _uncertain(parts, used)),
        reliability=_reliability(run.predictions["val"], parts.judging, fits, seed),
        rules=tuple(_rule(rate, asked, parts, used, found, study.cohort.classes, seed) for rate in asked.rates),
        test_likeness=None,
        known_images="",
        pictured=quality is not None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    known = _known_images(parts, quality, record.compares_answers, seed)
    write_test_evaluation(study, run, asked)
    save_table(known, run.folder / KNOWN_IMAGES)
    record = replace(
        record,
        questions=write_questions(study, run, asked),
        test_likeness=_test_likeness(parts, quality, record.compares_answers, known),
        known_images=sha256_of(run.folder / KNOWN_IMAGES),
    )
    write_sealed(run.folder / CALIBRATION, record)
    return record


def parts_of(run: RunFiles, asked: CalibrationAsked, seed: int) -> Parts:
    """Which images do what.

    Raises:
        InputError: A half would have fewer than two patients.
    """
    val, test = run.predictions["val"], run.predictions.get("test")
    if not asked.rates:
        return Parts(val, None, test)
    if asked.part == "test":
        assert test is not None
        control, judging = halves(test, seed)
        return Parts(val, control, judging)
    fitting, control = halves(val, seed)
    return Parts(fitting, control, test)


def halves(side: Predictions, seed: int) -> tuple[Predictions, Predictions]:
    """A part divided at random into two halves of patients.

    Raises:
        InputError: It has fewer than four patients.
    """
    units = Units.of(side.labels, side.ids, side.patients)
    if len(units) < 4:
        expected = "four patients or more, better hundreds"
        raise InputError([Problem(side.part, f"{len(units)} patients", expected, "Give more images to this part.")])
    first = np.random.default_rng((seed, 67)).permutation(len(units))[: len(units) // 2]
    inside = np.isin(units.unit, first)
    return side.take(inside), side.take(~inside)


def write_test_evaluation(study: StudyFiles, run: RunFiles, asked: CalibrationAsked) -> None:
    """Count that test images were looked at, once for each different question."""
    if "test" not in run.predictions:
        return
    scoring = hash_of([run.record.id, asked.part, asked.confidence, asked.scaling, [str(rate) for rate in asked.rates]])
    if scoring not in evaluations_of(study.folder, CALIBRATION_EVALUATIONS, run.record.id):
        entry = {"run": run.record.id, "split": study.record.split, "scoring": scoring}
        write_down(study.folder, CALIBRATION_EVALUATIONS, entry)


def write_questions(study: StudyFiles, run: RunFiles, asked: CalibrationAsked) -> tuple[str, ...]:
    """Write down what the images of the part are asked; all that they were asked of this run so far, in order.

    The ledger keeps what a record no longer says: one of another part, or a damaged one, is replaced. Records that are
    older than the ledger are added to it.
    """
    written = [
        (entry.get("part"), entry.get("question"))
        for entry in entries(study.folder, CALIBRATION_QUESTIONS)
        if entry["run"] == run.record.id
    ]
    try:
        earlier = read_record(Calibration, run.folder / CALIBRATION)
        told = [(earlier.part, question) for question in earlier.questions if earlier.run == run.record.id]
    except InputError:
        told = []  # there is none, or it is damaged and is replaced
    for part, question in dict.fromkeys([*told, (asked.part, asked.question)]):
        if question and (part, question) not in written:
            written.append((part, question))
            entry = {"run": run.record.id, "part": part, "question": question}
            write_down(study.folder, CALIBRATION_QUESTIONS, entry)
    return tuple(dict.fromkeys(str(question) for part, question in written if part == asked.part))


def _uncertain(parts: Parts, used: Scaling) -> Estimate | None:
    side = parts.fitting
    units = Units.of(side.labels, side.ids, side.patients)
    if used.kind != "temperature" or len(units) < 2:
        return None
    return temperature_estimate(side.labels, side.logits, units.unit)


def _counted(side: Predictions) -> Counted:
    units = Units.of(side.labels, side.ids, side.patients)
    return Counted(len(side), len(units), units.patients > 0)


def _answered(side: Predictions, scaling: Scaling, seed: int) -> Answered:
    units = Units.of(side.labels, side.ids, side.patients)
    return Answered(side.labels, scaling.probabilities(side.logits), Patients.of(units.unit, seed))


def _reliability(
    val: Predictions, judging: Predictions | None, fits: dict[ScalingKind, Scaling], seed: int
) -> tuple[Reliability, ...]:
    """Of validation out of fold, of test by the scalings that were fitted; with both kinds."""
    units = Units.of(val.labels, val.ids, val.patients)
    found = []
    for kind, scaling in fits.items():
        if len(units) > 1:
            scaled = cross_fitted(kind, val.labels, val.logits, units.unit, seed)
            found.append(reliability(val, scaled, kind, seed))
        if judging is not None:
            found.append(reliability(judging, scaling.of(judging.logits), kind, seed))
    return tuple(found)


def _rule(
    rate: Wanted,
    asked: CalibrationAsked,
    parts: Parts,
    scaling: Scaling,
    compared_networks: int,
    classes: Sequence[str],
    seed: int,
) -> Rule:
    """One rate tested on the control part, and what its thresholds do on the judging part."""
    assert parts.control is not None
    fitting, control = (_answered(side, scaling, seed) for side in (parts.fitting, parts.control))
    positive = classes.index(asked.positive_of(classes))
    level = (1 - asked.confidence) / len(asked.rates) / compared_networks
    found = choose(rate, fitting, control, level, positive)
    tests = level / len(classes) if rate.kind == "class-sets" else level
    on_test = None
    if parts.judging is not None and found.values is not None:
        thresholds = candidates(rate, fitting, level, positive) if rate.kind in ("error", "ppv", "npv") else np.empty(0)
        on_test = judged(found, _answered(parts.judging, scaling, seed), thresholds, classes, positive)
    return Rule(rate.kind, rate.level, rate.alpha, found.values, found.p, level, needed(rate.alpha, tests), on_test)


def _known_images(parts: Parts, quality: pd.DataFrame | None, answers: bool, seed: int) -> pd.DataFrame:
    """The table of `calibration.parquet`: images that a promise is for, those of one half held against the other."""
    if parts.control is not None and parts.control.part == "val":
        known = parts.fitting, parts.control
    else:
        known = halves(parts.control or parts.fitting, seed + 1)
    tables = []
    for role, side in zip(ROLES, known, strict=True):
        units = Units.of(side.labels, side.ids, side.patients).unit
        who = pd.DataFrame({"role": [role] * len(side), "unit": units})
        tables.append(pd.concat([who, _numbers(side, quality, answers)], axis=1))
    return pd.concat(tables, ignore_index=True)


def _numbers(side: Predictions, quality: pd.DataFrame | None, answers: bool) -> pd.DataFrame:
    """What batches are compared by, one row an image.

    Args:
        side: Images.
        quality: Their measured properties; None where these could not be read.
        answers: Whether logits are among it (`Calibration.compares_answers`).
    """
    table = pd.DataFrame(index=range(len(side)))
    if answers:  # logits up to a constant an image, which says nothing, and is another one for a mean of networks
        table = with_logit_columns(table, log_softmax(np.asarray(side.logits, dtype=np.float64), axis=1))
    if quality is None:
        return table
    rows = quality.loc[list(side.ids)]
    return table.assign(**{str(name): rows[name].to_numpy(dtype=np.float64) for name in rows.columns})


def _test_likeness(parts: Parts, quality: pd.DataFrame | None, answers: bool, known: pd.DataFrame) -> Unlike | None:
    """The images that judge held against those that the promise is for."""
    if parts.judging is None:
        return None
    numbers = _numbers(parts.judging, quality, answers)
    return compared(numbers.to_numpy(dtype=np.float64), known_of(known, list(numbers.columns)))
