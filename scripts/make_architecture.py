"""The picture of the floors in docs/architecture.md, made from the imports of src/heldout.

    python scripts/make_architecture.py           # writes the picture into the page
    python scripts/make_architecture.py --check   # exit 1 if the page holds another one

A room is a folder or a file of `src/heldout`; `data`, `runs` and `diagnosis` are drawn as what they hold. A room's
floor is one above the highest room that it imports. Imports made within functions count.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "heldout"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- floors: made by scripts/make_architecture.py -->", "<!-- end of floors -->"

DIVIDED = ("data", "runs", "diagnosis")
"""Folders that are drawn as what they hold."""


def room_of(parts: Sequence[str]) -> str:
    """The room of a module, its name being given in parts without `heldout`."""
    if parts[0] in DIVIDED and len(parts) > 1 and parts[1] != "__init__":
        return f"{parts[0]}/{parts[1]}"
    return parts[0]


def rooms() -> dict[str, set[str]]:
    """Room -> rooms that it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        here = room_of(path.relative_to(SOURCE).with_suffix("").parts)
        if here in (*DIVIDED, "__init__", "_version"):
            continue
        names = found.setdefault(here, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                parts = module.split(".")
                if parts[0] == "heldout" and len(parts) > 1:
                    names.add(room_of(parts[1:]))
    return {room: (names & found.keys()) - {room} for room, names in found.items()}


def floors(imported: Mapping[str, set[str]]) -> dict[str, int]:
    """Room -> its floor, from 0."""
    known: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in known:
            known[room] = max((floor(other) + 1 for other in imported[room]), default=0)
        return known[room]

    for room in imported:
        floor(room)
    return known


def purpose(room: str) -> str:
    """The first sentence of a room's docstring."""
    place = SOURCE / room
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def picture() -> str:
    """The floors as a table, the highest first."""
    imported = rooms()
    known = floors(imported)
    arrows = sum(map(len, imported.values()))
    lines = [
        f"{len(known)} rooms on {max(known.values()) + 1} floors, {arrows} arrows, all of them downwards.",
        "",
        "| floor | room | what it holds | rooms directly below that it uses |",
        "|---|---|---|---|",
    ]
    for room in sorted(known, key=lambda room: (-known[room], room)):
        nearest = sorted(other for other in imported[room] if not _through(other, imported[room], imported))
        lines.append(f"| {known[room]} | `{room}` | {purpose(room)} | {', '.join(nearest) or '–'} |")
    return "\n".join(lines)


def _through(room: str, others: set[str], imported: Mapping[str, set[str]]) -> bool:
    """Whether a room is reached through another one of these, so that its own arrow says nothing new."""
    seen: set[str] = set()
    open_ = [name for other in others - {room} for name in imported[other]]
    while open_:
        name = open_.pop()
        if name == room:
            return True
        if name not in seen:
            seen.add(name)
            open_.extend(imported[name])
    return False


def page() -> str:
    """The page with the picture of today."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{picture()}\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is current."""
    text = page()
    if "--check" in arguments:
        current = text == PAGE.read_text(encoding="utf-8")
        print("current" if current else "docs/architecture.md is not current: python scripts/make_architecture.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
