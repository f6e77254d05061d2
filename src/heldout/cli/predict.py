"""`heldout predict`: a finished run put to use on new images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.at_urls import fresh, place
from heldout.cli.env import Environment, environment
from heldout.cli.options import DATA, OUTPUT, Ignore, Overwrite, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.computing import Device
    from heldout.errors import Problem
    from heldout.exporting.reading import ExportedClassifier
    from heldout.records.calibration import Unlike
    from heldout.runs.predict import Classifier, Scored

Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="OUT", help="Write the answers to this CSV, as they come.", rich_help_panel=OUTPUT),
]
Parquet = Annotated[
    Path | None,
    typer.Option(
        "--parquet",
        metavar="OUT",
        help="Write the answers to this Parquet file, as they come.",
        rich_help_panel=OUTPUT,
    ),
]
DicomSr = Annotated[
    Path | None,
    typer.Option(
        "--dicom-sr",
        metavar="DIR",
        help="Write a structured report of every DICOM image into this folder, as they come.",
        rich_help_panel=OUTPUT,
    ),
]
Uncalibrated = Annotated[
    bool,
    typer.Option("--uncalibrated", help="Leave the run's calibration aside, where it has one.", rich_help_panel=OUTPUT),
]
OnDevice = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.", rich_help_panel=DATA)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]


def predict(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            parser=place,
            callback=fresh,
            help="A finished run: STUDY/runs/RUN; a folder of `heldout handover`; or model.onnx of `heldout export`.",
        ),
    ],
    images: Annotated[list[str], typer.Argument(help="Image files, folders of them, or patterns ('scans/*.png').")],
    csv: Csv = None,
    parquet: Parquet = None,
    dicom_sr: DicomSr = None,
    overwrite: Overwrite = False,
    ignore: Ignore = [],  # noqa: B006  (typer copies it)
    device: OnDevice = "auto",
    uncalibrated: Uncalibrated = False,
    json: Json = False,
) -> None:
    """Classify image files with a trained run.

    The images are prepared just as the run's own images were. Without `heldout calibrate` the probabilities are the
    network's softmax: they rank, but they are not calibrated. With it they are, `answer` holds the class where the run
    answers (or a set of classes), and it is said where the images look unlike those it was calibrated on. Files that
    cannot be read are listed and passed over, and the exit code is 1. No more than a batch of images is held at a time,
    however many there are. --dicom-sr needs `pip install 'heldout[dicom-sr]'`.

    Example: `heldout predict study/runs/0a1b2c scans/ --csv answers.csv`
    """
    from typing import cast, get_args

    from heldout.cli.answers import free, writers_of
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.computing import Device
    from heldout.data.entries import Layout
    from heldout.data.readers.files import files_named
    from heldout.errors import Problem

    env = environment(context)
    outs = [path for path in (csv, parquet, dicom_sr) if path is not None]
    free(outs, overwrite)
    named = files_named(images, Layout(ignore=tuple(many(ignore))))
    where = cast(Device, choice("--device", device, get_args(Device)))
    classifier = _classifier(run, where, uncalibrated)
    answering = classifier.calibration is not None and classifier.calibration.answering
    bars = Bars(env.console(stderr=True))
    for note in named.notes:
        bars.note(f"Note: {note}")
    problems: list[Problem] = list(named.problems)
    kept: list[Scored] = []
    done = 0
    with writers_of(csv, parquet, dicom_sr, classifier) as writers:
        for one in classifier.each(named.files, bars):
            if isinstance(one, Problem):
                problems.append(one)
                continue
            done += len(one.images)
            for write in writers:
                problems += write(one)
            kept += [one] if json or not writers else []
    unlike = classifier.likeness()
    if json:
        _json(classifier, kept, problems, unlike, env)
    elif not writers:
        _table(classifier.classes, kept, answering, env)
    else:
        env.say(f"{done:,} images classified: {', '.join(map(str, outs))}")
    _of_calibration(classifier, unlike, done, env)
    _told(problems, env)
    if problems:
        raise typer.Exit(1)


def _classifier(run: Path, device: Device, uncalibrated: bool) -> Classifier | ExportedClassifier:
    """What answers: a run, a folder that was handed over, or a file in ONNX."""
    from heldout.errors import UsageError
    from heldout.exporting.reading import ExportedClassifier
    from heldout.handing_over.reading import handed_over, is_handed_over
    from heldout.runs.predict import Classifier

    one_file, folder = run.suffix.lower() == ".onnx" and not run.is_dir(), is_handed_over(run)
    if uncalibrated and (one_file or folder):
        raise UsageError("Found --uncalibrated with a file in ONNX, which holds its calibration; expected a run.")
    if folder:
        return handed_over(run, device)
    return ExportedClassifier(run, device) if one_file else Classifier(run, device, not uncalibrated)


def _json(
    classifier: Classifier | ExportedClassifier,
    scored: Sequence[Scored],
    problems: Sequence[Problem],
    unlike: Unlike | None,
    env: Environment,
) -> None:
    from dataclasses import asdict
    from typing import Any

    rows: list[dict[str, Any]] = []
    for one in scored:
        for number, (image, name, values) in enumerate(zip(one.images, one.predicted, one.probabilities, strict=True)):
            probabilities = dict(zip(classifier.classes, map(float, values), strict=True))
            rows.append({"image": image, "predicted": name, "probabilities": probabilities})
            if one.answers:
                rows[-1]["answer"] = list(one.answers[number])
    told: dict[str, Any] = {"format": 1, "run": classifier.algorithm.run, "predictions": rows}
    if classifier.calibrated:
        told["calibrated"] = True
    if classifier.calibration is not None:
        told["likeness"] = None if unlike is None else asdict(unlike)
    if (known := _compared_since(classifier)) is not None:
        told["outdated"] = None if known.candidates is None else known.outdated
    env.json({**told, "problems": [asdict(problem) for problem in problems]})


def _table(classes: Sequence[str], scored: Sequence[Scored], answering: bool, env: Environment) -> None:
    from rich.table import Table

    from heldout.records.labelling.several import joined
    from heldout.runs.predict import column_of

    table = Table(box=None)
    for column in ("image", "predicted", *(("answer",) if answering else ())):
        table.add_column(column)
    for name in classes:
        table.add_column(column_of(name), justify="right")
    for one in scored:
        for number, (image, name, values) in enumerate(zip(one.images, one.predicted, one.probabilities, strict=True)):
            answer = (joined(one.answers[number]) or "–",) if answering else ()
            table.add_row(image, name, *answer, *(f"{value:.3f}" for value in values))
    if scored:
        env.console().print(table)


def _of_calibration(
    classifier: Classifier | ExportedClassifier, unlike: Unlike | None, done: int, env: Environment
) -> None:
    """What was applied, and whether it may be: on standard error, beside answers in files or JSON."""
    from heldout.answer.calibration import CROSSED, VOID, likeness_told, outdated_told
    from heldout.exporting.reading import ExportedClassifier
    from heldout.stats.batches import FEWEST

    if not classifier.calibrated or not done:
        return
    held = "the scaling of the logits is inside the file"
    applied = "(heldout calibrate); --uncalibrated leaves them as the network gives them"
    said = f": {held}" if isinstance(classifier, ExportedClassifier) else f" {applied}"
    env.error(f"Probabilities are calibrated{said}.")
    if classifier.calibration is None:
        return
    if classifier.calibration.record.crossed:
        env.error(CROSSED)
    if classifier.calibration.answering:
        env.error(VOID)
    if (known := _compared_since(classifier)) is not None:
        if known.candidates is None:
            env.error("Whether networks were compared since cannot be told: the run is in no study that can be read.")
        elif late := outdated_told(classifier.calibration.record, known.candidates):
            env.error(f"Warning: {late}")
    if unlike is not None:
        answers = classifier.calibration.record.compares_answers
        said = likeness_told(unlike, "These images look", answers=answers)
        env.error(("Warning: " if unlike.unlike else "") + said)
    elif done < FEWEST:
        env.error(f"Whether they look like those images is not said of fewer than {FEWEST}.")
    else:
        env.error("Whether they look like those images cannot be told: too little is known of those.")


def _compared_since(classifier: Classifier | ExportedClassifier) -> Classifier | None:
    """A run with promises, whose study may have gone on; a folder that was handed over has its card."""
    from heldout.runs.predict import Classifier

    calibration = classifier.calibration
    return classifier if isinstance(classifier, Classifier) and calibration and calibration.answering else None


def _told(problems: Sequence[Problem], env: Environment) -> None:
    """All problems, on standard error."""
    if not problems:
        return
    env.error("1 problem, passed over:" if len(problems) == 1 else f"{len(problems):,} problems, passed over:")
    for number, problem in enumerate(problems, start=1):
        env.error(f"  {number}. {problem}")


COMMAND = predict
