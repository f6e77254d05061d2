"""Figures become blocks of the page; one that cannot be drawn says so in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heldout.records import Diagnosis
from heldout.report.blocks import Chart, Charts, Fault
from heldout.report.faults import fault
from heldout.report.figure import Figure
from heldout.report.figures import figures
from heldout.report.material import Material

Drawn = Chart | Charts | Fault


def in_order(material: Material) -> list[Figure]:
    """The figures of studies of this kind, in the order of their places."""
    shown = (figure for figure in figures if material.cohort.labels in figure.labels)
    return sorted(shown, key=lambda figure: (figure.order, figure.name))


def drawn(own: Sequence[Figure], material: Material) -> list[Drawn]:
    """The charts of some figures; several of one figure stand side by side."""
    blocks: list[Drawn] = []
    for figure in own:
        try:
            charts = tuple(figure.draw(material))
            blocks += list(charts) if len(charts) == 1 else [Charts(charts)] if charts else []
        except Exception as error:  # one broken figure must not sink the page
            blocks.append(fault(f"Figure «{figure.title}»", error))
    return blocks


def drawn_of(material: Material, diagnosis: Diagnosis, sections: Sequence[str]) -> list[Drawn]:
    """The figures on one diagnosis that stand in some sections where it is that of the best run, their ids its own."""
    own = [figure for name in sections for figure in in_order(material) if figure.each_run and figure.section == name]
    made: list[Drawn] = []
    for block in drawn(own, replace(material, about=diagnosis.run)):
        if isinstance(block, Charts):
            made.append(Charts(tuple(renamed(chart, diagnosis) for chart in block.charts)))
        else:
            made.append(renamed(block, diagnosis) if isinstance(block, Chart) else block)
    return made


def renamed(chart: Chart, diagnosis: Diagnosis) -> Chart:
    """The chart with its run in its id, which stands once on a page."""
    return replace(chart, id=f"{chart.id}-{diagnosis.run}")
