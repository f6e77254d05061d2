"""Which images an address means, and the address that means them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from heldout.records import PARTS
from heldout.web.image_table import OUTCOMES, SORTS, Query

OWN = "own."
"""Before the name of a further column of the cohort, so that it hides no word of ours."""


def query_of(asked: QueryParams, properties: Collection[str], further: Collection[str]) -> Query:
    """The images that the words of an address mean.

    Args:
        asked: After the `?`.
        properties: Measured properties that images can be sorted by.
        further: Further columns of the cohort.

    Raises:
        HTTPException: Words that mean nothing; all at once.
    """
    wrong = [
        *_not_among(asked, "part", ("", *PARTS)),
        *_not_among(asked, "outcome", ("", *OUTCOMES)),
        *_not_among(asked, "sort", ("", *SORTS, *properties)),
        *(f"{key}: found no such column" for key in asked if key.startswith(OWN) and key[len(OWN) :] not in further),
    ]
    low, high = _share(asked, "low", 0.0, wrong), _share(asked, "high", 1.0, wrong)
    if wrong:
        raise HTTPException(400, "The address cannot be understood. " + "; ".join(wrong) + ".")
    return Query(
        part=asked.get("part", ""),
        label=asked.get("label", ""),
        predicted=asked.get("predicted", ""),
        outcome=asked.get("outcome", ""),
        cause=asked.get("cause", ""),
        patient=asked.get("patient", ""),
        site=asked.get("site", ""),
        columns={key[len(OWN) :]: value for key, value in asked.items() if key.startswith(OWN) and value},
        low=low,
        high=high,
        text=asked.get("text", ""),
        sort=asked.get("sort", ""),
        falling=asked.get("falling", "") == "1",
    )


def _not_among(asked: QueryParams, key: str, known: Sequence[str]) -> list[str]:
    """A sentence where a word is none of the known ones."""
    found = asked.get(key, "")
    return [] if found in known else [f"{key}: found {found[:40]!r}, expected one of {', '.join(filter(None, known))}"]


def _share(asked: QueryParams, key: str, usual: float, wrong: list[str]) -> float:
    """A number from 0 to 1."""
    text = asked.get(key, "")
    try:
        value = float(text) if text else usual
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        wrong.append(f"{key}: found {text[:40]!r}, expected a number from 0 to 1")
    return value


def address(base: str, words: Mapping[str, str]) -> str:
    """The gallery of the images that some words mean.

    >>> address("/key", {"run": "a", "part": "test", "label": ""})
    '/key/images?run=a&part=test'
    """
    return f"{base}/images?{urlencode({key: value for key, value in words.items() if value})}"
