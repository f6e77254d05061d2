"""`heldout demo`: a cause is planted, found, mended and uncovered, without any data or download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.demonstration import Demonstration


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The study's folder.")] = Path("demo"),
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what heldout is for: a cause planted in simulated microscopy is found, and mended.

    Two strategies are trained and compared, one run is diagnosed with all experiments, the remedy is carried out, and
    at the end stands what was truly planted. Takes under 3 minutes on two cores, needs no data, no GPU and no network.
    """
    from heldout.cli.progress import Bars
    from heldout.cli.views.compare import show_comparison
    from heldout.demonstration import demonstrate
    from heldout.records.codec import to_data

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    bars.note("Simulated microscopy: red cells, smooth or spiculated, from two laboratories.")
    bars.note("Something was done to the test images, and the diagnosis is not told what.")
    found = demonstrate(out, bars)
    if json:
        env.json({**to_data(found), "report": str(found.report)})
        return
    show_comparison(found.comparison, env)
    explain(found, env)
    uncover(found, env)
    env.say(f"\nThe report: {found.report.resolve()}")
    env.say(f"All that was measured, and what could not be told: heldout diagnose {out}")


def explain(found: Demonstration, env: Environment) -> None:
    """Print why test is lower: what is told of each cause that is called one."""
    from heldout.answer import names_in
    from heldout.answer.why import headline, why_lower
    from heldout.cli.views.tables import wrapped

    width = env.console().width
    said = [headline(found.diagnosis, names_in(found.comparison)[found.diagnosis.run].spoken)]
    told = why_lower(found.diagnosis).told
    said += [f"{finding.cause}, {finding.verdict}. {finding.sentence}" for finding in told]
    env.say("\n" + "\n\n".join(wrapped(one, width) for one in said))


def uncover(found: Demonstration, env: Environment) -> None:
    """Print what was found beside what is true."""
    from heldout.answer.texts import bracketed, capital, number, signed
    from heldout.answer.why import points_lost, why_lower

    main = next(iter(why_lower(found.diagnosis).told), None)
    named = "Nothing that can be told"
    if main is not None:
        points = f", {points_lost(main.points)} points" if main.points else ""
        named = f"{capital(main.cause)}, {main.verdict}{points}"
    env.say(
        "\nWhat was found, and what is true\n"
        f"  Found    {named}.\n"
        f"  Planted  {capital(found.planted)}. It costs {number(found.cost.value)} {bracketed(found.cost)} points:\n"
        "           the same network answers the same cells without it.\n"
        "  Mended   The same strategy, learning from images that were saved as those of test are, gains\n"
        f"           {signed(found.remedied.value)} {bracketed(found.remedied)} points on the same test images."
    )


COMMAND = demo
