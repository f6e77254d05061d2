"""URLs, and the folders of our cache that stand for them on this machine.

The folder says which URL it stands for: `data/s3:/bucket/images` for `s3://bucket/images`. So a path is enough to find
the URL again, whoever passes it on.
"""

from __future__ import annotations

import re
from pathlib import Path

from heldout.errors import UsageError
from heldout.files import cache_folder

URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.+)", re.DOTALL)

PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@]*:[^/]*@")
"""How a URL with a user and a password begins (RFC 3986, 3.2.1)."""

WEB = ("http", "https")
"""Protocols of the web: a server there lists no folders, and takes no files."""

DATA = "data"
"""Folder of our cache with what was fetched of DATA."""

STUDIES = "studies"
"""Folder of our cache with the working copies of studies."""


def is_url(text: str) -> bool:
    """Whether a person names something in a store or on the web: `s3://bucket/images`."""
    return URL.fullmatch(text) is not None


def protocol_of(url: str) -> str:
    """`s3`; empty if it is no URL."""
    found = URL.fullmatch(url)
    return found[1] if found else ""


def place_of(url: str, kind: str) -> Path:
    """The folder, or file, that stands for a URL on this machine.

    Args:
        url: `s3://bucket/study`.
        kind: `DATA` or `STUDIES`.

    Raises:
        UsageError: It names nothing, or a way out of the folder; or it holds a password, which every study, report and
            card that names its images would hold too.
    """
    if PASSWORD.match(url):
        raise UsageError(
            f"Found a URL of {url.rpartition('@')[2]} with a password in it; expected none, since studies and reports "
            f"name where their images lie. Give it as docs/object-stores.md says."
        )
    found = URL.fullmatch(url)
    parts = found[2].rstrip("/").split("/") if found else []
    if not found or not are_names(parts):
        raise UsageError(
            f"Found '{url}'; expected a URL such as s3://bucket/folder, without empty parts or '..' in it."
        )
    return cache_folder().joinpath(kind, f"{found[1]}:", *parts)


def are_names(parts: list[str]) -> bool:
    """Whether parts of a URL can be names of folders and files, and lead nowhere else."""
    return bool(parts) and not any(part in ("", ".", "..") or "\0" in part for part in parts)


def url_of(place: Path, kind: str) -> str | None:
    """The URL that a folder or file of our cache stands for; None for any other."""
    try:
        protocol, *parts = place.absolute().relative_to((cache_folder() / kind).absolute()).parts
    except ValueError:  # it lies elsewhere, or is the folder of all of them
        return None
    return f"{protocol}//{'/'.join(parts)}" if parts and protocol.endswith(":") else None


def folder_of(text: str | Path) -> Path:
    """The folder of a study that a person names: itself, or that of its working copy."""
    return place_of(text, STUDIES) if isinstance(text, str) and is_url(text) else Path(text)


def named(folder: Path) -> str:
    """A study's folder, or anything in it, as a person named it: the URL, where it is a working copy."""
    return url_of(folder, STUDIES) or str(folder)


def joined(url: str, name: str) -> str:
    """The URL of what lies below another one."""
    return f"{url.rstrip('/')}/{name}" if name else url.rstrip("/")
