"""Sentences with places for what differs: a msgid such as `{n} of {n2} runs` and the texts that it stands for.

What a place may hold is said by its name, digits and an ending after `_` aside:

- `n`: a number with its sign and its percent sign, or a dash;
- `name`, `names`, `run`, `class`, `study`: a name out of the study, or several with commas; never translated;
- `words`, `text`: something that the catalogue knows too, a number or a name; translated;
- any other word: anything within a sentence, left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PLACE = re.compile(r"\{([a-z]+)(\d*)\}")

NUMBER = r"(?:[<≤≥~±≈] ?)?[+\-−±]?(?:\d[\d,]*(?:\.\d+)?(?:e[+\-]?\d+)?(?: ?%)?|–|%\{[^{}]*\})"
"""A number as our texts write it; `%{…}` is one that plotly.js will put in."""


@dataclass(frozen=True)
class Template:
    """A sentence with places.

    Attributes:
        msgid: In English.
        msgstr: In the other language, with the same places.
        pattern: What texts it stands for; a group a place.
        literal: Longest part without a place: a text without it need not be tried.
    """

    msgid: str
    msgstr: str
    pattern: re.Pattern[str]
    literal: str

    def filled(self, values: dict[str, str]) -> str:
        """The translation with values in its places."""
        return PLACE.sub(lambda place: values[place[1] + place[2]], self.msgstr)


def places(text: str) -> frozenset[str]:
    """Names of the places in a text.

    >>> sorted(places("{n} of {n2} runs"))
    ['n', 'n2']
    """
    return frozenset(kind + number for kind, number in PLACE.findall(text))


def kind_of(place: str) -> str:
    """What a place holds.

    >>> kind_of("n2")
    'n'
    """
    return place.rstrip("0123456789")


def compiled(msgid: str, msgstr: str) -> Template:
    """The template of a msgid that has places."""
    literals, pattern, seen, end = [], "", set[str](), 0
    for place in PLACE.finditer(msgid):
        before, name = msgid[end : place.start()], place[1] + place[2]
        literals.append(before)
        pattern += re.escape(before)
        group = NUMBER if place[1] == "n" else ".+?"
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{group})"
        seen.add(name)
        end = place.end()
    literals.append(msgid[end:])
    whole = re.compile(pattern + re.escape(msgid[end:]), re.DOTALL)
    return Template(msgid, msgstr, whole, max(literals, key=len))


def in_order(templates: Iterable[Template]) -> list[Template]:
    """The most telling first: those with the most letters of their own."""
    return sorted(templates, key=lambda one: (-len(PLACE.sub("", one.msgid)), one.msgid))
