"""Studies at URLs, for commands that know folders: the argument becomes the folder of its working copy.

It is brought up to date as soon as the words are understood, and sent when the command has ended, however it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import typer

from heldout.cli.env import environment

P = TypeVar("P", Path, Path | None, list[Path])


def place(text: str) -> Path:
    """A folder as it is; for a URL the folder of its working copy."""
    from heldout.remote.urls import folder_of

    return folder_of(text)


def fresh(context: typer.Context, given: P) -> P:
    """Bring working copies up to date, and have them sent in the end; the value itself.

    Raises:
        HeldoutError: A store cannot be reached, or refuses.
    """
    from heldout.remote.urls import STUDIES, url_of

    for folder in _paths(given):
        if url_of(folder, STUDIES) is not None:
            from heldout.cli.progress import Bars
            from heldout.remote.working_copy import up_to_date

            context.with_resource(up_to_date(folder, Bars(environment(context).console(stderr=True))))
    return given


def _paths(given: Path | Sequence[Path] | None) -> Sequence[Path]:
    if given is None:
        return ()
    return [given] if isinstance(given, Path) else given
