"""The images of a study, read as its spec says."""

from __future__ import annotations

import pandas as pd

from heldout.data.examine.labels import AskedLabels
from heldout.data.load import load
from heldout.data.splits import limit_per_class
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


def cohort_of(spec: StudySpec, given: Cohort | pd.DataFrame | None, reporter: Reporter, verify: bool = False) -> Cohort:
    """The images of a study, at most as many a class as it wants.

    Args:
        spec: The study.
        given: Its images, where they were read before; or the table that names them.
        reporter: Is told of every image.
        verify: Whether files are read that have not changed since an earlier command read them.

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
        )
    if reading.per_class is None:
        return cohort
    return limit_per_class(cohort, reading.per_class, reading.split_seed)
