"""The sections of the page in their order: what each says and which tables it holds; figures come from their shelf."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from heldout.records.recipe import Setting
from heldout.report._blocks import Block, Commands, Fold, Notes, Prose, Terms
from heldout.report._definitions import DEFINITIONS, DIAGNOSIS
from heldout.report._diagnosis import advice, evidence, message, why
from heldout.report._material import Material
from heldout.report._tables_runs import groups_table, learning_table, pairs_table, recalls_table, scores_table
from heldout.report._tables_study import (
    data_table,
    environment_table,
    excluded_table,
    models_table,
    setting_text,
    settings_table,
)
from heldout.report._words import count

DOCS = "https://github.com/heldout/heldout/tree/main/docs"


def nothing(material: Material) -> Sequence[Block]:
    """A section of figures only."""
    return ()


@dataclass(frozen=True)
class SectionPlan:
    """A section before it is filled.

    Attributes:
        id: Anchor; figures name it as their section.
        title: Heading.
        lead: One sentence on what to look for.
        blocks: Tables and words; none, and no figure either, and the section is left out.
        figures_first: Whether figures stand before the tables.
        opening: What stands before both.
    """

    id: str
    title: str
    lead: str
    blocks: Callable[[Material], Sequence[Block]]
    figures_first: bool = True
    opening: Callable[[Material], Sequence[Block]] = nothing


def models(material: Material) -> Sequence[Block]:
    """Task A."""
    return (models_table(material),)


def comparison(material: Material) -> Sequence[Block]:
    """Task D."""
    return (scores_table(material), learning_table(material))


def seeds(material: Material) -> Sequence[Block]:
    """The spread, where there is any."""
    return (groups_table(material),) if material.seeds_repeat else ()


def pairs(material: Material) -> Sequence[Block]:
    """All pairs, or why there are none."""
    if material.comparison.pairs:
        return (pairs_table(material),)
    return (Prose("There is one run, and so no pair to compare."),)


def errors(material: Material) -> Sequence[Block]:
    """Recalls, where there is a test set."""
    return (recalls_table(material),) if material.tested else (Prose("There is no test set."),)


def data(material: Material) -> Sequence[Block]:
    """What the cohort holds, what was left out, what a person should read."""
    cohort, split = material.cohort, material.split
    seed = "" if split.seed is None else f", seed {split.seed}"
    grouped = "no patient on both sides of the draw" if split.grouped else "drawn without regard to patients"
    if split.method == "given":
        grouped = "patients kept apart" if split.grouped else "as the data came"
    blocks: list[Block] = [
        Prose(
            f"«{cohort.name}», read as {cohort.reader} from {material.study.data}. Split: {split.method}{seed} "
            f"({grouped})."
        ),
        data_table(material),
    ]
    notes = (
        *material.study.notes,
        *cohort.notes,
        *(f"{r.label}: {note}" for r in material.runs for note in r.record.notes),
    )
    if notes:
        blocks.append(Notes("To read", tuple(dict.fromkeys(notes))))
    excluded = excluded_table(material)
    if excluded:
        blocks.append(Fold(f"{count(len(cohort.excluded), 'file')} left out on request", (excluded,)))
    return blocks


def looks(material: Material) -> Sequence[Block]:
    """How often test was looked at."""
    total = sum(run.row.test_evaluations for run in material.runs)
    n = len(material.split.test)
    if not n:
        return (Prose("There is no test set to look at."),)
    ledger = ""
    if material.test_evaluations > total:
        ledger = f" The study's own count, runs since removed or repeated included, is {material.test_evaluations}."
    if material.diagnosis_evaluations:
        ledger += (
            f" Besides, interventions of a diagnosis scored test images "
            f"{count(material.diagnosis_evaluations, 'time')}: no score of a run came from them, but whoever acts on "
            "them has used these images."
        )
    return (
        Prose(
            f"The {count(n, 'test image')} were scored {count(total, 'time')} by the "
            f"{count(len(material.runs), 'run')} of this report (once a run is the rule).{ledger}"
        ),
        Prose(
            "Why it matters: every look from which something is chosen (a model, a setting, an epoch, a "
            "threshold) fits the choice to these very images. With many looks the best test accuracy rises by "
            "luck alone, as the best of many throws of a die is a six. Choose by validation, look at test once, "
            "and keep a second test set for the final word."
        ),
    )


def settings(material: Material) -> Sequence[Block]:
    """Settings and environment."""
    blocks: list[Block] = [settings_table(material)]
    if any(run.environment for run in material.runs):
        blocks.append(environment_table(material))
    return blocks


def definitions(material: Material) -> Sequence[Block]:
    """All terms."""
    terms = DEFINITIONS + (DIAGNOSIS if material.diagnoses else ())
    more = " and diagnosis.md" if material.diagnoses else ""
    return (Terms(terms), Prose(f"The formulas and their reasons at length: {DOCS}/statistics.md{more}"))


def option_words(options: Mapping[str, Setting]) -> list[str]:
    """Options as they are typed: `--patient REGEX`, `--skip-unreadable`; what is off or not given is left out."""
    words: list[str] = []
    for name, value in options.items():
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            words += [f"--{name}", str(value)]
    return words


def run_command(material: Material) -> str:
    """The `heldout run` that makes this study again."""
    study, plan = material.study, material.plan
    words = ["heldout", "run", study.data, "--models", ",".join(plan.models)]
    words += ["--strategies", ",".join(plan.strategies), "--seeds", str(len(plan.seeds))]
    words += ["--image-size", str(plan.image_size), "--fit", plan.fit, "--precision", plan.precision]
    words += option_words({**study.reading, **plan.search})
    for strategy, values in plan.strategies.items():
        for name, value in values.items():
            words += ["--set", f"{strategy}.{name}={setting_text(value)}"]
    return shlex.join([*words, "--out", "STUDY"])


def reproduce(material: Material) -> Sequence[Block]:
    """Commands, hashes, versions."""
    study, plan = material.study, material.plan
    return (
        Commands(
            (
                run_command(material),
                "heldout compare STUDY",
                *(("heldout diagnose STUDY",) if material.diagnoses else ()),
                "heldout report STUDY",
            )
        ),
        Notes(
            "What must be equal for the numbers to be equal",
            (
                f"cohort {study.cohort} and split {study.split} (cohort.parquet and split.parquet of the study); "
                f"split: {material.split.method}"
                + ("" if material.split.seed is None else f", seed {material.split.seed}"),
                f"seeds {', '.join(map(str, plan.seeds))}; precision {plan.precision}; images {plan.fit} to "
                f"{plan.image_size} pixels; the weights named in the settings",
                f"heldout {plan.version or study.version}, and the environment above, on the same kind of machine",
            ),
        ),
    )


SECTIONS = (
    SectionPlan(
        "why",
        "Why is the test score lower?",
        "The gap between validation and test, taken apart into points that sum to it, and a verdict on every cause.",
        why,
        opening=message,
    ),
    SectionPlan("evidence", "The evidence", "What the verdicts were judged from, and the images to look at.", evidence),
    SectionPlan(
        "advice",
        "What to do, and what cannot be known",
        "What was tried and what it gained on test; then what these data leave open.",
        advice,
        figures_first=False,
    ),
    SectionPlan(
        "models",
        "The models",
        "What was known of each pretrained model before it saw these images.",
        models,
    ),
    SectionPlan(
        "curves",
        "How they learned",
        "Look for a validation curve that settles, and for a training curve that leaves it behind.",
        nothing,
    ),
    SectionPlan(
        "comparison",
        "The runs compared",
        "Each run's scores with their intervals, how steadily it learned, and what it cost.",
        comparison,
    ),
    SectionPlan("seeds", "Luck of the seed", "The same model and strategy, started again.", seeds),
    SectionPlan(
        "pairs",
        "Can they be told apart?",
        "Two runs on the same images, image by image, corrected for the number of pairs.",
        pairs,
    ),
    SectionPlan(
        "errors",
        "Where they go wrong",
        "Rows are the truth, columns the prediction; the stronger the colour along the diagonal, the better.",
        errors,
    ),
    SectionPlan("time", "Time", "Measured on the machine named under settings.", nothing),
    SectionPlan("data", "The data", "What the runs learned from and were judged by.", data),
    SectionPlan("looks", "How often test was looked at", "", looks),
    SectionPlan(
        "settings", "Settings", "Everything a run depended on, defaults included.", settings, figures_first=False
    ),
    SectionPlan("definitions", "What the words mean", "Every quantity of this page.", definitions, figures_first=False),
    SectionPlan("reproduce", "Make it again", "", reproduce, figures_first=False),
)
