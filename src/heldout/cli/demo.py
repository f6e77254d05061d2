"""`heldout demo`: the whole path on simulated microscopy, without any data or download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment

MODELS = ("efficientnet_lite0", "efficientnet_lite1")
EPOCHS = 5
IMAGE_SIZE = 96
PER_CLASS = 300


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The study's folder.")] = Path("demo"),
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Run the whole path on simulated microscopy: two models, two strategies, comparison, diagnosis, report.

    Takes under 3 minutes on two cores, needs no data, no GPU and no network.
    """
    from heldout.cli.progress import Bars
    from heldout.cli.views.compare import show_comparison
    from heldout.diagnosis.diagnose import diagnose
    from heldout.records.codec import to_data
    from heldout.runs.folder import read_study
    from heldout.study import Study

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    bars.note("Simulated microscopy: two classes of cells, patients as random effects, one microscope.")
    study = Study(
        "phantom:cells",
        MODELS,
        ("finetune", "frozen"),
        out,
        epochs=EPOCHS,
        image_size=IMAGE_SIZE,
        per_class=PER_CLASS,
        reporter=bars,
    )
    study.run(bars)
    comparison = study.compare()
    diagnose(read_study(out), experiments=False, reporter=bars)
    report = study.report()
    if json:
        env.json({**to_data(comparison), "report": str(report)})
        return
    show_comparison(comparison, env)
    env.say(f"\nThe report, with why test differs from validation: {report.resolve()}")
    env.say(f"The causes that need the network: heldout diagnose {out}")


COMMAND = demo
