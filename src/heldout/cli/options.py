"""Groups of options in the help, and the options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.at_urls import fresh, place

DATA = "Data"
MODELS = "Models"
TRAINING = "Training"
INTERVENTIONS = "Interventions"
SCORES = "Scores"
OUTPUT = "Output"
PLACE = "Where it is computed"

MetricOption = Annotated[
    str,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="accuracy, balanced-accuracy, or cost:FILE (CSV: class,cost[,share]); of several labels mean-auc, …",
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

OrderOption = Annotated[
    str,
    typer.Option(
        "--order",
        metavar="LOW,…,HIGH",
        help="Classes are grades, in this order (or `classes`: as they stand): adds quadratic-weighted kappa.",
        rich_help_panel=SCORES,
    ),
]

LangOption = Annotated[
    str,
    typer.Option(
        "--lang",
        metavar="LANG",
        help="Language of the page: en by default, zh-TW, or another that is installed.",
        rich_help_panel=OUTPUT,
    ),
]

StudyArgument = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY", parser=place, callback=fresh, help="Folder or URL of a study, as `heldout run` made it."
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", parser=place, callback=fresh, help="A finished run: STUDY/runs/RUN.")
]
Data = Annotated[
    str, typer.Argument(help="Folder, .npz, .csv or .parquet manifest, URL of one, medmnist:NAME, phantom:NAME …")
]
Images = Annotated[
    str,
    typer.Option(
        "--images", metavar="FOLDER", help="Where the images of a table lie: folder or URL.", rich_help_panel=DATA
    ),
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
        "--ignore", metavar="GLOB", help=r"Files and folders to leave out, e.g. '\*_mask\*'.", rich_help_panel=DATA
    ),
]
Patient = Annotated[
    str | None,
    typer.Option(
        help="Column, or regular expression on the file name, that names the patient; or auto: names and copies.",
        rich_help_panel=DATA,
    ),
]
Intensity = Annotated[
    str,
    typer.Option(
        "--intensity",
        metavar="POLICY",
        help="Which values become black and white, for more than 8 bits: dicom-window, window:LO,HI, percentile:LO,HI "
        "(of train), full-range, per-image.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Channels = Annotated[
    str,
    typer.Option(
        "--channels",
        metavar="CHOICE",
        help="Which channels the network gets: select:NAMES_OR_NUMBERS, project (all mixed into 3) or adapt.",
        show_default=False,
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
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace a file of that name even if heldout did not write it.", rich_help_panel=OUTPUT
    ),
]
LabelKind = Annotated[
    str,
    typer.Option(
        "--labels",
        metavar="single|several",
        help="One class an image, or several labels; by rules that are said where not given.",
        rich_help_panel=DATA,
    ),
]
LabelSeparator = Annotated[
    str,
    typer.Option(
        "--label-separator",
        metavar="SIGN",
        help="Between several labels in one cell: | by default.",
        rich_help_panel=DATA,
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Read every image again, also files that have not changed since.", rich_help_panel=DATA
    ),
]

On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="local|ray[:ADDRESS]|slurm[:NAME=VALUE,…]",
        help="This machine, a Ray cluster, or a Slurm cluster: docs/clusters.md.",
        rich_help_panel=PLACE,
    ),
]
CpusPerRun = Annotated[
    int | None,
    typer.Option("--cpus-per-run", metavar="N", help="Cores, and threads, of a run there; 1.", rich_help_panel=PLACE),
]
GpusPerRun = Annotated[
    float | None,
    typer.Option("--gpus-per-run", metavar="N", help="GPUs of a run there, .5 for a half; 0.", rich_help_panel=PLACE),
]


@dataclass(frozen=True)
class Where:
    """Where a study is computed.

    Attributes:
        on: Name of an executor, after a colon what it is told.
        cpus: Cores of a run there; None for one.
        gpus: GPUs of a run there; None for none.
    """

    on: str
    cpus: int | None
    gpus: float | None

    def check(self, study: Path) -> None:
        """Say before images are read what is wrong with it.

        Raises:
            UsageError: An unknown executor, or what it cannot be told.
            HeldoutError: Its library is not installed.
        """
        from heldout.executors import opened

        opened(self.on, study, self.cpus, self.gpus)


def many(values: Sequence[str]) -> list[str]:
    """`["a,b", "c"]` -> `["a", "b", "c"]`: several values, comma-separated or the option repeated."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
