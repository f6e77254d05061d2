"""`heldout causes`: every possible reason for a lower test score, with its manual entry."""

from __future__ import annotations

from typing import Annotated

import typer

from heldout.cli.env import environment


def causes(
    context: typer.Context,
    code: Annotated[str | None, typer.Argument(help="Only this one, e.g. image-quality.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain every cause that `heldout diagnose` asks for: how it is detected, why it matters, what to do."""
    from rich.padding import Padding
    from rich.text import Text

    from heldout.diagnosis.causes import causes as shelf
    from heldout.diagnosis.causes import manual

    env = environment(context)
    chosen = [shelf.get(code)] if code else list(shelf)
    if json:
        entries = []
        for cause in chosen:
            summary, parts = manual(cause)
            named = {part.lower().replace(" ", "_"): " ".join(text.split()) for part, text in parts.items()}
            entry = {
                "code": cause.code,
                "title": cause.title,
                "level": cause.level,
                "summary": " ".join(summary.split()),
            }
            entries.append({**entry, **named, "remedy": cause.remedy, "experiments": list(cause.interventions)})
        env.json({"format": 1, "causes": entries})
        return
    console = env.console()
    for cause in chosen:
        summary, parts = manual(cause)
        console.print(Text(f"\n{cause.code}", style="bold").append(f"  {cause.title}", style="not bold"))
        console.print(Padding(Text(" ".join(summary.split())), (0, 0, 0, 4)))
        for part, text in parts.items():
            console.print(Padding(Text(f"{part}: {' '.join(text.split())}"), (1, 0, 0, 4)))


COMMAND = causes
