"""One class an image, or several labels? Decided by the rules below and said; what is not clear is asked, not guessed.

Several labels an image come in three ways:

1. Names with `|` between them in the column of labels. They are recognised where at least two different cells hold a
   bar, and every name in such a cell stands in another cell too, alone or with others. One odd class name with a bar
   in it (`A|B`, where nothing else is called A or B) is none of this, and is asked about. A separator that is
   named (`;`, or the bar itself) settles it.
2. Columns of 0 and 1, where there is no column of labels. They are recognised where every image has a single 1 in them,
   or where there are no further columns and some image has two or more (but not where all columns but one have a
   single 1 for every image); else they have to be named (`--label-column A,B,C`).
3. Arrays of labels (n, k) of 0 and 1 with k of 2 or more.

Of columns and arrays: where every image has exactly one label, it is of one class; else images have several labels.
`--labels several` or `--labels single` decides otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from heldout.data.entries import Draft, Entry
from heldout.errors import Problem, UsageError
from heldout.records.labelling import SEVERAL, SINGLE, LabellingName
from heldout.records.labelling.several import BAR, joined

NO_LABEL = ("no finding", "no findings", "none")
"""What stands alone in a cell for an image without any label, in small letters: `No Finding` is what ChestX-ray14
(Wang et al., CVPR 2017) and CheXpert (Irvin et al., AAAI 2019) write."""

OTHERS = (";", ",")
"""Signs that tables have between labels as well; names of classes hold them too, so that they have to be named."""

SHOWN = 12

ASK = "Say which with --labels several or --labels single."


@dataclass(frozen=True)
class AskedLabels:
    """What a person says of the labels.

    Attributes:
        kind: `single`, `several`, or None to go by the rules.
        separator: Between names in one cell, where a person named it, which settles what cells with it are; else empty.
    """

    kind: LabellingName | None = None
    separator: str = ""

    @property
    def sign(self) -> str:
        """What stands between names in one cell."""
        return self.separator or BAR


def asked_labels(kind: str | None = None, separator: str = "") -> AskedLabels:
    """What a person says of the labels, as text.

    Args:
        kind: `single` or `several`; None or empty to go by the rules.
        separator: Empty for `|` by the rules; a sign that is named settles what cells with it are, `|` too.

    Raises:
        UsageError: Another kind.
    """
    kinds: dict[str, LabellingName] = {one.name: one.name for one in (SINGLE, SEVERAL)}
    if kind and kind not in kinds:
        raise UsageError(f"--labels: found '{kind}'; expected one of {', '.join(kinds)}.")
    return AskedLabels(kinds[kind] if kind else None, separator)


@dataclass(frozen=True)
class Told:
    """What the labels of images are.

    Attributes:
        kind: Whether an image is of one class or has several labels.
        entries: The images; with several labels, `labels` holds them all, and `label` the same as one text.
        classes: Names in the order of their indices, as far as the source gives an order.
        notes: Sentences a person should read.
        problems: What stands in the way.
    """

    kind: LabellingName
    entries: tuple[Entry, ...]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def labels_of(draft: Draft, asked: AskedLabels) -> Told:
    """Decide what the labels of a draft are."""
    if any(entry.labels is not None for entry in draft.entries):
        return _of_arrays(draft, asked)
    return _of_texts(draft, asked)


def _several(entries: Sequence[Entry], classes: Sequence[str], notes: Sequence[str]) -> Told:
    """Images with several labels; every `label` in the order of the classes."""
    place = {name: k for k, name in enumerate(classes)}
    told = []
    for entry in entries:
        names = None if entry.labels is None else tuple(sorted(dict.fromkeys(entry.labels), key=place.__getitem__))
        told.append(replace(entry, labels=names, label="" if names is None else joined(names)))
    return Told(SEVERAL.name, tuple(told), tuple(classes), tuple(notes), tuple(_barred(classes)))


def _barred(classes: Sequence[str]) -> list[Problem]:
    return [
        Problem(f"label '{name}'", f"a name with {BAR} in it", f"names without {BAR}, which stands between them",
                "Rename it.")
        for name in classes if BAR in name
    ]  # fmt: skip


# ---- names in one cell ----


def _of_texts(draft: Draft, asked: AskedLabels) -> Told:
    cells = Counter(entry.label for entry in draft.entries if entry.label)
    if asked.kind == SINGLE.name:
        return Told(SINGLE.name, draft.entries, draft.classes)
    if asked.kind is None:
        held = [cell for cell in cells if asked.sign in cell]
        if not held:
            return Told(SINGLE.name, draft.entries, draft.classes, _other_separators(list(cells)))
        if not asked.separator and not _combined(list(cells), asked.sign):
            return Told(SINGLE.name, draft.entries, draft.classes, problems=(_unclear(held, cells, asked.sign),))
    found, order = [], list(draft.classes)
    for entry in draft.entries:
        names = _split(entry.label, asked.sign)
        found.append(replace(entry, labels=names))
        order += [name for name in names or () if name not in order]
    classes = tuple(dict.fromkeys([*draft.classes, *sorted(order)]))
    return _several(found, classes, [_said_of_texts(found, classes, asked)])


def _other_separators(cells: Sequence[str]) -> tuple[str, ...]:
    """What to say where another sign stands between names as `|` would; they are classes as they are, unless told."""
    return tuple(
        f"'{held[0]}' is taken for a class, though its names stand elsewhere too ({len(held)} of {len(cells)} labels "
        f"hold '{sign}' so). If these are several labels an image, say --label-separator '{sign}'."
        for sign in OTHERS
        for held in [_of_known(cells, sign)]
        if held
    )


def _of_known(cells: Sequence[str], sign: str) -> list[str]:
    """Cells with the sign: all where they are combinations by the rule, else those of names that are cells too."""
    holding, alone = [cell for cell in cells if sign in cell], set(cells)
    if _combined(cells, sign):
        return holding
    return [cell for cell in holding if len(names := _split(cell, sign) or ()) > 1 and alone.issuperset(names)]


def _split(text: str, separator: str) -> tuple[str, ...] | None:
    """The names in a cell; none of `No Finding`; None where the cell is empty, which may be a gap."""
    names = tuple(name.strip() for name in text.split(separator) if name.strip())
    if len(names) == 1 and names[0].lower() in NO_LABEL:
        return ()
    return names or None


def _combined(cells: Sequence[str], separator: str) -> bool:
    """Whether cells with the separator are combinations of names, by the first rule above."""
    holding = [cell for cell in cells if separator in cell]
    stands_in = Counter(name for cell in cells for name in set(_split(cell, separator) or ()))
    names = {name for cell in holding for name in _split(cell, separator) or ()}
    return len(holding) >= 2 and all(stands_in[name] >= 2 for name in names)


def _unclear(held: Sequence[str], cells: Counter[str], separator: str) -> Problem:
    images = sum(cells[cell] for cell in held)
    return Problem(
        "the labels",
        f"{images} images with {separator} in their label, such as '{held[0]}', which may be a name or several",
        f"names of which every one stands in another cell too, or no {separator}",
        ASK,
    )


def _said_of_texts(entries: Sequence[Entry], classes: Sequence[str], asked: AskedLabels) -> str:
    why = f"since names with {asked.sign} between them stand elsewhere too"
    if asked.kind or asked.separator:
        why = "as --labels says" if asked.kind else "as --label-separator says"
    none = sum(entry.labels == () for entry in entries)
    return (
        f"Several labels an image, {why}: {_shown(classes)}; {_number(entries)} have two or more, {none} none. For one "
        f"class an image say --labels single."
    )


# ---- columns of 0 and 1, arrays (n, k) ----


def _of_arrays(draft: Draft, asked: AskedLabels) -> Told:
    """Images with all their labels, as one class where each has exactly one, else as several labels."""
    classes = draft.classes or tuple(sorted({name for entry in draft.entries for name in entry.labels or ()}))
    counts = [len(entry.labels or ()) for entry in draft.entries]
    what = f"the columns {_shown(classes)}"
    wrong = sum(count != 1 for count in counts)
    if asked.kind == SINGLE.name and wrong:
        return Told(SINGLE.name, draft.entries, problems=(_not_one(wrong, len(counts), what),))
    if asked.kind == SINGLE.name or (asked.kind is None and not wrong):
        one = tuple(replace(entry, label=(entry.labels or ("",))[0], labels=None) for entry in draft.entries)
        note = (
            f"One class an image, since in every row exactly one of {what} is 1. For several labels an image say "
            f"--labels several."
        )
        return Told(SINGLE.name, one, tuple(classes), notes=(note,))
    note = f"Several labels an image, from {what}; {_number(draft.entries)} have two or more, {counts.count(0)} none."
    return _several(draft.entries, classes, [note])


def _not_one(wrong: int, number: int, what: str) -> Problem:
    return Problem(
        "the labels",
        f"{wrong} of {number} images without exactly one label in {what}",
        "exactly one label an image, as --labels single says",
        "Say --labels several, or correct the labels.",
    )


def everywhere(entries: Sequence[Entry]) -> list[Problem]:
    """Labels that all images of a part have: nothing can be told apart by them there."""
    problems = []
    for part in dict.fromkeys(entry.split for entry in entries):
        here = [entry for entry in entries if entry.split == part and entry.labels is not None]
        all_have = set(here[0].labels or ()) if here else set()
        for entry in here:
            all_have &= set(entry.labels or ())
        problems += [
            Problem(
                f"label '{name}'",
                f"all {len(here)} images of {part or 'the data'} have it",
                "images with and without every label",
                "Add images without it, or leave the label out.",
            )
            for name in sorted(all_have)
        ]
    return problems


def _number(entries: Sequence[Entry]) -> str:
    several = sum(len(entry.labels or ()) > 1 for entry in entries)
    return f"{several} of {len(entries)} images"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
