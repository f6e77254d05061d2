"""Which files a command may write over: those that an earlier call of it wrote, known by a mark in them."""

from __future__ import annotations

import os
from pathlib import Path

from heldout.errors import HeldoutError, UsageError
from heldout.files import open_regular

REPORT = b'<meta name="generator" content="heldout'
"""In the head of a report."""

RUNS_CSV = b"id,model,strategy,seed,epochs,trainable_parameters,parameters"
"""How the table of `heldout compare --csv` begins."""

PICTURE = b"heldout"
"""In the text chunk `Software` of a PNG, before its pixels."""

HEAD = 4096
"""Bytes of a file that are looked at."""


def is_ours(path: Path, mark: bytes) -> bool:
    """Whether a file bears a mark of ours; False where it cannot be read."""
    try:
        with open_regular(path) as file:
            return mark in file.read(HEAD)
    except OSError:
        return False


def refuse_replacing(path: Path, mark: bytes, overwrite: bool = False) -> None:
    """Stop before a file of the person's is written over.

    Args:
        path: What is to be written.
        mark: What a file that an earlier call wrote has in its first bytes.
        overwrite: Whether the person wants whatever stands there replaced.

    Raises:
        UsageError: A file stands there that is not ours.
        HeldoutError: Wanted or not, a folder, a device, a pipe, or a link that leads nowhere stands there: a file would
            be put in its place.
    """
    if os.path.lexists(path) and not path.is_file():
        raise HeldoutError(f"{path} is no file but {_kind(path)}; expected a name for a new file. Choose another name.")
    if overwrite or not path.is_file() or path.stat().st_size == 0 or is_ours(path, mark):
        return
    raise UsageError(
        f"{path} is there already, and heldout did not write it; expected a new name, or a file of an earlier call. "
        f"Choose another name, or add --overwrite."
    )


def _kind(path: Path) -> str:
    """What stands there, in words."""
    if path.is_dir():
        return "a folder"
    return "a device or a pipe" if path.exists() else "a link that leads nowhere"
