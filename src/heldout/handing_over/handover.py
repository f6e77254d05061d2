"""A finished run handed over: its folder is written, tests itself, and only then stands in its place."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from heldout.errors import InputError, Problem, UsageError
from heldout.exporting.export import export, recorded_scaling
from heldout.exporting.exportable import exportable
from heldout.files import whole_folder, write_text
from heldout.handing_over.card import card
from heldout.handing_over.names import CARD, CARRIED, LABELS, MODEL, REQUIREMENTS, THRESHOLDS
from heldout.handing_over.own_python import run_self_test
from heldout.handing_over.self_test import why_no_script, write_self_test
from heldout.handing_over.sums import SUMS, sums_of
from heldout.handing_over.thresholds import thresholds_of
from heldout.paper.document import OPEN
from heldout.progress import Reporter
from heldout.records.calibration import CALIBRATION, KNOWN_IMAGES
from heldout.records.codec import write_record
from heldout.records.handover import Handover
from heldout.report.material import Material, Wanted, gather
from heldout.runs.calibrated import read_calibrated
from heldout.runs.candidates import candidates_of
from heldout.shown import shown

NEEDED = ("onnxruntime", "pillow", "numpy")
"""Packages of `predict.py`; numpy comes with onnxruntime."""


def handover(
    run: str | Path, out: str | Path, *, images: Sequence[str | Path] = (), reporter: Reporter | None = None
) -> Handover:
    """Write a finished run as a folder that somebody else can run, with its limits written on it.

    The model is exported to ONNX, checked against the run's network (`heldout.export`), and answers the images of the
    self-test through `predict.py` in a Python of its own; where that fails nothing is written.

    Args:
        run: A finished run's folder, `STUDY/runs/<run id>`.
        out: The folder: a new name, or an empty folder.
        images: Image files, folders, patterns to check the model with, at least 32; empty for validation images of the
            study.
        reporter: Told of every image.

    Returns:
        What was written.

    Raises:
        UsageError: Something stands where the folder is to be.
        InputError: The run is not finished, stands outside a study, or cannot be exported.
        HeldoutError: A package is missing; the model differs from the run; the self-test fails.
    """
    run, place = Path(run), Path(out)
    _refuse_occupied(place)
    material = _study_of(run)
    calibration = read_calibrated(run)
    scaling = recorded_scaling(run)
    with whole_folder(place) as folder:
        model = export(run, folder / MODEL, images=images, calibration=scaling, reporter=reporter)
        found = None if calibration is None else calibration.record
        candidates = 0 if found is None else candidates_of(material.files, found.part)
        rule = thresholds_of(model, found, candidates)
        write_text(folder / LABELS, "".join(f"{shown(name)}\n" for name in model.classes))
        write_record(folder / THRESHOLDS, rule)
        for name in (CALIBRATION, KNOWN_IMAGES) if calibration is not None else ():
            shutil.copyfile(run / name, folder / name)
        no_script, tested = why_no_script(model.input, rule.depths), 0
        if not no_script:
            for name in CARRIED:
                script = files("heldout") / "handing_over" / "carried" / name
                write_text(folder / name, script.read_text(encoding="utf-8"))
            write_text(folder / REQUIREMENTS, "".join(f"{name}=={version(name)}\n" for name in NEEDED))
            tested = write_self_test(folder, exportable(run, scaling), rule.depths)
        text = card(material, run.resolve().name, model, rule, found, no_script)
        write_text(folder / CARD, text)
        write_text(folder / SUMS, sums_of(folder, (CARD,)))
        if not no_script:
            run_self_test(folder)
        names = tuple(sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()))
    diagnosed = not isinstance(material.diagnoses.get(run.resolve().name, ""), str)
    calibrated, gaps = scaling is not None, text.count(OPEN)
    return Handover(str(place), names, model, rule, calibrated, tested, no_script, gaps, diagnosed)


def _refuse_occupied(place: Path) -> None:
    """A folder that holds anything is never replaced: people write on the card of an earlier one."""
    if place.is_symlink() or (place.exists() and not (place.is_dir() and not any(place.iterdir()))):
        raise UsageError(f"Found {place}; expected a new name, or an empty folder. Choose another name, or remove it.")


def _study_of(run: Path) -> Material:
    """The study around a run, without the scores that the card does not tell.

    Raises:
        InputError: There is none, or the run is not among its complete ones.
    """
    folder = run.resolve()
    study = folder.parents[1] if len(folder.parts) > 2 else folder
    if not (folder / "run.json").exists() or not (study / "study.json").exists():
        found = "no run.json in it" if not (folder / "run.json").exists() else "no study.json two folders above"
        remedy = "See `heldout compare STUDY`; the card tells of the study's images and scores."
        raise InputError([Problem(str(run), found, "a finished run within its study: STUDY/runs/<run id>", remedy)])
    material = gather(study, Wanted(further=False))
    if folder.name not in {row.id for row in material.runs}:
        aside = [str(one) for one in material.files.set_aside if one.run == folder.name]
        found = aside[0] if aside else "a run of other images than the study's"
        raise InputError([Problem(str(run), found, "a run of its study", "See `heldout compare STUDY`.")])
    return material
