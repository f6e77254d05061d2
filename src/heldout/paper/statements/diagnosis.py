"""How the gap between validation and test was taken apart; nothing where nobody asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, listing
from heldout.paper.statement import Statement, Topic
from heldout.records import Diagnosis
from heldout.records.diagnosis import TermStatus
from heldout.records.terms import TERM_TITLES
from heldout.report.material import Material

JUDGED = ("established", "suggested", "excluded")


def state(material: Material) -> Sequence[Statement]:
    """Terms, draws, causes, lenses and groups of the diagnosis that is told at length."""
    known = material.featured
    if known is None:
        return []
    runs = count(len(material.diagnosed), "model")
    found = [
        Statement(
            "diagnosis.budget",
            f"For {runs} the difference between validation and test was divided into terms "
            f"({listing([TERM_TITLES[term.term] for term in known.budget])}) that sum to it, with intervals from "
            f"{known.bootstrap:,} bootstrap samples (seed {known.bootstrap_seed}).",
            cites=("davison1997",),
        )
        if known.budget
        else Statement("diagnosis.budget", f"The difference between validation and test of {runs} was examined."),
        causes(known),
    ]
    if known.lenses:
        told = "Validation and test images were told apart by a classifier, class by class, to judge how they differ."
        found.append(Statement("diagnosis.lenses", told, cites=("cai2023",)))
    if known.groups:
        columns = listing(list(dict.fromkeys(name for group in known.groups for name in group.columns)))
        told = f"Groups of images by {columns} were compared, corrected for their number."
        found.append(Statement("diagnosis.groups", told, cites=("westfall1993",)))
    if any(term.term == "labels" and term.status is TermStatus.MEASURED for term in known.budget):
        told = "Wrong labels were estimated from reviewed images, weighted by their chance of having been chosen."
        found.append(Statement("diagnosis.review", told, cites=("horvitz1952",)))
    return found


def causes(known: Diagnosis) -> Statement:
    """How many causes were judged, and how many these data could not tell."""
    judged = [finding for finding in known.findings if finding.verdict in JUDGED]
    open_ = [finding for finding in known.findings if finding.verdict == "not identifiable"]
    told = f"Possible causes judged from these data ({len(judged)}): {listing([f.cause for f in judged])}"
    rest = f"; not to be told from them ({len(open_)}): {listing([f.cause for f in open_])}" if open_ else ""
    return Statement("diagnosis.causes", f"{told}{rest}." if judged else f"No cause could be judged{rest}.")


TOPIC = Topic("diagnosis", "Diagnosis of the gap", 800, state)
