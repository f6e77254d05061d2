"""The table of file formats in docs/data.md, made from the decoders on the shelf; `--check` says if it is current."""

from __future__ import annotations

import sys
from pathlib import Path

from heldout.images.decoders import every_decoder

PAGE = Path(__file__).parent.parent / "docs" / "data.md"
BEGIN, END = "<!-- formats: made by scripts/make_format_table.py -->\n", "<!-- end of formats -->\n"


def table() -> str:
    """One row a format: name, endings, depths, what is read and refused, extra."""
    rows = ["| format | endings | depth | what is read | needs |", "|---|---|---|---|---|"]
    for decoder in sorted(every_decoder(), key=lambda one: (bool(one.extra), one.title.lower())):
        words = " ".join((type(decoder).__doc__ or "").split())
        needs = f"`heldout[{decoder.extra}]`" if decoder.extra else "–"
        endings = " ".join(f"`{suffix}`" for suffix in decoder.suffixes)
        rows.append(f"| {decoder.title} | {endings} | {decoder.depths} | {words} | {needs} |")
    return "\n".join(rows) + "\n"


def current(text: str) -> str:
    """The page with the table of now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Write, or check."""
    text = PAGE.read_text(encoding="utf-8")
    made = current(text)
    if "--check" in sys.argv[1:]:
        if made != text:
            print("docs/data.md is not current: python scripts/make_format_table.py")
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
