"""How often the test images were scored."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count
from heldout.report.blocks import Block, Prose
from heldout.report.material import Material
from heldout.report.section import Section

WHY = (
    "Why it matters: every evaluation on test from which something is chosen (a model, a setting, an epoch, a "
    "threshold) fits the choice to these very images. With many evaluations the best test accuracy rises by luck "
    "alone, as the best of many throws of a die is a six. Choose by validation, evaluate on test once, and keep a "
    "second test set for the final word."
)

NOT_KNOWN = "How often the given models were evaluated on test before their predictions came here is not known."


def blocks(material: Material) -> Sequence[Block]:
    """The count, and why it matters."""
    known = [row.test_evaluations for row in material.runs if row.test_evaluations is not None]
    total = sum(known)
    n = len(material.split.test)
    if not n:
        return (Prose("There is no test set."),)
    if not known:
        return Prose(NOT_KNOWN), Prose(WHY)
    said = [
        f"The {count(n, 'test image')} were scored {count(total, 'time')} by the {count(len(material.runs), 'run')} of "
        "this report (once a run is the rule)."
    ]
    if material.test_evaluations > total:
        said.append(f"The study's own count, runs since removed or repeated included, is {material.test_evaluations}.")
    if material.diagnosis_evaluations:
        said.append(
            f"Besides, interventions of a diagnosis scored test images {count(material.diagnosis_evaluations, 'time')}"
            ": no score of a run came from them, but whoever acts on them has used these images."
        )
    if material.calibration_evaluations:
        said.append(
            f"`heldout calibrate` judged by them what runs promise {count(material.calibration_evaluations, 'time')}."
        )
    return Prose(" ".join(said)), Prose(WHY)


SECTION = Section(
    "test-evaluations", "How often test was evaluated", "Whoever looks at test often chooses by it.", 1200, blocks
)
