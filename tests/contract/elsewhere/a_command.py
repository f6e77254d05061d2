"""`heldout patients DATA`: how many patients there are."""

import typer

from heldout.cli.env import environment


def patients(context: typer.Context, data: str) -> None:
    """Count the patients of DATA."""
    from heldout.data.load import load

    table = load(data).table
    environment(context).json({"patients": int(table["patient"].nunique())})


COMMAND = patients
