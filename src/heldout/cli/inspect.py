"""`heldout inspect`: what the data is, and everything that is wrong with it, before anything is trained."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment


def inspect(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder, .npz, .csv or .parquet manifest, medmnist:NAME, phantom:NAME …")],
    patient: Annotated[
        str | None, typer.Option(help="Column, or regular expression on the file name, that names the patient.")
    ] = None,
    check_patients: Annotated[
        bool, typer.Option("--check-patients", help="Ask the images whether the patients that are named are patients.")
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read, and record them.")
    ] = False,
    no_test: Annotated[bool, typer.Option("--no-test", help="A missing test set is no problem.")] = False,
    val_fraction: Annotated[float, typer.Option(help="Share of train that becomes validation if none is given.")] = 0.2,
    seed: Annotated[int, typer.Option("--seed", "--split-seed", help="Seed of the validation split.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    r"""Look at your images before anything is trained: classes, splits, patients, sizes, copies, every problem.

    Shows also which validation set `heldout run` would draw. Nothing is written. The exit code is 1 if there are
    problems that would stop `heldout run`.

    Example: `heldout inspect images/ --patient '(patient\d+)_'`
    """
    from heldout.cli.progress import Bars
    from heldout.cli.views.inspect import show
    from heldout.cli.views.inspect_summary import summarise

    env = environment(context)
    summary = summarise(
        data,
        patient=patient,
        skip_unreadable=skip_unreadable,
        require_test=not no_test,
        val_fraction=val_fraction,
        seed=seed,
        reporter=Bars(env.console(stderr=True)),
        check_patients=check_patients,
    )
    if json:
        env.json(summary)
    else:
        show(summary, env.console())
    if summary["problems"]:
        raise typer.Exit(1)


COMMAND = inspect
