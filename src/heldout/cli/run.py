"""`heldout run`: tasks B and C, every model with every strategy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from heldout.cli.at_urls import place
from heldout.cli.env import Environment, environment
from heldout.cli.options import (
    DATA,
    MODELS,
    OUTPUT,
    TRAINING,
    Channels,
    CpusPerRun,
    Data,
    GpusPerRun,
    Ignore,
    Images,
    Intensity,
    LabelColumn,
    LabelKind,
    LabelSeparator,
    NoTest,
    On,
    OrderOption,
    PathColumn,
    Patient,
    SkipUnreadable,
    ValFraction,
    Verify,
    Where,
    many,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.study import Study
    from heldout.trackers.tracker import Tracker

Models = Annotated[
    list[str],
    typer.Option(
        "--models",
        "--model",
        metavar="NAMES",
        help="Pretrained models, comma-separated; see `heldout models`.",
        rich_help_panel=MODELS,
    ),
]
Strategies = Annotated[
    list[str],
    typer.Option(
        "--strategies",
        "--strategy",
        metavar="NAMES",
        help="Strategies, see `heldout strategies`; or `auto`: choose one on validation.",
        rich_help_panel=MODELS,
    ),
]
Seeds = Annotated[
    int, typer.Option(metavar="N", help="Repeat every run with so many seeds.", min=1, rich_help_panel=MODELS)
]
ImageSize = Annotated[
    int, typer.Option(help="Images are resized to this many pixels a side.", min=16, rich_help_panel=DATA)
]
Fitted = Annotated[
    str, typer.Option("--fit", help="An image that is not square: stretch, pad or crop.", rich_help_panel=DATA)
]
SplitSeed = Annotated[int, typer.Option(help="Seed of the validation split.", rich_help_panel=DATA)]
Folds = Annotated[
    int | None,
    typer.Option(
        metavar="K",
        help="Cross-validate: K folds by patient, every image scored by a network that did not learn from it.",
        min=2,
        rich_help_panel=DATA,
    ),
]
Repeats = Annotated[
    int, typer.Option(metavar="N", help="Repeat the cross-validation with other folds.", min=1, rich_help_panel=DATA)
]
PerClass = Annotated[
    int | None, typer.Option(help="At most so many training images a class.", min=2, rich_help_panel=DATA)
]
Epochs = Annotated[
    int | None, typer.Option(help="Passes over the training images, for every strategy.", rich_help_panel=TRAINING)
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="A strategy's setting, e.g. finetune.lr=1e-4; repeatable.", rich_help_panel=TRAINING),
]
Tune = Annotated[
    int | None,
    typer.Option(
        help="Search settings on validation first: trainings a model and strategy.", min=1, rich_help_panel=TRAINING
    ),
]
TuneMinutes = Annotated[
    float | None,
    typer.Option(help="Search settings on validation first: minutes a model and strategy.", rich_help_panel=TRAINING),
]
TuneAtOnce = Annotated[
    int,
    typer.Option(help="Settings that a search proposes together, for --on ray.", min=1, rich_help_panel=TRAINING),
]
BudgetMinutes = Annotated[
    float | None,
    typer.Option(help="With --strategies auto: begin no training after so many minutes (30).", rich_help_panel=MODELS),
]
OnDevice = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.", rich_help_panel=TRAINING)]
WithPrecision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="no (float32), bf16, fp16, or auto: bf16 where a model gains by it here.",
        rich_help_panel=TRAINING,
    ),
]
WithEngine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What computes fixed features on a CPU: auto, torch, folded (BatchNorm) or openvino.",
        rich_help_panel=TRAINING,
    ),
]
Out = Annotated[
    Path,
    typer.Option(metavar="STUDY", parser=place, help="The study's folder, or a URL.", rich_help_panel=OUTPUT),
]
Track = Annotated[
    list[str],
    typer.Option(
        metavar="NAME[:PLACE]",
        help="Send runs to mlflow[:URI], tensorboard[:FOLDER], optuna[:FILE] at the end; see `heldout track`.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.", rich_help_panel=OUTPUT)]


def run(
    context: typer.Context,
    data: Data,
    models: Models,
    strategies: Strategies = ["finetune,frozen"],  # noqa: B006  (typer copies it)
    budget_minutes: BudgetMinutes = None,
    epochs: Epochs = None,
    seeds: Seeds = 1,
    image_size: ImageSize = 224,
    fit: Fitted = "stretch",
    val_fraction: ValFraction = 0.2,
    split_seed: SplitSeed = 0,
    folds: Folds = None,
    repeats: Repeats = 1,
    images: Images = "",
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    ignore: Ignore = [],  # noqa: B006  (typer copies it)
    patient: Patient = None,
    labels: LabelKind = "",
    label_separator: LabelSeparator = "",
    order: OrderOption = "",
    per_class: PerClass = None,
    set_: Assignments = None,
    out: Out = Path("study"),
    device: OnDevice = "auto",
    precision: WithPrecision = "no",
    engine: WithEngine = "auto",
    skip_unreadable: SkipUnreadable = False,
    tune: Tune = None,
    tune_minutes: TuneMinutes = None,
    tune_at_once: TuneAtOnce = 1,
    no_test: NoTest = False,
    intensity: Intensity = "",
    channels: Channels = "",
    verify: Verify = False,
    on: On = "local",
    cpus_per_run: CpusPerRun = None,
    gpus_per_run: GpusPerRun = None,
    track: Track = [],  # noqa: B006  (typer copies it)
    json: Json = False,
) -> None:
    """Train every model with every strategy on your images, and compare them.

    What is finished is not trained again, and what was interrupted goes on from its last epoch: call it again with the
    same words, or with more models or strategies. Called several times at once, it shares the runs. The test images
    are scored once a run, after training, and counted.

    Example: `heldout run images/ --models resnet34,mobilenet_v3_large --strategies finetune,frozen --seeds 3`
    """
    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.computing import Device, Engine
    from heldout.data.entries import Layout
    from heldout.data.examine.labels import asked_labels
    from heldout.records import recipe
    from heldout.runs.asked import asked_strategies, models_of
    from heldout.runs.plan import Reading, SearchBudget, StudySpec
    from heldout.settings import parse_assignments
    from heldout.study import Study
    from heldout.trackers.send import trackers_of

    env, where = environment(context), Where(on, cpus_per_run, gpus_per_run)
    where.check(out)
    named = trackers_of(many(track))
    layout = Layout(images, path_column, label_column, tuple(many(ignore)))
    asked = asked_labels(labels, label_separator)
    chosen, auto = asked_strategies(many(strategies), epochs, parse_assignments(set_ or []), budget_minutes)
    spec = StudySpec(
        data=data,
        models=models_of(many(models)),
        strategies=chosen,
        seeds=tuple(range(_seeds(seeds, folds, repeats))),
        reading=Reading(
            patient,
            skip_unreadable,
            not no_test,
            val_fraction,
            split_seed,
            per_class,
            asked,
            order or None,
            layout,
            folds,
        ),
        image_size=image_size,
        fit=choice("--fit", fit, get_args(recipe.Fit)),
        precision=choice("--precision", precision, get_args(recipe.PrecisionChoice)),
        search=SearchBudget.of(tune, tune_minutes, tune_at_once),
        intensity=intensity,
        channels=channels,
        auto=auto,
    )
    at = choice("--device", device, get_args(Device))
    by = choice("--engine", engine, get_args(Engine))
    study = Study.of(spec, out, device=at, engine=by, verify=verify, reporter=Bars(env.console(stderr=True)))
    _carry_out(study, where, named, env, json)


def _seeds(seeds: int, folds: int | None, repeats: int) -> int:
    """Number of seeds: a repeat of a cross-validation has folds and a seed of its own.

    Raises:
        UsageError: Repeats without folds, or beside seeds.
    """
    from heldout.errors import UsageError

    if repeats > 1 and folds is None:
        raise UsageError(f"Found --repeats {repeats} without --folds; expected both, or --seeds {repeats}.")
    if folds is not None and seeds > 1:
        raise UsageError(
            f"Found --seeds {seeds} together with --folds; expected --repeats {seeds}: each repeat has folds and a "
            f"seed of its own."
        )
    return max(seeds, repeats)


def _carry_out(study: Study, where: Where, named: Sequence[tuple[Tracker, str]], env: Environment, json: bool) -> None:
    """Run the study, print the comparison of all runs of its folder, and send them where that was asked for."""
    from heldout.cli.views.compare import show_comparison
    from heldout.cli.views.track import sentence
    from heldout.records.codec import to_data
    from heldout.remote import urls
    from heldout.trackers.send import send

    for note in study.cohort.notes:
        study.reporter.note(f"Note: {note}")
    comparison = study.run(on=where.on, cpus=where.cpus, gpus=where.gpus).compare()
    if json:
        env.json(to_data(comparison))
    else:
        show_comparison(comparison, env)
        env.say(f"\nNext: heldout report {urls.named(study.folder)}")
    for one in send(study.folder, named, comparison) if named else ():
        study.reporter.note(sentence(one))


COMMAND = run
