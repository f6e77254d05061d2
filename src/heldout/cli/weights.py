"""`heldout weights`: which weights are on this machine, where they lie, fetching them, adding a file by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment

COMMAND = typer.Typer(
    help="Weights on this machine: list them, fetch them, say where they lie, add a file fetched by hand.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@COMMAND.command("list")
def listing(context: typer.Context, json_: Json = False) -> None:
    """List the weights that are on this machine."""
    from heldout.backbones.given import kept

    env = environment(context)
    rows = kept()
    if json_:
        env.json(
            {
                "format": 1,
                "weights": [{"name": row.name, "path": str(row.path), "file_mb": row.file_mb} for row in rows],
            }
        )
        return
    for row in rows:
        env.say(f"{row.name:<50} {row.file_mb:>8.1f} MB  {row.path}")
    if not rows:
        env.say("None. The first run of a model fetches its weights; without a network: heldout weights add NAME FILE")


@COMMAND.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Models, e.g. resnet34 mobilenet_v3_large.")],
    json_: Json = False,
) -> None:
    """Fetch the weights of models now, for machines that have no network when they compute.

    What is here already is not fetched again. See docs/clusters.md.
    """
    from heldout import backbones
    from heldout.errors import HeldoutError

    env = environment(context)
    infos = [backbones.resolve(name) for name in dict.fromkeys(names)]
    found, errors = [], []
    for info in infos:
        try:
            found.append({"name": info.name, "path": str(backbones.fetch(info)), "hash": backbones.digest(info)})
        except HeldoutError as error:
            errors.append(str(error))
    if json_:
        env.json({"format": 1, "weights": found})
    else:
        for row in found:
            env.say(f"{row['name']:<50} {row['hash']}  {row['path']}")
    if errors:
        raise HeldoutError("\n\n".join(errors))


@COMMAND.command()
def where(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A model, e.g. resnet34.")],
    json_: Json = False,
) -> None:
    """Say where the weights of a model lie, or where they would be put."""
    from heldout.backbones.given import where as find

    env = environment(context)
    entry, here, place = find(name)
    path = here or place
    if json_:
        answer = {
            "format": 1,
            "name": entry.info.name,
            "here": here is not None,
            "path": str(path) if path else None,
            "file": entry.file,
            "url": entry.url,
            "hub": entry.hub,
        }
        env.json(answer)
    elif here:
        env.say(str(here))
    else:
        origin = entry.url or (f"the model-hub repository {entry.hub}" if entry.hub else "its package")
        env.say(f"{entry.info.name} is not here. It would be put at {place or 'its package'}; it comes from {origin}.")


@COMMAND.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The model whose weights the file holds, e.g. resnet34.")],
    file: Annotated[Path, typer.Argument(help="The file: .pth or .safetensors.")],
    json_: Json = False,
) -> None:
    """Check a weights file and copy it to where it is looked for.

    A file with a hash in its published name is checked by that, any other by the names and shapes of its tensors.
    """
    from heldout.backbones.given import add as put
    from heldout.backbones.given import where as find

    env = environment(context)
    place = put(name, file)
    if json_:
        env.json({"format": 1, "name": find(name)[0].info.name, "path": str(place)})
    else:
        env.say(f"Added: {place}")
