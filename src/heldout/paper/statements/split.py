"""How the images were divided into training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, listing
from heldout.paper.flow import flow_of
from heldout.paper.statement import Statement, Topic
from heldout.records import PARTS
from heldout.report.material import Material


def state(material: Material) -> Sequence[Statement]:
    """How it was drawn, how large the parts are, at which level they are disjoint."""
    split = material.split
    if split.seed is None:
        how = Statement(
            "split.how", "The division into parts was given with the data.", "how, and by whom, it was made"
        )
    else:
        how = Statement("split.how", f"Parts: {split.method}; seed of the draw {split.seed}.")
    parts = listing([f"{part.title.lower()} {part.size}" for part in flow_of(material).parts])
    found = [
        how,
        Statement("split.sizes", f"The parts held: {parts}."),
        level(material),
        Statement("split.size-reason", gap="how the number of images was arrived at, and whether it is enough"),
    ]
    if split.folds:
        found.append(
            Statement(
                "split.folds",
                f"Models were cross-validated in {split.folds} folds: each of these images was answered by a network "
                "that did not learn from its fold.",
            )
        )
    if not split.test:
        found.append(Statement("split.no-test", "There was no test set apart from these images."))
    return found


def level(material: Material) -> Statement:
    """Whether any patient stands in two parts, counted from the table of images."""
    cohort, split = material.cohort, material.split
    if not cohort.patients_known:
        unknown = "whether images of one patient can stand in two parts; not every image names its patient"
        return Statement("split.level", "The parts shared no image.", unknown)
    owner = cohort.table.set_index("id")["patient"]
    patients = [set(owner.loc[list(split.part(part))]) for part in PARTS]
    shared = {p for i, a in enumerate(patients) for b in patients[i + 1 :] for p in a & b}
    if shared:
        return Statement("split.level", f"The parts shared no image, but {count(len(shared), 'patient')}.")
    folds = " Folds were drawn by patient." if split.folds and split.grouped else ""
    return Statement("split.level", f"The parts were disjoint by patient: no patient had images in two of them.{folds}")


TOPIC = Topic("split", "Partitions", 200, state)
