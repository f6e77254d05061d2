"""Writing the files of a paper into a folder, without losing what a person changed there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError, UsageError
from heldout.files import json_text, open_regular, write_bytes, write_text

MANIFEST = "paper.json"
"""Written last: which files are ours, and their hashes."""

GENERATOR = "heldout paper"

SHOWN = 5
"""Files that a message names."""


def publish(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write the files; those that an earlier call wrote and nobody changed are replaced, or removed if not made anew.

    Args:
        folder: Where; made if it is not there.
        files: Path within the folder -> content.
        about: What the manifest says besides.
        overwrite: Whether files that a person changed, or that are not ours, may be replaced as well.

    Raises:
        UsageError: Such a file stands in the way.
        HeldoutError: The folder is no folder.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise HeldoutError(f"{folder} is no folder; expected one, or a name for a new one. Choose another --out.")
    ours = earlier(folder)
    kept = [name for name, content in files.items() if in_the_way(folder / name, content, ours.get(name))]
    if kept and not overwrite:
        more = f" and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
        raise UsageError(
            f"In {folder} {', '.join(kept[:SHOWN])}{more} would be replaced, which heldout did not write, or which was "
            "changed since; expected none such. Choose another --out, or add --overwrite."
        )
    for name, content in files.items():
        write_bytes(folder / name, content)
    for name in ours.keys() - files.keys():
        if digest(folder / name) == ours[name]:
            (folder / name).unlink()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    write_text(folder / MANIFEST, json_text({"generator": GENERATOR, **about, "files": hashes}))


def earlier(folder: Path) -> dict[str, str]:
    """File -> SHA-256 of what an earlier call wrote; empty where none did."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict) or data.get("generator") != GENERATOR or not isinstance(data.get("files"), dict):
        return {}
    within = {name: sum_ for name, sum_ in data["files"].items() if is_within(str(name))}
    return {str(name): str(sum_) for name, sum_ in within.items()}


def is_within(name: str) -> bool:
    """Whether a name leads into the folder and nowhere else: a manifest that was changed must delete nothing else."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def in_the_way(path: Path, content: bytes, ours: str | None) -> bool:
    """Whether something stands there that is neither ours, nor the same."""
    if not os.path.lexists(path):
        return False
    found = digest(path)
    return found is None or found not in (ours, hashlib.sha256(content).hexdigest())


def digest(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, HeldoutError):
        return None
