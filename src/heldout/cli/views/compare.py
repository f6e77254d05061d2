"""A comparison on the terminal: the answer in sentences, then the tables; for every command that ends with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.baseline import baseline_title
from heldout.answer.names import with_settings
from heldout.answer.texts import duration, number, percent, probability
from heldout.cli.views.cells import auc_cell, decimal_cell, empty_table, percent_cell, points_cell, signed_cell
from heldout.cli.views.folds import fold_tables
from heldout.cli.views.labels import label_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from heldout.answer.names import RunName
    from heldout.cli.env import Environment
    from heldout.records import Comparison, Pair, RunRow

WIDE = 170
"""From so many characters on, one table holds all columns; below it they are told in three."""


def show_comparison(comparison: Comparison, env: Environment, all_scores: bool = False) -> None:
    """Print the answer in sentences, then runs, pairs and seeds as tables.

    Args:
        comparison: Its runs are shown in their order.
        env: Where to print.
        all_scores: Whether to show every further score, not a few.
    """
    from heldout.answer import comparison_sentences, names_in
    from heldout.answer.selection import selection_sentences

    console = env.console()
    names = names_in(comparison)
    for selection in comparison.selections:
        for sentence in selection_sentences(selection):
            env.say(sentence)
        env.say("")
    for sentence in comparison_sentences(comparison, names):
        env.say(sentence)
    width = console.width
    tables = (
        run_tables(comparison, names, width)
        + further_tables(comparison, names, width, all_scores)
        + label_tables(comparison, names, width)
        + pair_tables(comparison, names, width)
        + fold_tables(comparison, names, width)
    )
    for table in tables + group_tables(comparison, names, width):
        env.say("")
        console.print(table)
    env.say("")
    env.say(note(comparison))


SCORES = ("train", "validation", "test", "AUC", "gap")
TRAINING = ("epochs", "reversals", "roughness", "overfits", "test evaluations")
COST = ("trainable", "an epoch", "whole run")


FEW = ("average_precision", "f1", "mcc", "calibration_error")
"""Further scores shown unless all are asked for; kappa where classes are ordered."""

TESTS = {
    "randomisation": "randomisation test (sign flips) over patients",
    "bootstrap": "by the bootstrap's standard error over patients",
}
"""Tests of pairs but McNemar's, in words."""

WIDE_PAIRS = 110
"""From so many characters on, the AUCs of a pair stand beside its other columns; below it in a table of their own."""

UNKNOWN = "–"
"""What nobody told of a given model."""


def cells_of(row: RunRow) -> dict[str, str]:
    """All columns of a run as text."""
    swings = row.oscillation
    return {
        "train": percent_cell(row.train.score if row.train else None),
        "validation": percent_cell(row.val.score),
        "test": percent_cell(row.test.score if row.test else None),
        "AUC": auc_cell(row.test or row.val),
        "gap": points_cell(row.gap_points),
        "epochs": whole_number(row.epochs),
        "trainable": whole_number(row.trainable_parameters),
        "an epoch": UNKNOWN if row.seconds_per_epoch is None else duration(row.seconds_per_epoch),
        "whole run": UNKNOWN if row.wall_seconds is None else duration(row.wall_seconds),
        "reversals": UNKNOWN if swings is None else str(swings.reversals),
        "roughness": UNKNOWN if swings is None else number(swings.roughness_points, 2),
        "overfits": UNKNOWN if swings is None else "never" if row.overfit_epoch is None else str(row.overfit_epoch),
        "test evaluations": whole_number(row.test_evaluations),
    }


def whole_number(value: int | None) -> str:
    """A number of epochs, of parameters."""
    return UNKNOWN if value is None else f"{value:,}"


def run_tables(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    """The table of the founding experiment: one where it fits, else how well and how trained apart.

    Columns of which nothing is known for any run are left out.
    """
    every = {row.id: cells_of(row) for row in comparison.runs}
    known = known_columns(comparison)
    groups: dict[str, tuple[str, ...]] = {"": SCORES + TRAINING + COST}
    if width < WIDE:
        groups = {"How well": SCORES, "How trained": TRAINING, "At what cost": COST}
    tables = []
    for title, all_columns in groups.items():
        columns = [column for column in all_columns if column in known]
        if not columns:
            continue
        table = empty_table(title, width)
        table.add_column("run")
        for column in columns:
            table.add_column(column, justify="right")
        for row in comparison.runs:
            table.add_row("\n".join(names[row.id].lines), *(every[row.id][column] for column in columns))
        if (baseline := comparison.baseline) is not None and "validation" in columns:
            scored = {"validation": percent_cell(baseline.val), "test": percent_cell(baseline.test)}
            title = baseline_title(baseline.answer).replace(", ", "\n")
            table.add_row(title, *(scored.get(one, "") for one in columns))
        tables.append(table)
    return tables


def further_tables(comparison: Comparison, names: Mapping[str, RunName], width: int, everything: bool) -> list[Table]:
    """Scores beside the metric, on the part that runs are judged on; on a narrow terminal a few at a time."""
    from heldout.answer.best import JUDGED, judged_part
    from heldout.stats.further import FURTHER

    part, asking = judged_part(comparison), comparison.asking
    known = [one for one in FURTHER if asking.ordered or not one.ordered]
    shown = [one for one in known if everything or one.name in FEW or one.ordered]
    at_once = len(shown) if width >= 24 + 16 * len(shown) else 4
    tables = []
    for start in range(0, len(shown), at_once):
        some = shown[start : start + at_once]
        table = empty_table(f"Further scores on {JUDGED[part]}", width)
        table.add_column("run")
        for one in some:
            table.add_column(one.title.format(at=f"{asking.at:.0%}"), justify="right", max_width=16)
        for row in comparison.runs:
            scores = (row.test if part == "test" else row.val) or row.val
            table.add_row("\n".join(names[row.id].lines), *(decimal_cell(scores.scores.get(one.name)) for one in some))
        tables.append(table)
    return tables


def known_columns(comparison: Comparison) -> set[str]:
    """Columns of which something is known for some run."""
    return {column for row in comparison.runs for column, text in cells_of(row).items() if text != UNKNOWN}


def pair_tables(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    """Every pair, the clearest difference first; on a narrow terminal the AUCs by themselves."""
    from heldout.answer.best import JUDGED, judged_part

    if not comparison.pairs:
        return []
    where = JUDGED[judged_part(comparison)]
    columns = PAIR_COLUMNS if any(pair.auc_difference for pair in comparison.pairs) else PAIR_COLUMNS[:-2]
    groups = {f"Pairs on the same {where} images, difference in points": columns}
    if width < WIDE_PAIRS and len(columns) == len(PAIR_COLUMNS):
        groups = {next(iter(groups)): columns[:-2], f"The same pairs: difference of AUC on {where}": columns[-2:]}
    tables = []
    for title, some in groups.items():
        table = empty_table(title, width)
        table.add_column("first, second")
        for column in some:
            table.add_column(column, justify="left" if column == "verdict" else "right", min_width=PAIR_WIDTHS[column])
        for pair in sorted(comparison.pairs, key=lambda pair: pair.p):
            cells = pair_cells(pair)
            table.add_row(f"{names[pair.a].label}\n{names[pair.b].label}", *(cells[column] for column in some))
        tables.append(table)
    return tables


PAIR_WIDTHS = {
    "first − second": 0,
    "p": 0,
    "p (Holm)": 0,
    "verdict": 15,
    "AUC, first − second": 0,
    "p (Holm) of AUC": 0,
}
PAIR_COLUMNS = tuple(PAIR_WIDTHS)


def pair_cells(pair: Pair) -> dict[str, str]:
    """All columns of a pair as text; where patients decide, McNemar's p of images stands below."""
    beside = pair.test != "McNemar" and pair.p_images is not None
    return {
        "first − second": points_cell(pair.difference_points),
        "p": probability(pair.p) + (f"\nimages {probability(pair.p_images)}" if beside else ""),  # type: ignore[arg-type]
        "p (Holm)": probability(pair.p_holm),
        "verdict": pair.verdict,
        "AUC, first − second": signed_cell(pair.auc_difference),
        "p (Holm) of AUC": "–" if pair.p_auc_holm is None else probability(pair.p_auc_holm),
    }


def group_tables(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    """Mean and spread over seeds, where there are several."""
    if all(len(group.seeds) == 1 for group in comparison.groups):
        return []
    short = {row.model: names[row.id].model for row in comparison.runs}
    table = empty_table("Over seeds: mean ± standard deviation in points", width)
    for column in ("model", "strategy"):
        table.add_column(column)
    for column in ("seeds", "validation", "test"):
        table.add_column(column, justify="right")

    def shown(mean: float | None, spread: float | None) -> str:
        return "–" if mean is None else percent(mean) + ("" if spread is None else f" ± {number(spread)}")

    for group in comparison.groups:
        val = shown(group.val_accuracy, group.val_spread_points)
        test = shown(group.test_accuracy, group.test_spread_points)
        table.add_row(
            short[group.model], with_settings(group.strategy, group.differs), str(len(group.seeds)), val, test
        )
    return [table]


def note(comparison: Comparison) -> str:
    """What the columns hold."""
    row = comparison.runs[0]
    score, metric = (row.test or row.val).score, comparison.metric.words
    unit = f" Rows of tables are patients; {comparison.unit.told}." if comparison.unit.told else ""
    tests = {pair.test for pair in comparison.pairs} - {"McNemar"}
    test = "".join(f" p: {TESTS[name]}." for name in sorted(tests))
    if tests and any(pair.p_images is not None for pair in comparison.pairs):
        test += " Below it McNemar's, which takes images as independent, mostly too sure."
    if row.folds:
        test += " validation: every image by a network that did not learn from its fold." + (
            " test: by the mean of the folds' networks." if row.test else ""
        )
    if comparison.fold_pairs:
        test += " Pairs out of fold: corrected resampled t test (Nadeau & Bengio 2003)."
    positive = comparison.asking.positive or (list(row.val.recall)[1] if len(row.val.recall) == 2 else "")
    whose = f" F1, average precision, sensitivity and specificity: of '{positive}'." if positive else ""
    said = (
        f"Below each value its 95 % interval ({metric} of the first row: {score.method}; --json has the method of "
        f"each). train, validation, test: {metric}.{unit} AUC on {'test' if row.test else 'validation'}. gap: "
        f"validation minus test {metric} in points.{test}{whose}"
    )
    if any(row.oscillation is not None for row in comparison.runs):
        said += " reversals and roughness (points): oscillation of the validation accuracy. overfits: from which epoch."
    if any(row.test_evaluations is not None for row in comparison.runs):
        said += " test evaluations: times the run's test images were scored."
    return said
