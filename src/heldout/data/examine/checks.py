"""What is wrong with a list of images, whatever source it comes from: pure functions, each returns its problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from heldout.data.entries import Entry
from heldout.errors import Problem
from heldout.records import PARTS
from heldout.records.labelling import SINGLE, Labelling

PART_WORDS = {"train": "train", "val": "validation", "test": "test"}


def listed_twice(entries: Sequence[Entry]) -> list[Problem]:
    """Images named more than once: one problem a second naming."""
    first: dict[tuple[str, str, int], Entry] = {}
    problems = []
    for entry in entries:
        key = (entry.source, entry.member, entry.row)
        if key not in first:
            first[key] = entry
            continue
        earlier = first[key]
        same = earlier.label == entry.label and earlier.split == entry.split
        problems.append(
            Problem(
                entry.shown,
                f"an image that {earlier.where or 'another line'} lists too"
                + ("" if same else f" (there {_as(earlier)}, here {_as(entry)})"),
                "every image once",
                "Remove one of the lines." if same else "Decide which line is right, and remove the other.",
            )
        )
    return problems


def _as(entry: Entry) -> str:
    return f"'{entry.label}'" + (f" in {PART_WORDS[entry.split]}" if entry.split else "")


def labels_missing(entries: Sequence[Entry]) -> list[Problem]:
    """Images without a class."""
    return [
        Problem(entry.shown, "no label", "the name of a class", "Fill in the label, or remove the image from the list.")
        for entry in entries
        if not entry.labelled
    ]


def classes_gone(entries: Sequence[Entry], read: Sequence[Entry]) -> list[Problem]:
    """Classes of which no image can be read, where images that cannot be read are left out.

    Args:
        entries: All images.
        read: Those that can be read.
    """
    counts = Counter(name for entry in entries for name in entry.names)
    left = {name for entry in read for name in entry.names}
    return [
        Problem(
            f"class '{label}'",
            f"no readable image ({_images(count)} left out)",
            "readable images of every class",
            "Mend or convert them; or take the class out, with --ignore or from the table.",
        )
        for label, count in counts.items()
        if label not in left
    ]


def names_of_bytes(entries: Sequence[Entry]) -> list[Problem]:
    """Files whose names are no text (bytes that are no UTF-8), which no record could hold."""
    return [
        Problem(
            entry.shown,
            "a name with bytes that are no text in UTF-8",
            "names in UTF-8",
            "Rename the file, for instance with convmv; or leave it out with --ignore.",
        )
        for entry in entries
        if not is_text(entry)
    ]


def is_text(entry: Entry) -> bool:
    """Whether the names of file and class can be written in UTF-8."""
    name = entry.source + entry.label
    return name.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in name)


def split_problems(
    pairs: Sequence[tuple[str, str]], require_test: bool, labelling: Labelling = SINGLE
) -> list[Problem]:
    """What makes a given split unusable: a class absent from a part, a label that train does not know, no test.

    Args:
        pairs: (split, label) of every image; the split is empty where none is given.
        require_test: Whether a split without test images is a problem.
        labelling: Whether an image is of one class or has several labels, each of which is a class here.

    Returns:
        The problems; none where no split is given at all, since it is drawn then.
    """
    if not pairs:
        return [
            Problem(
                "the whole input",
                "no usable image",
                "images of two or more classes",
                "See `docs/data.md` for what DATA may be.",
            )
        ]
    counts = Counter((split, name) for split, label in pairs for name in labelling.names_in(label) if name)
    classes = {label for _, label in counts}
    if len(classes) < 2:
        found = f"one {labelling.noun}, '{next(iter(classes))}'" if classes else f"no {labelling.noun}"
        return [Problem("the labels", found, "two or more classes", "Add images of another class, or name labels.")]
    images = Counter(split for split, _ in pairs)  # also those without any label, which are of no class
    if set(images) == {""}:
        return []
    parts = set(images) - {""}
    return [*_unassigned(images[""]), *_parts_missing(parts, require_test), *_classes_missing(counts, parts)]


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"


def _unassigned(without: int) -> list[Problem]:
    """The problem of so many images that have no split while others have one."""
    if not without:
        return []
    return [
        Problem(
            "the split",
            f"{_images(without)} without a split, beside images that have one",
            "train, val or test for every image, or for none",
            "Fill in the split of every image, or drop the column so that a split is drawn.",
        )
    ]


def _parts_missing(splits: set[str], require_test: bool) -> list[Problem]:
    problems = []
    if "train" not in splits:
        problems.append(
            Problem(
                "the split",
                f"no training images (only {', '.join(PART_WORDS[s] for s in PARTS if s in splits)})",
                "images in train",
                "Add them, or drop the split so that one is drawn.",
            )
        )
    if require_test and "test" not in splits:
        problems.append(
            Problem(
                "the split",
                "no test images",
                "a held-out test set, on which the final score rests",
                "Add test images; or go on without with --no-test (require_test=False): then only validation is "
                "scored, and that score is optimistic because models are chosen by it, except with "
                "--folds, which holds each fold's images back from what is chosen within a run.",
            )
        )
    return problems


def _classes_missing(counts: Counter[tuple[str, str]], splits: set[str]) -> list[Problem]:
    """Per part: classes of train that it lacks, and labels that train does not know."""
    if "train" not in splits:
        return []
    known = {label for split, label in counts if split == "train"}
    problems = []
    for part in (part for part in PARTS if part in splits):
        here = {label for split, label in counts if split == part}
        problems += [
            Problem(
                f"class '{label}'",
                f"no image in {PART_WORDS[part]} ({counts['train', label]} in train)",
                f"images of every class in {PART_WORDS[part]}",
                f"Add images of '{label}' to {PART_WORDS[part]}, or take the class out of train.",
            )
            for label in sorted(known - here)
        ]
        for label in sorted(here - known):
            close = next((other for other in sorted(known) if other.lower() == label.lower()), None)
            problems.append(
                Problem(
                    f"class '{label}'",
                    f"a class that train does not know, in {PART_WORDS[part]} ({_images(counts[part, label])})",
                    f"only the classes of train ({', '.join(sorted(known)[:10])})",
                    f"Rename it to '{close}', which differs in case only."
                    if close
                    else f"Add training images of '{label}', rename it, or leave it out of {PART_WORDS[part]}.",
                )
            )
    return problems
