"""The sources of the methods, from one data file, as BibTeX."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from heldout.paper.writing.latex import escaped

_DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "references.toml").read_text(encoding="utf-8"))

REFERENCES: dict[str, dict[str, str]] = _DATA["sources"]
"""Key -> fields of BibTeX, `type` among them."""


def of_strategy(name: str) -> tuple[str, ...]:
    """Keys of what a strategy is taken from; none of one that is not ours."""
    return tuple(_DATA["strategies"].get(name, ()))


def bibtex(keys: Iterable[str]) -> str:
    """Entries of some keys, each once, in the order of their names."""
    return "\n".join(_entry(key, REFERENCES[key]) for key in sorted(set(keys)))


def _entry(key: str, fields: dict[str, str]) -> str:
    inner = [f"  {name} = {{{_value(name, value)}}}," for name, value in fields.items() if name != "type"]
    return "\n".join([f"@{fields['type']}{{{key},", *inner, "}", ""])


def _value(name: str, value: str) -> str:
    if name in ("doi", "url"):
        return value
    text = escaped(value).replace(r"\textendash{}", "--")
    return f"{{{text}}}" if name == "title" else text  # most styles set titles in small letters: "roc", "lora"
