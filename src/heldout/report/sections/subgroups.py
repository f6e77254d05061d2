"""Who loses most: groups of images by site, sex, age, device or whatever columns the data brought along."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.groups import WHO, by_loss, columns_left_out, stands_out, why_not_compared
from heldout.answer.texts import capital, count
from heldout.records import Diagnosis, Subgroup
from heldout.report.blocks import Block, Cell, Column, Fold, Prose, Table
from heldout.report.cells import accuracy_cell, csv_only, ends_of, lost_cell, methods, unseen, whole_cell
from heldout.report.material import Material
from heldout.report.section import Section


def group_row(diagnosis: Diagnosis, group: Subgroup) -> tuple[Cell, ...]:
    """One group."""
    return (
        unseen(diagnosis.run, " × ".join(group.columns)),
        Cell(group.name, why_not_compared(group), (group.name,), strong=stands_out(group)),
        whole_cell(group.val_images),
        whole_cell(group.test_images),
        accuracy_cell(group.val_score),
        accuracy_cell(group.test_score),
        lost_cell(group.gap_points),
        lost_cell(group.difference_points),
        lost_cell(group.points),
        lost_cell(group.mix_points),
        Cell("–" if group.p is None else f"{group.p:.3f}", saved=(group.p,)),
    )


def groups_table(
    material: Material, diagnosis: Diagnosis, name: str, caption: str, groups: Sequence[Subgroup]
) -> Table:
    """Groups, those that lose most first."""
    return Table(
        material.anchor(diagnosis, name),
        caption,
        (
            csv_only("run", "columns"),
            Column("Group", saved_as=("group",)),
            Column(capital(diagnosis.unit.words), "validation", True, saved_as=("val_images",)),
            Column(capital(diagnosis.unit.words), "test", True, saved_as=("test_images",)),
            Column("Score", "validation", True, "def-accuracy", saved_as=ends_of("val_score")),
            Column("Score", "test", True, "def-accuracy", saved_as=ends_of("test_score")),
            Column("Gap", "points", True, "def-gap", saved_as=ends_of("gap_points")),
            Column("More than all others", "points", True, "def-subgroups", saved_as=ends_of("difference_points")),
            Column("Test would gain", "points", True, "def-subgroups", saved_as=ends_of("points")),
            Column("By its share", "points", True, "def-subgroups", saved_as=ends_of("mix_points")),
            Column("p", "for all groups", True, "def-subgroups", saved_as=("p",)),
        ),
        tuple(group_row(diagnosis, group) for group in groups),
        (
            "Groups overlap, and their points do not sum to the gap. A row says where the loss sits, not why. The "
            "intervals of the three columns before p hold for all groups at once.",
            *methods(("more than all others", group.difference_points) for group in groups[:1]),
        ),
    )


def blocks(material: Material) -> Sequence[Block]:
    """Groups of one column, common parts of two folded away, columns without groups by name."""
    known = material.featured
    if known is None:
        return ()
    groups = by_loss(known)
    single = [group for group in groups if len(group.columns) == 1]
    crossed = [group for group in groups if len(group.columns) > 1]
    found: list[Block] = []
    if single:
        found.append(groups_table(material, known, "subgroups", WHO, single))
    if crossed:
        caption = "Common parts of two groups"
        table = groups_table(material, known, "subgroups-crossed", caption, crossed)
        found.append(Fold(f"{caption}: {count(len(crossed), 'group')}", (table,)))
    if left := columns_left_out(known):
        found.append(Prose(left))
    return found


SECTION = Section(
    "subgroups",
    "Who loses most?",
    "Groups of images whose score falls more from validation to test than that of all others: where the loss sits.",
    150,
    blocks,
    labels=("single",),
)
