"""DATA -> Draft: choose the reader, compose names, leave out what is to be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from heldout.data.entries import Draft, Entry, Layout, Reader, composed
from heldout.data.examine.checks import is_text, names_of_bytes
from heldout.data.examine.masks import without_masks
from heldout.data.readers.at_hand import at_hand
from heldout.data.readers.manifest import FRAME, draft_of_frame
from heldout.errors import HeldoutError, InputError, Problem
from heldout.progress import Reporter
from heldout.registry import Shelf

readers: Shelf[Reader] = Shelf("heldout.data.readers", group="heldout.readers", attribute="READER", noun="reader")


def layout_of(
    images: str | Path | None, path_column: str, label_column: str | Sequence[str], ignore: Sequence[str]
) -> Layout:
    """What a person said of the layout, as `load` takes it."""
    labels = label_column if isinstance(label_column, str) else ",".join(label_column)
    patterns = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    return Layout("" if images is None else str(images), path_column, labels, patterns)


def drafted(data: str | Path | pd.DataFrame, layout: Layout, reporter: Reporter) -> tuple[Draft, str]:
    """The images of DATA with names composed (NFC), without those left out; and the name of the reader."""
    if isinstance(data, pd.DataFrame):
        draft, name = draft_of_frame(data, layout), FRAME
    else:
        here, layout = at_hand(str(data), layout, reporter)
        reader = choose(here)
        draft, name = reader.read_as(here, layout, reporter), reader.name
    entries = [_composed(entry) for entry in draft.entries if not (layout.ignore and layout.ignores(entry.source))]
    unnamed = names_of_bytes(entries)
    masks = without_masks([entry for entry in entries if is_text(entry)], draft.root)
    found = replace(
        draft,
        entries=tuple(masks.entries),
        problems=(*draft.problems, *unnamed),
        notes=(*draft.notes, *masks.notes),
    )
    return found, name


def _composed(entry: Entry) -> Entry:
    """With names as they are compared, or a class would be two."""
    names = (entry.label, entry.patient, entry.site, *(entry.labels or ()))
    label, patient, site, *several = own = tuple(composed(name) for name in names)
    if own == names:
        return entry
    labels = None if entry.labels is None else tuple(several)
    return replace(entry, label=label, patient=patient, site=site, labels=labels)


def choose(data: str) -> Reader:
    """The one reader that accepts DATA.

    Raises:
        InputError: None does.
        HeldoutError: Several do.
    """
    fitting = [reader for reader in readers if reader.accepts(data)]
    if len(fitting) > 1:
        raise HeldoutError(
            f"Several readers take '{data}': {', '.join(reader.name for reader in fitting)}. "
            f"Expected one; uninstall the plug-in that you do not need."
        )
    if not fitting:
        kinds = "; ".join(reader.title for reader in readers)
        raise InputError([Problem(data, _what_is(data), f"one of: {kinds}", _way_out(Path(data).suffix.lower()))])
    return fitting[0]


def _way_out(suffix: str) -> str:
    """What to do with a file of a kind that is not read."""
    if suffix in (".xlsx", ".xls", ".ods"):
        return "Save the table as CSV in UTF-8 from the program that made it, and give that."
    if suffix in (".gz", ".bz2", ".xz", ".zst", ".tbz2", ".txz", ".rar", ".7z"):
        return "Unpack it, and give the folder."
    return "See `docs/data.md` for an example of each."


def _what_is(data: str) -> str:
    path = Path(data)
    if path.is_dir():
        return "a folder of no known layout"
    if path.is_file():
        return f"a file that ends in '{path.suffix}'"
    head, colon, _ = data.partition(":")
    return f"the unknown prefix '{head}:'" if colon and len(head) > 1 and "/" not in head else "no such file or folder"
