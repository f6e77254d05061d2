"""The images of a study, read as its spec says."""

from __future__ import annotations

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
    told = reading.labels != AskedLabels()
    if any((reading.patient, reading.skip_unreadable, not reading.require_test, told)):
        raise UsageError(
            "Found patient, skip_unreadable, require_test or labels beside a cohort, which was read already; "
            "expected them where it is read: heldout.load(DATA, patient=…)."
        )


def cohort_of(spec: StudySpec, given: Cohort | None, reporter: Reporter) -> Cohort:
    """The images of a study, at most as many a class as it wants.

    Args:
        spec: The study.
        given: Its images, where they were read before.
        reporter: Is told of every image.

    Raises:
        InputError: The data cannot be used; all problems at once.
    """
    reading = spec.reading
    cohort = given
    if cohort is None:
        cohort = load(
            spec.data,
            patient=reading.patient,
            skip_unreadable=reading.skip_unreadable,
            require_test=reading.require_test,
            intensity=spec.intensity,
            channels=spec.channels,
            labels=reading.labels,
            reporter=reporter,
        )
    if reading.per_class is None:
        return cohort
    return limit_per_class(cohort, reading.per_class, reading.split_seed)
