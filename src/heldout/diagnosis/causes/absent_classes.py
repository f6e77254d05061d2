"""Classes absent from validation: test images of a class of which validation has not one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.gap.absent import absent_doubt
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import IMAGES, SCORE, capital, listed, said
from heldout.records import ReasonKind
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class Absent:
    """Classes that only test has.

    Attributes:
        points: The absent term.
        detail: Which classes, and how many images, in words.
        images: Their test images that are wrong.
        number: How many test images they have.
        classes: Their names.
    """

    points: Measured
    detail: str
    images: tuple[str, ...]
    number: int
    classes: tuple[str, ...]


class AbsentClasses(Cause[Absent]):
    """Test has images of a class of which validation has none: validation cannot say how well they are recognised.

    How it is detected: Exactly. The accuracy on test without the images of such classes minus that on all of test:
    A_T(without) − A_T. It is taken off the gap before anything else, and all that follows is told of the classes that
    both parts have. It cannot exceed the share of test that these images are. Where the recall of such a class does not
    vary over draws of patients (one patient has all its images, or all are wrong), its interval takes it with a doubt
    (Jeffreys' prior on the class's patients).

    Why it matters: With few images of a class a random draw of validation misses it, or a site has no such patients.
    Validation then promises nothing for the class, and often training hardly knows it either.

    What to do: Draw validation so that it has images of every class (`heldout run` draws by class where patients
    allow), or collect some; until then report test with and without the class.
    """

    code: ClassVar[str] = "absent-classes"
    title: ClassVar[str] = "Classes absent from validation"
    remedy: ClassVar[str] = "Draw or collect validation images of these classes; report test with and without them."
    term: ClassVar[str | None] = "absent"

    def measure(self, data: CauseData) -> Absent | Missing:
        """The absent term."""
        run, gap = data.run, data.gap
        term = gap.terms.get("absent")
        if term is None:
            return Missing(ReasonKind.DOES_NOT_APPLY, "validation has images of every class of test")
        points = replace(term, replicates=term.replicates + absent_doubt(run))
        test, absent = run.test, set(gap.samples.absent)
        assert test is not None
        rows = [i for i, k in enumerate(test.labels.tolist()) if k in absent]
        wrong = tuple(test.ids[i] for i in rows if not test.right[i])
        return Absent(points, gap.details["absent"], wrong, len(rows), tuple(run.classes[k] for k in sorted(absent)))

    def decide(self, measured: Absent, rules: Rules) -> Decision:
        """The term is exact, so that no intervention is needed to establish it."""
        return weigh(measured.points, True, rules)

    def tell(self, measured: Absent, decision: Decision, rules: Rules) -> Told:
        """Which classes, and what their images take from test."""
        points = measured.points
        numbers = {"images": float(measured.number), "classes": float(len(measured.classes))}
        needs = ""
        if decision.verdict == "not identifiable":  # more test images would not say what validation promised of them
            names = listed([f"'{name}'" for name in measured.classes])
            needs = f"validation images of {names}, and more test {IMAGES} than these {measured.number}"
        return Told(
            f"{capital(measured.detail)}. Test {SCORE} is lower with them than without by {said(points)}.",
            reason=needs,
            points=points,
            images=measured.images[: rules.max_images] if decision.positive else (),
            numbers=numbers,
            explains={"absent": points.value},
        )


CAUSE = AbsentClasses()
