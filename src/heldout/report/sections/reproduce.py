"""Commands, hashes and versions that make the study again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from heldout.answer.texts import count
from heldout.records.recipe import Setting
from heldout.report.blocks import Block, Commands, Notes
from heldout.report.cells import setting_text
from heldout.report.material import Material
from heldout.report.section import Section


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
    """The `heldout run`, or the `heldout diagnose` of tables, that makes this study again."""
    study, plan = material.study, material.plan
    if material.files.given and not study.data:
        return "heldout.diagnose(val, test, …)  # in Python, with the same tables"
    if material.files.given:
        return shlex.join(["heldout", "diagnose", *shlex.split(study.data), *option_words(study.reading)])
    words = ["heldout", "run", study.data, "--models", ",".join(plan.models)]
    seeds = "--repeats" if "folds" in study.reading else "--seeds"
    words += ["--strategies", ",".join(plan.strategies), seeds, str(len(plan.seeds))]
    words += ["--image-size", str(plan.image_size), "--fit", plan.fit, "--precision", plan.precision]
    words += option_words({"intensity": plan.intensity or None, "channels": plan.channels or None})
    words += option_words({**study.reading, **plan.search})
    for strategy, values in plan.strategies.items():
        for name, value in values.items():
            words += ["--set", f"{strategy}.{name}={setting_text(value)}"]
    return shlex.join([*words, "--out", "STUDY"])


def auto_notes(material: Material) -> tuple[str, ...]:
    """What the command leaves out where recipes were chosen: the search, which ends with the clock."""
    return tuple(
        f"the recipe was chosen by --strategies auto among {count(len(one.candidates), 'recipe')} of "
        f"{', '.join(one.models)} in {one.minutes:g} minutes at most; the command makes the chosen run, not the search"
        for one in material.comparison.selections
    )


def blocks(material: Material) -> Sequence[Block]:
    """The commands, then what must be equal."""
    study, plan, split = material.study, material.plan, material.split
    if material.files.given:
        equal = f"cohort {study.cohort} and split {study.split}, which follow from the tables; heldout {study.version}"
        commands = Commands((run_command(material), "heldout compare STUDY", "heldout report STUDY"))
        return (commands, Notes("What must be equal for the numbers to be equal", (equal,)))
    diagnosed = material.diagnoses or any(material.label_diagnoses.values())
    label = f" --label {shlex.quote(material.files.label)}" if material.files.label else ""
    diagnose = (f"heldout diagnose STUDY{label}",) if diagnosed else ()
    repeats = "repeats of the cross-validation with the " if split.folds else ""
    seed = "" if split.seed is None else f", seed {split.seed}"
    return (
        Commands((run_command(material), "heldout compare STUDY", *diagnose, f"heldout report STUDY{label}")),
        Notes(
            "What must be equal for the numbers to be equal",
            (
                f"cohort {study.cohort} and split {study.split} (cohort.parquet and split.parquet of the study); "
                f"split: {split.method}{seed}",
                f"{repeats}seeds {', '.join(map(str, plan.seeds))}; precision {plan.precision}; images {plan.fit} to "
                f"{plan.image_size} pixels; the weights named in the settings",
                f"heldout {plan.version or study.version}, and the environment above, on the same kind of machine",
                *auto_notes(material),
            ),
        ),
    )


SECTION = Section(
    "reproduce", "How to reproduce it", "The commands, and what has to be equal.", 1500, blocks, figures_first=False
)
