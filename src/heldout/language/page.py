"""A whole page in another language: its texts, what its attributes say, and the words in its figures.

Everything else of the page, the data behind its figures and tables among it, is left as it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from heldout.language.languages import ENGLISH
from heldout.language.translator import LETTERS, Piece, Translator

TOKENS = re.compile(
    r"<script\b[^>]*>.*?</script>|<style\b[^>]*>.*?</style>|<!--.*?-->|<!doctype[^>]*>|<[^>]+>|[^<]+", re.DOTALL
)
ATTRIBUTES = re.compile(r'(?<=\s)(aria-label|title|alt|placeholder|data-heading)="([^"]*)"')
TAG = re.compile(r"</?([a-zA-Z0-9]+)")
DATA = re.compile(r'(<script type="application/json"[^>]*>)(.*)(</script>)', re.DOTALL)
MARKUP = re.compile(r"(<[^>]+>|\n)")

LEFT = frozenset({"code", "pre", "kbd"})
"""Elements that hold what is typed."""

PLAIN = frozenset({"title", "option", "textarea"})
"""Elements that can hold no other element."""

DRAWN = frozenset({"text", "name", "title", "hovertemplate", "hovertext", "ticktext", "customdata", "legend"})
"""Keys of plotly.js beneath which stand words."""

SAID = re.compile(r'\bsay\("((?:[^"\\]|\\.)*)"')

BREAK = "<wbr>"


@dataclass
class _Walk:
    """One way through a page."""

    translator: Translator
    missing: Callable[[str], None]
    left: list[str] = field(default_factory=list)
    plain: bool = False

    def text(self, raw: str) -> str:
        """A text between two tags; a `<wbr>` may stand in it."""
        said = html.unescape(raw.replace(BREAK, ""))
        if self.left or not said.strip():
            return raw
        bare = " ".join(said.split())
        pieces = self.translator.pieces(bare)
        if len(pieces) == 1 and (not pieces[0].known or pieces[0].text == bare):
            return self.marked(raw, bare) if not pieces[0].known else raw
        before, after = said[: len(said) - len(said.lstrip())], said[len(said.rstrip()) :]
        whole = self.translator.language.space.join(self.piece(piece) for piece in pieces)
        return f"{before}{whole}{after}"

    def piece(self, piece: Piece) -> str:
        """A part of a text as HTML."""
        said = html.escape(piece.text, quote=False)
        return said if piece.known else self.marked(said, piece.text)

    def marked(self, raw: str, said: str) -> str:
        """What stays English, marked as such where an element may stand and it is more than a name."""
        if not LETTERS.search(said):
            return raw
        self.missing(said)
        return raw if self.plain or " " not in said else f'<span lang="{ENGLISH.html}">{raw}</span>'

    def tag(self, raw: str) -> str:
        """A tag, with what its attributes say."""
        found = TAG.match(raw)
        name = found[1].lower() if found else ""
        if name in LEFT:
            if raw.startswith("</"):
                self.left.pop()
            else:
                self.left.append(name)
        if name in PLAIN:
            self.plain = not raw.startswith("</")
        return ATTRIBUTES.sub(lambda one: f'{one[1]}="{html.escape(self.said(html.unescape(one[2])))}"', raw)

    def said(self, text: str) -> str:
        """Words that can bear no markup."""
        pieces = self.translator.pieces(text) if text else ()
        for piece in pieces:
            if not piece.known and LETTERS.search(piece.text):
                self.missing(piece.text)
        return self.translator.language.space.join(piece.text for piece in pieces)

    def drawn(self, value: Any, words: bool = False) -> Any:
        """A figure of plotly.js; its texts hold a little markup."""
        if isinstance(value, dict):
            return {key: self.drawn(one, key in DRAWN) for key, one in value.items()}
        if isinstance(value, list):
            return [self.drawn(one, words) for one in value]
        if not (words and isinstance(value, str)):
            return value
        parts = MARKUP.split(value)
        return "".join(part if MARKUP.fullmatch(part) else self.label(part) for part in parts)

    def label(self, part: str) -> str:
        """A part of a label, which knows a few entities."""
        said = html.unescape(part)
        if not said.strip():
            return part
        translated = self.said(said)
        return part if translated == said else html.escape(translated, quote=False)

    def script(self, raw: str) -> str:
        """The data of a figure; scripts themselves stay as they are."""
        found = DATA.fullmatch(raw)
        if found is None:
            return raw
        data = json.loads(found[2])
        if not isinstance(data, dict) or "figure" not in data:
            return raw
        text = json.dumps({**data, "figure": self.drawn(data["figure"])}, ensure_ascii=False)
        for letter, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")):
            text = text.replace(letter, safe)
        return found[1] + text + found[3]


def translated_page(
    page: str, translator: Translator, said: Collection[str] = (), missing: Callable[[str], None] = lambda text: None
) -> str:
    """A page in another language; English comes back as it is.

    Args:
        page: HTML that our templates made.
        translator: Into which language, and which names stay.
        said: msgids that the page's scripts say; they are given to them as JSON.
        missing: Told of every text for which there is no translation.
    """
    language = translator.language
    if not language.folder:
        return page
    walk, made, texts = _Walk(translator, missing), [], ""
    for token in TOKENS.findall(page):
        if not token.startswith("<") or token == BREAK:
            texts += token
            continue
        if texts:
            made.append(walk.text(texts))
            texts = ""
        if token.startswith(("<style", "<!")):
            made.append(token)
        else:
            made.append(walk.script(token) if token.startswith("<script") else walk.tag(token))
    made.append(texts)
    whole = "".join(made).replace(f'<html lang="{ENGLISH.html}">', f'<html lang="{language.html}">', 1)
    fonts = ", ".join(f'"{font}"' for font in language.fonts)
    style = f'<style>:root {{ --sans: system-ui, -apple-system, "Segoe UI", {fonts}, sans-serif; }}</style>\n</head>'
    words = {msgid: entry for msgid in said if (entry := translator.entry(msgid)) is not None}
    for msgid in said:
        if msgid not in words:
            missing(msgid)
    data = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    whole = whole.replace("</head>", style, 1)
    return whole.replace("<body", f'<body data-words="{html.escape(data)}"', 1) if said else whole


def translated_data(value: Any, translator: Translator, keys: Collection[str], here: bool = False) -> Any:
    """JSON in another language: texts beneath some keys."""
    if isinstance(value, dict):
        return {key: translated_data(one, translator, keys, key in keys) for key, one in value.items()}
    if isinstance(value, list):
        return [translated_data(one, translator, keys, here) for one in value]
    return translator.translate(value) if here and isinstance(value, str) else value


def said_by(script: str) -> tuple[str, ...]:
    r"""What a script says: the texts that it hands to its function `say`.

    >>> said_by('told.textContent = say("{n} images", { n });')
    ('{n} images',)
    """
    return tuple(dict.fromkeys(json.loads(f'"{text}"') for text in SAID.findall(script)))
