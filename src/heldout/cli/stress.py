"""`heldout stress STUDY`: will it hold elsewhere? Runs on validation images changed as other sites differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, INTERVENTIONS, OUTPUT, MetricOption, StudyArgument

if TYPE_CHECKING:
    from heldout.computing import Device

DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME",
        help="Only these stresses, comma-separated; what is kept of more of them stays.",
        rich_help_panel=DATA,
    ),
]
Sample = Annotated[
    int,
    typer.Option(
        "--sample",
        metavar="N",
        help="Validation images that are changed, whole patients.",
        min=20,
        rich_help_panel=INTERVENTIONS,
    ),
]
SiteCount = Annotated[
    int,
    typer.Option(
        "--sites", metavar="J", help="Sites drawn for the forecast; 0 for none.", min=0, rich_help_panel=INTERVENTIONS
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="Of sample, noise and drawn sites.", min=0, rich_help_panel=INTERVENTIONS)
]
OnDevice = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.", rich_help_panel=INTERVENTIONS)]
Bootstrap = Annotated[int, typer.Option("--bootstrap", help="Replicates behind the intervals.", rich_help_panel=OUTPUT)]
Curves = Annotated[
    bool,
    typer.Option("--curves", help="Show every change of every run, not the summary alone.", rich_help_panel=OUTPUT),
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def stress(
    context: typer.Context,
    study: StudyArgument,
    metric: MetricOption = "",
    only: Only = None,
    sample: Sample = 500,
    sites: SiteCount = 24,
    seed: Seed = 0,
    bootstrap: Bootstrap = 1000,
    device: OnDevice = "auto",
    curves: Curves = False,
    as_json: Json = False,
) -> None:
    """Ask whether runs will hold elsewhere: validation images changed as images of other sites differ.

    Every run is scored on validation images that are out of focus, noisier, flatter, darker, compressed, of another
    stain … by as much as was measured between real sites, on images at which all of that comes together, and at other
    shares of the classes. Runs are ranked by what stays, and a forecast says what sites that differ so would cost. The
    test images have no part in it. A site can differ in ways that no change of images holds: on four real pairs of
    sites the forecast was no better than saying 0, and the ranking no better than validation's own (docs/stress.md).
    """
    from heldout.cli.options import many
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.cli.views.stress import show_stress
    from heldout.records.codec import to_data
    from heldout.runs.folder import read_study
    from heldout.runs.judging import judging_of
    from heldout.runs.stress_report import judge_stress
    from heldout.runs.stressed import Asked, check_can, unscored

    env = environment(context)
    where = choice("--device", device, DEVICES)
    files = read_study(study)
    asked = Asked(limit=sample, sites=sites, seed=seed, only=tuple(many(only)) if only else None)
    check_can(files, asked)
    judging = judging_of(files.cohort.classes, metric)
    for remark in files.remarks:
        env.error(remark)
    if any(unscored(files, asked).values()):
        from heldout.runs.stress import score_stresses  # half a second that a second call need not wait for

        score_stresses(files, asked, Bars(env.console(stderr=True)), where)
    report = judge_stress(files, asked, judging.metric, bootstrap)
    if as_json:
        env.json(to_data(report))
        return
    show_stress(report, env, curves)


COMMAND = stress
