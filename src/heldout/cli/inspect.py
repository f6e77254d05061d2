"""`heldout inspect`: what the data is, and everything that is wrong with it, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import (
    DATA,
    OUTPUT,
    Channels,
    Data,
    Ignore,
    Images,
    Intensity,
    LabelColumn,
    LabelKind,
    LabelSeparator,
    NoTest,
    Overwrite,
    PathColumn,
    Patient,
    SkipUnreadable,
    ValFraction,
    Verify,
    many,
)

CheckPatients = Annotated[
    bool,
    typer.Option(
        "--check-patients",
        help="Ask the images whether the patients that are named are patients.",
        rich_help_panel=DATA,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", "--split-seed", help="Seed of the validation split.", rich_help_panel=DATA)
]
Pairs = Annotated[
    Path | None,
    typer.Option(help="Write a picture of changed copies, pair by pair, to this PNG.", rich_help_panel=OUTPUT),
]
ContactSheet = Annotated[
    Path | None,
    typer.Option(
        "--contact-sheet",
        help="Draw images of every class as the network would get them, and histograms, into this PNG.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def inspect(
    context: typer.Context,
    data: Data,
    images: Images = "",
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    ignore: Ignore = [],  # noqa: B006  (typer copies it)
    patient: Patient = None,
    check_patients: CheckPatients = False,
    labels: LabelKind = "",
    label_separator: LabelSeparator = "",
    skip_unreadable: SkipUnreadable = False,
    no_test: NoTest = False,
    val_fraction: ValFraction = 0.2,
    seed: Seed = 0,
    intensity: Intensity = "",
    channels: Channels = "",
    pairs: Pairs = None,
    contact_sheet: ContactSheet = None,
    overwrite: Overwrite = False,
    verify: Verify = False,
    json: Json = False,
) -> None:
    r"""Inspect your images before anything is trained: classes, splits, patients, sizes, copies, every problem.

    Shows also which validation set `heldout run` would draw. Nothing is written but the pictures asked for by
    --pairs and --contact-sheet. The exit code is 1 if there are problems that would stop `heldout run`.

    Example: `heldout inspect images/ --patient '(patient\d+)_'`
    """
    from heldout.cli.progress import Bars
    from heldout.cli.views.inspect import show
    from heldout.cli.views.inspect_summary import summarise
    from heldout.data.entries import Layout
    from heldout.data.examine.labels import asked_labels
    from heldout.replacing import PICTURE, refuse_replacing

    env = environment(context)
    for picture in (pairs, contact_sheet):
        if picture is not None:
            refuse_replacing(picture, PICTURE, overwrite)
    summary = summarise(
        data,
        layout=Layout(images, path_column, label_column, tuple(many(ignore))),
        patient=patient,
        skip_unreadable=skip_unreadable,
        require_test=not no_test,
        val_fraction=val_fraction,
        seed=seed,
        reporter=Bars(env.console(stderr=True)),
        check_patients=check_patients,
        labels=asked_labels(labels, label_separator),
        pairs=pairs,
        intensity=intensity,
        channels=channels,
        contact_sheet=contact_sheet,
        verify=verify,
    )
    if json:
        env.json(summary)
    else:
        show(summary, env.console())
    if summary["problems"]:
        raise typer.Exit(1)


COMMAND = inspect
