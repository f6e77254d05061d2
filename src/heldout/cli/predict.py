"""`heldout predict`: a finished run put to use on new images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import Environment, environment
from heldout.cli.options import Ignore, Overwrite, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.errors import Problem
    from heldout.runs.predict import Scored

Csv = Annotated[Path | None, typer.Option("--csv", metavar="OUT", help="Write the answers to this CSV, as they come.")]
Parquet = Annotated[
    Path | None, typer.Option("--parquet", metavar="OUT", help="Write the answers to this Parquet file, as they come.")
]


def predict(
    context: typer.Context,
    run: Annotated[
        Path, typer.Argument(help="A finished run: STUDY/runs/RUN; or model.onnx, as `heldout export` wrote it.")
    ],
    images: Annotated[list[str], typer.Argument(help="Image files, folders of them, or patterns ('scans/*.png').")],
    csv: Csv = None,
    parquet: Parquet = None,
    overwrite: Overwrite = False,
    ignore: Ignore = [],  # noqa: B006  (typer copies it)
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Classify image files with a trained run.

    The images are prepared just as the run's own images were. The probabilities are the network's softmax: they rank,
    but they are not calibrated. Files that cannot be read are listed and passed over, and the exit code is 1. No more
    than a batch of images is held at a time, however many there are.

    Example: `heldout predict study/runs/0a1b2c scans/ --csv answers.csv`
    """
    from contextlib import ExitStack
    from typing import cast, get_args

    from heldout.cli.answers import csv_answers, free, parquet_answers
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.computing import Device
    from heldout.data.entries import Layout
    from heldout.data.readers.files import files_named
    from heldout.errors import Problem
    from heldout.exporting.reading import ExportedClassifier
    from heldout.runs.predict import Classifier

    env = environment(context)
    free([path for path in (csv, parquet) if path is not None], overwrite)
    named = files_named(images, Layout(ignore=tuple(many(ignore))))
    where = cast(Device, choice("--device", device, get_args(Device)))
    classifier: Classifier | ExportedClassifier
    classifier = ExportedClassifier(run, where) if run.suffix.lower() == ".onnx" else Classifier(run, where)
    bars = Bars(env.console(stderr=True))
    for note in named.notes:
        bars.note(f"Note: {note}")
    problems: list[Problem] = list(named.problems)
    kept: list[Scored] = []
    done = 0
    with ExitStack() as stack:
        writers = [stack.enter_context(csv_answers(csv, classifier.classes))] if csv is not None else []
        writers += [stack.enter_context(parquet_answers(parquet, classifier.classes))] if parquet is not None else []
        for one in classifier.each(named.files, bars):
            if isinstance(one, Problem):
                problems.append(one)
                continue
            done += len(one.images)
            for write in writers:
                write(one)
            kept += [one] if json or not writers else []
    if json:
        _json(run, classifier.classes, kept, problems, env)
    elif not writers:
        _table(classifier.classes, kept, env)
    else:
        env.say(f"{done:,} images classified: {', '.join(str(path) for path in (csv, parquet) if path is not None)}")
    _told(problems, env)
    if problems:
        raise typer.Exit(1)


def _json(
    run: Path, classes: Sequence[str], scored: Sequence[Scored], problems: Sequence[Problem], env: Environment
) -> None:
    from dataclasses import asdict

    rows = [
        {"image": image, "predicted": name, "probabilities": dict(zip(classes, map(float, values), strict=True))}
        for one in scored
        for image, name, values in zip(one.images, one.predicted, one.probabilities, strict=True)
    ]
    env.json({"format": 1, "run": run.name, "predictions": rows, "problems": [asdict(problem) for problem in problems]})


def _table(classes: Sequence[str], scored: Sequence[Scored], env: Environment) -> None:
    from rich.table import Table

    from heldout.runs.predict import column_of

    table = Table(box=None)
    for column in ("image", "predicted"):
        table.add_column(column)
    for name in classes:
        table.add_column(column_of(name), justify="right")
    for one in scored:
        for image, name, values in zip(one.images, one.predicted, one.probabilities, strict=True):
            table.add_row(image, name, *(f"{value:.3f}" for value in values))
    if scored:
        env.console().print(table)


def _told(problems: Sequence[Problem], env: Environment) -> None:
    """All problems, on standard error."""
    if not problems:
        return
    env.error("1 problem, passed over:" if len(problems) == 1 else f"{len(problems):,} problems, passed over:")
    for number, problem in enumerate(problems, start=1):
        env.error(f"  {number}. {problem}")


COMMAND = predict
