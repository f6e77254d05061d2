"""Made cohorts without any pixels, and hypothesis strategies for them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from hypothesis import strategies as st

from heldout.records import Cohort
from heldout.records.cohort import typed


def made(
    labels: Sequence[str],
    patients: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    contents: Sequence[str] | None = None,
) -> Cohort:
    """A cohort with the ids i000, i001, …; every image has pixels of its own unless `contents` says otherwise."""
    ids = [f"i{number:05d}" for number in range(len(labels))]
    frame = pd.DataFrame(
        {
            "id": ids,
            "content": list(contents) if contents is not None else ids,
            "source": [f"{id_}.png" for id_ in ids],
            "label": list(labels),
            "patient": list(patients) if patients is not None else "",
            "split": list(splits) if splits is not None else "",
            "channels": 1,
        }
    )
    return Cohort("made", "", "made", tuple(sorted(set(labels))), typed(frame))


@st.composite
def cohorts(draw: st.DrawFn, by_patient: bool, given_test: bool = True, largest: int = 6) -> Cohort:
    """Two to four classes; patients of 1 … `largest` images, of one class or mixed; a test part or no split at all."""
    classes = "abcd"[: draw(st.integers(2, 4))]
    labels, patients, splits = [], [], []
    sizes = st.integers(1, largest)
    for number in range(draw(st.integers(8, 40)) * len(classes)):
        own = classes[number % len(classes)]
        part = "test" if given_test and draw(st.booleans()) and number >= 6 * len(classes) else "train"
        for _ in range(draw(sizes)):
            labels.append(own)
            patients.append(f"p{number}" if by_patient else "")
            splits.append(part if given_test else "")
    return made(labels, patients, splits)
