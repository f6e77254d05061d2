"""Leakage: validation images that have a relative among the training images."""

from __future__ import annotations

from typing import ClassVar

from heldout.causes._case import Case
from heldout.causes._cause import Cause, said, weigh
from heldout.records import Finding

SHOWN = 24

NEEDS = (
    "the patient, or else the original picture, of every image (`--patient`): copies that were flipped, turned or "
    "cropped share it with their original, and are not looked for in the pictures"
)
"""What would exclude leakage, in words that follow "needs"."""


class Leakage(Cause):
    """Validation shares patients, copies or near-copies with train, and so is easier than new patients are.

    How it is detected: A validation image leaks if its patient is also in train, if its pixels stand in train too
    (equal content hash), or if it is a near-copy (perceptual hash and thumbnail agree). What that is worth is
    measured by training the same strategy anew on a split that keeps patients and copies together (several seeds), or,
    where that takes too long, on the validation images that have no relative in train. Candidate patient keys from file
    names are proposed by `heldout inspect` and verified by a permutation test of image similarity, since a naive key
    raises false alarms. A near-copy was saved again, resized, or made a little brighter or blurrier; copies that were
    flipped, turned or cropped are not looked for. Leakage is therefore excluded only where every image of train and
    validation names its patient, which a copy shares with its original; elsewhere it is not identifiable.

    Why it matters: A network recognises people and devices. Splits that are not by patient inflated accuracy by 5 to
    30 points on medical images (Tampu et al. 2022).

    What to do: Split by patient (`--patient`), remove copies, and report the accuracy on independent images.
    """

    code: ClassVar[str] = "leakage"
    title: ClassVar[str] = "Leakage from train into validation"
    remedy: ClassVar[str] = "Split by patient (`--patient`), remove copies, and train again."
    experiments: ClassVar[tuple[str, ...]] = ("grouped",)

    def judge(self, case: Case) -> Finding:
        """The leakage term, and the test images that are not independent either."""
        evidence, budget = case.evidence, case.budget
        val = evidence.val
        assert val is not None
        crossing = ""
        if evidence.crossing:
            crossing = f" Besides, {len(evidence.crossing)} test images have a relative in train or validation."
        numbers = {"leaked": float(len(evidence.leaked)), "crossing_test": float(len(evidence.crossing))}
        if not evidence.leaked:
            if not evidence.finds_changed_copies:
                sentence = (
                    "No validation image is known to share a patient or a picture with train. To exclude leakage it "
                    f"needs {NEEDS}.{crossing}"
                )
                return self.finding("not identifiable", sentence, reason=f"needs {NEEDS}", numbers=numbers)
            sentence = f"No validation image shares a patient or a picture with train.{crossing}"
            reason = "because no validation image has a relative in train"
            return self.finding("excluded", sentence, budget.terms["leakage"], reason=reason, numbers=numbers)
        share = len(evidence.leaked) / len(val)
        images = tuple(list(evidence.leaked)[:SHOWN])
        first = f"{len(evidence.leaked)} of {len(val)} validation images ({share:.0%}) have a relative in train."
        points = budget.terms.get("leakage")
        if points is None:
            needs = "more validation images without a relative in train, or the experiment `grouped`"
            why = case.evidence.why_absent("grouped")
            sentence = f"{first} What that is worth cannot be told; it needs {needs} ({why}).{crossing}"
            return self.finding("not identifiable", sentence, reason=f"needs {needs}", images=images, numbers=numbers)
        # Training or scoring without the relatives is itself the intervention.
        verdict, reason = weigh(points, agrees=True)
        sentence = f"{first} They are worth {said(points)} ({budget.details['leakage']})."
        if not evidence.finds_changed_copies:
            sentence += " Copies that were flipped, turned or cropped are not looked for: it may be more."
            if verdict != "established":
                verdict, reason = "not identifiable", f"needs {NEEDS}"
        sentence += crossing
        return self.finding(verdict, sentence, points, reason=reason, images=images, numbers=numbers)


CAUSE = Leakage()
