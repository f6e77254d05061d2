"""Wrong labels on test: sure contradictions suggest how many points they cost, only a review tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.contradiction import Contradiction, contradicted
from heldout.diagnosis.effects import explained_terms
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.suspects import still_to_review, unjudged_points
from heldout.diagnosis.verdict import Decision, undecided, weigh
from heldout.diagnosis.words import IMAGES, SCORE, said
from heldout.records import Finding, ReasonKind
from heldout.stats.few import jeffreys
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.weighted import weighted_mean

ALIKE = ("difficulty",)
"""No classifier is right on images whose label is wrong, however many it learns from: so until people have read them,
they look like images that are hard for anyone, unless it is surely contradicted that tells them apart."""


@dataclass(frozen=True)
class Flags:
    """What is known without a review.

    Attributes:
        flagged: Test labels that look doubtful.
        images: Test images.
        bound: Points that they account for at most.
        to_review: Images to have read, most doubtful first.
        left: Classes with too few test images to be judged, with their number.
        undecided: Points that wrong labels account for at most among these.
        contradiction: What independent models contradict surely and alike; None where too few were asked.
    """

    flagged: int
    images: int
    bound: float
    to_review: tuple[str, ...]
    left: tuple[str, ...] = ()
    undecided: float = 0.0
    contradiction: Contradiction | None = None


@dataclass(frozen=True)
class Review:
    """What reviewers found.

    Attributes:
        points: Test accuracy by their labels minus that by the given ones.
        wrong: Ids whose label is wrong.
        reviewed: Number of images that they read.
        share: Share of all test labels that the wrong ones stand for.
        unread: Whether images of the sample are still unread.
    """

    points: Measured
    wrong: tuple[str, ...]
    reviewed: int
    share: float
    unread: bool


class Labels(Cause[Flags | Review]):
    """Some test images carry the wrong label, and the model is marked down for being right.

    How it is detected: cleanlab (Northcutt et al. 2021) ranks the test images by how doubtful their label is, from
    out-of-fold probabilities of a classifier that has seen images of both parts (else from the run's own), so that a
    covariate shift is not taken for wrong labels. The share it flags is an upper bound only (or the upper end of what
    sure contradictions tell, if that is more): about half of such flags are truly wrong. Classes with fewer than
    {min_suspect_class} test images are not judged, and named with what that leaves undecided. Points come from a
    review: two blind readers look at the most doubtful {review_top:.0%} and at a
    random {review_rest:.0%} of the rest, and every reviewed image counts for 1/probability images (Horvitz & Thompson
    1952). Until they have, wrong labels are suggested at most. By accuracy alone they look like harder images: both
    are wrong for a classifier that has learned from test images too. But a label that was turned round is contradicted
    as surely as its image would else be confirmed, and hard images are answered unsurely. So the run, that classifier,
    the nearest images of other patients and up to {max_other_runs} other runs are asked; where all answer alike, the
    share that the label contradicts is fitted as a curve of their sureness with a floor (the lapse rate of Wichmann &
    Hill 2001), the curve on test being that on validation but for {curve_spread} nats. The floor on test beyond that
    on validation, class by class, gives the points, on the premise that labels of unclear images are no more often
    wrong than those of clear ones. Suggested if their interval lies above 0, they are more than {margin} points, and
    at least {turned_share:.0%} of what that classifier surely loses on test, and the surest answers alone bear out
    {sure_share:.0%} of them; else neither wrong labels nor harder images are told from the other. Classes that are
    surely answered less than {min_answered_class} times are left out.

    Why it matters: Confident disagreement on a shifted test set is mostly error of the model. Whoever removes those
    images as "mislabelled" removes the evidence of the drop.

    What to do: Have the listed images read blind by two readers (`--review FILE`), mend the labels by hand, and report
    both versions.
    """

    code: ClassVar[str] = "labels"
    title: ClassVar[str] = "Wrong labels on test"
    remedy: ClassVar[str] = "Mend the labels that both readers found wrong, and report both versions."
    interventions: ClassVar[tuple[str, ...]] = ("pooled",)
    term: ClassVar[str | None] = "labels"

    def measure(self, data: CauseData) -> Flags | Review | Missing:
        """Points from a review; without one the bound, and exactly which images to review."""
        run, test = data.run, data.run.test
        assert test is not None
        if run.reviewed:
            return _review(data)
        if data.suspects is None:
            few = f"at least {data.rules.min_suspect_class} test images in each of two classes"
            return Missing(ReasonKind.REVIEW, f"{few}, and a review of them")
        counts = test.counts()
        return Flags(
            int(data.suspects.flagged.sum()),
            len(test),
            data.gap.label_bound or 0.0,
            tuple(data.to_review),
            tuple(f"{run.classes[k]} ({counts[k]})" for k in data.suspects.left),
            unjudged_points(run, data.suspects),
            data.contradiction,
        )

    def missing(self, missing: Missing) -> Finding:
        """Where labels cannot even be ranked, they still look like harder images."""
        return replace(super().missing(missing), alternatives=ALIKE)

    def decide(self, measured: Flags | Review, rules: Rules) -> Decision:
        """Relabelling is itself the intervention; without it labels are suggested at most."""
        if isinstance(measured, Flags):
            told = measured.contradiction is not None and measured.contradiction.tells(rules)
            return Decision("suggested", ReasonKind.REVIEW) if told else undecided(ReasonKind.REVIEW)
        return weigh(measured.points, True, rules)

    def tell(self, measured: Flags | Review, decision: Decision, rules: Rules) -> Told:
        """How many labels look wrong, or were found wrong, and what that is worth."""
        if isinstance(measured, Flags):
            return _tell_unread(measured, decision, rules)
        sentence = (
            f"Readers found {len(measured.wrong)} of {measured.reviewed} reviewed test labels wrong, which stands for "
            f"{measured.share:.1%} of all; with the right labels test {SCORE} would be higher by "
            f"{said(measured.points)}."
        )
        numbers = {
            "reviewed": float(measured.reviewed),
            "wrong": float(len(measured.wrong)),
            "wrong_share": measured.share,
        }
        return Told(
            sentence,
            points=measured.points,
            images=measured.wrong[: rules.max_images],
            numbers=numbers,
            # No threshold mends a wrong label, and a classifier that learned from both parts finds such images hard.
            explains={"labels": measured.points.value, **explained_terms(measured.points.value, 0.0)},
            alternatives=ALIKE if measured.unread else (),
        )


def _tell_unread(measured: Flags, decision: Decision, rules: Rules) -> Told:
    """What is known before people have read the labels."""
    found, number = measured.contradiction, len(measured.to_review)
    needs = f"two blind readers for {number} test {IMAGES} (they are listed under `review`)"
    sentence = (
        f"{measured.flagged} of {measured.images} test labels look doubtful; wrong labels may account for up to "
        f"{measured.bound:.1f} points."
    )
    if measured.left:
        sentence += (
            f" Too few test images to be judged: {', '.join(measured.left)}; that leaves at most "
            f"{measured.undecided:.1f} points undecided."
        )
    numbers = {"flagged": float(measured.flagged), "bound_points": measured.bound, "to_review": float(number)}
    if measured.left:
        numbers["undecided_points"] = measured.undecided
    if found is not None:
        numbers |= {"sure_contradicted_val": found.sure_val, "sure_contradicted_test": found.sure_test}
        sentence += f" {contradicted(found)}"
    images = measured.to_review[: rules.max_images]
    if found is None or not decision.positive:
        sentence += f" How many are cannot be told without a review: it needs {needs}."
        points = None if found is None else found.points
        return Told(sentence, False, needs, points=points, images=images, numbers=numbers, alternatives=ALIKE)
    sentence += (
        f" So do wrong labels look, while hard images are answered unsurely. They would account for "
        f"{said(found.points)}, if labels of unclear images are no more often wrong; a review settles it: {needs}."
    )
    explains = {"labels": found.points.value, **explained_terms(found.points.value, 0.0)}
    images = found.turned[: rules.max_images]
    return Told(sentence, False, needs, found.points, images, numbers, explains, ALIKE)


def _review(data: CauseData) -> Review:
    run, points = data.run, data.gap.terms["labels"]
    review, test = run.review, run.test
    assert review is not None and test is not None
    if not points.varies:
        points = replace(points, replicates=_unseen(run))
    given = {id_: run.classes[label] for id_, label in zip(test.ids, test.labels.tolist(), strict=True)}
    wrong = [id_ for id_, label in zip(review["id"], review["label"], strict=True) if given.get(id_, label) != label]
    weight = dict(zip(review["id"], review["probability"], strict=True))
    share = sum(1 / weight[id_] for id_ in wrong) / len(test)
    return Review(points, tuple(wrong), len(review), share, bool(still_to_review(run, data.to_review)))


def _unseen(run: RunData) -> Reals:
    """Points that wrong labels among the images nobody read might be worth, where readers changed nothing, (B,).

    Only a mistake can turn out to be right. How many of the mistakes that nobody read do is told by those that were
    read, which are the more doubtful ones.
    """
    test, review = run.test, run.review
    assert test is not None and review is not None
    read = np.isin(test.ids, review["id"])
    share: Reals = 100 * jeffreys(0.0, int((read & ~test.right).sum()), run.bootstrap)
    return share * float(weighted_mean(~read & ~test.right, run.draws.test[:1])[0])


CAUSE = Labels()
