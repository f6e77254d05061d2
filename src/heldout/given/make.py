"""From a call to a study: tables read, images found, the model held against the table, the folder written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from heldout.data.input_map import input_map_of
from heldout.errors import InputError, UsageError
from heldout.files import hash_of
from heldout.given._checks import order_problems
from heldout.given.images import PLAIN, Arrays, Look, images_of_arrays, images_under, without_images
from heldout.given.model import GivenModel
from heldout.given.reading import Reading
from heldout.given.reproduce import answers_of, check_reproduces, pixels_of
from heldout.given.rows import Source
from heldout.given.study import ARRAYS, About, clear_for, make_cohort, refuse_trained, write_given
from heldout.given.tables import GivenRun, GivenTables, read_given
from heldout.progress import Reporter, Silent
from heldout.records import PARTS, Cohort, InputMap, Split
from heldout.records.recipe import Fit, Setting
from heldout.runs.folder import StudyFiles
from heldout.runs.plan import IMAGE_SIZE

PROBED = 16
"""Images whose answers tell one function from another."""

MakeModel = Callable[[tuple[str, ...]], GivenModel]
"""Classes of the study, in the order of their indices -> the model."""


@dataclass(frozen=True)
class Call:
    """What a person gives.

    Attributes:
        sources: Tables.
        reading: How to read them.
        folder: Where the study goes.
        data: The tables as they were typed; empty for data frames.
        options: Options of `heldout diagnose` by name, for the record.
        images: Folder under which the images lie, or arrays; None without images.
        image_size: Side of the squares that images become; None for that of square arrays, else `runs.plan.IMAGE_SIZE`.
        fit: How an image that is not square becomes square.
        interpolation: `bilinear` or `bicubic`.
        make_model: Makes what answers changed images; None where nothing does.
        look: How values of images become the 8 bits that the model is shown.
    """

    sources: tuple[Source, ...]
    reading: Reading
    folder: Path
    data: str = ""
    options: dict[str, Setting] = field(default_factory=dict)
    images: Path | Arrays | None = None
    image_size: int | None = None
    fit: Fit = "stretch"
    interpolation: str = "bilinear"
    make_model: MakeModel | None = None
    look: Look = PLAIN


def make_study(call: Call, reporter: Reporter | None = None) -> tuple[StudyFiles, GivenModel | None]:
    """Write the study of a call, and make its model.

    Raises:
        InputError: Tables or images cannot be used (all problems at once), or the model is not that of the tables.
        UsageError: A model without images, or with tables of several; a folder that holds something else.
        HeldoutError: The model fails.
    """
    reporter = reporter or Silent()
    if call.make_model is not None and call.images is None:
        raise UsageError("Found a model, but no images for it to answer; expected them beside it: --images DIR.")
    if call.reading.label and call.make_model is not None:
        raise UsageError("Found --label beside a model, which answers with all labels; expected its tables alone.")
    refuse_trained(call.folder)
    if problems := order_problems(list(call.sources)):
        raise InputError(problems, title="The tables cannot be used as they are")
    tables = read_given(call.sources, call.reading)
    if call.make_model is not None and len(tables.runs) > 1:
        raise UsageError(
            f"Found tables of {len(tables.runs)} models beside a model; expected those of that model only."
        )
    about = _about(call)
    cohort, split = _cohort(call, tables, about, reporter)
    about = replace(about, input_map=_input_map(call.look, cohort, split, reporter))
    model = None if call.make_model is None else call.make_model(cohort.classes)
    clear_for(call.folder, cohort, split)
    runs, answers = tables.runs, call.reading.answers
    if model is not None and not model.key:
        model = _with_key(model, call.folder, cohort, split, about, reporter)
    if not runs:
        assert model is not None  # `read_given` asks for answers in the table otherwise
        runs, answers = (_answered(call, cohort, split, model, about, reporter),), model.answers
    study = write_given(call.folder, about, cohort, split, runs, str(answers))
    if model is not None and tables.runs:
        check_reproduces(study, study.runs[0], model, about, reporter)
    return study, model


def _about(call: Call) -> About:
    """The size of the squares follows from what was given."""
    name = " and ".join(Path(source.name).stem for source in call.sources)
    if call.images is None:
        return About(name, call.data, call.options)
    size = call.image_size
    if size is None and not isinstance(call.images, Path):
        sides = {side for array in call.images.values() for side in np.shape(array)[1:3]}
        if len(sides) != 1:
            raise UsageError(f"Found images whose sides are {sorted(sides)}; expected image_size, or square images.")
        size = int(sides.pop())
    return About(name, call.data, call.options, size or IMAGE_SIZE, call.fit, call.interpolation)


def _cohort(call: Call, tables: GivenTables, about: About, reporter: Reporter) -> tuple[Cohort, Split]:
    if call.images is None:
        return make_cohort(tables, without_images(tables.images), "", about.name)
    if isinstance(call.images, Path):
        root = call.images.resolve()
        measured, notes = images_under(tables.images, root, reporter, call.look)
        return make_cohort(replace(tables, notes=(*tables.notes, *notes)), measured, str(root), about.name)
    root = (call.folder / ARRAYS).resolve()
    measured = images_of_arrays(tables.images, call.images, tables.rows, root, reporter, call.look)
    return make_cohort(tables, measured, str(root), about.name)


def _input_map(look: Look, cohort: Cohort, split: Split, reporter: Reporter) -> InputMap | None:
    """How values of images become 8 bits; learned on the training images, or where none are named on validation.

    Raises:
        UsageError: A choice of channels that a model of three cannot be shown.
    """
    if look == PLAIN:
        return None
    if look.channels.strip() == "adapt":
        raise UsageError("Found --channels adapt for a model that was given; expected select:… or project.")
    rule = input_map_of(cohort, split.train or split.val, look.intensity, look.channels, reporter=reporter)
    return None if rule is None else replace(rule, eight_bit=True)


def _with_key(
    model: GivenModel, folder: Path, cohort: Cohort, split: Split, about: About, reporter: Reporter
) -> GivenModel:
    """A function is known by its answers to a few images, to four decimals."""
    pixels = np.asarray(pixels_of(folder, cohort, split.val, about, reporter)[:PROBED])
    answers = np.round(model.logits(pixels).astype(np.float64), 4)
    return replace(model, key=hash_of(answers.tolist()))


def _answered(
    call: Call, cohort: Cohort, split: Split, model: GivenModel, about: About, reporter: Reporter
) -> GivenRun:
    """The model's answers to all images, where the tables have none."""
    pixels = {
        part: pixels_of(call.folder, cohort, split.part(part), about, reporter) for part in PARTS if split.part(part)
    }
    return GivenRun(call.reading.name, 0, answers_of(model, pixels, reporter))
