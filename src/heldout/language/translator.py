"""Puts what a page says into another language: whole texts, sentences with places, and what is made of them.

Nothing is decided by what is found here: it is how a text is shown. What is not known stays English, and is told apart.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from heldout.language.languages import Language, checked, languages
from heldout.language.templates import Template, compiled, in_order, kind_of, places

LETTERS = re.compile(r"[^\W\d_]{2,}|^[A-Za-z]$")
"""A word: without one there is nothing to translate."""

QUOTED = re.compile(r"'[^' ]+'")
"""One word in quotes: a name, of a class or a column."""

LISTED = re.compile(r", |\sand\s")
"""Between names of a list."""

SENTENCES = re.compile(r"(?<=[.!?:])\s+(?=[^\s.])")

SEPARATORS = ("; ", ", ", " · ", " and ", " or ")
"""What clauses and items are joined with, the strongest first."""

DEEPEST = 6
"""Places within places: a sentence, its clause, a list in it, its items, a counted noun; one to spare."""

NAMES = frozenset({"name", "run", "class", "names", "study"})
"""Places that hold a name out of the study."""

WORDS = frozenset({"words", "text"})
"""Places that hold what the catalogue knows too."""

REMEDY = "→"
"""Stands before what to do."""

LONGEST_RUN = 8
"""Sentences that one entry of the catalogue holds at most, where it is not a whole text."""


@dataclass(frozen=True)
class Piece:
    """A part of a text, and whether it is in the other language."""

    text: str
    known: bool


@dataclass(frozen=True)
class Catalogue:
    """What a language knows.

    Attributes:
        whole: Text -> its translation; the first letter small, since a capital says nothing of the meaning.
        templates: Sentences with places, the most telling first.
    """

    whole: dict[str, str]
    templates: tuple[Template, ...]


@dataclass
class Translator:
    """Translates into one language, and leaves the names of one study alone.

    Attributes:
        language: The language.
        names: Names of classes, runs and files, which stay as they are even where they are words of ours.
    """

    language: Language
    names: frozenset[str] = frozenset()
    _seen: dict[tuple[str, int], str | None] = field(default_factory=dict, repr=False)

    def translate(self, text: str) -> str:
        """The text in the other language, sentence by sentence; what is not known stays as it is."""
        return self.language.space.join(piece.text for piece in self.pieces(text))

    def pieces(self, text: str) -> tuple[Piece, ...]:
        """The text in parts, each in the other language or still in English."""
        whole = self.known(text)
        if whole is not None:
            return (Piece(whole, True),)
        return tuple(self._sentences(SENTENCES.split(text), 0))

    def known(self, text: str, depth: int = 0) -> str | None:
        """The text in the other language; None where some of it is not known."""
        if QUOTED.fullmatch(text):
            quotes = self.language.marks.get("'", "''")
            return f"{quotes[0]}{text[1:-1]}{quotes[1]}"
        if text in self.names or not LETTERS.search(text):
            return text
        if depth > DEEPEST:
            return None
        key = (text, depth)
        if key not in self._seen:
            self._seen[key] = self._found(text, depth)
        return self._seen[key]

    def entry(self, msgid: str) -> str | None:
        """The translation of a msgid with its places left open; None where there is none."""
        found = catalogue(self.language)
        for said, mark in ((msgid, ""), (msgid.removesuffix("."), self.language.marks.get(".", "."))):
            whole = found.whole.get(small(said))
            whole = whole or next((one.msgstr for one in found.templates if one.msgid == small(said)), None)
            if whole is not None:
                return whole + mark
        return None

    def _found(self, text: str, depth: int) -> str | None:
        whole = catalogue(self.language).whole.get(small(text))
        bare = text.strip().removeprefix(REMEDY).strip()
        if whole is None and bare and bare != text:
            inner = self.known(bare, depth)
            return None if inner is None else text.replace(bare, inner)
        return whole or self._by_end(text, depth) or self._by_template(text, depth) or self._by_parts(text, depth)

    def _by_end(self, text: str, depth: int) -> str | None:
        """A text with a full stop or a colon, which the catalogue has without."""
        if text[-1] not in ".:" or len(text) < 2 or text.endswith("…"):
            return None
        inner = self.known(text[:-1], depth + 1)
        return None if inner is None else inner + self.language.marks.get(text[-1], text[-1])

    def _by_template(self, text: str, depth: int) -> str | None:
        said = small(text)
        for template in catalogue(self.language).templates:
            if template.literal not in said:
                continue
            found = template.pattern.fullmatch(said)
            values = self._values(found.groupdict(), text, depth) if found else None
            if values is not None:
                return template.filled(values)
        return None

    def _values(self, groups: dict[str, str], text: str, depth: int) -> dict[str, str] | None:
        """What goes into the places; None where one cannot hold what was found."""
        values = {}
        for place, found in groups.items():
            kind, value = kind_of(place), found
            if small(text).startswith(value) and not text.startswith(value):
                value = text[: len(value)]  # its capital, which was made small to be found
            if kind != "n" and SENTENCES.search(value):
                return None
            if kind in NAMES and not self._all_names(value):
                return None
            said = self.known(value, depth + 1) if kind in WORDS and value[-1] not in ".:" else None
            if kind in WORDS and (said is None or (kind == "words" and not LETTERS.search(value))):
                return None
            values[place] = value if said is None else said
        return values

    def _all_names(self, value: str) -> bool:
        """Whether it is a name, or several with commas between them."""
        return value in self.names or all(one.strip("'") in self.names for one in LISTED.split(value))

    def _by_parts(self, text: str, depth: int) -> str | None:
        """Sentences, a mark at the end, brackets, clauses, items: each part has to be known."""
        marks = self.language.marks
        sentences = SENTENCES.split(text)
        if len(sentences) > 1:
            made = list(self._sentences(sentences, depth + 1))
            if all(piece.known for piece in made):
                return self.language.space.join(piece.text for piece in made)
        if text[0] == "(" and text[-1] == ")" and text.count("(") == 1:
            inner = self.known(text[1:-1], depth + 1)
            if inner is not None:
                return f"{marks.get('(', '(')}{inner}{marks.get(')', ')')}"
        for separator in SEPARATORS:
            parts = text.split(separator)
            if len(parts) > 1:
                each = [self.known(part, depth + 1) for part in parts]
                if None not in each:
                    return marks.get(separator, separator).join(part for part in each if part is not None)
        return None

    def _sentences(self, sentences: list[str], depth: int) -> Iterator[Piece]:
        """The longest runs of sentences that are known, from the first on."""
        place = 0
        while place < len(sentences):
            for end in range(min(len(sentences), place + LONGEST_RUN), place, -1):
                if end - place == len(sentences) and end - place > 1:
                    continue  # the whole text: it was asked for before
                run = " ".join(sentences[place:end])
                if not LETTERS.search(run) and run[-1] == "." and end - place == 1:
                    run = run[:-1] + self.language.marks.get(".", ".")  # a number that ends a sentence
                found = self.known(run, depth + 1) if end - place == 1 else self._whole(run, depth)
                if found is not None:
                    yield Piece(found, True)
                    place = end
                    break
            else:
                yield Piece(sentences[place], False)
                place += 1

    def _whole(self, text: str, depth: int) -> str | None:
        """Several sentences that are one entry, with or without the mark at their end."""
        whole = catalogue(self.language).whole
        for said, mark in ((text, ""), (text[:-1], self.language.marks.get(text[-1], text[-1]))):
            found = whole.get(small(said)) or self._by_template(said, depth + 1)
            if found is not None:
                return found + mark
        return None


def small(text: str) -> str:
    """The text with a small first letter, unless more capitals follow (`AUC`).

    >>> small("Test image"), small("AUC")
    ('test image', 'AUC')
    """
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


@cache
def catalogue(language: Language) -> Catalogue:
    """What the compiled catalogue of a language holds; empty for English."""
    if not language.folder:
        return Catalogue({}, ())
    with language.catalogue.open("rb") as stream:
        read = gettext.GNUTranslations(stream)
    entries: Iterable[tuple[str, str]] = getattr(read, "_catalog").items()  # noqa: B009, the standard library lists them nowhere else
    said = [(small(msgid), msgstr) for msgid, msgstr in entries if isinstance(msgid, str) and msgid and msgstr]
    return Catalogue(
        {msgid: msgstr for msgid, msgstr in said if not places(msgid)},
        tuple(in_order(compiled(msgid, msgstr) for msgid, msgstr in said if places(msgid))),
    )


def translator(lang: str, names: Collection[str] = ()) -> Translator:
    """A translator into a language.

    Args:
        lang: What `--lang` takes.
        names: Names out of the study.

    Raises:
        UsageError: There is no such language.
    """
    own = {one.name for one in languages().values()}
    return Translator(checked(lang), frozenset(names) | own)
