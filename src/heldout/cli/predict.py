"""`heldout predict`: a finished run put to use on new images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment


def predict(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A finished run: STUDY/runs/<run id>.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Classify image files with a trained run.

    The images are prepared just as the run's own images were. The probabilities are the network's softmax: they rank,
    but they are not calibrated.
    """
    from typing import cast, get_args

    from rich.table import Table

    from heldout.cli.values import choice
    from heldout.computing import Device
    from heldout.runs.predict import predict as classify

    env = environment(context)
    frame = classify(run, images, cast(Device, choice("--device", device, get_args(Device))))
    classes = [column for column in frame.columns if column.startswith("p(")]
    if json:
        rows = [
            {
                "image": row["image"],
                "predicted": row["predicted"],
                "probabilities": {column[2:-1]: float(row[column]) for column in classes},
            }
            for row in frame.to_dict("records")
        ]
        env.json({"format": 1, "run": run.name, "predictions": rows})
        return
    table = Table(box=None)
    for column in frame.columns:
        table.add_column(column, justify="right" if column in classes else "left")
    for row in frame.to_dict("records"):
        table.add_row(row["image"], row["predicted"], *(f"{row[column]:.3f}" for column in classes))
    env.console().print(table)


COMMAND = predict
