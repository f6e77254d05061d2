"""What is told of a diagnosis, that of the best run and of every other: message, causes in a sentence each, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heldout.answer.texts import bracketed, opening_sentence, signed
from heldout.answer.why import facts, gap_in_short, headline, points_lost, why_lower
from heldout.records import Diagnosis, Finding
from heldout.records.terms import VERDICT_SIGNS
from heldout.report.blocks import Cause, Causes, Fold, Headline, Prose, Table
from heldout.report.gallery import anchor_of, cited
from heldout.report.material import Material
from heldout.report.sections._advice_tables import remedies_table
from heldout.report.sections._why_tables import budget_table, class_rows_table, findings_table, lens_table


def told(material: Material, diagnosis: Diagnosis) -> Headline:
    """The message of a diagnosis; its summary and figures on a click."""
    return Headline(headline(diagnosis, material.names[diagnosis.run].spoken), diagnosis.summary, facts(diagnosis))


def in_short(material: Material, diagnosis: Diagnosis) -> str:
    """A run and its gap in a few words."""
    return f"{material.names[diagnosis.run].label}: {gap_in_short(diagnosis)}"


def causes(material: Material, diagnosis: Diagnosis) -> Causes:
    """Established and suggested causes, a sentence each, with the way to their evidence; the others by their titles."""
    why = why_lower(diagnosis)
    pictured = {finding.code for finding, _ in cited(material, diagnosis)}
    table = f"#{material.anchor(diagnosis, 'findings')}"
    rest: dict[str, list[str]] = {}
    for finding in why.others:
        rest.setdefault(verdict(finding), []).append(finding.cause)
    found = [
        Cause(
            verdict(finding),
            finding.verdict.replace(" ", "-"),
            finding.cause,
            "" if finding.points is None else f"{points_lost(finding.points)} points",
            opening_sentence(finding.sentence),
            finding.remedy,
            f"#{anchor_of(material, diagnosis, finding)}" if finding.code in pictured else table,
        )
        for finding in why.told
    ]
    named = tuple((sign, tuple(titles)) for sign, titles in rest.items())
    return Causes(tuple(found), named, table if diagnosis.findings else "", tried(diagnosis))


def verdict(finding: Finding) -> str:
    """A verdict as a sign and a word."""
    return f"{VERDICT_SIGNS[finding.verdict]} {finding.verdict}"


def tried(diagnosis: Diagnosis) -> str:
    """What gained most on test when it was tried; empty where nothing was, or nothing gained."""
    best = next(iter(why_lower(diagnosis).remedies), None)
    if best is None or best.gain_points.value <= 0:
        return ""
    scored = "chosen and scored on the same test images" if best.exploratory else "scored on test images held out"
    gained = f"{signed(best.gain_points.value)} points {bracketed(best.gain_points)} on test"
    return f"What helped most when tried: {best.name}, {gained} ({scored})."


def tables(material: Material, diagnosis: Diagnosis) -> list[Table]:
    """Findings, then terms and classes where there is a gap to explain; each opens on a click."""
    found = [findings_table(material, diagnosis)] if diagnosis.findings else []
    if diagnosis.explained and diagnosis.budget:
        found.append(budget_table(material, diagnosis))
    if diagnosis.explained and diagnosis.classes:
        found.append(class_rows_table(material, diagnosis))
    return [replace(table, folded=True) for table in found]


def lenses(material: Material, diagnosis: Diagnosis) -> list[Fold]:
    """Each lens on what remains in a table of its own, never added to another."""
    names = list(dict.fromkeys(lens.name for lens in diagnosis.lenses))
    if not names:
        return []
    intro = "What remains once a threshold has done what it can, seen through "
    if len(names) == 1:
        intro += "one lens."
    else:
        intro += f"{len(names)} lenses. They show the same points from different sides: never add one to another."
    made = [lens_table(material, diagnosis, name) for name in names]
    return [Fold("What remains, and what it looks like", (Prose(intro), *made))]


def remedies(material: Material, diagnosis: Diagnosis) -> Sequence[Table]:
    """What was tried, where there is a gap to explain."""
    return [remedies_table(material, diagnosis)] if diagnosis.explained and diagnosis.remedies else []
