"""How many images and patients came in, were left out, and went where: the numbers of the flow diagram."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from heldout.answer.texts import count
from heldout.records import PARTS
from heldout.report.material import Material

NAMES = {"train": "Training", "val": "Validation", "test": "Test"}


@dataclass(frozen=True)
class Box:
    """One box of the diagram.

    Attributes:
        title: What it holds.
        images: Images in it.
        patients: Patients in it; None where any image names none.
        classes: (class, images of it).
        lines: What else is said in it.
    """

    title: str
    images: int
    patients: int | None
    classes: tuple[tuple[str, int], ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """`600 images, 150 patients`."""
        told = count(self.images, "image")
        return told if self.patients is None else f"{told}, {count(self.patients, 'patient')}"


@dataclass(frozen=True)
class Flow:
    """The diagram.

    Attributes:
        found: What was read.
        excluded: What was left out while reading, by reason.
        unused: Images of the cohort that are in no part; None without any.
        parts: Training, validation and test; of a cross-validation the pool of its folds and the test images.
    """

    found: Box
    excluded: tuple[tuple[str, int], ...]
    unused: Box | None
    parts: tuple[Box, ...]

    @property
    def left_out(self) -> int:
        """Files left out."""
        return sum(number for _, number in self.excluded)


def box_of(material: Material, title: str, ids: list[str], lines: tuple[str, ...] = ()) -> Box:
    """The box of some images."""
    table = material.cohort.table.set_index("id").loc[ids]
    patients = table["patient"]
    known = bool(len(table)) and bool((patients != "").all())
    labelling = material.cohort.labelling
    members = labelling.strata(table["label"].tolist(), material.classes).sum(axis=0) if len(table) else []
    names = labelling.strata_names(material.classes)
    classes = tuple((name, int(n)) for name, n in zip(names, members, strict=False))
    return Box(title, len(table), int(patients.nunique()) if known else None, classes, lines)


def capped(material: Material) -> tuple[str, ...]:
    """That a class was cut to a number of training images before; how many that left out is in no record."""
    most = material.study.reading.get("per-class")
    return (f"at most {most} training images a class",) if most else ()


def flow_of(material: Material) -> Flow:
    """The numbers, all from the cohort and the split as they are recorded."""
    cohort, split = material.cohort, material.split
    everyone = cohort.table["id"].tolist()
    reasons = Counter(problem.found for problem in cohort.excluded)
    placed = {id_ for part in PARTS for id_ in split.part(part)}
    unused = [id_ for id_ in everyone if id_ not in placed]
    parts = []
    for part in PARTS:
        ids = list(split.part(part))
        folds = (f"{split.folds} folds, each held out once",) if part == "val" and split.folds else ()
        if ids:
            parts.append(box_of(material, "Cross-validation" if folds else NAMES[part], ids, folds))
    return Flow(
        box_of(material, "Images read", everyone, capped(material)),
        tuple(reasons.most_common()),
        box_of(material, "In no part", unused) if unused else None,
        tuple(parts),
    )


def mermaid(flow: Flow) -> str:
    """The diagram as text that Markdown viewers draw."""
    lines = ["flowchart TD"]
    whole = flow.found.images + flow.left_out
    lines.append(f'  read["{_told(f"Files assessed: {whole:,}")}"] --> found["{_box(flow.found)}"]')
    for number, (reason, n) in enumerate(flow.excluded):
        lines.append(f'  read --> out{number}["{_told(f"Left out: {reason} ({n:,})")}"]')
    if flow.unused:
        lines.append(f'  found --> unused["{_box(flow.unused)}"]')
    lines += [f'  found --> part{number}["{_box(part)}"]' for number, part in enumerate(flow.parts)]
    return "\n".join(lines)


def _box(box: Box) -> str:
    classes = [f"{name}: {n:,}" for name, n in box.classes]
    return "<br>".join(map(_told, (box.title, box.size, *box.lines, *classes)))


def _told(text: str) -> str:
    """Text for mermaid, which reads markup and quotes: everything but letters, digits and plain signs by its number."""
    return "".join(sign if sign.isalnum() or sign in " ,.:()-" else f"#{ord(sign)};" for sign in " ".join(text.split()))
