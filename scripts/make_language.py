"""Catalogues of other languages: compiles them, and lists what pages say that has no translation.

`python scripts/make_language.py` compiles every `heldout.po` of `src/heldout/language/locale`; with `--missing zh-TW`
it renders the report and every page of `heldout serve` of the test studies and lists the texts that stay English.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "src" / "heldout" / "language" / "locale"


def compiled(source: Path) -> bytes:
    """The `.mo` of a `.po`."""
    with source.open("rb") as stream:
        catalogue = read_po(stream, abort_invalid=True)
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def missing(lang: str) -> tuple[list[str], int]:
    """Texts of the test studies' pages that stay English, and how many texts there are."""
    sys.path.insert(0, str(ROOT))
    from tests.language.shown import all_shown, foreign

    left: set[str] = set()
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for _, shown in all_shown(Path(folder)):
            shown.translated(lang, left, seen)
    return sorted(text for text in left if not foreign(text)), len(seen)


def main() -> None:
    """Compile, or list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", metavar="LANG", help="list what pages say that has no translation")
    asked = parser.parse_args()
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        source.with_suffix(".mo").write_bytes(compiled(source))
    if asked.missing:
        left, number = missing(asked.missing)
        print("\n".join(left))
        print(f"{number - len(left)} of {number} texts are translated", file=sys.stderr)


if __name__ == "__main__":
    main()
