"""Places as they may be shown, and places that have to be on this machine."""

from __future__ import annotations

import re
from pathlib import Path

from heldout.errors import UsageError

USER = re.compile(r"(?<=://)[^\s/]\S*@")
"""User and password of a URL, to the last `@`: a password may hold `/` and `@` itself, where nobody wrote them as `%2F`
and `%40`. The path of `file:///…` or `sqlite:///…` begins with a slash, and is none."""

SECRET = re.compile(r"(?i)([?&;][^=&;\s]*(?:passw|pwd|secret|token|key|sig)[^=&;\s]*=)[^&;\s'\"]+")
"""A setting behind `?` whose name says that it is secret: `?password=…`, as SQLAlchemy's URLs may have it."""

BLANK = "***"
"""What stands for a secret, as SQLAlchemy shows passwords."""


def blanked(text: str) -> str:
    """A place, or a sentence with places in it, as it may be shown: with no user, password or key.

    >>> blanked("postgresql://lab:geheim@db.lab/runs?sslmode=require&sslpassword=auch")
    'postgresql://***@db.lab/runs?sslmode=require&sslpassword=***'
    """
    return SECRET.sub(rf"\1{BLANK}", USER.sub(f"{BLANK}@", text))


def path_of(place: str, default: Path, tracker: str, expected: str) -> Path:
    """The file or folder of a tracker that writes on this machine.

    Args:
        place: What stands after the colon; empty for the default.
        default: In the study's folder.
        tracker: Its name.
        expected: `a file` or `a folder`.

    Raises:
        UsageError: It is a URL: written as a path it would become folders of its name.
    """
    if "://" in place:
        raise UsageError(f"Found {blanked(place)} as the place of {tracker}; expected {expected} of this machine.")
    return Path(place) if place else default
