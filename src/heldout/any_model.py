"""Any model diagnosed in Python: tables of predictions, and a function that answers images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heldout.errors import UsageError
from heldout.given.answers import Answers
from heldout.given.images import Arrays, Look
from heldout.given.make import Call, MakeModel, make_study
from heldout.given.model import GivenModel, Predict
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.notebook import usual_reporter
from heldout.progress import Reporter
from heldout.records import Diagnoses, Diagnosis
from heldout.records.recipe import Fit, Setting
from heldout.records.run import ChosenOn
from heldout.runs.judging import judging_of

if TYPE_CHECKING:
    import pandas as pd

    from heldout.computing import Device
    from heldout.runs.folder import StudyFiles

    Table = str | Path | pd.DataFrame


def diagnose(
    val: Table,
    test: Table | None = None,
    *,
    answers: Answers | None = None,
    train: Table | None = None,
    predict: Predict | None = None,
    images: str | Path | Arrays | None = None,
    classes: Sequence[str] = (),
    image_size: int | None = None,
    fit: Fit = "stretch",
    interpolation: str = "bilinear",
    intensity: str = "",
    channels: str = "",
    name: str = "model",
    class_columns: str = "",
    model_column: str = "model",
    chosen_on: ChosenOn = "",
    chosen: str = "",
    label: str = "",
    features_of: str = "efficientnet_lite0",
    sample: int = 400,
    experiments: bool = True,
    review: str | Path | None = None,
    metric: str = "",
    unit: str = "image",
    by: str = "mean",
    bootstrap: int = 1000,
    device: Device = "auto",
    out: str | Path = "given-study",
    reporter: Reporter | None = None,
) -> Diagnoses:
    """Say why test is lower than validation, for any model: its predictions are enough.

    Args:
        val: Table of the validation images: a data frame, or a CSV or Parquet file (docs/any-model.md says which
            columns). With a column `split` it may be the only one.
        test: Table of the test images; None where `val` has all.
        answers: What the columns of the classes hold, `probabilities` or `logits`; needed wherever tables have them.
        train: Table of the images that the model was trained on; without answers it serves to find relatives.
        predict: Answers images (n, s, s, 3) uint8, RGB, with probabilities (n, k) that sum to 1. With it the
            interventions run; tables without answers are answered by it.
        images: Folder under which the images lie, or part (`val`, `test`, `train`) -> array (n, h, w) or (n, h, w, k),
            a row each of its table.
        classes: Class of each column that `predict` answers with; by default the classes by number or alphabet.
        image_size: Side s of the squares that `predict` is given; by default that of square arrays, else 224.
        fit: How an image that is not square becomes square: `stretch`, `crop` or `pad`.
        interpolation: `bilinear` or `bicubic`.
        intensity: Policy by which images of more than 8 bits become the 8 bits that `predict` is shown, as for
            `heldout.load`; percentiles are those of the training images, or where none are named of validation.
        channels: Choice of channels that are no colours, `select:…` or `project`.
        name: Name of the model.
        class_columns: Form of the names of the classes' columns, as `prob_*`.
        model_column: Column that names the model of each row.
        chosen_on: Part on which the model was chosen; among the epochs or candidates that tables hold, where they do.
        chosen: The chosen candidate by name.
        label: One of several labels an image, which the tables are asked of; empty where images have one class.
        features_of: Pretrained network whose features stand for images.
        sample: Images a part that interventions are tried on at first.
        experiments: Whether to run what needs images or the model.
        review: CSV of reviewed test labels.
        metric: `accuracy`, `balanced-accuracy`, or `cost:FILE` with a CSV of class, cost and, if given, share. Empty
            for accuracy; of one of several labels, which most images lack, for balanced accuracy.
        unit: `image`, or `patient` for one decision a patient.
        by: How a patient's images give one answer: `mean`, `max` or `majority`.
        bootstrap: Replicates behind the intervals.
        device: `auto`, `cpu` or `cuda`, for the features.
        out: Folder of the study that is made: `heldout compare`, `heldout report` and `heldout diagnose` take it.
        reporter: Told of progress; None draws bars in a notebook and says nothing elsewhere.

    Returns:
        One diagnosis a model.

    Raises:
        InputError: Tables or images cannot be used, with all problems at once; or `predict` is not that model.
        UsageError: The call contradicts itself.
        HeldoutError: `predict` fails.

    Examples:
        >>> found = diagnose("val.csv", "test.csv", answers="probabilities")  # doctest: +SKIP
        >>> print(found[0].summary)  # doctest: +SKIP
    """
    reading = Reading(
        answers, class_columns, model_column, name, chosen_on, chosen, tuple(classes), predict is not None, label
    )
    typed = [table for table in (val, test) if table is not None]
    options = _options(reading, train, images)
    options |= {key: text for key, text in (("intensity", intensity), ("channels", channels)) if text}
    call = Call(
        sources=sources_of(typed, train),
        reading=reading,
        folder=Path(out),
        data=shlex.join(map(str, typed)) if all(isinstance(table, str | Path) for table in typed) else "",
        options=options,
        images=Path(images) if isinstance(images, str) else images,
        image_size=image_size,
        fit=fit,
        interpolation=interpolation,
        make_model=None if predict is None else _function(predict, tuple(classes)),
        look=Look(intensity, channels),
    )
    _, found = diagnose_call(
        call,
        sample=sample,
        features_of=features_of,
        experiments=experiments,
        review=None if review is None else Path(review),
        metric=metric,
        unit=unit,
        by=by,
        chosen_on=chosen_on,
        bootstrap=bootstrap,
        device=device,
        reporter=reporter,
    )
    return Diagnoses(found)


def diagnose_call(
    call: Call,
    *,
    sample: int,
    features_of: str,
    experiments: bool,
    review: Path | None,
    bootstrap: int,
    device: Device,
    metric: str = "",
    unit: str = "image",
    by: str = "mean",
    chosen_on: ChosenOn = "",
    reporter: Reporter | None = None,
) -> tuple[StudyFiles, tuple[Diagnosis, ...]]:
    """Make the study of a call and diagnose its models.

    Args:
        call: What a person gave.
        sample: Images a part that interventions are tried on.
        features_of: Pretrained network whose features stand for images.
        experiments: Whether to run what needs images or the model.
        review: CSV of reviewed test labels.
        bootstrap: Replicates behind the intervals.
        device: Where to compute features.
        metric: As for `diagnose`, and so the next two.
        unit: Who one decision is made on.
        by: How a patient's images give one answer.
        chosen_on: Part on which each model was chosen, where the tables do not say it.
        reporter: Told of progress.

    Raises:
        HeldoutError: As for `diagnose`.
    """
    from heldout.diagnosis.diagnose import diagnose as judge  # seconds that a table with problems need not wait

    reporter = reporter or usual_reporter()
    study, model = make_study(call, reporter)
    if experiments:
        from heldout.diagnosis.until_told import run_until_told

        run_until_told(study, reporter=reporter, device=device, limit=sample, model=model, features_of=features_of)
    usual = "balanced-accuracy" if call.reading.label else "accuracy"
    judging = judging_of(study.cohort.classes, metric or usual, unit, by)
    found = judge(
        study,
        review=review,
        chosen_on=chosen_on,
        experiments=experiments,
        bootstrap=bootstrap,
        metric=judging.metric,
        unit=judging.unit,
        reporter=reporter,
    )
    return study, found


def sources_of(tables: Sequence[Table], train: Table | None) -> tuple[Source, ...]:
    """Tables with the parts they stand for: one has to say it itself, of two the first is validation, then test.

    Raises:
        UsageError: No table, or more than two.
    """
    if not 1 <= len(tables) <= 2:
        raise UsageError(
            f"Found {len(tables)} tables; expected one with a column split, or two: validation, then test. Training "
            "images go into --train."
        )
    parts = ("",) if len(tables) == 1 else ("val", "test")
    named = [*zip(tables, parts, strict=True), *([] if train is None else [(train, "train")])]
    return tuple(
        Source(Path(table), part, Path(table).name)
        if isinstance(table, str | Path)
        else Source(table, part, f"the table {part}".strip())
        for table, part in named
    )


def _options(reading: Reading, train: Table | None, images: str | Path | Arrays | None) -> dict[str, Setting]:
    """The call as options of `heldout diagnose`, as far as they are any."""
    return {
        **reading.options(),
        "train": str(train) if isinstance(train, str | Path) else None,
        "images": None if images is None or isinstance(images, Mapping) else str(images),
    }


def _function(predict: Predict, named: tuple[str, ...]) -> MakeModel:
    """A function as a model; its key is found by its answers."""

    def make(classes: tuple[str, ...]) -> GivenModel:
        if named and set(named) != set(classes):
            raise UsageError(
                f"Found the classes {', '.join(named)}; expected those of the tables: {', '.join(classes)}."
            )
        return GivenModel(predict, "probabilities", named or classes, classes, "")

    return make
