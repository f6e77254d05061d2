"""`heldout phantom`: simulated microscopy with the exact truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli._env import environment
from heldout.errors import UsageError


def phantom(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder to write; must be new, empty, or an older phantom.")],
    world: Annotated[str, typer.Option(help="Which world: cells, cells-two-sites, …")] = "cells",
    n: Annotated[int, typer.Option("--n", help="Images in all; 80% train, 20% test.")] = 2000,
    patients: Annotated[
        int | None, typer.Option(help="Patients in all; one to every twenty images by default.")
    ] = None,
    image_size: Annotated[int, typer.Option(help="Side of the images in pixels.")] = 96,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal images.")] = 0,
    val: Annotated[bool, typer.Option("--val", help="Make a validation part too, 20% of train.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Make simulated microscope images of two classes of red cells, with everything that is true of each beside them.

    The folder holds one .npy a class and part, metadata.csv with the patient, the site and every latent number of every
    image, and truth.json. Read it with `heldout inspect OUT` or `heldout run OUT`. docs/phantoms.md has the model.
    """
    from heldout.cli._progress import Bars
    from heldout.phantoms import Counts, simulate, write_phantom
    from heldout.phantoms._write import refuse_place
    from heldout.phantoms.worlds import worlds

    env = environment(context)
    chosen = worlds.get(world)
    refuse_place(out)
    try:
        counts = Counts.of(n, patients, val)
        made = simulate(chosen, seed, counts, image_size, reporter=Bars(env.console(stderr=True)))
    except ValueError as error:
        raise UsageError(f"heldout phantom: {error}") from error
    write_phantom(made, out)
    table = made.table
    classes = {
        str(split): {label: int((rows["label"] == label).sum()) for label in made.classes}
        for split, rows in table.groupby("split", sort=False)
    }
    people = {str(split): int(rows["patient"].nunique()) for split, rows in table.groupby("split", sort=False)}
    ceiling = chosen.test.population.ceiling()
    if json:
        env.json(
            {"format": 1, "folder": str(out), "world": world, "seed": seed, "image_size": image_size}
            | {"classes": classes, "patients": people, "ceiling": ceiling}
        )
        return
    env.say(f"{chosen.name}: {chosen.title}")
    for split, numbers in classes.items():
        env.say(f"  {split}: {', '.join(f'{k} {label}s' for label, k in numbers.items())}, {people[split]} patients")
    env.say(f"On single cells of unknown patients no classifier can do better than {ceiling:.1%} on average.")
    env.say(f"Written to {out}. Next: heldout inspect {out}")


COMMAND = phantom
