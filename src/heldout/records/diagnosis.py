"""Why test is lower than validation: the JSON of `heldout diagnose`, `diagnosis/<run id>.json` in a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from heldout.displayed import Displayed
from heldout.records.estimate import Estimate
from heldout.records.metric import Metric, Unit

USUAL_TERMS = ("selection", "leakage", "prior", "labels", "threshold", "ranking")
"""The terms that every gap budget has, as far as they can be measured."""

TERMS = ("chosen-on-test", "averaging", "absent", *USUAL_TERMS)
"""All terms in the order in which they are taken off the gap; the first three only where they can apply."""

Term = Literal[
    "chosen-on-test", "averaging", "absent", "selection", "leakage", "prior", "labels", "threshold", "ranking"
]

VERDICTS = ("established", "suggested", "excluded", "not identifiable", "not applicable", "failed")
"""The closed set of verdicts, the surest of a cause first."""

Verdict = Literal["established", "suggested", "excluded", "not identifiable", "not applicable", "failed"]


class TermStatus(StrEnum):
    """How a term of the budget came by its points."""

    MEASURED = "measured"
    NOTHING = "nothing to measure"
    """Its cause cannot have acted: the points are exactly 0."""
    BOUND = "bound only"
    """Only an upper bound is known; the term counts as 0 in the sum."""
    NOT_MEASURED = "not measured"
    """Its cause may have acted, but these data do not tell; what it is worth stands in ranking."""


class ReasonKind(StrEnum):
    """Why a verdict is what it is; the sentence beside it is for people, this is for programs."""

    NONE = ""

    GAP_COVERS_ZERO = "gap covers 0"
    GAP_EXCLUDES_ZERO = "gap excludes 0"
    SHARES_BY_CHANCE = "class shares by chance"
    """Patients that are drawn anew bring other class shares, and change it as much."""
    RAISES_TEST = "raises test"
    WITHIN_MARGIN = "within the margin"
    NO_DIFFERENCE = "no difference"
    """Validation and test (or the classes) do not differ in what the cause acts through."""
    UNTRUSTED = "not supported"
    """A second measurement contradicts it: it costs points, but test does not differ in it."""
    CONTRADICTED = "contradicted by a trial"
    """Another trial of the same change says the opposite: undoing it on test costs points too, say."""
    DOES_NOT_APPLY = "does not apply"
    """The cause cannot act on this run or these data."""

    MORE_IMAGES = "more images"
    SMALL_CLASSES = "more images of small classes"
    """Classes that are too small to be judged might hold more than the margin; all others do not."""
    MORE_PATIENTS = "more patients"
    MORE_SEEDS = "more seeds"
    OVERLAP = "overlap"
    """Validation images that resemble those of test."""
    PATIENTS_UNKNOWN = "patients unknown"
    COPIES_NOT_LOOKED_FOR = "changed copies not looked for"
    SITES_UNKNOWN = "sites unknown"
    CONFOUNDED = "confounded"
    """It goes with something else in these data (a site, say), so that the two cannot be told apart."""
    REVIEW = "review"
    JUDGEMENT = "judgement"
    """Someone who knows the field has to say what the image region means."""
    NOT_SAID = "not said"
    """Someone has to say what was done: the data do not show it."""
    IMAGES = "images not given"
    """The pixels: tables of predictions need none."""
    MODEL = "model given"
    """The model was given, not trained here: its answers to images, its weights or its training are not at hand."""
    PARTS_MISSING = "parts missing"
    """Train, validation or test images, or classes of them."""
    SWITCHED_OFF = "interventions switched off"
    NOT_RUN = "intervention not run"
    INTERRUPTED = "intervention interrupted"
    INTERVENTION_FAILED = "intervention failed"
    ERROR = "error"


BECAUSE = frozenset(
    {
        ReasonKind.NONE,
        ReasonKind.GAP_COVERS_ZERO,
        ReasonKind.GAP_EXCLUDES_ZERO,
        ReasonKind.RAISES_TEST,
        ReasonKind.WITHIN_MARGIN,
        ReasonKind.NO_DIFFERENCE,
        ReasonKind.UNTRUSTED,
        ReasonKind.CONTRADICTED,
        ReasonKind.DOES_NOT_APPLY,
        ReasonKind.ERROR,
    }
)
"""Kinds that give a reason; all others name what would settle the question."""


EXPLAINED = (*TERMS, "difficulty")
"""What a finding may say it explains: a term of the budget, or the part of ranking that is hard for any classifier."""


@dataclass(frozen=True)
class BudgetTerm:
    """One term of the budget: by how many points of the metric it lowers test against validation.

    Attributes:
        term: Which one.
        points: With its interval; the values of all terms sum to the gap exactly. Of a term that was not measured it is
            what the term counts in that sum, 0 from 0 to 0, which says nothing of what it is worth.
        detail: How it was measured, or why it is zero, in a sentence.
        status: Whether it was measured.
    """

    term: Term
    points: Estimate
    detail: str
    status: TermStatus = TermStatus.MEASURED

    @property
    def known(self) -> Estimate | None:
        """Its points for people; None where they were not measured."""
        return None if self.status is TermStatus.NOT_MEASURED else self.points


@dataclass(frozen=True)
class ClassRow:
    """What one class adds to the gap once selection, leakage and prior are off it: π^T · (recall^V − recall^T).

    Attributes:
        name: The class.
        val_share: Its share of the validation images, a fraction.
        test_share: Its share of the test images.
        val_recall: Recall on validation; None without images of the class.
        test_recall: Recall on test; likewise.
        points: The row's points; the rows and the terms before labels sum to the gap.
        counts: What its recall counts on test by the metric, the π^T above; None where that is its share.
        prior_points: What the class carries of the prior term, (π^V − π^T) · (recall^V − A_V′); over the classes they
            sum to it. None without validation images, and in older records.
        train_images: Training images of the class; None where not known.
    """

    name: str
    val_share: float
    test_share: float
    val_recall: Estimate | None
    test_recall: Estimate | None
    points: Estimate | None
    counts: float | None = None
    prior_points: Estimate | None = None
    train_images: int | None = None


@dataclass(frozen=True)
class Lens:
    """One way of looking at what the ranking term is made of; two lenses are never added to each other.

    Attributes:
        name: `appearance` (what is in the images: DISDE) or `learnable` (what would fix it), or that of a plug-in.
        title: For a heading.
        group: Class it speaks of, or empty.
        parts: Name of a part -> points.
        sentence: What it says.
        numbers: Named numbers behind it: domain AUC, its null, effective sample sizes.
        basis: By what it compares images, in words; empty where there is one way only.
    """

    name: str
    title: str
    group: str
    parts: dict[str, Estimate]
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict)
    basis: str = ""


@dataclass(frozen=True)
class Finding:
    """One cause's verdict on one run.

    Attributes:
        code: Stable code of the cause, `threshold`, `image-quality`, …
        cause: Its title.
        verdict: One of the closed set `VERDICTS`.
        points: Points of the metric that it takes from test, where that can be said.
        sentence: What was found, for a person who knows no statistics; where it is not identifiable or not applicable,
            what is missing or why.
        images: Ids of the images to look at, most telling first.
        remedy: What to do.
        reason: The words in the brackets: `needs …`, `because …`.
        kind: What kind of reason that is.
        explains: Term of the budget (or `difficulty`) -> points of it that this cause explains.
        priority: Points that findings are ordered by: its own (its `share`, where it has one), less what an established
            cause upstream of it explains.
        numbers: Named numbers behind it.
        fault: Whether it is a fault of the run, or of how it was chosen, that is told even where there is no gap.
        alternatives: Codes of causes that would look the same in these data: without more of them nobody can tell
            which of the two it is.
        share: Its part of what it costs together with other causes that act through the images (Shapley's value):
            parts sum to what all of them cost; None where it was not changed together with another.
        shared_reason: Why it could not be judged, in the words of all causes of which that is true, so that it can be
            said once; empty where the reason is its own.
    """

    code: str
    cause: str
    verdict: Verdict
    points: Estimate | None
    sentence: str
    images: tuple[str, ...] = ()
    remedy: str = ""
    reason: str = ""
    priority: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)
    fault: bool = False
    kind: ReasonKind = ReasonKind.NONE
    explains: dict[str, float] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()
    share: Estimate | None = None
    shared_reason: str = ""


@dataclass(frozen=True)
class Subgroup:
    """A group of images by a further column of theirs: how much it loses from validation to test.

    Attributes:
        columns: The column that it is a group of (`site`, `sex`, `age`), or two for a common part.
        name: In words: `age 40-59, sex male`.
        val_images: Number of its validation images.
        test_images: Number of its test images.
        val_score: Its score on validation, a fraction; None without images.
        test_score: Likewise on test.
        gap_points: Validation minus test; None, as all that follows, where it is too small on either side.
        difference_points: Its gap minus that of all other images, with an interval that holds for all groups at once.
        points: What test would gain if it had lost no more than all others: its share of the test images times the
            difference, with such an interval.
        mix_points: What it is worth that test has more, or less, of it than validation, at the scores of validation.
        p: Of the difference, corrected for the number of groups (max-|t|).
    """

    columns: tuple[str, ...]
    name: str
    val_images: int
    test_images: int
    val_score: Estimate | None
    test_score: Estimate | None
    gap_points: Estimate | None = None
    difference_points: Estimate | None = None
    points: Estimate | None = None
    mix_points: Estimate | None = None
    p: float | None = None


@dataclass(frozen=True)
class Remedy:
    """Something that was tried, and what it gained on test.

    Attributes:
        name: What was done.
        gain_points: The metric on test with it minus without it, points.
        exploratory: True unless it was set on one half of the test patients and scored on the other.
        cause: Code of the cause it answers.
    """

    name: str
    gain_points: Estimate
    exploratory: bool
    cause: str = ""


@dataclass(frozen=True)
class Diagnosis(Displayed):
    """Everything that is known of one run's gap.

    Attributes:
        run: Id of the run.
        model: Full name of its backbone.
        strategy: Name of its strategy.
        seed: Its seed.
        val_accuracy: As reported, by the metric, a fraction; None without validation images.
        test_accuracy: Likewise.
        gap_points: Validation minus test; None where there is none.
        explained: Whether the gap's interval excludes 0, also if patients drawn anew would have other classes, so that
            there is something to explain.
        summary: One paragraph for a person.
        budget: The terms, in order; empty where the gap cannot be taken apart.
        classes: Per-class rows.
        lenses: What the ranking term is made of.
        findings: One a cause, most telling first.
        remedies: What was tried, best first.
        review: Ids of test images to be read again by two blind readers, with the probability with which each was
            chosen: what would settle the question of wrong labels.
        limits: What cannot be known from these data, and what would settle it.
        bootstrap: Number of replicates.
        bootstrap_seed: Their seed.
        metric: What the scores are; all points are points of it.
        unit: Who one decision is made on; where it is the patient, numbers of images are numbers of patients, and
            `images` and `review` still name images.
        over_baseline_points: Score on test minus that of always answering the commonest class; None where not
            known.
        baseline: That class.
        groups: Groups by further columns of the images, then common parts of two; empty without such columns.
        columns_left_out: Column that has no groups -> why, in words.
        label: The one of several labels that is asked after, absent against present; empty for classes.
        format: Version of this record.
    """

    run: str
    model: str
    strategy: str
    seed: int
    val_accuracy: Estimate | None
    test_accuracy: Estimate | None
    gap_points: Estimate | None
    explained: bool
    summary: str
    budget: tuple[BudgetTerm, ...]
    classes: tuple[ClassRow, ...]
    lenses: tuple[Lens, ...]
    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]
    review: dict[str, float]
    limits: tuple[str, ...]
    bootstrap: int
    bootstrap_seed: int
    metric: Metric = field(default_factory=Metric)
    unit: Unit = field(default_factory=Unit)
    over_baseline_points: Estimate | None = None
    baseline: str = ""
    groups: tuple[Subgroup, ...] = ()
    columns_left_out: dict[str, str] = field(default_factory=dict)
    label: str = ""
    format: int = 2

    @property
    def beats_baseline(self) -> bool:
        """Whether test is surely better answered than by always saying the commonest class."""
        return self.over_baseline_points is None or self.over_baseline_points.low > 0


class Diagnoses(Displayed, tuple[Diagnosis, ...]):
    """Several diagnoses: a tuple that a notebook shows."""

    __slots__ = ()
