"""Leakage: validation images that have a relative among the training images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, undecided, unless_left_out, weigh
from heldout.diagnosis.words import IMAGES, said
from heldout.records import ReasonKind, Verdict
from heldout.stats.measured import Measured

NEEDS = (
    "the images, in which copies that were flipped, turned or cropped are looked for, or else the patient or the "
    "original picture of every image (`--patient`; of tables, their column `patient`)"
)
"""What would exclude leakage, in words that follow "needs"."""

PATIENTS = "the patient of every image of train and validation (`--patient`; of tables, their column `patient`)"
"""The same where copies were looked for in the images."""


UNSEEN = {ReasonKind.COPIES_NOT_LOOKED_FOR: NEEDS, ReasonKind.PATIENTS_UNKNOWN: PATIENTS}

SHOWN_CHANGES = 3


@dataclass(frozen=True)
class Relatives:
    """Images that are not independent of train.

    Attributes:
        leaked: Ids of validation images with a relative in train.
        images: Number of validation images.
        crossing: Number of test images with a relative in train or validation.
        finds_changed_copies: Whether copies that were flipped, turned or cropped would be found.
        patients_named: Whether every image of train and validation names its patient.
        points: The leakage term; None where too few independent images are left.
        detail: How it was measured.
        why_not: Why it was not measured by training anew.
        undecided: Points, at most, that classes without enough independent images leave undecided.
        changes: How copies in train were changed -> validation images of which one was found.
    """

    leaked: tuple[str, ...]
    images: int
    crossing: int
    finds_changed_copies: bool
    points: Measured | None
    detail: str
    why_not: str
    undecided: float = 0.0
    changes: Mapping[str, int] = field(default_factory=dict)
    patients_named: bool = True

    @property
    def unseen(self) -> Decision | None:
        """The verdict where a relative in train might not be seen; None where each would be."""
        if not self.finds_changed_copies:
            return undecided(ReasonKind.COPIES_NOT_LOOKED_FOR)
        return None if self.patients_named else undecided(ReasonKind.PATIENTS_UNKNOWN)


class Leakage(Cause[Relatives]):
    """Validation shares patients, copies or near-copies with train, and so is easier than new patients are.

    How it is detected: A validation image leaks if its patient is also in train, if its pixels stand in train too
    (equal content hash), or if it is a changed copy: the same picture up to the eight symmetries of the square, turns
    of up to about 10°, crops down to about 85 % of a side, small shifts, brightness, contrast, colour, JPEG and
    resizing. Each candidate is laid over the image that it may be a copy of, and their details must agree block by
    block more than those of different pictures of the same data do. What leakage is worth is measured on the validation
    images that have no relative in train, where they are most of them: they ask this very network. Else it is measured
    by training the same strategy anew on a split that keeps patients and copies together (several seeds), or, where
    that takes too long, on the few that are left. Candidate patient keys from file names are proposed by `heldout
    inspect` and verified by a permutation test of image similarity, since a naive key raises false alarms. Where the
    images are not at hand (a table of predictions), or more than 50,000, changed copies are not looked for; leakage is
    then excluded only where every image of train and validation names its patient, which a copy shares with its
    original. Where copies are looked for but not all images name their patient, copies are excluded and leakage is not:
    other images of a patient look different. While it is not settled no other cause is called the main reason.

    Why it matters: A network recognises people and devices. Splits that are not by patient inflated accuracy by 5 to
    30 points on medical images (Tampu et al. 2022).

    What to do: Split by patient and by picture (`--patient auto` uses names and copies), and report the accuracy on
    independent images.
    """

    code: ClassVar[str] = "leakage"
    title: ClassVar[str] = "Leakage from train into validation"
    remedy: ClassVar[str] = "Split by patient and by picture (`--patient auto`), or remove copies, and train again."
    interventions: ClassVar[tuple[str, ...]] = ("grouped",)
    term: ClassVar[str | None] = "leakage"
    told_first: ClassVar[tuple[Verdict, ...]] = ("established",)
    """What validation itself promised too much bears on everything else that is said of the gap."""

    def measure(self, data: CauseData) -> Relatives | Missing:
        """The leakage term, and the test images that are not independent either."""
        run, gap = data.run, data.gap
        assert run.val is not None
        if run.learning.given and run.trained_on is None:
            text = "the training images (`--train`: their path or patient), since the model was given, not trained here"
            return Missing(ReasonKind.PARTS_MISSING, text)
        return Relatives(
            tuple(run.leaked),
            len(run.val),
            len(run.crossing),
            run.finds_changed_copies,
            gap.terms.get("leakage"),
            gap.details["leakage"],
            run.why_absent("grouped").text,
            gap.parts["leakage"].undecided,
            Counter(run.changes.values()),
            run.patients_named,
        )

    def decide(self, measured: Relatives, rules: Rules) -> Decision:
        """Training or scoring without the relatives is itself the intervention; excluded only if none can be hidden."""
        if measured.points is None:
            return undecided(ReasonKind.MORE_IMAGES)
        if not measured.leaked:
            return measured.unseen or Decision("excluded", ReasonKind.NO_DIFFERENCE)
        decision = weigh(measured.points, True, rules)
        decision = unless_left_out(decision, measured.points, measured.undecided, rules)
        return decision if decision.verdict == "established" else measured.unseen or decision

    def tell(self, measured: Relatives, decision: Decision, rules: Rules) -> Told:
        """How many images, what they are worth, and what is not looked for."""
        numbers = {"leaked": float(len(measured.leaked)), "crossing_test": float(measured.crossing)}
        images = measured.leaked[: rules.max_images]
        crossing = ""
        if measured.crossing:
            crossing = f" Besides, {measured.crossing} test {IMAGES} have a relative in train or validation."
        if not measured.leaked:
            return _tell_none(measured, decision, crossing, numbers)
        share = len(measured.leaked) / measured.images
        first = (
            f"{len(measured.leaked)} of {measured.images} validation {IMAGES} ({share:.0%}) have a relative in train."
        )
        first += _copies(measured.changes)
        if measured.points is None:
            needs = "more validation images without a relative in train, or the experiment `grouped`"
            sentence = f"{first} What that is worth cannot be told; it needs {needs} ({measured.why_not}).{crossing}"
            return Told(sentence, False, needs, images=images, numbers=numbers)
        sentence = f"{first} They are worth {said(measured.points)} ({measured.detail})."
        if not measured.finds_changed_copies:
            sentence += " Copies that were flipped, turned or cropped are not looked for: it may be more."
        elif not measured.patients_named:
            sentence += " Other images of a patient are seen only where the patient is named: it may be more."
        reason = UNSEEN.get(decision.kind, "")
        explains = {"leakage": measured.points.value}
        return Told(sentence + crossing, not reason, reason, measured.points, images, numbers, explains)


def _copies(changes: Mapping[str, int]) -> str:
    """How many are copies, and the commonest changes."""
    if not changes:
        return ""
    commonest = sorted(changes.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_CHANGES]
    told = "; ".join(f"{change} {number}" for change, number in commonest)
    return f" {sum(changes.values())} are copies of training images ({told})."


def _tell_none(measured: Relatives, decision: Decision, crossing: str, numbers: dict[str, float]) -> Told:
    if decision.verdict == "excluded":
        reason = "no validation image has a relative in train"
        sentence = f"No validation image shares a patient or a picture with train.{crossing}"
        return Told(sentence, False, reason, measured.points, numbers=numbers)
    needs = UNSEEN[decision.kind]
    if decision.kind is ReasonKind.PATIENTS_UNKNOWN:
        first = "No validation image shares a picture with train, but patients that both share would not be seen."
    else:
        first = "No validation image is known to share a patient or a picture with train."
    return Told(f"{first} To exclude leakage it needs {needs}.{crossing}", False, needs, numbers=numbers)


CAUSE = Leakage()
