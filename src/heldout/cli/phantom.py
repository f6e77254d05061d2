"""`heldout phantom`: simulated microscopy with the exact truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import Environment, environment
from heldout.cli.options import DATA, OUTPUT
from heldout.errors import UsageError

if TYPE_CHECKING:
    from heldout.phantoms import Phantom

Out = Annotated[Path, typer.Argument(help="Folder to write: new, empty, or with nothing in it but an earlier phantom.")]
World = Annotated[str, typer.Option(help="Which world: cells, cells-two-sites, …", rich_help_panel=DATA)]
Count = Annotated[int, typer.Option("--n", help="Images in all; 80% train, 20% test.", rich_help_panel=DATA)]
Patients = Annotated[
    int | None,
    typer.Option(help="Patients in all; one to every twenty images by default.", rich_help_panel=DATA),
]
ImageSize = Annotated[int, typer.Option(help="Side of the images in pixels.", rich_help_panel=DATA)]
Seed = Annotated[int, typer.Option(help="Equal seeds give equal images.", rich_help_panel=DATA)]
Val = Annotated[bool, typer.Option("--val", help="Make a validation part too, 20% of train.", rich_help_panel=DATA)]
Plants = Annotated[
    list[str] | None,
    typer.Option(
        help="Put in a cause of a lower test score: NAME, NAME=SEVERITY or NAME=SEVERITY:SETTING=VALUE,…, as in "
        "--plant blur=2 --plant flips=0.1:classes=discocyte. Repeat for several; `heldout plants` lists them.",
        rich_help_panel=DATA,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.", rich_help_panel=OUTPUT)]


def phantom(
    context: typer.Context,
    out: Out,
    world: World = "cells",
    n: Count = 2000,
    patients: Patients = None,
    image_size: ImageSize = 96,
    seed: Seed = 0,
    val: Val = False,
    plant: Plants = None,
    json: Json = False,
) -> None:
    """Make simulated microscope images of two classes of red cells, with everything that is true of each beside them.

    The folder holds one .npy a class and part, metadata.csv with the patient, the site and every latent number of every
    image, and truth.json. Read it with `heldout inspect OUT` or `heldout run OUT`. docs/phantoms.md has the model.

    With plants, truth.json says what each did to which images, and OUT/twin holds the same without the causes: the same
    training images, so that what a model loses from the twin's test part to this one is what the plants cost.
    """
    from heldout.cli.progress import Bars
    from heldout.phantoms import Counts, simulate, simulate_twin, write_phantom
    from heldout.phantoms.plants import parse_plants
    from heldout.phantoms.worlds import worlds
    from heldout.phantoms.write import TWIN, refuse_place

    env = environment(context)
    chosen, plants = worlds.get(world), parse_plants(plant or ())
    refuse_place(out)
    bars = Bars(env.console(stderr=True))
    try:
        made = simulate(chosen, seed, Counts.of(n, patients, val), image_size, plants, bars)
    except ValueError as error:
        raise UsageError(f"heldout phantom: {error}") from error
    write_phantom(made, out, simulate_twin(made, bars) if plants else None)
    _say(made, out, TWIN, env, json)


def _say(made: Phantom, out: Path, twin: str, env: Environment, json: bool) -> None:
    """What was made, as text or JSON."""
    from heldout.answer.texts import percent

    parts = made.table.groupby("split", sort=False)
    classes = {
        str(split): {label: int((rows["label"] == label).sum()) for label in made.classes} for split, rows in parts
    }
    people = {str(split): int(rows["patient"].nunique()) for split, rows in parts}
    ceiling = made.world.test.population.ceiling()
    if json:
        planted = [
            {"key": one.key, "cause": one.cause, "settings": dict(one.settings)}
            | {"touched": len(one.touched), "added": len(one.added), "removed": len(one.removed)}
            for one in made.truth
        ]
        env.json(
            {"format": 1, "folder": str(out), "world": made.world.name, "seed": made.seed, "image_size": made.size}
            | {"classes": classes, "patients": people, "ceiling": ceiling}
            | {"plants": planted, "twin": str(out / twin) if planted else None}
        )
        return
    env.say(f"{made.world.name}: {made.world.title}")
    for split, numbers in classes.items():
        env.say(f"  {split}: {', '.join(f'{k} {label}s' for label, k in numbers.items())}, {people[split]} patients")
    env.say(f"On single cells of unknown patients no classifier can do better than {percent(ceiling)} on average.")
    for one in made.truth:
        done = f"{len(one.touched)} images touched, {len(one.added)} added, {len(one.removed)} removed"
        env.say(f"Planted {one.key}: {done}. A diagnosis should name the cause '{one.cause}'.")
    if made.truth:
        env.say(f"The same without these causes: {out / twin}")
    env.say(f"Written to {out}. Next: heldout inspect {out}")


COMMAND = phantom
