"""One class an image, or several labels? Decided by the rules below and said; what is not clear is asked, not guessed.

Several labels an image come in three ways:

1. Names with `|` between them in the column of labels. They are recognised where at least two different cells hold a
   bar, and every name in such a cell stands in another cell too, alone or with others. One odd class name with a bar
   in it (`A|B`, where nothing else is called A or B) is none of this, and is asked about. Another separator (`;`) has
   to be named.
2. Columns of 0 and 1, one a label, where there is no column of labels. They are recognised where every further column
   is such a column and some image has two labels or more; else they have to be named.
3. Arrays of labels (n, k) of 0 and 1 with k of 2 or more. They are recognised where some image has two labels or more,
   or none.

`--labels several` or `--labels single` decides where these do not.
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
        separator: Between names in one cell.
        columns: Columns of 0 and 1, one a label; empty where the labels stand elsewhere.
    """

    kind: LabellingName | None = None
    separator: str = BAR
    columns: tuple[str, ...] = ()


def asked_labels(kind: str | None = None, separator: str = "", columns: Sequence[str] = ()) -> AskedLabels:
    """What a person says of the labels, as text.

    Args:
        kind: `single` or `several`; None or empty to go by the rules.
        separator: Empty for `|`.
        columns: Names of columns of 0 and 1.

    Raises:
        UsageError: Another kind.
    """
    kinds: dict[str, LabellingName] = {one.name: one.name for one in (SINGLE, SEVERAL)}
    if kind and kind not in kinds:
        raise UsageError(f"--labels: found '{kind}'; expected one of {', '.join(kinds)}.")
    # The names of a table's columns are in small letters once it is read.
    names = tuple(name.strip().lower() for name in columns if name.strip())
    return AskedLabels(kinds[kind] if kind else None, separator or BAR, names)


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
    """Decide what the labels of a draft are.

    Raises:
        UsageError: An option that does not fit the data: a column that is none, a separator that is empty.
    """
    if not asked.separator:
        raise UsageError("Found an empty --label-separator; expected a sign, such as ';'.")
    if any(entry.labels is not None for entry in draft.entries):
        return _of_arrays(draft, asked)
    if asked.columns or draft.unlabelled:
        return _of_columns(draft, asked)
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
        held = [cell for cell in cells if asked.separator in cell]
        if not held:
            return Told(SINGLE.name, draft.entries, draft.classes, _other_separators(list(cells)))
        if not _combined(list(cells), asked.separator):
            return Told(SINGLE.name, draft.entries, draft.classes, problems=(_unclear(held, cells, asked.separator),))
    found, order = [], list(draft.classes)
    for entry in draft.entries:
        names = _split(entry.label, asked.separator)
        found.append(replace(entry, labels=names))
        order += [name for name in names or () if name not in order]
    classes = tuple(dict.fromkeys([*draft.classes, *sorted(order)]))
    return _several(found, classes, [_said_of_texts(found, classes, asked)])


def _other_separators(cells: Sequence[str]) -> tuple[str, ...]:
    """What to say where another sign stands between names as `|` would; they are classes as they are, unless told."""
    return tuple(
        f"Labels hold '{sign}' between names that stand elsewhere too, and are taken as classes as they are. If these "
        f"are several labels an image, say --label-separator '{sign}'."
        for sign in OTHERS
        if _combined(cells, sign)
    )


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
    why = "as --labels says" if asked.kind else f"since names with {asked.separator} between them stand elsewhere too"
    none = sum(entry.labels == () for entry in entries)
    return (
        f"Several labels an image, {why}: {_shown(classes)}; {_number(entries)} have two or more, {none} none. For one "
        f"class an image say --labels single."
    )


# ---- columns of 0 and 1 ----


def _of_columns(draft: Draft, asked: AskedLabels) -> Told:
    every = list(dict.fromkeys(name for entry in draft.entries for name in entry.extra))
    binary = [name for name in every if all(_bit(entry.extra.get(name, "")) is not None for entry in draft.entries)]
    columns = list(asked.columns)
    if columns:
        missing = [name for name in columns if name not in every]
        if missing:
            known = ", ".join(every[:SHOWN]) or "none"
            raise UsageError(f"Found --label-columns {', '.join(missing)}; expected columns of the data: {known}.")
    elif len(binary) >= 2:
        columns = binary
    problems = [] if columns else [_no_labels(every)]
    problems += [
        Problem(entry.shown, f"'{entry.extra.get(name, '')}' in the column '{name}'", "0 or 1", "Correct it.")
        for name in columns
        for entry in draft.entries
        if _bit(entry.extra.get(name, "")) is None
    ]
    if problems:
        return Told(SINGLE.name, draft.entries, problems=tuple(problems))
    found = []
    for entry in draft.entries:
        names = tuple(name for name in columns if _bit(entry.extra[name]))
        rest = {name: text for name, text in entry.extra.items() if name not in columns}
        found.append(replace(entry, labels=names, extra=rest))
    two = any(len(entry.labels or ()) > 1 for entry in found)
    clear = bool(asked.columns) or (len(binary) == len(every) and two)
    return _by_number(found, columns, asked, f"the columns {_shown(columns)}", clear)


def _bit(text: str) -> int | None:
    """0 or 1 as a table writes it."""
    return {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}.get(text.strip().lower())


def _no_labels(columns: Sequence[str]) -> Problem:
    return Problem(
        "the table",
        f"the columns path{''.join(f', {name}' for name in columns[:SHOWN])}",
        "the columns path, label among them (missing: label), or columns of 0 and 1, one a label",
        "Name the column `label`, or name the columns with --label-columns A,B,C.",
    )


# ---- arrays (n, k) ----


def _of_arrays(draft: Draft, asked: AskedLabels) -> Told:
    classes = draft.classes or tuple(sorted({name for entry in draft.entries for name in entry.labels or ()}))
    return _by_number(draft.entries, classes, asked, f"{len(classes)} columns of labels", True)


def _by_number(entries: Sequence[Entry], classes: Sequence[str], asked: AskedLabels, what: str, clear: bool) -> Told:
    """Images whose labels are known, as several labels or, where each has exactly one and that is asked for, one class.

    Args:
        entries: The images with their labels.
        classes: Names in the order of their indices.
        asked: What the person says.
        what: Where the labels stand, in words.
        clear: Whether it is clear which columns are labels.
    """
    counts = [len(entry.labels or ()) for entry in entries]
    if asked.kind == SINGLE.name:
        if all(count == 1 for count in counts):
            told = tuple(replace(entry, label=(entry.labels or ("",))[0], labels=None) for entry in entries)
            return Told(SINGLE.name, told, tuple(classes))
        wrong = sum(count != 1 for count in counts)
        return Told(SINGLE.name, tuple(entries), problems=(_not_one(wrong, len(counts), what),))
    two = any(count > 1 for count in counts)
    open_ = not clear or not (two or any(count == 0 for count in counts))
    if asked.kind is None and open_:
        why = "every image has exactly one label" if clear else "there are other columns, or no image has two of them"
        found = f"{what} of 0 and 1, of which it is not clear that they are labels: {why}"
        problem = Problem("the labels", found, "some images with two labels or more, or a word on it",
                          f"{ASK} Which columns: --label-columns A,B,C.")  # fmt: skip
        return Told(SINGLE.name, tuple(entries), problems=(problem,))
    note = (
        f"Several labels an image, from {what}: {_shown(classes)}; {_number(entries)} have two or more, "
        f"{counts.count(0)} none."
    )
    return _several(entries, classes, [note])


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
