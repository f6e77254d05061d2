"""`heldout run`: tasks B and C, every model with every strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, MODELS, OUTPUT, TRAINING, Data, NoTest, Patient, SkipUnreadable, ValFraction

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
        help="Strategies; see `heldout strategies`.",
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
Out = Annotated[Path, typer.Option(help="The study's folder.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.", rich_help_panel=OUTPUT)]


def many(values: list[str]) -> list[str]:
    """`["a,b", "c"]` -> `["a", "b", "c"]`: several values, comma-separated or the option repeated."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def run(
    context: typer.Context,
    data: Data,
    models: Models,
    strategies: Strategies = ["finetune,frozen"],  # noqa: B006  (typer copies it)
    epochs: Epochs = None,
    seeds: Seeds = 1,
    image_size: ImageSize = 224,
    fit: Fitted = "stretch",
    val_fraction: ValFraction = 0.2,
    split_seed: SplitSeed = 0,
    patient: Patient = None,
    per_class: PerClass = None,
    set_: Assignments = None,
    out: Out = Path("study"),
    device: OnDevice = "auto",
    precision: WithPrecision = "no",
    engine: WithEngine = "auto",
    skip_unreadable: SkipUnreadable = False,
    tune: Tune = None,
    tune_minutes: TuneMinutes = None,
    no_test: NoTest = False,
    json: Json = False,
) -> None:
    """Train every model with every strategy on your images, and compare them.

    What is finished is not trained again, and what was interrupted goes on from its last epoch: call it again with the
    same words, or with more models or strategies. The test images are scored once a run, after training, and counted.

    Example: `heldout run images/ --models resnet34,mobilenet_v3_large --strategies finetune,frozen --seeds 3`
    """
    from typing import cast, get_args

    from heldout.cli.progress import Bars
    from heldout.cli.values import choice
    from heldout.records.codec import to_data
    from heldout.records.recipe import Fit, PrecisionChoice
    from heldout.runs.compare import compare
    from heldout.settings import parse_assignments
    from heldout.study import Study
    from heldout.training.device import Device
    from heldout.training.engine import Engine

    env = environment(context)
    bars = Bars(env.console(stderr=True))
    study = Study(
        data,
        many(models),
        many(strategies),
        out,
        epochs=epochs,
        seeds=seeds,
        image_size=image_size,
        fit=cast(Fit, choice("--fit", fit, get_args(Fit))),
        val_fraction=val_fraction,
        split_seed=split_seed,
        per_class=per_class,
        patient=patient,
        engine=cast(Engine, choice("--engine", engine, get_args(Engine))),
        skip_unreadable=skip_unreadable,
        require_test=not no_test,
        settings=parse_assignments(set_ or []),
        device=cast(Device, choice("--device", device, get_args(Device))),
        precision=cast(PrecisionChoice, choice("--precision", precision, get_args(PrecisionChoice))),
        tune=tune,
        tune_minutes=tune_minutes,
        reporter=bars,
    )
    for note in study.cohort.notes:
        bars.note(f"Note: {note}")
    study.run(bars)
    comparison = compare(out)
    if json:
        env.json(to_data(comparison))
        return
    from heldout.cli.views.compare import show_comparison

    show_comparison(comparison, env)
    env.say(f"\nNext: heldout report {out}")


COMMAND = run
