"""What `heldout calibrate` found: `calibration.json` in a run's folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.records.estimate import Estimate

CALIBRATION = "calibration.json"
"""Name of the record in a run's folder."""

KNOWN_IMAGES = "calibration.parquet"
"""Beside it: the images that new batches are held against, columns `role` (`anchor`, `other`), `unit` (number of the
patient), one `logit_<k>` a class where new images are answered by the same network, and the measured properties of the
images where these could be read."""

ScalingKind = Literal["temperature", "vector"]

RuleKind = Literal["error", "ppv", "npv", "sets", "class-sets"]

Kept = Literal["kept", "broken", "open"]
"""Whether a rate is at most what was asked, by its interval: below, above, or across."""

ScoreName = Literal["log_loss", "brier", "calibration_error"]


@dataclass(frozen=True)
class Counted:
    """Images and patients of a part.

    Attributes:
        images: Number of images.
        patients: Number of units: patients, and images without one.
        named: Whether any patient is known.
    """

    images: int
    patients: int
    named: bool


@dataclass(frozen=True)
class Scaling:
    """How logits are scaled: class k becomes factors[k] * z + shifts[k].

    Attributes:
        kind: How it was fitted.
        temperature: 1 over the (geometric mean of the) factors; above 1 the network was too sure.
        uncertain: The temperature with its interval; None of vector scaling, and with a single patient.
        factors: One a class.
        shifts: One a class, nats.
    """

    kind: ScalingKind
    temperature: float
    factors: tuple[float, ...]
    shifts: tuple[float, ...]
    uncertain: Estimate | None


@dataclass(frozen=True)
class ScoreChange:
    """A score of probabilities before and after scaling; of all of them lower is better.

    Attributes:
        name: Which.
        before: Of the softmax.
        after: Of the scaled softmax.
        change: After minus before, on the same images.
    """

    name: ScoreName
    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True)
class ReliabilityBin:
    """Images that a run is about equally sure of.

    Attributes:
        low: Lower end of the bin.
        high: Upper end.
        sure: Mean of the largest probability.
        right: Share that is right.
    """

    low: float
    high: float
    sure: float
    right: Estimate


@dataclass(frozen=True)
class Reliability:
    """Probabilities of one part before and after a scaling that has not seen its patients.

    Attributes:
        part: `val` (scaled out of fold) or `test`.
        kind: Of scaling.
        counted: The part.
        scores: Log loss, Brier score, calibration error.
        before: Bins of equal width between guessing and certainty that hold images.
        after: Likewise.
    """

    part: Literal["val", "test"]
    kind: ScalingKind
    counted: Counted
    scores: tuple[ScoreChange, ...]
    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class CoverageStep:
    """A rule of answering at one candidate threshold, on the images that it is judged by.

    Attributes:
        threshold: On the largest probability.
        coverage: Share of images that are answered.
        loss: Share of those whose answer is wrong; None where none is answered.
    """

    threshold: float
    coverage: Estimate
    loss: Estimate | None


@dataclass(frozen=True)
class JudgedRule:
    """What a rule does on images that had no part in making it.

    All shares are of a random patient's random image, given that it is one of those that the share is of.

    Attributes:
        coverage: Share of images that are answered; of sets the share of sets that hold one class.
        loss: Share of wrong answers among them; of sets the share that does not hold the true class. None where no
            image is answered.
        kept: Whether the loss is at most what was asked.
        set_size: Mean number of classes in a set; None of rules of answering.
        by_class: Of sets class -> share of its images whose set misses it.
        curve: Of rules of answering all candidate thresholds, from strict to lax.
    """

    coverage: Estimate
    loss: Estimate | None
    kept: Kept
    set_size: Estimate | None = None
    by_class: dict[str, Estimate] = field(default_factory=dict)
    curve: tuple[CoverageStep, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One controlled rate, and the thresholds that keep it.

    Attributes:
        kind: `error` (of answers), `ppv`, `npv`, `sets` (miss the true class), `class-sets` (of every class).
        level: As asked: an error at most, a predictive value or a coverage at least.
        alpha: The rate of losses that this allows.
        thresholds: One a class: from which probability on it is answered, or in the set; None where none is safe.
        p: Of the last hypothesis that was rejected; None where none was.
        test_level: δ of the tests: 1 − confidence, over the number of rates and of candidates (Bonferroni).
        needed: Patients of one image each that are needed at least, all answered, none wrongly.
        on_test: What it does on test; None without test images, or where none is safe.
    """

    kind: RuleKind
    level: float
    alpha: float
    thresholds: tuple[float, ...] | None
    p: float | None
    test_level: float
    needed: int
    on_test: JudgedRule | None


@dataclass(frozen=True)
class Unlike:
    """A batch held against the images that the rules were made on (`stats.batches`).

    Attributes:
        images: Images that were compared.
        distance: Energy distance, in standard deviations of the known images.
        usual: Median of batches that are alike.
        p: Share of these that are as far or farther.
        unlike: Whether the batch is called unlike.
    """

    images: int
    distance: float
    usual: float
    p: float
    unlike: bool


@dataclass(frozen=True)
class Calibration:
    """`calibration.json`, sealed.

    Attributes:
        run: Id of the run.
        predictions: SHA-256 of the run's `predictions.parquet` that it was made from.
        classes: Names, in the order of their indices.
        positive: Class that predictive values are of; empty where none was asked.
        part: Part that the control images are of.
        confidence: Of each promise, over the draw of the control images: 1 − δ.
        candidates: Networks that may have been compared on the control images; the level is divided by it.
        given: Whether the model came with its predictions, so that nothing is known of what was chosen on them.
        crossed: Whether the run was cross-validated, so that its scaling was fitted on answers of single networks.
        questions: What this run's images of `part` were asked so far, each different question once, the last one
            included: `error:0.05 at 0.95`. Empty where nothing was promised.
        fitting: Images that scaling and candidate thresholds come from.
        control: Images that thresholds were tested on; None where no rule was asked.
        single: Whether every patient of the control part has one image, so that the tests are exact.
        scaling: What is applied.
        reliability: Of validation and of test, with both kinds of scaling.
        rules: What was asked; empty without `--abstain`.
        test_likeness: Test held against the known images; None where it cannot be.
        known_images: SHA-256 of `calibration.parquet`.
        pictured: Whether measured properties of the images are among what batches are compared by.
        created: Time, ISO 8601, UTC.
        format: Version of this record.
    """

    run: str
    predictions: str
    classes: tuple[str, ...]
    positive: str
    part: Literal["val", "test"]
    confidence: float
    candidates: int
    given: bool
    crossed: bool
    questions: tuple[str, ...]
    fitting: Counted
    control: Counted | None
    single: bool
    scaling: Scaling
    reliability: tuple[Reliability, ...]
    rules: tuple[Rule, ...]
    test_likeness: Unlike | None
    known_images: str
    pictured: bool
    created: str
    format: int = 1

    @property
    def compares_answers(self) -> bool:
        """Whether logits are among what batches are compared by.

        Not where the known images were answered by networks of single folds: new ones are answered by the mean of all,
        whose logits lie closer together, whatever the images are.
        """
        return self.control is not None or not self.crossed
