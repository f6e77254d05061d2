"""The images of a study, read as its spec says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from heldout.data.examine.labels import AskedLabels
from heldout.data.input_map import rules_before
from heldout.data.load import load
from heldout.data.splits import limit_per_class
from heldout.data.squares import Squares
from heldout.data.squaring import Fitting
from heldout.errors import UsageError
from heldout.progress import Reporter
from heldout.records import Cohort
from heldout.runs.plan import Reading, StudySpec


def refuse_reading_again(reading: Reading) -> None:
    """Stop where options of reading stand beside a cohort, which was read already.

    Raises:
        UsageError: Any of them was given.
    """
    told = reading.labels != AskedLabels() or bool(reading.layout.options())
    if any((reading.patient, reading.skip_unreadable, not reading.require_test, told)):
        raise UsageError(
            "Found options of reading (patient, skip_unreadable, require_test, images, path_column, label_column, "
            "ignore, labels, label_separator) beside a cohort, which was read already; expected them where it is read: "
            "heldout.load(DATA, patient=…)."
        )


def squares_of(spec: StudySpec, folder: Path) -> Squares | None:
    """Where the squares of a study are kept while its images are measured.

    Args:
        spec: The study.
        folder: Its folder.

    Returns:
        None where only some of the images are taken: of the others squares would be made for nothing.
    """
    if spec.reading.per_class is not None:
        return None
    rules = rules_before(spec.intensity, spec.channels)
    if not rules:
        return Squares(None, folder)
    ways = sorted({info.interpolation for info in spec.models})
    return Squares([Fitting(spec.image_size, spec.fit, way, rule) for way in ways for rule in rules], folder)


def cohort_of(
    spec: StudySpec,
    given: Cohort | pd.DataFrame | None,
    reporter: Reporter,
    verify: bool = False,
    squares: Squares | None = None,
) -> Cohort:
    """The images of a study, at most as many a class as it wants.

    Args:
        spec: The study.
        given: Its images, where they were read before; or the table that names them.
        reporter: Is told of every image.
        verify: Whether files are read that have not changed since an earlier command read them.
        squares: Where the squares of what is read are kept.

    Raises:
        InputError: The data cannot be used; all problems at once.
    """
    reading = spec.reading
    layout = reading.layout
    if isinstance(given, Cohort):
        cohort = given
    else:
        cohort = load(
            spec.data if given is None else given,
            images=layout.images or None,
            path_column=layout.path_column,
            label_column=layout.label_column,
            ignore=layout.ignore,
            patient=reading.patient,
            skip_unreadable=reading.skip_unreadable,
            require_test=reading.require_test,
            intensity=spec.intensity,
            channels=spec.channels,
            labels=reading.labels,
            verify=verify,
            reporter=reporter,
            keep=None if squares is None else squares.keep,
        )
    if reading.per_class is None:
        return cohort
    return limit_per_class(cohort, reading.per_class, reading.split_seed)
