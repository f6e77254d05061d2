"""`heldout handover RUN OUT`: a finished run as a folder that somebody else can run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heldout.cli.env import environment
from heldout.cli.options import DATA, OUTPUT, RunArgument, many

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.records.handover import Handover

Checked = Annotated[
    list[str],
    typer.Option(
        "--images",
        metavar="FILES",
        help="Check the model with these images (32 or more), not with the study's validation images.",
        rich_help_panel=DATA,
    ),
]


def handover(
    context: typer.Context,
    run: RunArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write: a new name, or an empty folder.")],
    images: Checked = [],  # noqa: B006  (typer copies it)
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Write a trained run as a folder that a hospital's engineer can run, with its limits written on it.

    In it: the model as ONNX with all its preparing of images, labels, thresholds (those of `heldout calibrate` where it
    was called), `card.md` in the form of Hugging Face's model cards, `predict.py` (40 lines that need onnxruntime and
    pillow; `images.py` is how it reads an image), images with known answers for `python predict.py --self-test`, and
    SHA256SUMS. What no record holds stands on the card as [TO FILL: …]. If the model or its self-test answers otherwise
    than the run, nothing is written.

    Example: `heldout handover study/runs/0a1b2c out/`
    """
    from heldout.cli.progress import Bars
    from heldout.handing_over.handover import handover as write
    from heldout.records.codec import to_data

    env = environment(context)
    done = write(run, out, images=many(images), reporter=Bars(env.console(stderr=True)))
    if as_json:
        env.json(to_data(done))
        return
    _told(done, env)


def _told(done: Handover, env: Environment) -> None:
    from heldout.answer.texts import count

    check = done.model.check
    env.say(f"{done.folder}: {', '.join(done.files)}")
    env.say(
        f"The model was checked on {check.images} images: probabilities differ from the run's by at most "
        f"{check.largest_difference:.1g}."
    )
    if done.no_script:
        env.say(f"There is no predict.py: {done.no_script}. `heldout predict {done.folder} IMAGES` reads them.")
    else:
        env.say(f"predict.py answers its {count(done.self_test, 'image')} as the run's network does.")
    env.say("Probabilities are calibrated." if done.calibrated else "Probabilities are not calibrated.")
    for sentence in done.thresholds.source:
        env.say(sentence)
    if not done.diagnosed:
        env.say("The card cannot tell why test is lower: `heldout diagnose STUDY` first, then hand over again.")
    env.say(f"card.md has {count(done.to_fill, 'gap')} [TO FILL: …] that no record fills.")


COMMAND = handover
