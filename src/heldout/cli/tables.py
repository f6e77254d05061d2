"""Options of `heldout diagnose TABLE…`, and the call that they make."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heldout.given.make import Call
    from heldout.given.reading import Reading

TABLES = "Tables of predictions"

Kind = Annotated[
    bool | None,
    typer.Option(
        "--probabilities/--logits",
        help="What the columns of the classes hold; it is not guessed.",
        show_default=False,
        rich_help_panel=TABLES,
    ),
]
ClassColumns = Annotated[
    str,
    typer.Option("--class-columns", metavar="'prob_*'", help="Names of the classes' columns.", rich_help_panel=TABLES),
]
ModelColumn = Annotated[
    str, typer.Option("--model-column", help="Column that names the model of each row.", rich_help_panel=TABLES)
]
Name = Annotated[str, typer.Option("--name", help="What the model is called.", rich_help_panel=TABLES)]
Train = Annotated[
    Path | None,
    typer.Option(
        "--train", metavar="TABLE", help="Images it was trained on, to find relatives.", rich_help_panel=TABLES
    ),
]
ChosenPart = Annotated[
    str,
    typer.Option(
        "--chosen-on",
        metavar="val|test",
        help="Part that the run, or the epoch, was chosen on.",
        rich_help_panel=TABLES,
    ),
]
Chosen = Annotated[str, typer.Option("--chosen", help="The chosen epoch or candidate.", rich_help_panel=TABLES)]
ImageFolder = Annotated[
    Path | None,
    typer.Option(
        "--images", metavar="DIR", help="Where the images lie: causes that need pixels.", rich_help_panel=TABLES
    ),
]
ImageSize = Annotated[
    int | None, typer.Option("--image-size", help="Side they are resized to.", min=16, rich_help_panel=TABLES)
]
Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="FILE.onnx", help="The model itself: interventions.", rich_help_panel=TABLES),
]
Preprocessing = Annotated[
    Path | None,
    typer.Option(
        "--preprocessing", metavar="JSON", help="Its preprocessing; FILE.json by default.", rich_help_panel=TABLES
    ),
]
FeaturesOf = Annotated[
    str, typer.Option("--features-of", help="Network whose features stand for images.", rich_help_panel=TABLES)
]
Out = Annotated[
    Path | None, typer.Option("--out", help="The folder that is made; NAMES-study by default.", rich_help_panel=TABLES)
]


@dataclass(frozen=True)
class TableOptions:
    """Options of this file, as they were given."""

    probabilities: bool | None
    class_columns: str
    model_column: str
    name: str
    train: Path | None
    chosen_on: str
    chosen: str
    images: Path | None
    image_size: int | None
    model: Path | None
    preprocessing: Path | None
    features_of: str
    out: Path | None
    intensity: str = ""
    channels: str = ""
    label: str = ""

    def refuse_beside(self, study: Path) -> None:
        """Stop where an option was given that only tables take.

        Raises:
            UsageError: One was.
        """
        refuse(
            {
                "--probabilities or --logits": self.probabilities,
                "--train": self.train,
                "--images": self.images,
                "--model": self.model,
                "--out": self.out,
                "--intensity": self.intensity or None,
                "--channels": self.channels or None,
            },
            f"the study {study}",
            "tables of predictions",
        )


def refuse(options: Mapping[str, object], beside: str, expected: str) -> None:
    """Stop where an option does not belong to what is diagnosed.

    Args:
        options: Option -> its value; None and False where it was not given.
        beside: What is diagnosed.
        expected: What it belongs to.

    Raises:
        UsageError: One was given.
    """
    from heldout.errors import UsageError

    given = [name for name, value in options.items() if value is not None and value is not False]
    if given:
        raise UsageError(f"Found {', '.join(given)} beside {beside}; expected it with {expected}.")


def call_of(data: Sequence[Path], given: TableOptions) -> Call:
    """What a person gave on the command line.

    Raises:
        UsageError: Options that contradict each other.
        InputError: The preprocessing cannot be used.
    """
    from heldout.any_model import sources_of
    from heldout.errors import UsageError
    from heldout.given.images import Look
    from heldout.given.make import Call
    from heldout.given.onnx_ import onnx_model
    from heldout.given.preprocessing import read_preprocessing

    model, preprocessing = given.model, given.preprocessing
    steps = None
    if model is not None:
        steps = read_preprocessing(preprocessing or model.with_suffix(".json"))
    elif preprocessing is not None:
        raise UsageError("Found --preprocessing without --model; expected the network that it belongs to.")
    if steps is not None and given.image_size not in (None, steps.size):
        raise UsageError(
            f"Found --image-size {given.image_size}, but size {steps.size} in the preprocessing; give one."
        )
    reading = _reading(given, () if steps is None else steps.classes)
    files = {"train": given.train, "images": given.images, "model": model, "preprocessing": preprocessing}
    looks = {name: text for name, text in (("intensity", given.intensity), ("channels", given.channels)) if text}
    names = [
        *dict.fromkeys(table.stem for table in data),
        *([re.sub(r"[^\w-]", "_", given.label)] if given.label else []),
    ]
    call = Call(
        sources=sources_of(data, given.train),
        reading=reading,
        folder=given.out or Path("-".join(names) + "-study"),
        data=shlex.join(map(str, data)),
        options={**reading.options(), **{name: str(file) for name, file in files.items() if file is not None}, **looks},
        images=given.images,
        image_size=given.image_size,
        look=Look(given.intensity, given.channels),
    )
    if model is None or steps is None:
        return call
    return replace(
        call,
        image_size=steps.size,
        fit=steps.fit,
        interpolation=steps.interpolation,
        make_model=lambda classes: onnx_model(model, steps, classes),
    )


def _reading(given: TableOptions, classes: tuple[str, ...]) -> Reading:
    from heldout.cli.values import choice
    from heldout.given.answers import Answers
    from heldout.given.reading import Reading
    from heldout.records.run import ChosenOn

    kind: Answers | None = None
    if given.probabilities is not None:
        kind = "probabilities" if given.probabilities else "logits"
    on: tuple[ChosenOn, ...] = ("", "val", "test")
    return Reading(
        answers=kind,
        class_columns=given.class_columns,
        model_column=given.model_column,
        name=given.name,
        chosen_on=choice("--chosen-on", given.chosen_on, on),
        chosen=given.chosen,
        classes=classes,
        answered=given.model is not None,
        label=given.label,
    )
