"""`heldout strategies`: every strategy with its manual entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment

if TYPE_CHECKING:
    from heldout.strategies import Strategy


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

    from rich.text import Text

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
        console.print(Text(f"\n{item.name}", style="bold").append(f"  {item.title}", style="not bold"))
        manual = inspect.cleandoc(item.__doc__ or "").partition("\nAttributes:")[0].rstrip()
        console.print("\n".join(f"    {line}" for line in manual.splitlines()))
        if name:
            lines = _explained(item)
        else:
            settings = " ".join(f"{setting}={default}" for setting, _, default in describe(item))
            lines = textwrap.wrap(f"Settings: {settings}", 112, break_long_words=False)
        console.print("\n".join(f"    {line}" for line in lines), highlight=False)
    if not name:
        console.print("\nEvery setting is explained by `heldout strategies NAME`.")


def _explained(strategy: type[Strategy]) -> list[str]:
    """Every setting with its type, its default and what it means."""
    import textwrap

    from heldout.settings import describe, explain

    meanings, lines = explain(strategy), ["Settings:"]
    for setting, kind, default in describe(strategy):
        lines.append(f"  {strategy.name}.{setting}={default}   ({kind})")
        lines += textwrap.wrap(meanings[setting], 106, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines


COMMAND = strategies
