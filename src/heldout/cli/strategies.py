"""`heldout strategies`: every strategy with its manual entry."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli._env import environment


def strategies(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain every way to use pretrained weights, with its settings.

    A setting is changed with `heldout run … --set STRATEGY.SETTING=VALUE`.
    """
    import inspect
    import textwrap

    from heldout.settings import describe, explain
    from heldout.strategies import strategies as shelf

    env = environment(context)
    chosen = [shelf.get(name)] if name else list(shelf)
    if json:
        entries = [
            {
                "name": item.name,
                "title": item.title,
                "manual": inspect.cleandoc(item.__doc__ or ""),
                "settings": [
                    {"name": n, "type": kind, "default": default, "meaning": explain(item)[n]}
                    for n, kind, default in describe(item)
                ],
            }
            for item in chosen
        ]
        env.json({"format": 1, "strategies": entries})
        return
    console = env.console()
    for item in chosen:
        console.print(f"\n[bold]{item.name}[/bold]  {item.title}")
        manual = inspect.cleandoc(item.__doc__ or "").partition("\nAttributes:")[0].rstrip()
        console.print("\n".join(f"    {line}" for line in manual.splitlines()), markup=False)
        console.print("    Settings:", markup=False)
        meanings = explain(item)
        for setting, kind, default in describe(item):
            console.print(f"      {item.name}.{setting}={default}   ({kind})", markup=False)
            for line in textwrap.wrap(meanings[setting], 100):
                console.print(f"          {line}", markup=False, highlight=False)


COMMAND = strategies
