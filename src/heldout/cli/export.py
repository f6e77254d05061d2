"""`heldout export RUN OUT`: a finished run as one file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, Overwrite, RunArgument

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.records.export import ExportRecord

Kind = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="onnx, torch-export, state-dict, …; else by the ending.",
        rich_help_panel=OUTPUT,
    ),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8", help="8-bit whole numbers (ONNX), and what they cost on validation.", rich_help_panel=OUTPUT
    ),
]
Checked = Annotated[
    list[str],
    typer.Option(
        "--images",
        metavar="FILES",
        help="Check with these images (32 or more), not with the study's validation images.",
        rich_help_panel=DATA,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="T",
        help="Divide the logits by this before the softmax; by default as `heldout calibrate` found.",
        min=1e-6,
        rich_help_panel=OUTPUT,
    ),
]
Uncalibrated = Annotated[
    bool, typer.Option("--uncalibrated", help="Leave the run's calibration out of the file.", rich_help_panel=OUTPUT)
]


def export(
    context: typer.Context,
    run: RunArgument,
    out: Annotated[
        Path,
        typer.Argument(help="File to write: model.onnx, model.pt2 (torch.export), model.safetensors (state dict)."),
    ],
    kind: Kind = "",
    int8: Int8 = False,
    images: Checked = [],  # noqa: B006  (typer copies it)
    temperature: Temperature = None,
    uncalibrated: Uncalibrated = False,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Write a trained run as one file that other programs run, with a small JSON file beside it.

    An .onnx or .pt2 file takes the pixels of an image file of any size and answers with probabilities: channels,
    intensity, resizing, normalisation, the run's calibration (`heldout calibrate`) and softmax are inside. A
    .safetensors file has the library's own names, for timm.create_model or torchvision. Every file is read back and
    asked about at least 32 images; if a probability differs from the run's by more than 1e-4, nothing is written.

    Example: `heldout export study/runs/0a1b2c model.onnx`
    """
    from heldout.cli.answers import free
    from heldout.cli.options import many
    from heldout.cli.progress import Bars
    from heldout.errors import UsageError
    from heldout.exporting.export import beside
    from heldout.exporting.export import export as write
    from heldout.records.codec import to_data
    from heldout.records.export import Scaling

    env = environment(context)
    if uncalibrated and temperature is not None:
        raise UsageError("Found --temperature and --uncalibrated; expected one of them.")
    free([out, beside(out)], overwrite)
    calibration = None if temperature is None else Scaling((1 / temperature,), (0.0,))
    bars = Bars(env.console(stderr=True))
    record = write(
        run,
        out,
        kind=kind,
        int8=int8,
        images=many(images),
        calibration=calibration,
        calibrated=not uncalibrated,
        reporter=bars,
    )
    if as_json:
        env.json(to_data(record))
        return
    _told(record, out, env)


def _told(record: ExportRecord, out: Path, env: Environment) -> None:
    from heldout.exporting.export import beside

    runtime = ", ".join(f"{name} {version}" for name, version in record.runtime.items())
    check = record.check
    env.say(f"{out} ({out.stat().st_size / 1e6:.1f} MB; {runtime}), and {beside(out).name} beside it.")
    what = {"val": "validation images", "val and train": "validation and training images"}
    of = what.get(check.source, "images given")
    before = "In float32, checked" if record.int8 is not None else "Checked"
    most = f"{check.largest_difference:.1g}"
    env.say(f"{before} on {check.images} {of}: probabilities differ from the run's by at most {most}.")
    if record.constructor:
        env.say(f"The network that takes it: {record.constructor}")
    if record.int8 is not None:
        lost, share = record.int8.lost_points, record.int8.bytes / record.int8.bytes_before
        env.say(
            f"In 8 bits it has {100 * share:.0f} % of the size, and loses {lost.value:.1f} points of accuracy "
            f"[{lost.low:.1f}, {lost.high:.1f}] on {lost.n:,} validation images ({lost.method})."
        )
    if "calibration" in record.inside:
        env.say("Its probabilities are calibrated: the scaling of the logits is inside; when to answer is not.")
    outside = "intensity" not in record.inside
    env.say("Not inside: preparing images and softmax." if outside else "Not inside: decoding the image file.")


COMMAND = export
