"""`heldout track STUDY --to TRACKER`: finished runs sent to where a group already looks at its runs."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import OUTPUT, StudyArgument, many

To = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="NAME[:PLACE]",
        help="mlflow[:URI], tensorboard[:FOLDER] or optuna[:FILE]; repeatable.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was sent as JSON.", rich_help_panel=OUTPUT)]


def track(
    context: typer.Context,
    study: StudyArgument,
    to: To,
    as_json: Json = False,
) -> None:
    """Send the finished runs of a study to MLflow or TensorBoard: settings, scores with intervals, curves, files.

    Optuna gets the trials of `--tune`.
    What was sent before is not sent again. `heldout run --track NAME[:PLACE]` does it at its end. Nothing is sent
    anywhere unless it is asked for.

    Example: `heldout track study --to mlflow:http://localhost:5000 --to tensorboard`
    """
    from heldout.cli.views.track import sentence
    from heldout.records.codec import to_data
    from heldout.trackers.send import send, trackers_of

    env = environment(context)
    sent = send(study, trackers_of(many(to)))
    if as_json:
        env.json({"format": 1, "sent": [to_data(one) for one in sent]})
        return
    for one in sent:
        env.say(sentence(one))


COMMAND = track
