"""Several labels an image on the terminal: which loses most, and how a run does on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.labels import by_loss, causes_of, label_sentence
from heldout.cli.views.cells import decimal_cell, empty_table, percent_cell, points_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from heldout.answer.names import RunName
    from heldout.cli.env import Environment
    from heldout.records import Comparison, Diagnosis


def show_labels(found: Sequence[Diagnosis], env: Environment, names: Mapping[str, str], folder: Path) -> None:
    """Print, run by run, which labels lose, and a table with what each loses and why.

    Args:
        found: Diagnoses of several labels of one run or more.
        env: Where to print.
        names: Id of a run -> its name in a sentence.
        folder: The study's folder.
    """
    for run in dict.fromkeys(one.run for one in found):
        own = by_loss([one for one in found if one.run == run])
        console = env.console()
        env.say(f"{names[run]}: {label_sentence(own)}")
        table = empty_table(f"Labels by what they lose, {own[0].metric.words}", console.width)
        table.add_column("label")
        for column in ("validation", "test", "lost points"):
            table.add_column(column, justify="right")
        table.add_column("why")
        for one in own:
            cells = (percent_cell(one.val_accuracy), percent_cell(one.test_accuracy), points_cell(one.gap_points))
            table.add_row(one.label, *cells, causes_of(one))
        console.print(table)
        env.say("")
    env.say(f"In full, one label: heldout diagnose {folder} --label NAME")


def label_tables(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    """How every run does on each of several labels, on the part that runs are judged on; none for classes."""
    from heldout.answer.best import JUDGED, judged_part

    part = judged_part(comparison)
    tables = []
    for row in comparison.runs:
        scores = (row.test if part == "test" else row.val) or row.val
        if not scores.labels:
            continue
        table = empty_table(f"{names[row.id].label}: labels on {JUDGED[part]}", width)
        table.add_column("label")
        for column in ("images with it", "AUC", "average precision", "F1", "sensitivity", "specificity", "threshold"):
            table.add_column(column, justify="right", max_width=16)
        for name, one in scores.labels.items():
            further = (decimal_cell(one.scores.get(key)) for key in ("average_precision", "f1"))
            cells = (decimal_cell(one.auc), *further, percent_cell(one.sensitivity), percent_cell(one.specificity))
            table.add_row(name, f"{one.positives:,} of {one.images:,}", *cells, f"{one.threshold:.2f}")
        tables.append(table)
    return tables
