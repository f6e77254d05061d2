"""Leakage: validation images that have a relative among the training images."""

from __future__ import annotations

from typing import ClassVar

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.records import Finding

SHOWN = 24


class Leakage(Cause):
    """Validation shares patients, copies or near-copies with train, and so is easier than new patients are.

    How it is detected: A validation image leaks if its patient is also in train, if its pixels stand in train too
    (equal content hash), or if it is a near-copy (perceptual hash and thumbnail agree). What that is worth is
    measured by training the same strategy anew on a split that keeps patients and copies together (several seeds), or,
    where that takes too long, on the validation images that have no relative in train. Candidate patient keys from file
    names are proposed by `heldout inspect` and verified by a permutation test of image similarity, since a naive key
    raises false alarms.

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
            known = any(val.patients)
            sentence = "No validation image shares a patient or a picture with train." + crossing
            if not known:
                needs = (
                    "the patient of each image (`--patient`): without it only copies can be seen, and there are none"
                )
                found = self.not_identifiable(needs)
                return self.finding(found.verdict, found.sentence + crossing, reason=found.reason, numbers=numbers)
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
        detail = budget.details["leakage"]
        sentence = f"{first} They are worth {said(points)} ({detail}).{crossing}"
        return self.finding(verdict, sentence, points, reason=reason, images=images, numbers=numbers)


CAUSE = Leakage()
