"""`heldout paper STUDY`: tables, figures, methods, checklists and a flow diagram for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, ByOption, MetricOption, OrderOption, Overwrite, StudyArgument, UnitOption

Label = Annotated[
    str,
    typer.Option(
        "--label",
        metavar="NAME",
        help="One of several labels, as of two classes: STUDY/paper-LABEL.",
        rich_help_panel=DATA,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder to write; STUDY/paper by default.", rich_help_panel=OUTPUT),
]
Width = Annotated[
    float,
    typer.Option(
        "--width",
        metavar="MM",
        help="Width of every figure in millimetres: 85 for one column, 170 for the page, or another.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.", rich_help_panel=OUTPUT)]


def paper(
    context: typer.Context,
    study: StudyArgument,
    out: Out = None,
    width: Width = 170.0,
    metric: MetricOption = "",
    unit: UnitOption = "",
    by: ByOption = "",
    order: OrderOption = "",
    label: Label = "",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write what a paper on a study needs: tables, figures, methods, checklists, a flow diagram, references.

    Every table as LaTeX, Markdown and DOCX; every figure as vector PDF of the width asked for; methods and results in
    sentences made from the records, with [TO FILL: …] where no record holds what a reader asks; CLAIM 2024, TRIPOD+AI
    and STARD-AI, filled as far as the records go. Files that you changed are not replaced without --overwrite. Needs
    `pip install 'heldout[paper]'`.
    """
    from heldout.paper import write_paper
    from heldout.report import Wanted

    env = environment(context)
    made = write_paper(study, out, width, Wanted(metric, unit, by, label, order), overwrite)
    folder = made.folder.resolve()
    if as_json:
        env.json(
            {
                "paper": str(folder),
                "files": list(made.files),
                "checklists": made.open,
                "faults": list(made.faults),
                "notes": list(made.notes),
            }
        )
    else:
        env.say(f"Paper: {folder} ({len(made.files)} files)")
        for name, rows in made.open.items():
            env.say(f"  {name}: {', '.join(f'{n} {status}' for status, n in rows.items())}")
        env.say("What no record holds stands as [TO FILL: …] in methods.md and in the checklists.")
    for note in (*made.notes, *made.faults):
        env.error(note)


COMMAND = paper
