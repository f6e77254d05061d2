"""`heldout calibrate RUN`: probabilities that mean what they say, and when the run answers."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, RunArgument

Abstain = Annotated[
    str,
    typer.Option(
        "--abstain",
        metavar="RATE",
        help="error:0.05, ppv:0.9,npv:0.98, sets:0.9 or class-sets:0.9; without it only probabilities.",
        rich_help_panel=DATA,
    ),
]
Confidence = Annotated[
    float,
    typer.Option("--confidence", metavar="SHARE", help="Of each promise, as 0.95.", rich_help_panel=DATA),
]
Part = Annotated[
    str,
    typer.Option("--part", metavar="val|test", help="Which part tests the promises.", rich_help_panel=DATA),
]
Kind = Annotated[str, typer.Option("--scaling", metavar="KIND", help="temperature or vector.", rich_help_panel=DATA)]
Positive = Annotated[
    str,
    typer.Option(
        "--positive", metavar="CLASS", help="Of ppv and npv; the second of two otherwise.", rich_help_panel=DATA
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def calibrate(
    context: typer.Context,
    run: RunArgument,
    abstain: Abstain = "",
    confidence: Confidence = 0.95,
    part: Part = "val",
    scaling: Kind = "temperature",
    positive: Positive = "",
    as_json: Json = False,
) -> None:
    """Make a run's probabilities mean what they say, and let it answer only where a promise can be kept.

    Temperature (or vector) scaling is fitted on validation, and judged on patients it has not seen. With `--abstain`
    one half of the patients fixes candidate thresholds, the other tests them, and test shows coverage and error with
    intervals. The promise is for new patients of the same kind: under a shift it is void, and `heldout predict` warns
    where new images look unlike. What is found stays in the run's folder; `heldout predict` applies it.

    Example: `heldout calibrate study/runs/0a1b2c --abstain error:0.05 --confidence 0.9`
    """
    from heldout.cli.progress import Bars
    from heldout.cli.views.calibrate import show_calibration
    from heldout.records.codec import to_data
    from heldout.runs.calibrate import calibrate as make

    env = environment(context)
    record = make(
        run,
        abstain,
        confidence=confidence,
        part=part,
        scaling=scaling,
        positive=positive,
        reporter=Bars(env.console(stderr=True)),
    )
    if as_json:
        env.json(to_data(record))
        return
    show_calibration(record, env)


COMMAND = calibrate
