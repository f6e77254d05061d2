"""Tables on what to do: what was tried, what to read again, and every number for a reviewer."""

from __future__ import annotations

from collections.abc import Iterator

from heldout.answer.texts import number
from heldout.answer.why import EXPLORATORY, why_lower
from heldout.records import Diagnosis, Estimate, Remedy
from heldout.report.blocks import Cell, Column, Table
from heldout.report.cells import ESTIMATE, csv_only, methods, points_cell, unseen
from heldout.report.material import Material
from heldout.report.sections._why_tables import DEFINED, lens_definition, manual_of


def remedy_row(diagnosis: Diagnosis, remedy: Remedy) -> tuple[Cell, ...]:
    """One remedy with its gain."""
    titles = {finding.code: finding.cause for finding in diagnosis.findings}
    scored, tone = ("◐ exploratory", "suggested") if remedy.exploratory else ("● held out", "gained")
    return (
        unseen(diagnosis.run),
        Cell(remedy.name),
        points_cell(remedy.gain_points),
        Cell(scored, saved=(remedy.exploratory,), tone=tone),
        Cell(titles.get(remedy.cause, remedy.cause) or "–", saved=(remedy.cause,)),
    )


def remedies_table(material: Material, diagnosis: Diagnosis) -> Table:
    """What was tried, by what it gained on test, best first."""
    remedies = why_lower(diagnosis).remedies
    return Table(
        material.anchor(diagnosis, "remedies"),
        "What was tried, and what it gained",
        (
            csv_only("run"),
            Column("Remedy", say=True, saved_as=("remedy",)),
            Column("Points gained", "on test", True, "def-remedy", saved_as=("gain_points", *ESTIMATE[1:])),
            Column("Scored", definition="def-remedy", saved_as=("exploratory",)),
            Column("Cause", saved_as=("cause",)),
        ),
        tuple(remedy_row(diagnosis, remedy) for remedy in remedies),
        (EXPLORATORY, *methods((remedy.name, remedy.gain_points) for remedy in remedies)),
        prose=True,
    )


def review_table(material: Material, diagnosis: Diagnosis) -> Table:
    """Test images to be read again, with the probability with which each was chosen."""
    places = dict(zip(material.cohort.table["id"], material.cohort.table["source"], strict=True))
    return Table(
        material.anchor(diagnosis, "review"),
        f"{len(diagnosis.review)} test images to be read again by two blind readers",
        (
            Column("Image", saved_as=("id",)),
            Column("File", saved_as=("file",)),
            csv_only("label"),
            Column("Chosen with", "probability", True, "def-review", saved_as=("probability",)),
        ),
        tuple(
            (
                Cell(id_, mono=True),
                Cell(str(places.get(id_, "")), mono=True),
                unseen(""),
                Cell(number(probability, 3), saved=(probability,)),
            )
            for id_, probability in diagnosis.review.items()
        ),
        (
            "Labels and predictions are left out on purpose: readers who see them are not blind. `heldout serve STUDY` "
            "has a page on which they are read. Or each reader fills in the column `label` of the CSV, and "
            "`heldout diagnose STUDY --review FILE` counts them.",
        ),
    )


def estimates(diagnosis: Diagnosis) -> Iterator[tuple[Cell, Estimate | None]]:
    """Every estimate of a diagnosis under its name, each leading to its formula."""
    yield Cell("gap", link="#def-gap"), diagnosis.gap_points
    for term in diagnosis.budget:
        yield Cell(f"term {term.term}", link=f"#{DEFINED[term.term]}"), term.points
    for row in diagnosis.classes:
        yield Cell(f"class {row.name}", link="#def-class-rows"), row.points
        yield Cell(f"class {row.name}: prior", link="#def-term-prior"), row.prior_points
    for lens in diagnosis.lenses:
        anchor = lens_definition(lens.name)
        for part, points in lens.parts.items():
            name = f"lens {lens.name} {lens.group}".strip()
            yield Cell(f"{name}: {part}", link=f"#{anchor}" if anchor else ""), points
    for finding in diagnosis.findings:
        yield Cell(finding.cause, finding.code, link=manual_of(finding.code)), finding.points
    for remedy in diagnosis.remedies:
        yield Cell(remedy.name, link="#def-remedy"), remedy.gain_points


def numbers_table(material: Material, diagnosis: Diagnosis) -> Table:
    """Every estimate of the diagnosis with its n and method."""
    return Table(
        material.anchor(diagnosis, "numbers"),
        "Every number, with n and method",
        (
            csv_only("run"),
            Column("Quantity", saved_as=("quantity",)),
            Column("Points", "", True, saved_as=ESTIMATE[:3]),
            Column("Images", "n", True, saved_as=ESTIMATE[3:4]),
            Column("Interval by", saved_as=ESTIMATE[4:]),
            csv_only("bootstrap", "seed"),
        ),
        tuple(
            (
                unseen(diagnosis.run),
                name,
                Cell(*shown(e), saved=(e.value, e.low, e.high)),
                Cell(f"{e.n:,}", saved=(e.n,)),
                Cell(e.method),
                unseen(diagnosis.bootstrap, diagnosis.bootstrap_seed),
            )
            for name, e in estimates(diagnosis)
            if e is not None
        ),
    )


def shown(points: Estimate) -> tuple[str, str]:
    """Points and their interval as a cell shows them."""
    cell = points_cell(points)
    return cell.text, cell.note


def named_numbers_table(material: Material, diagnosis: Diagnosis) -> Table | None:
    """The numbers that causes and lenses name, unrounded in the CSV."""
    found = [(f.cause, f.code, name, value) for f in diagnosis.findings for name, value in f.numbers.items()]
    found += [
        (" ".join(filter(None, (lens.title, lens.group, lens.basis))), lens.name, name, value)
        for lens in diagnosis.lenses
        for name, value in lens.numbers.items()
    ]
    if not found:
        return None
    return Table(
        material.anchor(diagnosis, "named-numbers"),
        "What causes and lenses were judged from",
        (
            csv_only("run"),
            Column("Cause or lens", saved_as=("code",)),
            Column("Name", saved_as=("name",)),
            Column("Value", "", True, saved_as=("value",)),
        ),
        tuple(
            (
                unseen(diagnosis.run),
                Cell(cause, saved=(code,)),
                Cell(name, mono=True),
                Cell(f"{value:.5g}", saved=(value,)),
            )
            for cause, code, name, value in found
        ),
    )
