"""The shelf of plants, and `--plant` texts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from heldout.errors import UsageError
from heldout.phantoms.plant import Plant
from heldout.registry import Shelf
from heldout.settings import with_settings

plants: Shelf[type[Plant]] = Shelf("heldout.phantoms.plants", attribute="PLANT", noun="plant")

_FORM = "NAME[=SEVERITY][:SETTING=VALUE,…]"

_TEXT = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?:=(?P<severity>[^:]*))?(?::(?P<settings>.*))?")

_NEXT_SETTING = re.compile(r",(?=\s*\w+\s*=)")
"""A comma ends a value only before the next `setting=`, so that a value may be a list: `classes=a,b,parts=val,test`."""


def parse_plants(texts: Iterable[str]) -> tuple[Plant, ...]:
    """`["blur=2", "flips:rate=0.1,classes=discocyte"]` -> plants with these settings.

    Args:
        texts: `NAME`, `NAME=SEVERITY`, `NAME:SETTING=VALUE,SETTING=VALUE` or `NAME=SEVERITY:SETTING=VALUE`.

    Raises:
        UsageError: A text of another form, an unknown plant or setting, a value that does not fit; all of them at once.
    """
    made: list[Plant] = []
    wrong: list[str] = []
    for text in texts:
        try:
            made.append(_parse(text.strip()))
        except UsageError as error:
            wrong.append(str(error))
    if wrong:
        raise UsageError("\n".join(wrong))
    return tuple(made)


def _parse(text: str) -> Plant:
    match = _TEXT.fullmatch(text)
    if not match:
        raise UsageError(
            f"Found --plant '{text}'; expected {_FORM}, for example blur=2 or flips=0.1:classes=discocyte."
        )
    kind = plants.get(match["name"])
    values = {} if match["severity"] is None else {kind.severity: match["severity"].strip()}
    for setting in _NEXT_SETTING.split(match["settings"]) if match["settings"] is not None else ():
        name, equals, value = setting.partition("=")
        if not equals or name.strip() in values:
            problem = "a second value for a setting" if equals else "a setting without value"
            raise UsageError(f"Found --plant '{text}', with {problem} ('{setting}'); expected {_FORM}.")
        values[name.strip()] = value.strip()
    return with_settings(kind(), values, kind.name)
