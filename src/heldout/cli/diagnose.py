"""`heldout diagnose STUDY`: task E, why the test score is lower."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import Environment, environment
from heldout.cli.options import DATA, INTERVENTIONS, OUTPUT

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
ChosenPart = Annotated[
    str,
    typer.Option(
        "--chosen-on",
        metavar="val|test",
        help="Part on which the run was chosen, among the candidates given with it or the study's runs.",
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
        help="Images a part that interventions are tried on.",
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
    chosen_on: ChosenPart = "",
    retrain: Retrain = False,
    images: Images = 400,
    bootstrap: Bootstrap = 1000,
    strict: Strict = False,
    device: OnDevice = "auto",
    as_json: Json = False,
) -> int:
    """Say why test is lower than validation: by how many accuracy points each cause lowers it, how sure that is.

    The gap is taken apart into terms that sum to it exactly (selection, leakage, prior, labels, threshold, ranking),
    and every known cause is given a verdict: established, suggested, excluded, not identifiable (needs …), not
    applicable (because …) or failed. Interventions that need the network are run once and kept beside the run. How to
    read it, and every formula: docs/diagnosis.md; the causes: `heldout causes`.
    """
    from typing import cast, get_args

    from heldout.cli import ExitStatus
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.diagnosis.diagnose import choose_runs
    from heldout.diagnosis.diagnose import diagnose as judge
    from heldout.records.run import ChosenOn
    from heldout.runs.folder import read_study

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    files = read_study(study)
    chosen = choose_runs(files, run)
    if experiments:
        from heldout.diagnosis.interventions import run_interventions
        from heldout.training.device import Device

        run_interventions(
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
        chosen_on=cast(ChosenOn, choice("--chosen-on", chosen_on, get_args(ChosenOn))),
        experiments=experiments,
        bootstrap=bootstrap,
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
    env.say(f"\nNext: heldout report {files.folder}")


COMMAND = diagnose
