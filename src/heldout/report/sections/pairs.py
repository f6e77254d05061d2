"""Two runs on the same images, image by image."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, probability
from heldout.records import Pair
from heldout.report.blocks import Block, Cell, Column, Prose, Table
from heldout.report.cells import csv_only, ends_of, methods, points_cell, run_cell, signed_cell, unseen
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.runs.rows import ALPHA


def pair_row(material: Material, pair: Pair) -> tuple[Cell, ...]:
    """One pair with its difference, p values and verdict."""
    return (
        run_cell(material, pair.a),
        run_cell(material, pair.b),
        unseen(pair.split),
        points_cell(pair.difference_points),
        unseen(pair.test),
        p_cell(pair.p),
        p_cell(pair.p_images),
        p_cell(pair.p_holm),
        Cell(pair.verdict, strong=pair.verdict == "distinguishable"),
        signed_cell(pair.auc_difference),
        p_cell(pair.p_auc),
        p_cell(pair.p_auc_holm),
    )


def p_cell(p: float | None) -> Cell:
    """A p value; a dash where there is none."""
    return Cell("–" if p is None else probability(p), saved=(p,))


TESTS = {"McNemar": "McNemar", "randomisation": "sign flips", "bootstrap": "bootstrap"}
"""Test that decides -> its name above the column."""


def pairs_table(material: Material) -> Table:
    """Every pair."""
    pairs = material.comparison.pairs
    test = pairs[0].test
    by_patient = test != "McNemar" and pairs[0].p_images is not None
    areas = any(pair.auc_difference for pair in pairs)
    columns = (
        Column("First run", saved_as=("a", "a_label")),
        Column("Second run", saved_as=("b", "b_label")),
        csv_only("split"),
        Column(
            "Difference",
            f"{material.judged}, points",
            True,
            "def-pairs",
            saved_as=("difference_points", "low", "high", "n", "method"),
        ),
        csv_only("test"),
        Column("p", TESTS[test], True, "def-mcnemar" if test == "McNemar" else "def-flips", saved_as=("p",)),
        Column("p of images", "McNemar", True, "def-mcnemar", saved_as=("p_images",), shown=by_patient),
        Column("p", "after Holm", True, "def-holm", saved_as=("p_holm",)),
        Column("Verdict", definition="def-verdict", saved_as=("verdict",)),
        Column("AUC", "difference", True, "def-delong", saved_as=ends_of("auc_difference"), shown=areas),
        csv_only("p_auc"),
        Column("p of AUC", "after Holm", True, "def-delong", saved_as=("p_auc_holm",), shown=areas),
    )
    notes = (
        f"Difference: {material.judged} {material.metric.words} of the first run minus that of the second, on the "
        "same images.",
        f"Corrected for {count(len(pairs), 'pair')}; distinguishable where p after Holm is below {ALPHA:g} and the "
        "interval leaves out zero.",
        *(
            ("p is of sign flips by patient; McNemar's takes images as independent, and decides nothing here.",)
            if by_patient
            else ()
        ),
        *methods(("difference", pair.difference_points) for pair in pairs),
        *methods(("difference of AUC", pair.auc_difference) for pair in pairs),
    )
    rows = tuple(pair_row(material, pair) for pair in pairs)
    return Table("pairs-table", f"All pairs on {material.judged}", columns, rows, notes)


def blocks(material: Material) -> Sequence[Block]:
    """All pairs, or why there are none."""
    if material.comparison.pairs:
        return (pairs_table(material),)
    return (Prose("There is one run, and so no pair to compare."),)


SECTION = Section(
    "pairs",
    "Can they be told apart?",
    "Two runs on the same images, image by image, corrected for the number of pairs.",
    800,
    blocks,
)
