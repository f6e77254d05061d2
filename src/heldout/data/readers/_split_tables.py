"""Tables of the parts of a split beside one another: `train.csv`, `test.csv`, perhaps `val.csv`."""

from __future__ import annotations

from pathlib import Path

from heldout.data.entries import split_named
from heldout.data.readers.folder_names import is_container
from heldout.data.readers.tables import TABLE_SUFFIXES


def split_tables(root: Path) -> dict[str, Path]:
    """Part -> its table, in a folder; none where a part has two."""
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        part = split_named(path.stem) if path.suffix.lower() in TABLE_SUFFIXES and path.is_file() else ""
        if part in found:
            return {}
        if part:
            found[part] = path
    return found


def has_split_tables(root: Path) -> bool:
    """Whether a folder holds tables for train and another part, and no class folders whose images need none."""
    try:
        tables = split_tables(root)
        if len(tables) < 2 or "train" not in tables:
            return False
        folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
        parts = [path for path in folders if split_named(path.name)]
        inside = any(path.is_dir() for folder in parts for path in folder.iterdir() if not path.name.startswith("."))
        return not inside and sum(folder not in parts and not is_container(folder.name) for folder in folders) < 2
    except OSError:
        return False
