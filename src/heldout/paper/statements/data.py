"""What the images are, how many, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, listing
from heldout.paper.flow import flow_of
from heldout.paper.statement import Statement, Topic
from heldout.report.material import Material

CHANNELS = {1: "greyscale", 3: "colour"}


def state(material: Material) -> Sequence[Statement]:
    """Numbers from the cohort; what only the authors know is asked for."""
    cohort = material.cohort
    found = [
        Statement("data.source", gap="where, when and why the images were acquired, and how they may be had"),
        Statement("data.eligibility", gap="which patients and images were eligible, and who chose them, how"),
        Statement("data.acquisition", gap="devices and settings by which the images were acquired"),
        Statement("data.ethics", gap="ethics approval and consent, or why none was needed"),
        counts(material),
        Statement(
            "data.reference",
            f"The reference standard was the {'label' if cohort.labels == 'several' else 'class'} recorded for each "
            "image.",
            "how the reference standard was determined, by whom, with what experience, and blinded to what",
        ),
        left_out(material),
    ]
    return [*found, *sites(material), *subset(material), *formats(material), *copies(material)]


def counts(material: Material) -> Statement:
    """Images, patients and classes."""
    whole = flow_of(material).found
    of = "" if whole.patients is None else f" of {count(whole.patients, 'patient')}"
    classes = listing([f"{name}: {n:,}" for name, n in whole.classes])
    noun = "labels" if material.cohort.labels == "several" else "classes"
    return Statement(
        "data.counts",
        f"The data set held {count(whole.images, 'image')}{of} with {len(material.classes)} {noun} ({classes}).",
        "" if whole.patients is not None else "number of patients; not every image names its patient",
    )


def left_out(material: Material) -> Statement:
    """Files that could not be used, by reason."""
    flow = flow_of(material)
    if not flow.left_out:
        return Statement("data.excluded", "No file was left out while the images were read.")
    reasons = listing([f"{reason} ({n:,})" for reason, n in flow.excluded])
    return Statement("data.excluded", f"{count(flow.left_out, 'file')} could not be used and were left out: {reasons}.")


def sites(material: Material) -> list[Statement]:
    """Sites, where they are known of all images."""
    column = material.cohort.table["site"]
    if not len(column) or (column == "").any():
        return []
    return [Statement("data.sites", f"The images came from {count(int(column.nunique()), 'site')}.")]


def subset(material: Material) -> list[Statement]:
    """A cap on the images of a class, and what of the cohort is in no part."""
    most, unused = material.study.reading.get("per-class"), flow_of(material).unused
    found = []
    if most:
        found.append(
            Statement(
                "data.subset",
                f"At most {most} training images of each class were used, whole patients first.",
                "how many images that left out; the notes of the study say it",
            )
        )
    if unused:
        found.append(Statement("data.unused", f"{count(unused.images, 'image')} were in no part of the study."))
    return found


def formats(material: Material) -> list[Statement]:
    """Sizes, channels and depth of the images; nothing where there are none."""
    table = material.cohort.table
    if not material.cohort.pictured or (table["width"] <= 0).any():
        return []
    ends = [(int(table[side].min()), int(table[side].max())) for side in ("width", "height")]
    same = all(low == high for low, high in ends)
    size = " × ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in ends)
    channels = listing([CHANNELS.get(n, f"{n} channels") for n in sorted(set(table["channels"].tolist()))])
    bits = listing([str(n) for n in sorted(set(table["bits"].tolist()))])
    return [
        Statement(
            "data.formats",
            f"Images were {'' if same else 'between '}{size} pixels (width × height), {channels}, with {bits} bits a "
            "channel.",
        )
    ]


def copies(material: Material) -> list[Statement]:
    """Copies among the images, exact ones and those that were looked for."""
    cohort = material.cohort
    if not cohort.pictured:
        return []
    times = cohort.table["content"].value_counts()
    exact = int(times[times > 1].sum())
    told = f"{count(exact, 'image')} were exact copies of others" if exact else "No two images were exact copies"
    if cohort.copies is not None:
        pairs = len(cohort.copies)
        told += f"; {count(pairs, 'pair')} of images showed one picture changed (turned, cropped, of other contrast)"
    return [Statement("data.copies", f"{told}.")]


TOPIC = Topic("data", "Data", 100, state)
