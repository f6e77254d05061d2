"""Runs judged on the same images: the JSON of `heldout compare`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.displayed import Displayed
from heldout.records.codec import LATER
from heldout.records.estimate import Estimate
from heldout.records.metric import Metric, Unit
from heldout.records.recipe import Setting
from heldout.records.selection import Selection


@dataclass(frozen=True)
class LabelScores:
    """How a run does on one of several labels, on one part of the split; fractions.

    Attributes:
        images: Images of the part.
        positives: Of these, how many have the label.
        threshold: Logit above which the label is answered, set on validation.
        auc: Area under the ROC curve; None, and so the rest, where all images have the label, or none.
        sensitivity: Of the images with the label, the share that is answered so.
        specificity: Of the images without, the share that is not.
        scores: Further score (`stats.label_scores`) -> its value.
    """

    images: int
    positives: int
    threshold: float
    auc: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    scores: dict[str, Estimate | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """How a run does on one part of the split; fractions.

    Attributes:
        accuracy: Share of right answers, whatever the metric.
        auc: Area under the ROC curve; None where a class is missing.
        recall: Class -> its recall.
        by_metric: The score by the comparison's metric; None where that is accuracy.
        scores: Further score (`stats.further.FURTHER`) -> its value; None where a class is missing. Empty for train.
        labels: Of images with several labels, each label -> how the run does on it. `accuracy` is then the share of all
            yes-or-no answers that are right, `auc` and `scores` are means over the labels, `recall` is empty.
    """

    accuracy: Estimate
    auc: Estimate | None
    recall: dict[str, Estimate | None] = field(default_factory=dict)
    by_metric: Estimate | None = None
    scores: dict[str, Estimate | None] = field(default_factory=dict)
    labels: dict[str, LabelScores] = field(default_factory=dict)

    @property
    def score(self) -> Estimate:
        """The score that runs are judged by."""
        return self.by_metric or self.accuracy


@dataclass(frozen=True)
class Oscillation:
    """How restless the validation accuracy is.

    Attributes:
        reversals: Changes of direction whose swing exceeds the sampling error of the validation accuracy.
        roughness_points: Root mean square of the curve around its running median, in accuracy points.
    """

    reversals: int
    roughness_points: float


@dataclass(frozen=True)
class Frozen:
    """What was verified to have stayed as it was through training.

    Attributes:
        verified: All parameters and buffers that should not move are the same bytes after training as before.
        bn: Mode of the frozen BatchNorm layers: `eval` (statistics fixed) or `train` (statistics move); `none` where
            nothing is frozen.
        prefix_stages: Names of the leading stages that no phase trained, whose activations were cached where possible.
        detail: One sentence.
    """

    verified: bool
    bn: Literal["eval", "train", "none"]
    prefix_stages: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class RunRow:
    """One run in a comparison.

    `gap_points` is validation minus test in points of the comparison's metric; `test` and `gap_points` are None without
    a test set, `train` without predictions of training images. What nobody told of a given model's training is None.
    `over_baseline_points` is the score of the run minus that of always answering the commonest class, on the part that
    runs are judged on; `better_than_baseline` says whether its interval lies above 0. `folds` counts the networks of a
    cross-validated run: `val` is out of fold, `test` by their mean, and there is no `train`. `differs` are the settings
    that other runs of its model and strategy have otherwise, by name; runs that differ in their seed alone have none.
    """

    id: str
    model: str
    strategy: str
    seed: int
    epochs: int | None
    trainable_parameters: int | None
    parameters: int | None
    seconds_per_epoch: float | None
    wall_seconds: float | None
    device: str
    train: Scores | None
    val: Scores
    test: Scores | None
    gap_points: Estimate | None
    oscillation: Oscillation | None
    overfit_epoch: int | None
    frozen: Frozen | None
    test_evaluations: int | None
    over_baseline_points: Estimate | None = None
    better_than_baseline: bool = True
    folds: int = field(default=0, metadata=LATER)
    differs: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """What always answering the commonest class scores, by the comparison's metric.

    Attributes:
        answer: That class; empty of several labels, where it is the same answer for every image.
        val: Its score on validation, a fraction.
        test: Its score on test; None without a test set.
    """

    answer: str
    val: Estimate
    test: Estimate | None


@dataclass(frozen=True)
class Pair:
    """Two runs on the same test images; `difference_points` is the score of `a` minus that of `b`, by the metric.

    Attributes:
        a: Id of a run.
        b: Id of another.
        split: Part they are compared on.
        difference_points: With the interval of a paired bootstrap over patients.
        p: Exact McNemar test where every image is a unit of its own and the metric is accuracy; else a randomisation
            test (sign flips) by patient; of several labels a test by the bootstrap's standard error over patients.
        p_holm: The same after Holm's correction over all pairs of the comparison.
        verdict: `distinguishable` when p_holm < 0.05 and the interval of the difference excludes 0: the interval is not
            corrected for the number of pairs, and the more cautious of the two decides.
        test: Which test that was.
        p_images: McNemar's, which takes images as independent and is too sure where patients have several; None by
            another metric than accuracy and of several labels.
        auc_difference: AUC of `a` minus that of `b` in units of the AUC, −1 … 1, with DeLong's interval, patients as
            units; of several labels the mean over labels, with the interval of the bootstrap. None where a class is
            absent, or has images of a single patient.
        p_auc: Two-sided p that both AUCs are the same.
        p_auc_holm: The same after Holm's correction over all pairs.
    """

    a: str
    b: str
    split: str
    difference_points: Estimate
    p: float
    p_holm: float
    verdict: Literal["distinguishable", "not distinguishable"]
    test: Literal["McNemar", "randomisation", "bootstrap"] = "McNemar"
    p_images: float | None = None
    auc_difference: Estimate | None = None
    p_auc: float | None = None
    p_auc_holm: float | None = None


@dataclass(frozen=True)
class FoldPair:
    """Two recipes over the folds of a cross-validation, on images that neither learned from.

    A recipe is a model with a strategy and its settings; its repeats differ in their seed alone.

    Attributes:
        model_a: Full name of the weights of one.
        strategy_a: Its strategy.
        model_b: Likewise of the other.
        strategy_b: Likewise.
        folds: Number of folds of a repeat.
        repeats: Number of repeats, each with folds of its own.
        difference_points: Score of `a` minus that of `b`, by the metric, over all folds; its interval counts that folds
            share training images (`stats.folds`).
        p: Corrected resampled t test (Nadeau & Bengio 2003).
        p_holm: The same after Holm's correction over all such pairs.
        verdict: As of `Pair`.
        differs_a: Settings of `a` that other runs of its model and strategy have otherwise; empty where all are alike.
        differs_b: Likewise of `b`.
    """

    model_a: str
    strategy_a: str
    model_b: str
    strategy_b: str
    folds: int
    repeats: int
    difference_points: Estimate
    p: float
    p_holm: float
    verdict: Literal["distinguishable", "not distinguishable"]
    differs_a: dict[str, Setting] = field(default_factory=dict)
    differs_b: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Choosing:
    """What choosing among the runs is worth, by a nested cross-validation.

    In each fold the run is taken that does best on the validation images of that fold, and scored on the images that
    the fold held back: a score of the choice with all that it flatters itself by.

    Attributes:
        seed: Number of the repeat.
        chosen: Id of the run that each fold chose.
        score: What the chosen runs score on what the folds held back, by the metric, a fraction; its interval is the
            wider of that over patients and that over folds, as for each run out of fold.
    """

    seed: int
    chosen: tuple[str, ...]
    score: Estimate


@dataclass(frozen=True)
class Group:
    """One recipe over its seeds: a model with a strategy and its settings.

    Means are fractions, by the comparison's metric; spreads are standard deviations over seeds in points, None with one
    seed. `differs` are the settings that other runs of the model and strategy have otherwise; empty where all agree.
    """

    model: str
    strategy: str
    seeds: tuple[int, ...]
    val_accuracy: float
    val_spread_points: float | None
    test_accuracy: float | None
    test_spread_points: float | None
    differs: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Asking:
    """What the further scores were asked.

    Attributes:
        ordered: Whether the classes are ordered, so that quadratic-weighted kappa has a meaning.
        order: The classes from low to high; empty for the order in which they stand.
        positive: Class that yes-or-no scores are asked of; empty: the second of two classes, the mean over more.
        at: The specificity (or sensitivity) at which the other is told, a fraction.
    """

    ordered: bool = False
    positive: str = ""
    at: float = 0.9
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison(Displayed):
    """All runs of a study, all pairs of runs, and the recipes over their seeds.

    Attributes:
        runs: In the order of the plan.
        pairs: Every two runs.
        groups: Runs that differ in their seed alone.
        metric: What runs are judged by.
        unit: Who one decision is made on.
        baseline: Always answering the commonest class.
        asking: What the further scores were asked.
        fold_pairs: Of a cross-validated study every two recipes over its folds; else empty.
        choosing: Of a nested cross-validation of several runs, one a repeat; else empty.
        selections: What `--strategies auto` tried in the study's folder and recommends; empty without it.
        format: Version of this record.
    """

    runs: tuple[RunRow, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[Group, ...]
    metric: Metric = field(default_factory=Metric)
    unit: Unit = field(default_factory=Unit)
    baseline: Baseline | None = None
    asking: Asking = field(default_factory=Asking)
    fold_pairs: tuple[FoldPair, ...] = field(default=(), metadata=LATER)
    choosing: tuple[Choosing, ...] = field(default=(), metadata=LATER)
    selections: tuple[Selection, ...] = field(default=(), metadata=LATER)
    format: int = 2
