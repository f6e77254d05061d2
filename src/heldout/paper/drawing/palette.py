"""Colours of roles on white paper: the light palette of the report's page, read from its own style."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from heldout.errors import HeldoutError
from heldout.report.page import TEMPLATES

ROLE = re.compile(r"@(\w+)")
COLOUR = re.compile(r"--(\w+):\s*(#[0-9a-fA-F]{6})\b")


@lru_cache(maxsize=1)
def light() -> dict[str, str]:
    """Role -> `#rrggbb`, from the first `:root` rule of `page.css`.

    Raises:
        HeldoutError: The style has no such rule.
    """
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    rule = re.search(r":root\s*\{(.*?)\}", style, re.DOTALL)
    found = dict(COLOUR.findall(rule[1])) if rule else {}
    if "ink" not in found:
        raise HeldoutError("The report's page.css has no :root rule with colours; expected --ink and the others there.")
    return found


def coloured(value: Any) -> Any:
    """The same data with every role (`@run0`) replaced by its colour."""
    if isinstance(value, str):
        hit = ROLE.fullmatch(value)
        return light().get(hit[1], value) if hit else value
    if isinstance(value, list):
        return [coloured(item) for item in value]
    if isinstance(value, dict):
        return {key: coloured(item) for key, item in value.items()}
    return value
