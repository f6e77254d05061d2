"""`heldout serve STUDY`: the local page."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, ByOption, LangOption, MetricOption, OrderOption, StudyArgument, UnitOption

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 for any that is free.", rich_help_panel=OUTPUT),
]
NoBrowser = Annotated[
    bool, typer.Option("--no-browser", help="Print the address, open no browser.", rich_help_panel=OUTPUT)
]
Label = Annotated[
    str,
    typer.Option(
        "--label", metavar="NAME", help="One of several labels an image, as of two classes.", rich_help_panel=DATA
    ),
]


Json = Annotated[bool, typer.Option("--json", help="Print the address as JSON.", rich_help_panel=OUTPUT)]


def serve(
    context: typer.Context,
    study: StudyArgument,
    port: Port = None,
    no_browser: NoBrowser = False,
    metric: MetricOption = "",
    unit: UnitOption = "",
    by: ByOption = "",
    order: OrderOption = "",
    label: Label = "",
    lang: LangOption = "",
    as_json: Json = False,
) -> None:
    """Look at a study in the browser: runs, reasons, images, a map of them, and the blind review of doubtful labels.

    The page is served on this machine alone, works offline, and shows runs that are still in training, also those of
    other machines that write into the same folder. Nothing is changed but by a review, which is kept in
    STUDY/review.sqlite. The address holds a key that is drawn anew each time: whoever has it may look and review.
    Ctrl-C stops it.
    """
    from heldout.language import checked
    from heldout.report.material import Wanted
    from heldout.runs.study_checks import check_is_study
    from heldout.web.serving import serve as answer

    env = environment(context)
    checked(lang)
    check_is_study(study)

    def ready(address: str) -> None:
        if as_json:
            env.json({"address": address})
        else:
            env.say(f"{address}\nOpen it in a browser on this machine. Ctrl-C stops the server.")
        env.stdout.flush()
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    answer(study, port, Wanted(metric, unit, by, label, order), ready, lang)


COMMAND = serve
