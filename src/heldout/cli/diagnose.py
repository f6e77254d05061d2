"""`heldout diagnose STUDY | TABLE…`: task E, why the test score is lower, for our runs and for anybody's model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli import tables
from heldout.cli.at_urls import fresh, place
from heldout.cli.env import Environment, environment
from heldout.cli.options import (
    DATA,
    INTERVENTIONS,
    OUTPUT,
    ByOption,
    Channels,
    CpusPerRun,
    GpusPerRun,
    Intensity,
    MetricOption,
    On,
    UnitOption,
    Where,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.computing import Device
    from heldout.progress import Reporter
    from heldout.records import Diagnosis
    from heldout.records.run import ChosenOn
    from heldout.runs.folder import StudyFiles

DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")
CHOSEN_ON: tuple[ChosenOn, ...] = ("", "val", "test")

Given = Annotated[
    list[Path],
    typer.Argument(
        metavar="STUDY | TABLE...",
        parser=place,
        callback=fresh,
        help="Folder or URL that `heldout run` wrote; or one table of predictions with a column split, or two: "
        "validation, then test (CSV or Parquet).",
    ),
]
Run = Annotated[
    str | None,
    typer.Option("--run", help="Id of one run, or how it begins; all runs by default.", rich_help_panel=DATA),
]
Label = Annotated[
    str,
    typer.Option(
        "--label",
        metavar="NAME",
        help="One of several labels an image; of a study all in turn by default.",
        rich_help_panel=DATA,
    ),
]
Review = Annotated[
    Path | None,
    typer.Option("--review", help="CSV of test labels read by people: id,label[,reader].", rich_help_panel=DATA),
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
Sample = Annotated[
    int,
    typer.Option(
        "--sample",
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
    data: Given,
    run: Run = None,
    review: Review = None,
    label: Label = "",
    metric: MetricOption = "",
    unit: UnitOption = "image",
    by: ByOption = "mean",
    kind: tables.Kind = None,
    class_columns: tables.ClassColumns = "",
    model_column: tables.ModelColumn = "model",
    name: tables.Name = "model",
    train: tables.Train = None,
    chosen_on: tables.ChosenPart = "",
    chosen: tables.Chosen = "",
    images: tables.ImageFolder = None,
    image_size: tables.ImageSize = None,
    model: tables.Model = None,
    preprocessing: tables.Preprocessing = None,
    features_of: tables.FeaturesOf = "efficientnet_lite0",
    out: tables.Out = None,
    intensity: Intensity = "",
    channels: Channels = "",
    experiments: Experiments = True,
    retrain: Retrain = False,
    sample: Sample = 400,
    bootstrap: Bootstrap = 1000,
    strict: Strict = False,
    device: OnDevice = "auto",
    on: On = "local",
    cpus_per_run: CpusPerRun = None,
    gpus_per_run: GpusPerRun = None,
    as_json: Json = False,
) -> int:
    """Say why test is lower than validation: by how many points each cause lowers it, how sure that is.

    The gap is taken apart into terms that sum to it exactly (selection, leakage, prior, labels, threshold, ranking),
    and every known cause is given a verdict: established, suggested, excluded, not identifiable (needs …), not
    applicable (because …) or failed. Points are points of accuracy, or of the metric that is named. Interventions that
    need the network are run once and kept beside the run. How to read it, and every formula: docs/diagnosis.md; the
    causes: `heldout causes`.

    Any model: `heldout diagnose val.csv test.csv --probabilities`, from tables with the columns label, id or path, and
    one a class: docs/any-model.md.
    """
    from heldout.cli import ExitStatus
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    where, part = choice("--device", device, DEVICES), choice("--chosen-on", chosen_on, CHOSEN_ON)
    given = tables.TableOptions(
        kind, class_columns, model_column, name, train, chosen_on, chosen, images, image_size, model, preprocessing,
        features_of, out, intensity, channels, label,
    )  # fmt: skip
    asked = _Asked(experiments, review, sample, bootstrap, where, metric, unit, by, part, label)
    place = Where(on, cpus_per_run, gpus_per_run)
    if len(data) == 1 and data[0].is_dir():
        given.refuse_beside(data[0])
        files, found = _of_study(data[0], run, retrain, asked, place, bars)
    else:
        of_study = {"--run": run, "--retrain": retrain, "--on": on != "local"}
        tables.refuse(of_study, "tables of predictions", "the folder of a study")
        files, found = _of_tables(data, given, asked, bars)
    _answer(found, files, env, as_json)
    established = any(finding.verdict == "established" for item in found for finding in item.findings)
    return int(ExitStatus.ESTABLISHED if strict and established else ExitStatus.OK)


@dataclass(frozen=True)
class _Asked:
    """Options of every diagnosis."""

    experiments: bool
    review: Path | None
    sample: int
    bootstrap: int
    device: Device
    metric: str
    unit: str
    by: str
    chosen_on: ChosenOn
    label: str


def _of_tables(
    data: Sequence[Path], given: tables.TableOptions, asked: _Asked, bars: Reporter
) -> tuple[StudyFiles, tuple[Diagnosis, ...]]:
    """The study that is made of tables, and the diagnoses of its models."""
    from heldout.any_model import diagnose_call

    return diagnose_call(
        tables.call_of(data, given),
        sample=asked.sample,
        features_of=given.features_of,
        experiments=asked.experiments,
        review=asked.review,
        bootstrap=asked.bootstrap,
        device=asked.device,
        metric=asked.metric,
        unit=asked.unit,
        by=asked.by,
        chosen_on=asked.chosen_on,
        reporter=bars,
    )


def _of_study(
    study: Path, run: str | None, retrain: bool, asked: _Asked, place: Where, bars: Reporter
) -> tuple[StudyFiles, tuple[Diagnosis, ...]]:
    """A study and the diagnoses of its runs; experiments that are missing are run first."""
    from heldout.diagnosis.diagnose import choose_runs
    from heldout.diagnosis.diagnose import diagnose as judge
    from heldout.review.of_study import reviewed_labels
    from heldout.runs.folder import read_study
    from heldout.runs.judging import judging_of
    from heldout.runs.one_label import metric_of_question, questions

    whole = read_study(study)
    for remark in whole.remarks:
        bars.note(remark)
    found: list[Diagnosis] = []
    for files in questions(whole, asked.label):
        chosen = choose_runs(files, run)
        if asked.review is None and (reviewed := reviewed_labels(files)):
            bars.note(
                f"{reviewed} test labels were reviewed and are not counted. To count them: heldout review {study}"
                f"{f' --label {files.label}' if files.label else ''} --export reviewed.csv, then heldout diagnose "
                f"{study} --review reviewed.csv"
            )
        metric = asked.metric or metric_of_question(files)
        judging = judging_of(files.cohort.classes, metric, asked.unit, asked.by)
        if asked.experiments:
            from heldout.diagnosis.experiments import Wanted
            from heldout.diagnosis.until_told import experiments_on
            from heldout.executors import opened

            wanted = Wanted(asked.device, asked.sample, retrain=retrain)
            with opened(place.on, study, place.cpus, place.gpus) as executor:
                experiments_on(files, chosen, executor, wanted, bars)
        found += judge(
            files,
            chosen,
            review=asked.review,
            chosen_on=asked.chosen_on,
            experiments=asked.experiments,
            bootstrap=asked.bootstrap,
            metric=judging.metric,
            unit=judging.unit,
            reporter=bars,
        )
    return whole, tuple(found)


def _answer(found: Sequence[Diagnosis], files: StudyFiles, env: Environment, as_json: bool) -> None:
    """Print the diagnoses, runs under the names that the report gives them."""
    from heldout.answer import RunIdentity, run_names
    from heldout.cli.views.diagnose import show_diagnosis
    from heldout.cli.views.labels import show_labels
    from heldout.records.codec import to_data
    from heldout.remote.urls import named

    if as_json:
        data = [to_data(diagnosis) for diagnosis in found]
        env.json(data[0] if len(data) == 1 else {"format": 1, "runs": data})
        return
    records = [item.record for item in files.runs]
    names = run_names([RunIdentity(one.id, one.backbone, one.strategy, one.seed) for one in records])
    if len({diagnosis.label for diagnosis in found}) > 1:
        show_labels(found, env, {id_: name.spoken for id_, name in names.items()}, files.folder)
    else:
        for number, diagnosis in enumerate(found):
            if number:
                env.say("")
            show_diagnosis(diagnosis, env, names[diagnosis.run].spoken)
    if files.given:
        env.say(f"\nThe predictions, and what was found, are in {named(files.folder)}.")
    env.say(f"\nNext: heldout report {named(files.folder)}")  # it takes metric and unit of the diagnoses


COMMAND = diagnose
