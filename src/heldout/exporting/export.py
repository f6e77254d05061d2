"""A run exported: written, read back, checked against the run, and only then put in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from heldout._version import __version__
from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.exporting.asked_images import FEWEST, StudyImages, evenly, given_images, study_images, too_few
from heldout.exporting.exportable import Exportable, exportable
from heldout.exporting.format import Ask, Format, Written
from heldout.exporting.formats import formats
from heldout.files import sha256_of, whole
from heldout.images import Decoded, ImageError
from heldout.progress import Reporter, Silent
from heldout.records.codec import write_record
from heldout.records.export import EightBit, ExportCheck, ExportRecord, Scaling
from heldout.runs.calibrated import read_calibration
from heldout.stats.bootstrap import draw
from heldout.stats.estimates import difference_estimate

TOLERANCE = 1e-4
"""By how much a probability of a float32 file may differ from the run's: float32 sums that are taken in another order
differ by about 1e-6, and an image that is prepared otherwise by 1e-3 or more (`docs/export.md`)."""

RANGES = 128
"""Training images that ranges of activations are taken from. Onnxruntime's own examples take 100 to 500."""

SILENT = Silent()


def export(
    run: str | Path,
    out: str | Path,
    *,
    kind: str = "",
    int8: bool = False,
    images: Sequence[str | Path] = (),
    calibration: Scaling | None = None,
    calibrated: bool = True,
    reporter: Reporter | None = None,
) -> ExportRecord:
    """Write a finished run as one file that other programs run, with `<file>.json` beside it.

    The file is read back and asked about images: validation images of the run's study, evenly chosen, or those that are
    given. Where a probability differs from the run's own by more than 1e-4, nothing is written.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        out: The file: `.onnx`, `.pt2` (torch.export) or `.safetensors` (a state dict with the library's names). One
            that is there is replaced.
        kind: Name of the format; empty goes by the ending.
        int8: Weights and activations in 8-bit whole numbers (ONNX alone), with what that costs on validation images.
        images: Image files, folders, patterns to check with, at least 32; empty for validation images of the study.
        calibration: What is done to the logits before they become probabilities, such as a temperature; None for what
            `heldout calibrate` found of the run, as `heldout predict` applies it.
        calibrated: Whether that is applied, where it was found.
        reporter: Told of every image.

    Returns:
        What stands in the JSON file.

    Raises:
        UsageError: No format of that name or ending, or one that has no 8-bit version.
        InputError: The run is not finished, cannot be had in the format, or there are too few images to check with.
        HeldoutError: A package is missing, or the file differs from the run.
    """
    told, path = reporter or SILENT, Path(out)
    format_ = format_of(path, kind)
    if int8 and not format_.eight_bit:
        able = ", ".join(one.suffix for one in formats if one.eight_bit)
        raise UsageError(f"Found --int8 with {path.name}; expected a file of a format that can have it: {able}.")
    format_.check(int8)
    if calibration is None and calibrated:
        calibration = recorded_scaling(Path(run))
    source = exportable(Path(run), calibration)
    if int8 and len(source.members) > 1:
        found = (
            f"--int8 for a run of {len(source.members)} networks, which have learned from all images but their fold's"
        )
        raise UsageError(f"Found {found}; expected one network, of which what it costs can be told. Export one fold.")
    study = study_images(Path(run))
    asked = _asked(study, images, int8)
    with whole(path) as temporary:
        written = format_.write(source, temporary, _about(source))
        check = _checked(source, format_.asked(source, temporary), asked, told)
        eight = _shrunk(source, format_, temporary, study, told) if int8 and study is not None else None
        record = _record(source, format_, written, path, temporary, check, eight)
    write_record(beside(path), record)
    return record


def recorded_scaling(run: Path) -> Scaling | None:
    """What `heldout calibrate` found of a run; None where it was not called.

    Raises:
        InputError: The record is damaged, or of other predictions than the run's.
    """
    found = read_calibration(run)
    return None if found is None else Scaling(found.scaling.factors, found.scaling.shifts)


def beside(path: Path) -> Path:
    """The JSON file of an exported one: `model.onnx.json`, so that files of one name keep theirs."""
    return path.with_name(f"{path.name}.json")


def format_of(path: Path, kind: str = "") -> Format:
    """The format of a file, by name or by its ending.

    Raises:
        UsageError: There is none such.
    """
    if kind:
        return formats.get(kind)
    for one in formats:
        if path.suffix.lower() == one.suffix:
            return one
    known = ", ".join(f"{one.suffix} ({one.name})" for one in formats)
    raise UsageError(f"Found the file {path.name}; expected a name that ends in one of {known}, or --format NAME.")


@dataclass(frozen=True)
class _Asked:
    """Images to check with: how to name them, they, what they are, and what the run recorded of them."""

    images: list[tuple[str, Decoded]]
    source: str
    recorded: NDArray[np.float64] | None


def _asked(study: StudyImages | None, images: Sequence[str | Path], int8: bool) -> _Asked:
    """Read before anything is written, so that what is wrong is told first."""
    if study is None and (int8 or not images):
        wanted = "a run within its study, whose images it can be checked with"
        remedy = "Export it where the study is" + ("." if int8 else ", or give images with --images.")
        raise InputError([Problem("the run", "no cohort.parquet two folders above", wanted, remedy)])
    if images:
        return _Asked(given_images(images), "given", None)
    assert study is not None
    ids, source = study.to_check(FEWEST)
    if len(ids) < FEWEST:
        raise InputError([too_few(len(ids))], title="The file cannot be checked")
    one_network = not study.run.record.members
    return _Asked(_read(study, ids), source, study.recorded(ids) if one_network else None)


def _read(study: StudyImages, ids: Sequence[str]) -> list[tuple[str, Decoded]]:
    try:
        return list(study.of(ids))
    except ImageError as error:
        raise InputError([error.problem(error.where)], title="Images of the study cannot be read any more") from error


def _checked(source: Exportable, ask: Ask, asked: _Asked, reporter: Reporter) -> ExportCheck:
    reporter.begin("Checking the file", len(asked.images))
    expected, found = [], []
    for where, image in asked.images:
        expected.append(source.probabilities(image, where))
        found.append(ask(image, where))
        reporter.step()
    reporter.end()
    answers = np.stack(found)
    largest = float(np.abs(answers - np.stack(expected)).max())
    if not largest <= TOLERANCE:
        raise HeldoutError(
            f"The file answers otherwise than the run: probabilities of {len(answers)} images differ by up to "
            f"{largest:.2g}; expected at most {TOLERANCE:g}. Nothing was written. Try another format."
        )
    recorded = None
    if asked.recorded is not None and source.calibration is None:
        recorded = float(np.abs(answers - source.of_logits(asked.recorded)).max())
    return ExportCheck(len(answers), asked.source, largest, TOLERANCE, recorded)


def _shrunk(source: Exportable, format_: Format, path: Path, study: StudyImages, reporter: Reporter) -> EightBit:
    """Ask the float32 file and its 8-bit version about all validation images."""
    val, before = study.split.part("val"), path.stat().st_size
    exact = _all(format_.asked(source, path), study, val, reporter, "Asking the file in float32")
    chosen = evenly(study.split.part("train"), RANGES)
    format_.shrink(source, path, _read(study, chosen))
    coarse = _all(format_.asked(source, path), study, val, reporter, "Asking the file in int8")
    part = study.run.predictions.get("val") or study.run.labelled["val"]
    places = {id_: place for place, id_ in enumerate(part.ids)}
    order = [places[id_] for id_ in val]
    labels = part.labels[order]
    patients = [part.patients[place] for place in order]
    if source.one_class:
        right = [answers.argmax(axis=1) == labels for answers in (exact, coarse)]
        names, classes, who = list(val), labels, patients
    else:
        cuts = expit(np.asarray(source.thresholds))
        right = [((answers > cuts) == labels).reshape(-1) for answers in (exact, coarse)]
        k = labels.shape[1]
        names = [id_ for id_ in val for _ in range(k)]
        classes = np.zeros(len(names), dtype=np.int64)
        who = [patient or id_ for patient, id_ in zip(patients, val, strict=True) for _ in range(k)]
    lost = difference_estimate(right[0], right[1], draw(classes, names, who))
    return EightBit(len(chosen), lost, before, path.stat().st_size)


def _all(ask: Ask, study: StudyImages, ids: Sequence[str], reporter: Reporter, title: str) -> NDArray[np.float64]:
    """Probabilities (n, k), an image held at a time."""
    reporter.begin(title, len(ids))
    found = []
    try:
        for where, image in study.of(ids):
            found.append(ask(image, where))
            reporter.step()
    except ImageError as error:
        raise InputError([error.problem(error.where)], title="Images of the study cannot be read any more") from error
    reporter.end()
    return np.stack(found)


def _about(source: Exportable) -> dict[str, str]:
    """What the file itself says of where it comes from."""
    return {
        "heldout": __version__,
        "classes": json.dumps(list(source.record.classes), ensure_ascii=False),
        "labels": source.recipe.labels,
        "model": source.record.backbone,
        "licence": source.info.licence,
        "strategy": source.record.strategy,
        "study": source.study,
        "run": source.record.id,
        "run_sha256": source.run_sha256,
    }


def _record(
    source: Exportable,
    format_: Format,
    written: Written,
    path: Path,
    made: Path,
    check: ExportCheck,
    eight: EightBit | None,
) -> ExportRecord:
    return ExportRecord(
        file=path.name,
        sha256=sha256_of(made),
        kind=format_.name,
        classes=source.record.classes,
        labels=source.recipe.labels,
        thresholds=source.thresholds,
        model=source.record.backbone,
        licence=source.info.licence,
        strategy=source.record.strategy,
        study=source.study,
        run=source.record.id,
        run_sha256=source.run_sha256,
        networks=len(source.members),
        input=source.input,
        outputs=written.outputs,
        inside=tuple(one for one in written.inside if one != "calibration" or source.calibration is not None),
        calibration=source.calibration,
        constructor=written.constructor,
        runtime=dict(written.runtime),
        check=check,
        int8=eight,
        heldout=__version__,
    )
