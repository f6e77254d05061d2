"""Wrong labels on test: only a review can tell how many points they cost."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.diagnosis.run_data import RunData
from heldout.records import Finding
from heldout.stats.few import jeffreys
from heldout.stats.scores import Reals
from heldout.stats.suspects import Suspects, review_sample, suspects

SHOWN = 24


class Labels(Cause):
    """Some test images carry the wrong label, and the model is marked down for being right.

    How it is detected: cleanlab (Northcutt et al. 2021) ranks the test images by how doubtful their label is, from
    out-of-fold probabilities of a classifier that has seen images of both parts (else from the run's own), so that a
    shift of looks is not taken for wrong labels. The share it flags is an upper bound only: about half of such flags
    are truly wrong. Points come from a review: two blind readers look at the most doubtful tenth and at a random tenth
    of the rest, and every reviewed image counts for 1/probability images (Horvitz & Thompson 1952).

    Why it matters: Confident disagreement on a shifted test set is mostly error of the model. Whoever removes those
    images as "mislabelled" removes the evidence of the drop.

    What to do: Have the listed images read blind by two readers (`--review FILE`), mend the labels by hand, and report
    both versions.
    """

    code: ClassVar[str] = "labels"
    title: ClassVar[str] = "Wrong labels on test"
    remedy: ClassVar[str] = "Mend the labels that both readers found wrong, and report both versions."
    experiments: ClassVar[tuple[str, ...]] = ("pooled",)

    def judge(self, case: Case) -> Finding:
        """Points from a review; without one the bound, and exactly which images to review."""
        evidence, budget = case.evidence, case.budget
        if evidence.review is not None and len(evidence.review):
            return self._reviewed(case)
        found = doubtful(evidence)
        if found is None:
            return self.not_identifiable("at least 5 test images in each of two classes, and a review of them")
        test = evidence.test
        assert test is not None
        sample = review_sample(test.ids, found, evidence.bootstrap_seed)
        images = tuple(list(sample)[:SHOWN])
        bound = budget.label_bound or 0.0
        numbers = {"flagged": float(found.flagged.sum()), "bound_points": bound, "to_review": float(len(sample))}
        needs = f"two blind readers for {len(sample)} test images (they are listed under `review`)"
        sentence = (
            f"{int(found.flagged.sum())} of {len(test)} test labels look doubtful; if all were wrong they would "
            f"account for at most {bound:.1f} points. How many are cannot be told without a review: it needs {needs}."
        )
        return self.finding("not identifiable", sentence, reason=f"needs {needs}", images=images, numbers=numbers)

    def _reviewed(self, case: Case) -> Finding:
        evidence = case.evidence
        review, test = evidence.review, evidence.test
        assert review is not None and test is not None
        points = case.budget.terms["labels"]
        if not points.varies:
            points = replace(points, replicates=_unseen(evidence))
        given = {id_: evidence.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
        wrong = [i for i, label in zip(review["id"], review["label"], strict=True) if given.get(i, label) != label]
        weight = dict(zip(review["id"], review["probability"], strict=True))
        share = sum(1 / weight[i] for i in wrong) / len(test)
        verdict, reason = weigh(points, agrees=True)  # relabelling is itself the intervention
        sentence = (
            f"Readers found {len(wrong)} of {len(review)} reviewed test labels wrong, which stands for {share:.1%} "
            f"of all; with the right labels test accuracy would be higher by {said(points)}."
        )
        numbers = {"reviewed": float(len(review)), "wrong": float(len(wrong)), "wrong_share": share}
        # No threshold mends a wrong label, and a classifier that learned from both parts finds such images hard.
        numbers |= {"of_threshold": 0.0, "of_ranking": points.value}
        return self.finding(verdict, sentence, points, reason=reason, images=tuple(wrong[:SHOWN]), numbers=numbers)


def doubtful(evidence: RunData) -> Suspects | None:
    """How doubtful each test label is; None where cleanlab cannot judge."""
    test = evidence.test
    if test is None:
        return None
    return suspects(test.labels, _probabilities(evidence))


def label_bound(evidence: RunData) -> float | None:
    """Points that wrong test labels may account for at most: flagged images that count as mistakes."""
    test = evidence.test
    found = doubtful(evidence)
    if found is None or test is None:
        return None
    return 100 * float((found.flagged & ~test.right).mean())


def _unseen(evidence: RunData) -> Reals:
    """Points that wrong labels among the images nobody read might be worth, where readers changed nothing, (B,).

    Only a mistake can turn out to be right. How many of the mistakes that nobody read do is told by those that were
    read, which are the more doubtful ones.
    """
    test, review = evidence.test, evidence.review
    assert test is not None and review is not None
    read = np.isin(test.ids, review["id"])
    share: Reals = 100 * jeffreys(0.0, int((read & ~test.right).sum()), evidence.bootstrap)
    return share * float((~read & ~test.right).mean())


def _probabilities(evidence: RunData) -> Reals:
    """(n_T, k): out-of-fold on both parts where the experiment `pooled` is there, else the run's own softmax."""
    test = evidence.test
    assert test is not None
    logits = test.logits
    pooled = evidence.scored.get("pooled")
    if pooled is not None and pooled.has("balanced", "test"):
        found = pooled.logits("balanced", "test", test.ids)
        logits = np.where(np.isfinite(found), found, logits)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Reals = shifted / shifted.sum(axis=1, keepdims=True)
    return result


CAUSE = Labels()
