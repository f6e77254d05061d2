"""Groups of options in the help, and the options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

DATA = "Data"
MODELS = "Models"
TRAINING = "Training"
INTERVENTIONS = "Interventions"
SCORES = "Scores"
OUTPUT = "Output"

MetricOption = Annotated[
    str,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="accuracy, balanced-accuracy, or cost:FILE (CSV: class,cost[,share]).",
        rich_help_panel=SCORES,
    ),
]
UnitOption = Annotated[
    str, typer.Option("--unit", metavar="UNIT", help="One decision an image or a patient.", rich_help_panel=DATA)
]
ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="HOW",
        help="How a patient's images give one answer: mean, max or majority.",
        rich_help_panel=DATA,
    ),
]

Data = Annotated[str, typer.Argument(help="Folder, .npz, .csv or .parquet manifest, medmnist:NAME, phantom:NAME …")]
Images = Annotated[
    str,
    typer.Option("--images", metavar="FOLDER", help="Where the images of a table lie.", rich_help_panel=DATA),
]
PathColumn = Annotated[
    str,
    typer.Option(
        "--path-column", metavar="NAME", help="Column of a table: path, name or id of the image.", rich_help_panel=DATA
    ),
]
LabelColumn = Annotated[
    str,
    typer.Option(
        "--label-column",
        metavar="NAME[S]",
        help="Column of a table: the class; or several of 0 and 1, one a class.",
        rich_help_panel=DATA,
    ),
]
Ignore = Annotated[
    list[str],
    typer.Option(
        "--ignore", metavar="GLOB", help="Files and folders to leave out, e.g. '*_mask*'.", rich_help_panel=DATA
    ),
]
Patient = Annotated[
    str | None,
    typer.Option(
        help="Column, or regular expression on the file name, that names the patient; or auto: names and copies.",
        rich_help_panel=DATA,
    ),
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable", help="Go on without images that cannot be read, and record them.", rich_help_panel=DATA
    ),
]
NoTest = Annotated[
    bool, typer.Option("--no-test", help="Go on although there are no test images.", rich_help_panel=DATA)
]
ValFraction = Annotated[
    float, typer.Option(help="Share of train that becomes validation if none is given.", rich_help_panel=DATA)
]


def many(values: Sequence[str]) -> list[str]:
    """`["a,b", "c"]` -> `["a", "b", "c"]`: several values, comma-separated or the option repeated."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
