"""`heldout run`: tasks B and C, every model with every strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heldout.cli.env import environment


def many(values: list[str]) -> list[str]:
    """`["a,b", "c"]` -> `["a", "b", "c"]`: several values, comma-separated or the option repeated."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def run(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder, .npz, .csv or .parquet manifest, medmnist:NAME, phantom:NAME …")],
    models: Annotated[
        list[str], typer.Option("--models", "--model", help="Pretrained models, comma-separated; see `heldout models`.")
    ],
    strategies: Annotated[
        list[str], typer.Option("--strategies", "--strategy", help="Strategies; see `heldout strategies`.")
    ] = ["finetune,frozen"],  # noqa: B006  (typer copies it)
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images, for every strategy.")] = None,
    seeds: Annotated[int, typer.Option(help="Repeat every run with so many seeds.", min=1)] = 1,
    image_size: Annotated[int, typer.Option(help="Images are resized to this many pixels a side.", min=16)] = 224,
    fit: Annotated[str, typer.Option(help="An image that is not square: stretch, pad or crop.")] = "stretch",
    val_fraction: Annotated[float, typer.Option(help="Share of train that becomes validation if none is given.")] = 0.2,
    split_seed: Annotated[int, typer.Option(help="Seed of the validation split.")] = 0,
    patient: Annotated[
        str | None, typer.Option(help="Column, or regular expression on the file name, that names the patient.")
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="At most so many training images a class.", min=2)] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A strategy's setting, e.g. finetune.lr=1e-4; repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The study's folder.")] = Path("study"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="no (float32), bf16, fp16, or auto: bf16 where a model gains by it here.")
    ] = "no",
    engine: Annotated[
        str, typer.Option(help="What computes fixed features on a CPU: auto, torch, folded (BatchNorm) or openvino.")
    ] = "auto",
    skip_unreadable: Annotated[
        bool, typer.Option(help="Go on without images that cannot be read, and record them.")
    ] = False,
    tune: Annotated[
        int | None, typer.Option(help="Search settings on validation first: trainings a model and strategy.", min=1)
    ] = None,
    tune_minutes: Annotated[
        float | None, typer.Option(help="Search settings on validation first: minutes a model and strategy.")
    ] = None,
    no_test: Annotated[bool, typer.Option("--no-test", help="Go on although there are no test images.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
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
