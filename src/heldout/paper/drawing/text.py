"""Text of figures: from the few tags that plotly.js reads to plain lines, wrapped to a width."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

SIZE = 7.0
"""Points of all text; journals ask for 5 to 8 at the printed size (Nature: 5 to 7, Elsevier and Radiology: 6 to 8)."""

LINE = 1.25
"""Height of a line in multiples of its size."""

FAMILIES = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
"""The first of these that is installed; the last comes with matplotlib."""

BEYOND = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Arial Unicode MS",
    "Noto Sans CJK JP",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
)
"""Asked, where installed, for what the first has no glyph of."""

TAGS = re.compile(r"</?(?:b|i|sup|sub|em|strong)>")
BREAK = re.compile(r"<br\s*/?>")
PLACES = re.compile(r"(?<=[\s_/:·|+])|(?<=[.\-–])(?=[^\W\d])")
"""Where a long name may be broken."""


@lru_cache(maxsize=1)
def families() -> list[str]:
    """Names of the fonts that are used here, the first for what it has glyphs of."""
    known = set(font_manager.get_font_names())
    first = next(name for name in FAMILIES if name in known)
    return list(dict.fromkeys([first, *(name for name in BEYOND if name in known)]))


@lru_cache(maxsize=1)
def _faces() -> tuple[str, ...]:
    return tuple(str(font_manager.findfont(FontProperties(family=[name]))) for name in families())


def without_glyph(texts: Iterable[str]) -> str:
    """The characters of some texts that no font here can draw, each once."""
    drawn = {sign for text in texts for sign in text if not sign.isspace()}
    return "".join(sorted(sign for sign in drawn if not any(ord(sign) in _charmap(face) for face in _faces())))


@lru_cache(maxsize=32)
def _charmap(face: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(face).get_charmap())


@contextmanager
def quiet() -> Iterator[None]:
    """Without the remarks of matplotlib's search for fonts, which are about fonts nobody asked for."""
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def lines(text: str) -> list[str]:
    """The lines of a text for plotly.js, tags taken off and entities resolved.

    >>> lines("<b>validation</b><br>90.1 % &lt;x&gt;")
    ['validation', '90.1 % <x>']
    """
    return [html.unescape(TAGS.sub("", line)) for line in BREAK.split(str(text))]


@lru_cache(maxsize=4096)
def width_of(text: str, size: float = SIZE) -> float:
    """Points that a line is wide."""
    with quiet():
        properties = FontProperties(family=families(), size=size)
        width: float = TextToPath().get_text_width_height_descent(text, properties, ismath=False)[0]
    return width


def wrapped(text: str, most: float, size: float = SIZE) -> list[str]:
    """The lines of a text, none wider than `most` points where it can be broken at all."""
    return [part for line in lines(text) for part in _broken(line, most, size)]


def _broken(line: str, most: float, size: float) -> list[str]:
    if width_of(line, size) <= most:
        return [line]
    found, current = [], ""
    for piece in _pieces(line, most, size):
        if current and width_of((current + piece).rstrip(), size) > most:
            found.append(current.strip())
            current = ""
        current += piece
    return [*found, current.strip()]


def _pieces(line: str, most: float, size: float) -> list[str]:
    """What a line may be broken into; a word that is too long itself between any two letters."""
    found: list[str] = []
    for piece in PLACES.split(line):
        found += list(piece) if width_of(piece.rstrip(), size) > most else [piece]
    return found


def tallest(labels: Sequence[str]) -> int:
    """Lines of the label that has most."""
    return max((label.count("\n") + 1 for label in labels), default=1)
