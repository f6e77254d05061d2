"""Every number that a verdict hangs on, in one table: value, unit, meaning and source.

Causes, gap terms and interventions take them from here and from nowhere else; `benchmarks/rules_sensitivity.py` halves
and doubles each and counts false alarms and hits (docs/diagnosis-rules.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

OURS = "ours"
PLANTED = "ours, by `python benchmarks/planted.py causes`"
TURNED = "ours, by `python benchmarks/turned_or_hard.py`"
GROUPS = "ours, by `python benchmarks/subgroups.py`"
THRESHOLDS = "ours, by `python benchmarks/threshold_sides.py`"
PIXELS = "ours, by `python benchmarks/planted_pixels.py`"


def _rule(default: float | int, unit: str, meaning: str, source: str) -> Any:
    """A field of `Rules` with what the table says of it."""
    return field(default=default, metadata={"unit": unit, "meaning": meaning, "source": source})


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        name: Field of `Rules`.
        value: Its value.
        unit: Unit of the value, empty for a plain number.
        meaning: What hangs on it.
        source: Paper, convention, or the benchmark that it was chosen by.
    """

    name: str
    value: float
    unit: str
    meaning: str
    source: str


@dataclass(frozen=True)
class Rules:
    """The values; `rows` lists them with their meaning."""

    # Verdicts
    margin: float = _rule(1.5, "points", "A cause whose whole interval lies within ± this is excluded.", OURS)
    level: float = _rule(0.05, "", "Level of every test behind a verdict.", "Fisher (1925), the convention")
    agreement: float = _rule(
        3.0,
        "times",
        "A second measurement agrees in size if it is within this factor of the first.",
        PLANTED,
    )
    sign_draws: int = _rule(
        9999,
        "draws",
        "Random signs of the randomisation test: p is known to a hundredth of the level.",
        "Phipson & Smyth (2010)",
    )
    min_seeds: int = _rule(3, "runs", "Seeds needed to speak of a recipe, not of one trained network.", OURS)
    max_images: int = _rule(24, "images", "Images that a finding cites.", "ours, what fits a gallery")
    fewest_images: int = _rule(
        30,
        "images",
        "With fewer images nobody can say how many would settle a question, but that these are too few.",
        "ours; the width of an interval from fewer is hardly known itself",
    )
    many_times: int = _rule(
        25,
        "times",
        "Where it would take more than so many times the images, their number is not told: nobody will collect them.",
        "ours; an interval a fifth as wide",
    )
    suggested_weight: float = _rule(
        0.5, "", "What a point of a suggested cause counts in the order, beside one of an established cause.", OURS
    )
    main_share: float = _rule(
        0.5, "", "Share of the gap that a cause must account for to be called the main reason.", "ours, more than half"
    )

    # New site
    new_value_share: float = _rule(
        0.95,
        "",
        "Share of the test images whose site (device, year) validation must lack to say that all do.",
        "ours, leaves room for typing errors",
    )
    min_site_units: int = _rule(
        10, "patients", "Patients a value of a column must cover on average to be a site, not an identifier.", OURS
    )
    min_shared_number: int = _rule(
        2, "patients", "Patients that share a number on average, if it is an age or a year and names nobody.", OURS
    )

    # Terms of the gap
    min_independent: int = _rule(
        50, "images", "Independent validation images needed to measure leakage by leaving the others out.", OURS
    )
    min_independent_class: int = _rule(5, "images", "Of these, images of each class.", OURS)
    min_recall_class: int = _rule(
        5, "images", "Validation images of a class below which its recall establishes nothing.", OURS
    )
    min_threshold_class: int = _rule(
        10, "images", "Images of a class on either side below which a best threshold means nothing.", PLANTED
    )
    halvings: int = _rule(20, "draws", "Random halvings of the validation patients behind the selection term.", OURS)
    search_loss: float = _rule(
        1e-4, "accuracy a nat", "What a nat of loss counts beside accuracy in a search for settings.", "runs.tuning"
    )
    threshold_halvings: int = _rule(
        10, "draws", "Halvings of the test patients behind the gain of a threshold set anew.", OURS
    )
    few_threshold_class: int = _rule(
        50,
        "images",
        "Images of the smallest class that has a threshold, on either side, below which the interval is widened, and "
        "no threshold is said to raise test or to be contradicted.",
        THRESHOLDS,
    )
    search_draws: int = _rule(
        50, "draws", "Bootstrap replicates in which biases of more than two classes are looked for anew.", OURS
    )
    min_suspect_class: int = _rule(
        5, "test images", "Images of a class below which its labels cannot be ranked.", "Northcutt et al. (2021)"
    )

    review_top: float = _rule(0.10, "", "Share of the test images, most doubtful first, that is surely reviewed.", OURS)
    review_rest: float = _rule(
        0.10, "", "Share of all others that is reviewed: without it nobody knows what the ranking missed.", OURS
    )
    min_doubt: float = _rule(
        0.02,
        "",
        "Added to every doubt, so that no image is surely passed over and none weighs a hundredfold.",
        OURS,
    )

    # Wrong labels without a review
    least_slope: float = _rule(
        1.0,
        "",
        "How much of what sureness means on validation it means at least on test, in log-odds of an error a nat.",
        TURNED,
    )
    curve_spread: float = _rule(
        0.35,
        "nats",
        "Standard deviation of the curve of error by sureness between validation and test, were no label turned.",
        TURNED,
    )
    min_answered_class: int = _rule(
        20,
        "images",
        "Images of either part that all models answer with a class, to judge its sure contradictions.",
        OURS,
    )
    turned_share: float = _rule(
        0.65,
        "",
        "Share of what the pooled classifier loses on test that turned labels must account for to be told from hard "
        "images.",
        TURNED,
    )
    sure_share: float = _rule(
        0.6,
        "",
        "Share of the points that the surest answers alone must bear out: turned labels are as frequent among them.",
        TURNED,
    )
    least_followed: float = _rule(
        0.33,
        "",
        "Share of the change in class shares that the run's answers surely follow, for the shares to be established.",
        "ours; lower ends of real shares are 0.7 and more, of turned labels at most 0.24 (seeds 0 to 2)",
    )
    max_other_runs: int = _rule(
        3, "runs", "Other runs of the study that are asked, the best on validation first.", OURS
    )

    # Covariate shift
    min_appearance_images: int = _rule(
        50, "images", "Images of a class on each side for a domain classifier in five folds.", OURS
    )
    min_appearance_patients: int = _rule(5, "patients", "Patients likewise.", OURS)
    max_appearance_classes: int = _rule(6, "classes", "Classes compared, those with the largest shares of test.", OURS)
    max_domain_images: int = _rule(
        10_000,
        "images",
        "Images of a class on each side that a domain classifier sees, of more a random sample: the standard error of "
        "its AUC is then 0.004 at most.",
        "Hanley & McNeil (1982)",
    )
    null_draws: int = _rule(
        12, "draws", "Random halves of train behind the chance AUC; enough for its standard deviation.", OURS
    )
    null_deviations: float = _rule(
        3.0, "SD", "The domain AUC must exceed the mean of chance by this.", "ours, three standard deviations"
    )
    max_domain_auc: float = _rule(
        0.9, "AUC", "Above it validation and test have too little in common for DISDE.", "Cai et al. (2023), and trials"
    )
    min_disde_images: int = _rule(
        150, "images", "Images of a class on each side for DISDE's parts.", "ours, from trials"
    )
    min_disde_effective: float = _rule(
        100, "images", "Images that DISDE's weights must be worth on each side (Kish 1965).", "ours, from trials"
    )
    new_appearance: float = _rule(
        2.0,
        "times",
        "Appearance is new to validation if what validation lacks costs this times what it knows.",
        f"{PLANTED}, X-ray seeds 7, 8 and 19",
    )
    max_properties_named: int = _rule(3, "properties", "Properties named in a sentence, clearest first.", OURS)

    # Image quality
    min_shift: float = _rule(
        0.2, "SD", "A smaller shift of a property is not called one.", "Cohen (1988), a small effect"
    )
    clear_shift: float = _rule(3.0, "SE", "Standard errors by which a property must differ to be mapped.", OURS)
    min_mapped_class: int = _rule(
        10, "images", "Images of a class on each side below which its properties are not mapped.", OURS
    )
    shifted_share: float = _rule(
        0.5, "", "Share of the loss that must fall in classes in which the property differs.", PIXELS
    )

    # Shortcut
    min_probe_auc: float = _rule(
        0.6, "AUC", "A region alone must tell the classes apart so well in training to be a cue.", PIXELS
    )
    probe_deviations: float = _rule(
        2.0, "SE", "Standard errors by which a region must beat chance in training to be tried.", OURS
    )
    min_probed_class: int = _rule(
        10, "images", "Training images of a class from which on it is asked whether a region tells it apart.", OURS
    )
    max_probed: int = _rule(4000, "images", "Images of a part that a region's classifier sees at most.", OURS)

    # Classes hardly seen in training
    rare_images: int = _rule(
        100, "images", "Training images of a class from which on it is not called hardly seen.", OURS
    )
    rare_share: float = _rule(
        0.5, "", "Nor is one with this part, or more, of an equal share of the training images.", OURS
    )

    # Subgroups
    min_group: int = _rule(
        20, "images", "Images of a group, and of all others, on either side below which it is not compared.", GROUPS
    )
    min_group_patients: int = _rule(10, "patients", "Patients likewise.", GROUPS)
    group_bins: int = _rule(
        4, "bins", "Bins that a column of numbers is divided into, about as many images each.", OURS
    )
    max_group_values: int = _rule(
        20, "values", "A column of texts with more different values is ids or free text, and left out.", OURS
    )
    min_crossed: int = _rule(40, "images", "Images of two groups' common part on either side, to be compared.", GROUPS)
    max_crossed: int = _rule(40, "groups", "Common parts of two groups that are compared, the largest of test.", OURS)
    crossed_share: float = _rule(
        0.2,
        "of the level",
        "What common parts of two groups may take of the chance of a false alarm; single groups have the rest.",
        GROUPS,
    )

    # Other causes
    forgotten: float = _rule(
        5.0,
        "points",
        "A finished network answers training images by this less well than while it learned: a fault.",
        f"{PIXELS}; an epoch's accuracy is a mean over its steps and lies a little off",
    )
    yardstick_slack: float = _rule(
        3.0, "points", "The pooled classifier may be worse than the run on validation by this.", PLANTED
    )
    last_epochs: int = _rule(5, "epochs", "Epochs at the end of training whose swing is examined.", OURS)
    excess_answers: float = _rule(
        0.02, "", "Share by which a class is answered too often to be named in a sentence.", OURS
    )

    # Interventions
    max_sampled: int = _rule(
        400, "images", "Images of a part that an intervention scores at first; twice as many until it is told.", OURS
    )
    max_combined: int = _rule(
        4, "changes", "Changes of images whose every combination is scored: 2 to this power.", "ours, 11 passes more"
    )
    min_pooled_class: int = _rule(
        10, "images", "Images of two classes in each part below which no pooled classifier is learned.", OURS
    )
    max_unmatched: float = _rule(
        0.05, "", "Share of train whose classes test may lack, its BatchNorm batches still being matched.", OURS
    )
    max_retraining: float = _rule(600.0, "s", "Longest training that is repeated on a grouped split.", OURS)

    def rows(self) -> tuple[Rule, ...]:
        """The table."""
        return tuple(
            Rule(item.name, getattr(self, item.name), *(item.metadata[key] for key in ("unit", "meaning", "source")))
            for item in fields(self)
        )


RULES = Rules()
"""The rules that verdicts are decided by."""
