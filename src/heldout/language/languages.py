"""The languages there are: one folder in `locale/` each, with its catalogue and what a page needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from heldout.errors import UsageError

FOLDER = Path(__file__).parent / "locale"

DOMAIN = "heldout"
"""Name of the catalogues, as gettext looks for them: `<folder>/LC_MESSAGES/heldout.mo`."""


@dataclass(frozen=True)
class Language:
    """A language that pages can be shown in.

    Attributes:
        lang: What `--lang` calls it, a tag of BCP 47.
        html: What the page's `lang` says.
        name: What its own readers call it.
        folder: Name of its folder in `locale/`; empty for English, which needs none.
        fonts: Fonts that have its letters, first choice first.
        space: What stands between two sentences.
        marks: English mark -> its own: end of a sentence, colon, what separates clauses and items, brackets, and
            under `'` the two quotes of a name.
    """

    lang: str
    html: str
    name: str
    folder: str = ""
    fonts: tuple[str, ...] = ()
    space: str = " "
    marks: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def catalogue(self) -> Path:
        """The compiled catalogue."""
        return FOLDER / self.folder / "LC_MESSAGES" / f"{DOMAIN}.mo"


ENGLISH = Language("en", "en", "English")
"""What everything is written in."""


@cache
def languages() -> Mapping[str, Language]:
    """What `--lang` takes -> the language; English first."""
    found = {ENGLISH.lang: ENGLISH}
    for path in sorted(FOLDER.glob("*/about.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        found[about["lang"]] = Language(
            lang=about["lang"],
            html=about["html"],
            name=about["name"],
            folder=path.parent.name,
            fonts=tuple(about["fonts"]),
            space=about["space"],
            marks=dict(about["marks"]),
        )
    return found


def checked(lang: str) -> Language:
    """The language that a word means; English where there is no word.

    Raises:
        UsageError: There is no such language.
    """
    found = languages().get(lang or ENGLISH.lang)
    if found is None:
        raise UsageError(f"Found the language '{lang}'; expected one of: {', '.join(languages())}.")
    return found
