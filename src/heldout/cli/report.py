"""`heldout report STUDY`: one HTML file that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import (
    DATA,
    OUTPUT,
    ByOption,
    LangOption,
    MetricOption,
    OrderOption,
    Overwrite,
    StudyArgument,
    UnitOption,
)

Label = Annotated[
    str,
    typer.Option(
        "--label",
        metavar="NAME",
        help="The page of one of several labels an image, as of two classes: STUDY/report-LABEL.html.",
        rich_help_panel=DATA,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="File to write; STUDY/report.html by default.", rich_help_panel=OUTPUT),
]
Open = Annotated[bool, typer.Option("--open", help="Open the report in the browser.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print where the report is as JSON.", rich_help_panel=OUTPUT)]


def report(
    context: typer.Context,
    study: StudyArgument,
    out: Out = None,
    metric: MetricOption = "",
    unit: UnitOption = "",
    by: ByOption = "",
    order: OrderOption = "",
    label: Label = "",
    lang: LangOption = "",
    overwrite: Overwrite = False,
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Write the report of a study: one HTML file that opens offline and can be sent by mail.

    It holds the answer in two sentences, why the test score is lower (after `heldout diagnose`), the models, the
    curves, the comparison with intervals, every pair of runs, confusion matrices, time, data, settings and definitions.
    Every figure can be saved as SVG and its data as CSV. Metric and unit are those of the diagnoses where these agree,
    else accuracy and images; a diagnosis by another metric or unit than the report's is not shown, and the report says
    so.
    """
    from heldout.remote.urls import STUDIES, url_of
    from heldout.report import Wanted, write_report

    env = environment(context)
    made = write_report(study, out, Wanted(metric, unit, by, label, order), overwrite, lang)
    path = made.resolve()
    size, shown = path.stat().st_size, url_of(made, STUDIES) or str(path)
    if as_json:
        env.json({"report": shown, "bytes": size})
    else:
        env.say(f"Report: {shown} ({size / 1e6:.1f} MB, opens offline)")
    if open_:
        import webbrowser

        if not webbrowser.open(path.as_uri()):
            env.error(f"No browser answered; open {path} by hand.")


COMMAND = report
