"""`heldout plants`: every cause that can be planted, with its manual entry."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment


def plants(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain every cause of a lower test score that `heldout phantom --plant` can put in, with its settings.

    `--plant NAME=SEVERITY` is enough; `--plant NAME=SEVERITY:SETTING=VALUE,SETTING=VALUE` sets more. A value may be a
    list: `--plant blur=2:classes=discocyte,echinocyte,parts=val,test`.
    """
    import inspect

    from rich.text import Text

    from heldout.phantoms.plants import plants as shelf
    from heldout.settings import describe

    env = environment(context)
    chosen = [shelf.get(name)] if name else list(shelf)
    if json:
        entries = [
            {
                "name": item.name,
                "title": item.title,
                "cause": item.cause,
                "severity": item.severity,
                "levels": list(item.levels),
                "manual": inspect.cleandoc(item.__doc__ or ""),
                "settings": [{"name": n, "type": kind, "default": default} for n, kind, default in describe(item)],
            }
            for item in chosen
        ]
        env.json({"format": 1, "plants": entries})
        return
    console = env.console()
    for item in chosen:
        console.print(Text(f"\n{item.name}", style="bold").append(f"  {item.title}", style="not bold"))
        manual = inspect.cleandoc(item.__doc__ or "").replace("\nAttributes:", "\nSettings:")
        console.print("\n".join(f"    {line}" for line in manual.splitlines()))
        mild, moderate, strong = item.levels
        console.print(f"    Severity: {item.severity}, e.g. {mild:g}, {moderate:g}, {strong:g}")
        console.print(f"    A diagnosis should name the cause: {item.cause}")


COMMAND = plants
