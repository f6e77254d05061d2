"""`heldout diagnose STUDY`: task E, why the test score is lower."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import Environment, environment
from heldout.cli.options import DATA, INTERVENTIONS, OUTPUT, ByOption, MetricOption, UnitOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.records import Diagnosis
    from heldout.runs.folder import StudyFiles

Study = Annotated[Path, typer.Argument(help="Folder that `heldout run` wrote.")]
Run = Annotated[
    str | None,
    typer.Option("--run", help="Id of one run, or how it begins; all runs by default.", rich_help_panel=DATA),
]
Review = Annotated[
    Path | None,
    typer.Option("--review", help="CSV of test labels read by people: id,label[,reader].", rich_help_panel=DATA),
]
ChosenOnTest = Annotated[
    bool,
    typer.Option(
        "--chosen-on-test",
        help="Say that the run was chosen by its test score, among the candidates given with it or the study's runs.",
        rich_help_panel=DATA,
    ),
]
Experiments = Annotated[
    bool,
    typer.Option(
        "--experiments/--no-experiments",
        help="Run what needs the network, or judge without it.",
        rich_help_panel=INTERVENTIONS,
    ),
]
Retrain = Annotated[
    bool,
    typer.Option(
        "--retrain",
        help="Train anew on a grouped split however long it takes, to measure leakage.",
        rich_help_panel=INTERVENTIONS,
    ),
]
Images = Annotated[
    int,
    typer.Option(
        "--images",
        metavar="N",
        help="Images a part that interventions are tried on at first; on twice as many until it is told.",
        min=20,
        rich_help_panel=INTERVENTIONS,
    ),
]
OnDevice = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.", rich_help_panel=INTERVENTIONS)]
Bootstrap = Annotated[int, typer.Option("--bootstrap", help="Replicates behind the intervals.", rich_help_panel=OUTPUT)]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if a cause is established.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.", rich_help_panel=OUTPUT)]


def diagnose(
    context: typer.Context,
    study: Study,
    run: Run = None,
    experiments: Experiments = True,
    review: Review = None,
    metric: MetricOption = "accuracy",
    unit: UnitOption = "image",
    by: ByOption = "mean",
    chosen_on_test: ChosenOnTest = False,
    retrain: Retrain = False,
    images: Images = 400,
    bootstrap: Bootstrap = 1000,
    strict: Strict = False,
    device: OnDevice = "auto",
    as_json: Json = False,
) -> int:
    """Say why test is lower than validation: by how many points each cause lowers it, how sure that is.

    The gap is taken apart into terms that sum to it exactly (selection, leakage, prior, labels, threshold, ranking),
    and every known cause is given a verdict: established, suggested, excluded, not identifiable (needs …), not
    applicable (because …) or failed. Points are points of accuracy, or of the metric that is named. Interventions that
    need the network are run once and kept beside the run. How to read it, and every formula: docs/diagnosis.md; the
    causes: `heldout causes`.
    """
    from heldout.cli import ExitStatus
    from heldout.cli.progress import Bars
    from heldout.diagnosis.diagnose import choose_runs
    from heldout.diagnosis.diagnose import diagnose as judge
    from heldout.runs.folder import read_study
    from heldout.runs.judging import judging_of

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    files = read_study(study)
    chosen = choose_runs(files, run)
    judging = judging_of(files.cohort.classes, metric, unit, by)
    if experiments:
        from typing import cast, get_args

        from heldout.cli.values import choice
        from heldout.diagnosis.until_told import run_until_told
        from heldout.training.device import Device

        run_until_told(
            files,
            chosen,
            reporter=bars,
            device=cast(Device, choice("--device", device, get_args(Device))),
            limit=images,
            retrain=retrain,
        )
    found = judge(
        files,
        chosen,
        review=review,
        chosen_on_test=chosen_on_test,
        experiments=experiments,
        bootstrap=bootstrap,
        metric=judging.metric,
        unit=judging.unit,
        reporter=bars,
    )
    _answer(found, files, env, as_json)
    established = any(finding.verdict == "established" for item in found for finding in item.findings)
    return int(ExitStatus.ESTABLISHED if strict and established else ExitStatus.OK)


def _answer(found: Sequence[Diagnosis], files: StudyFiles, env: Environment, as_json: bool) -> None:
    """Print the diagnoses, runs under the names that the report gives them."""
    from heldout.answer import RunIdentity, run_names
    from heldout.cli.views.diagnose import show_diagnosis
    from heldout.records.codec import to_data

    if as_json:
        data = [to_data(diagnosis) for diagnosis in found]
        env.json(data[0] if len(data) == 1 else {"format": 1, "runs": data})
        return
    records = [item.record for item in files.runs]
    names = run_names([RunIdentity(one.id, one.backbone, one.strategy, one.seed) for one in records])
    for number, diagnosis in enumerate(found):
        if number:
            env.say("")
        show_diagnosis(diagnosis, env, names[diagnosis.run].spoken)
    env.say(f"\nNext: heldout report {files.folder}")  # it takes metric and unit of the diagnoses


COMMAND = diagnose
